"""Text of perf script."""

import io
from pathlib import Path

import pytest

from pat_check.events import (
    LostEvents,
    Malformed,
    Marker,
    MemtypeFree,
    MemtypeReserve,
    Message,
    Return,
    SchedProcessFork,
)
from pat_check.sources.opening import lines_of, open_lines
from pat_check.sources.perf import PerfScript

SAMPLES = Path(__file__).parents[1] / "samples" / "perf"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

FREE = "pat:memtype_free: (ffffffff8109e100) start=0x1000 end=0x2000"


def lines(text):
    return lines_of(io.BytesIO(text.encode()), "sample")


def events(text):
    return list(PerfScript().events(lines(text)))


CONTEXTS = {
    "default": ("          patlab    1286 [001]   110.835784: ", (110.835784, 1, 1286, "patlab")),
    "fields": ("          patlab    1286/1287    [001]   110.835784001: ", (110.835784001, 1, 1287, "patlab")),
    "no-cpu": ("          patlab    1286   110.835784: ", (110.835784, -1, 1286, "patlab")),
    "period": ("          patlab    1286 [001]   110.835784:          1 ", (110.835784, 1, 1286, "patlab")),
    "spaces": ("     my own comm    1286 [001]   110.835784: ", (110.835784, 1, 1286, "my own comm")),
    "fake-columns": (" a 1 [002]  1.0:    1286 [001]   110.835784: ", (110.835784, 1, 1286, "a 1 [002]  1.0:")),
    "unknown": ("           :1286    1286 [001]   110.835784: ", (110.835784, 1, 1286, "")),
    "unknown-fields": ("           :1286    1286/1286    [001]   110.835784: ", (110.835784, 1, 1286, "")),
    "narrow": ("patlab 1286 [001] 110.835784: ", (110.835784, 1, 1286, "patlab")),
    "idle": ("         swapper       0 [001]   110.835784: ", (110.835784, 1, 0, "swapper")),
}


@pytest.mark.parametrize("columns", CONTEXTS)
def test_an_event_is_read_behind_any_columns(columns):
    prefix, expected = CONTEXTS[columns]
    (event,) = events(f"{prefix}                      {FREE}\n")
    assert isinstance(event, MemtypeFree) and (event.start, event.end) == (0x1000, 0x2000)
    assert (event.time, event.cpu, event.pid, event.comm) == expected


@pytest.mark.parametrize("columns", CONTEXTS)
def test_a_recording_is_recognised_by_any_columns(columns):
    assert PerfScript.sniff([f"{CONTEXTS[columns][0]}                      {FREE}"])


PREFIX = CONTEXTS["default"][0]


@pytest.mark.parametrize("name", ["memtype_reserve__ret", "memtype_reserve__return", "memtype_reserve_ret"])
def test_a_return_is_told_by_the_name_of_the_event(name):
    (event,) = events(f"{PREFIX}probe:{name}: (ffffffff8109e100 <- ffffffff813701ad) ret=-16 new=1\n")
    assert isinstance(event, Return)
    assert (event.call, event.ret, event.got, event.caller) == (MemtypeReserve, -16, 1, "")


def test_probes_of_perf_name_arguments_by_register_order():
    (event,) = events(f"{PREFIX}probe:memtype_reserve: (ffffffff8109e100) arg1=0x1000 arg2=0x2000 arg3=0x1\n")
    assert (event.start, event.end, event.req) == (0x1000, 0x2000, 1)


def test_tracepoints_are_read():
    (event,) = events(f"{PREFIX}sched:sched_process_fork: comm=a b pid=1286 child_comm=a b child_pid=1290\n")
    assert isinstance(event, SchedProcessFork) and (event.pid, event.child_pid) == (1286, 1290)


def test_console_lines_are_messages():
    (event,) = events(f"{PREFIX}printk:console: x86/PAT: memtype_free request [mem 0x00001000-0x00001fff]\n")
    assert isinstance(event, Message) and event.number == 15


def test_prints_are_markers():
    (event,) = events(f"{PREFIX}ftrace:print: tracing_mark_write: patlab:checkpoint 0 before\n")
    assert isinstance(event, Marker) and event.text == "patlab:checkpoint 0 before"


def test_call_chains_headers_and_blank_lines_are_skipped():
    found = events(
        f"# captured on: Fri Nov 20 10:10:10 2026\n{PREFIX}{FREE}\n"
        "\tffffffff8109e100 memtype_free+0x0 ([kernel.kallsyms])\n"
        "\tffffffff813701ad untrack_pfn+0xad ([kernel.kallsyms])\n"
        "\t    7f051c273000 [unknown] (/usr/bin/patlab)\n\n"
        f"{PREFIX}{FREE}\n"
    )
    assert [event.at for event in found] == [2, 7]


def test_other_events_are_counted():
    source = PerfScript()
    assert list(source.events(lines(f"{PREFIX}vma:kfree_skb: (ffffffff8109e100) skb=0x1\n"))) == []
    assert source.ignored["kfree_skb"] == 1


def test_lost_events_are_told():
    (lost,) = events("          patlab    1286 [001]   110.835784: PERF_RECORD_LOST lost 42\n")
    assert isinstance(lost, LostEvents) and lost.count == 42


@pytest.mark.parametrize(
    "line",
    [
        "what is this",
        f"{PREFIX}pat:memtype_free: (ffffffff8109e100) start=0x1000 en",
        f"{PREFIX}pat:memtype_free: (ffffffff8109e100) start=zz end=0x1000",
        f"{PREFIX}pat:memtype_free: (ffffffff8109",
        f"{PREFIX}pat:memtype_free",
    ],
)
def test_a_damaged_line_is_malformed(line):
    (event,) = events(f"{line}\n")
    assert isinstance(event, Malformed) and not event.cut


def test_the_last_line_may_be_cut():
    (event,) = events(f"{PREFIX}pat:memtype_free: (ffffffff8109e100) start=0x10")
    assert isinstance(event, Malformed) and event.cut


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * 60_000,
        "          patlab 1" + " " * 60_000,
        "          patlab 1/1" + " " * 60_000 + "x",
        "          patlab 1 [000] 1.5: " + "a:" * 30_000,
        "          patlab 1 [000] 1.5: " + " " * 60_000,
        "a 1 [000] 1.5: " * 4_000,
        "9" * 60_000,
        f"{PREFIX}pat:memtype_free: start=" + "9" * 60_000 + " end=1",
        f"{PREFIX}pat:memtype_free: ({'<- ' * 20_000}",
        f"{PREFIX}sched:sched_process_fork: " + "comm=a pid=1 child_comm=" * 2_500,
        f"{PREFIX}sched:sched_process_exec: " + "filename= pid=1 " * 3_000,
        f"{PREFIX}sched:sched_process_exit: " + "comm=a pid=1 " * 4_000,
    ],
    ids=lambda line: line[:60].strip(),
)
def test_a_long_line_takes_no_long_time(line):
    assert len(events(line)) <= 1
    assert PerfScript.sniff([line]) in (True, False)


@pytest.mark.parametrize(
    "line",
    [
        "          patlab-515     [000] d..1.    31.010954: memtype_free: (memtype_free+0x4/0x2a0) start=0x1 end=0x2",
        "          patlab-515   [000]    31.010954: memtype_free:         (ffffffff8109e100) start=0x1 end=0x2",
        "[   30.390376] x86/PAT: memtype_free request [mem 0x180404000-0x180407fff]",
        "230328887511 0 1614 patlab memtype_free start=0x1 end=0x2",
        " 1)               |  memtype_free(start=0x1, end=0x2) {",
    ],
)
def test_other_formats_are_not_claimed(line):
    assert not PerfScript.sniff([line])


CALLS = {"script-6.12.txt": 2, "script-fields-7.2.txt": 1}


@pytest.mark.parametrize("name", CALLS)
def test_the_samples_are_read_whole(name):
    found = events((SAMPLES / name).read_text())
    assert not [event for event in found if isinstance(event, Malformed)]
    assert [event.req for event in found if isinstance(event, MemtypeReserve)].count(1) == CALLS[name]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_recording_of_the_corpus_is_read_whole():
    paths = list(CORPUS.glob("*/perf/perf-script*"))
    assert paths
    for path in paths:
        calls = sum(":memtype_reserve: " in line for line in open_lines(str(path)))
        found = list(PerfScript().events(open_lines(str(path))))
        assert not [event for event in found if isinstance(event, Malformed)], path
        assert len([event for event in found if isinstance(event, MemtypeReserve)]) == calls > 0, path
