"""The compiled scanner and the reference decoders of perf script and bpftrace read everything alike."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pat_check.sources.bpftrace import Bpftrace
from pat_check.sources.opening import open_lines
from pat_check.sources.perf import PerfScript
from pat_check.sources.specs import SPECS
from tests.corpus import CORPUS
from tests.lanes import WORDS, alike, damaged, of_text, payloads, read

KINDS = pytest.mark.parametrize("kind", [PerfScript, Bpftrace])
HEADS = {PerfScript: "          patlab    1286 [001]   110.835784:   ", Bpftrace: "230328887511 0 1614 patlab "}
RETURNS = ("ret=0", "ret=-22", "ret=0xff1100010303b0c0 type=2", "retval=4294967274 got=1 new=7", "")
HEADERS = 3
"""Lines of a recording of bpftrace that are no events."""
SAMPLES = Path(__file__).parents[1] / "samples"


# --- every function of the catalogue --------------------------------------------------------------------------


def perf_lines(spec):
    for payload in payloads(spec):
        yield f"probe:{spec.function}: (ffffffff8109e100) {payload}"
        yield f"{spec.function}: {payload}"
        for ret in RETURNS:
            yield f"pat:{spec.function}__ret: (ffffffff8109e100 <- ffffffff813701ad) {ret}"
            yield f"probe:{spec.function}__return: (ffffffff8109e100 <- ffffffff813701ad) {ret} {payload}"


def bpftrace_lines(spec):
    for payload in payloads(spec):
        yield f"{spec.function} {payload}"
        for ret in RETURNS:
            yield f"{spec.function}_ret {ret}"
            yield f"{spec.function}__ret {ret} {payload}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.function)
@KINDS
def test_every_function(kind, spec, scanner, monkeypatch):
    made = {PerfScript: perf_lines, Bpftrace: bpftrace_lines}[kind](spec)
    lines = [HEADS[kind] + line for line in made]
    assert alike(of_text("\n".join(lines) + "\n"), scanner, monkeypatch, kind) > len(lines) // 4


# --- recordings -----------------------------------------------------------------------------------------------


def recordings():
    for kind, folder, pattern in ((PerfScript, "perf", "perf-script*"), (Bpftrace, "bpftrace", "bpftrace.txt*")):
        files = [*(SAMPLES / folder).iterdir(), *CORPUS.glob(f"*/{folder}/{pattern}")]
        for file in sorted(files):
            yield pytest.param(kind, file, id=f"{file.parent.parent.name}-{file.name}")


RECORDINGS = list(recordings())


@pytest.mark.parametrize(("kind", "file"), RECORDINGS)
def test_recordings(kind, file, scanner, monkeypatch):
    count = len(list(open_lines(str(file))))
    assert alike(lambda: open_lines(str(file)), scanner, monkeypatch, kind) >= count * 0.95 - HEADERS


@pytest.mark.parametrize(("kind", "file"), [one for one in RECORDINGS if one.values[1].stat().st_size > 1_000])
@pytest.mark.parametrize("seed", range(6))
def test_damaged_recordings(kind, file, seed, scanner, monkeypatch):
    lines = list(open_lines(str(file)))
    chance = random.Random(seed)
    first = chance.randrange(max(len(lines) - 300, 1))
    data = damaged("\n".join(lines[first : first + 300]).encode(), chance)
    alike(of_text(data), scanner, monkeypatch, kind)


# --- lines ------------------------------------------------------------------------------------------------------

PERF_COLUMNS = [
    "          patlab    1286 [001]   110.835784: ",
    "          patlab    1286/1287    [001]   110.835784001: ",
    "          patlab    1286   110.835784: ",
    "          patlab    1286 [001]   110.835784:          1 ",
    "          patlab    1286 [001]   110.835784:          1 2 ",
    "     my own comm    1286 [001]   110.835784: ",
    " a 1 [002]  1.0:    1286 [001]   110.835784: ",
    "           :1286    1286 [001]   110.835784: ",
    "           :1286    1287/1286    [001]   110.835784: ",
    "           :1286    1286/1287    [001]   110.835784: ",
    "           :0012    0012 [001]   110.835784: ",
    "              :0       0 [001]   110.835784: ",
    "               :    1286 [001]   110.835784: ",
    "              :x    1286 [001]   110.835784: ",
    "                    1286 [001]   110.835784: ",
    "patlab 1286 [001] 110.835784: ",
    "patlab     1286 [001] 110.835784: ",
    "         swapper      -1 [001]   110.835784: ",
    "         swapper      -1/-1 [001]   110.835784: ",
    "         swapper       0/-1 [001]   110.835784: ",
    "#         patlab    1286 [001]   110.835784: ",
    "          p\u00e4tlab    1286 [001]   110.835784: ",
    "          p\tlab     1286 [001]   110.835784: ",
    "       \\x41patlab    1286 [001]   110.835784: ",
    "          patlab 12345678901 [001]   110.835784: ",
    "          patlab    1286 [123456]   110.835784: ",
    "          patlab    1286 [001]   110: ",
    "          patlab    1286 [001]   1234567.123456789: ",
    "          patlab    1286 [001]   9007199.254740991: ",
    "          patlab    1286 [001]   9910468.876528351: ",
    "          patlab    1286 [001]   123456789012.123456789: ",
    "          patlab    1286 [001]   1234567890123.5: ",
    "          patlab    1286 [001]   110.1234567890: ",
    f"          patlab{' ' * 41}1286 [001]   110.835784: ",
    f"          patlab    1286{' ' * 41}[001]   110.835784: ",
    f"          patlab    1286 [001]{' ' * 41}110.835784: ",
    f"          patlab    1286 [001]   110.835784:{' ' * 201}",
    "",
    "\t",
    "\tffffffff8109e100 ",
    "\tffffffff8109e10 1286 1.0: ",
]
PERF_EVENTS = [
    "pat:memtype_reserve: (ffffffff8109e100) ",
    "pat:memtype_reserve: (ffffffff8109e100)",
    "pat:memtype_reserve:   ( ffffffff8109e100) ",
    "pat:memtype_reserve: (ffffffff8109e100 <- ffffffff813701ad) ",
    "pat:memtype_reserve: (ffffffff8109e100 <-  ffffffff813701ad) ",
    "pat:memtype_reserve: (ffffffff8109e100 <- ffffffff813701ad <- ff) ",
    "pat:memtype_reserve: (memtype_reserve+0x4/0x10) ",
    "pat:memtype_reserve__ret: (f ret=7 x) ",
    "pat:memtype_reserve__ret: (ffffffff8109e100) (f ret=7 x) ",
    "vma:memtype_free : (ff) ",
    "pat:memtype_reserve: (ffffffff8109e100) (memtype_reserve+0x4/0x10) ",
    "pat:memtype_reserve: (ffffffff8109e100",
    "pat:memtype_reserve: ()",
    "pat:memtype_reserve: (ff <- ",
    "pat:memtype_reserve:\t",
    "pat:memtype_reserve:",
    "memtype_free: (ffffffff8109e100) ",
    "memtype_free: ",
    "probe:memtype_reserve__return: (ffffffff8109e100 <- ffffffff813701ad) __probe_ret_ip=ff ",
    "probe:memtype_reserve_ret: (ffffffff8109e100 <- ffffffff813701ad) ",
    "mine:p_memtype_free_0: (ffffffff8109e100) ",
    "vma:kfree_skb: (ffffffff8109e100) ",
    "cycles:u: ffffffff8109e100 ",
    "cpu-clock:ppp: ffffffff8109e100 ",
    "a:b:c: ",
    "a:: ",
    ":a: ",
    "a:b:memtype_free: (ff) ",
    "9a: ",
    "a\u00e4: ",
    "memtype_fre\u00e9: ",
    f"{'x' * 127}:{'y' * 127}: ",
    f"{'x' * 128}:{'y' * 127}: ",
    f"{'x' * 129}:{'y' * 127}: ",
    f"{'x' * 128}:{'y' * 128}: ",
    "sched:sched_process_fork: comm=a pid=1 child_comm=a child_pid=2 ",
    "printk:console: x86/PAT: memtype_free request [mem 0x00001000-0x00001fff]",
    "printk:other: x",
    "ftrace:print: tracing_mark_write: patlab:checkpoint 0 before",
    "print: patlab:checkpoint 0 before",
    "PERF_RECORD_LOST lost 42",
    "memtype_free+0x0 ([kernel.kallsyms])",
    "[unknown] (/usr/bin/patlab)",
    "",
]
BPFTRACE_COLUMNS = [
    "230328887511 0 1614 patlab ",
    "230328887511 0 1614  ",
    "230328887511 0 1614 ",
    "230328887511 0 1614   a ",
    "230328887511 0 1614 my own comm ",
    "230328887511 0 1614 a=b c= ",
    "230328887511 0 1614 memtype_free start=0x1 ",
    "230328887511  0 1614 patlab ",
    " 230328887511 0 1614 patlab ",
    "123456789012345678 0 1614 patlab ",
    "9007199254740993 0 1614 patlab ",
    "1234567890123456789 0 1614 patlab ",
    "123456789012345678901 0 1614 patlab ",
    "0 123456 1614 patlab ",
    "0 1 12345678901 patlab ",
    f"0 1 1 {'x' * 64} ",
    f"0 1 1 {'x' * 65} ",
    "0 1 1 p\u00e4tlab ",
    "0 1 1 p\tlab ",
    "Attaching 3 probes...",
    "# time_ns cpu pid comm event args",
    "Lost 3 events",
    "",
]
BPFTRACE_EVENTS = [
    "memtype_reserve ",
    "memtype_reserve_ret ",
    "memtype_reserve  ",
    "memtype_free ",
    "memtype_free=1 ",
    "memtype_free",
    "vma.free ",
    "kfree ",
    "9x ",
    "fre\u00e9 ",
    "memtype_free_ret __probe_ret_ip=ff ",
    "",
]
PIECES = {PerfScript: (PERF_COLUMNS, PERF_EVENTS), Bpftrace: (BPFTRACE_COLUMNS, BPFTRACE_EVENTS)}
FIELDS = ("start=0x1000 end=0x2000 req=1 newp=0x0", "ret=0 start=0x1000", "", "start=0x1000 end=zz  ", "x\r")


@KINDS
def test_all_columns_with_all_events(kind, scanner, monkeypatch):
    columns, events = PIECES[kind]
    lines = [before + event + fields for before in columns for event in events for fields in FIELDS]
    alike(of_text("\n".join(lines) + "\n"), scanner, monkeypatch, kind)


@KINDS
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), end=st.sampled_from(["", "\n", "\r\n", "\n\n", " \n"]))
def test_any_lines(kind, data, end, scanner, monkeypatch):
    columns, events = map(st.sampled_from, PIECES[kind])
    words = st.lists(WORDS, max_size=5).map(" ".join)
    lines = data.draw(st.lists(st.tuples(columns, events, words).map("".join), max_size=6))
    text = ("\n".join(lines) + end).encode("utf-8", "surrogatepass")
    if text and b"\0" not in text:
        alike(of_text(text), scanner, monkeypatch, kind)


FREE = {
    PerfScript: HEADS[PerfScript] + "pat:memtype_free: (ffffffff8109e100) start=0x1000 end=0x2000",
    Bpftrace: HEADS[Bpftrace] + "memtype_free start=0x1000 end=0x2000",
}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff{free}\n",
        "{free}",
        "{free}x",
        "{free}\r\n{free}\r\n",
        "{free} {long}\n{free}\n",
        "{free}\n\n  \n#\n\tffffffff8109e100 f+0x0 ([k])\n\t    7f051c273000 [unknown] (/a b)\n\n{free}\n",
        "{free}\n\tffffffff8109e100 f 1 1.5: memtype_free: x\n{free}\n",
        "{free}\n\tffffffff8109e100 f PERF_RECORD_LOST lost 3\n\tf f\n\tfffffffff8109e100 f\n\tF f\n\tff\n\t f\n",
    ],
    ids=["mark", "torn", "torn-number", "returns", "long", "call-chain", "event-in-a-chain", "no-chain"],
)
@KINDS
def test_odd_files(kind, text, scanner, monkeypatch):
    made = text.format(free=FREE[kind], long="x" * 70_000)
    alike(of_text(made), scanner, monkeypatch, kind)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (PerfScript, "{number:>16} 1 [000] 1.0: memtype_free: start=0x1000 end=0x2000"),
        (PerfScript, "          patlab 1 [000] 1.0: group:name{number}: x"),
        (Bpftrace, "1 0 1 {number} memtype_free start=0x1000 end=0x2000"),
        (Bpftrace, "1 0 1 patlab name{number} x=1"),
    ],
)
def test_more_names_than_are_remembered(kind, line, scanner, monkeypatch):
    text = "".join(line.format(number=number) + "\n" for number in range(70_000))
    alike(of_text(text), scanner, monkeypatch, kind)


def test_what_returned_may_stand_in_a_field(scanner, monkeypatch):
    text = f"{HEADS[Bpftrace]}memtype_free_ret ret=0 __probe_ret_ip=ffffffff813701ad\n"
    alike(of_text(text), scanner, monkeypatch, Bpftrace)
    ((event,), *_) = read(of_text(text)(), scanner, monkeypatch, Bpftrace)
    assert event.caller == "ffffffff813701ad"
