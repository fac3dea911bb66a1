"""The compiled scanner and the reference decoder read every recording alike."""

import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pat_check.sources import native
from pat_check.sources.lane import ahead
from pat_check.sources.opening import open_lines
from pat_check.sources.specs import SPECS
from tests.corpus import CORPUS, HUGE, KEPT, captures
from tests.lanes import WORDS, alike, damaged, of_text, payloads, read

HEAD = "          patlab-240     [001] .....    25.713223: "


# --- every function of the catalogue --------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.function)
def test_every_function(spec, scanner, monkeypatch):
    lines = []
    for payload in payloads(spec):
        name = spec.function
        lines.append(f"{HEAD}{name}: ({name}+0x4/0x3d0) {payload}")
        for ret in ("ret=0", "ret=-22", "ret=0xff1100010303b0c0 type=2", "retval=4294967274 got=1 new=7", ""):
            lines.append(f"{HEAD}{name}__ret: (dup_mmap+0x1e7/0x8f0 <- {name}) {ret}")
            lines.append(f"{HEAD}{name}__exit: (dup_mmap+0x1e7/0x8f0 [nvme] <- {name}) {ret} {payload}")
    assert alike(of_text("\n".join(lines) + "\n"), scanner, monkeypatch) > len(lines) // 4


# --- recordings -----------------------------------------------------------------------------------------------


def recordings():
    of = captures() if CORPUS.is_dir() else captures(KEPT)
    for capture in of:
        file = capture.find("trace.txt", "trace-cmd-report.txt")
        if file is not None:
            yield pytest.param(file, id=str(capture))


RECORDINGS = list(recordings())


@pytest.mark.parametrize("file", RECORDINGS)
def test_recordings(file, scanner, monkeypatch):
    if file.stat().st_size > 1 << 20:
        pytest.skip(f"more than {HUGE:,} lines: replayed whole by test_compiled.py")
    alike(lambda: open_lines(str(file), tolerant=True), scanner, monkeypatch)


@pytest.mark.parametrize("file", RECORDINGS[:: max(len(RECORDINGS) // 24, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_damaged_recordings(file, seed, scanner, monkeypatch):
    lines = list(open_lines(str(file), tolerant=True))[:400]
    data = damaged("\n".join(lines).encode(errors="surrogateescape"), random.Random(seed))
    alike(of_text(data), scanner, monkeypatch)


# --- lines ------------------------------------------------------------------------------------------------------

COLUMNS = st.sampled_from(
    [
        "          patlab-240     [001] .....    25.713223: ",
        "          patlab-240     [001]   .....  25.713223: ",
        "          patlab-240     [001] 25.7132231: ",
        "          <idle>-0       [000] d.h2.     1.5: ",
        "  a b [001] 1.0: -7       ( 12) [003] ....  9.123456789: ",
        " kworker/0:1H-77      (-----) [000]  1234567890: ",
        "      a-1 0dN.1-5 [000] .....     2.000001: ",
        "x-1       [000] .....     2.000001: ",
        "\\x1b[0m         -5 [0] 1: ",
        "    patlab  240  1 0 00000000 00000000 [2] 1.0ms (): ",
        "patlab-2   0d..1.   99us+: ",
        "",
        "  ",
        "          patlab-240     [001] .....   123456789012.123456: ",
        "          patlab-12345678901 [001]  1.0: ",
    ]
)
NAMES = st.sampled_from(
    [
        "memtype_reserve: (memtype_reserve+0x4/0x3d0) ",
        "memtype_reserve__ret: (f+0x1/0x2 <- memtype_reserve) ",
        "memtype_free: (memtype_free+0x4/0x3d0",
        "p_memtype_free_0: (memtype_free+0x4/0x3d0) ",
        "memtype_free: ",
        "sched_switch: prev_comm=(x) ",
        "tracing_mark_write: checkpoint 1 a) ",
        "console: [1.0] x86/PAT: a:1 freeing ",
        "sys_mmap(addr: 0) ",
        "sys_mmap -> 0x7f ",
        "do_x <-do_y ",
        "foo.isra.0: ( x) ",
        "sys_a.b( ",
        "print: (x) ",
        "f: () ",
        "mine: (memtype_reserve+0x0/0x10) ",
        "other: (memtype_reserve+0x40/0x100) ",
        "x+0x1/0x2: (y) ",
        "9x: ",
        "é: (y) ",
    ]
)
LINE = st.builds(
    lambda columns, name, words: columns + name + " ".join(words), COLUMNS, NAMES, st.lists(WORDS, max_size=5)
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=6), end=st.sampled_from(["", "\n", "\r\n", "\n\n"]))
def test_any_lines(lines, end, scanner, monkeypatch):
    text = ("\n".join(lines) + end).encode("utf-8", "surrogatepass")
    if text.strip(b"\0") and b"\0" not in text:
        alike(of_text(text), scanner, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEAD + "memtype_free: (memtype_free+0x0/0x10) start=0x1000 end=0x2000\n",
        HEAD + "memtype_free: (memtype_free+0x0/0x10) start=0x1000 end=0x20",
        HEAD + "memtype_free: (memtype_free+0x0/0x10) start=0x1000 end=0x2000\r\n" * 2,
        HEAD + "memtype_free: (memtype_free+0x0/0x10) start=0x1000 end=0x2000 " + "x" * 70_000 + "\n" + HEAD + "a: b\n",
        "x" * 3_000_000 + "\n" + HEAD + "memtype_free: (memtype_free+0x0/0x10) start=0x1000 end=0x2000\n",
        "".join(f"{HEAD}name{number}: x\n" for number in range(5_000)),
        "".join(f"{HEAD}memtype_free: (f{number}+0x0/0x10) start=0x1000 end=0x2000\n" for number in range(5_000)),
        "".join(f"{number:>16}-1 [000] 1.0: memtype_free: (f) start=0x1000 end=0x2000\n" for number in range(70_000)),
        "\n\n  \n",
        HEAD + "memtype_free__ret: (memtype_free+0x0/0x10) __probe_ret_ip=ffffffff816ed4fd ret=0x0\n",
    ],
    ids=["mark", "torn", "returns", "long", "very-long", "names", "places", "comms", "empty", "caller"],
)
def test_odd_files(text, scanner, monkeypatch):
    alike(of_text(text), scanner, monkeypatch)


NUMBERS = (
    *("0x0", "0x", "0xg", "0x12345678", "0x1234567G", "0x1234567:", "0x12345678 9", "0xABCDEF01", "0xabcdef0123456789"),
    *("0xffffffffffffffff", "0xfffffffeffffffff", "0xffffffff00000000", "0x8000000000000000", "0x8000000000000037"),
    *("0x10000000000000000", "0x012345678", "0x00000000000000001", "-0x1", "-0x8000", "-0x7fffffffffffffff", "-0x"),
    *("-0xffffffff00000001", "-0x12345678901234567", "0x123456\x107", "0x\x10\x11234567", "0x1234567\x00"),
    *("0", "00", "07", "0 1", "-0", "-", "1_000", "999999999999999999", "1000000000000000000", "-4294967297", "12a"),
)


@pytest.mark.parametrize("number", NUMBERS)
def test_any_number(number, scanner, monkeypatch):
    """As it is, and where the line ends behind it: values are read several bytes at a time."""
    event = HEAD + "memtype_reserve: (memtype_reserve+0x4/0x3d0) "
    text = f"{event}start={number} end=0x2000 req=1\n{event}req=1 end=0x2000 start={number}\n"
    if "\0" not in text:
        alike(of_text(text), scanner, monkeypatch)


def test_more_large_values_than_are_remembered(scanner, monkeypatch):
    """Each line shows three of its own, in several blocks: numbers begin anew, and older ones come back."""
    event = HEAD + "vm_area_dup: (vm_area_dup+0x4/0x180) "
    lines = [
        f"{event}vma={0xFF11000000000000 + 64 * number:#x} mm={0xFFFF888000000000 + 64 * (number % 9_000):#x} "
        f"vm_start=0x1000 vm_end=0x2000 vm_flags={1 << 63 | number:#x} ctx={0x8000000000000000 + number:#x}\n"
        for number in range(40_000)
    ]
    assert alike(of_text("".join(lines)), scanner, monkeypatch) == len(lines)


# --- the way there ----------------------------------------------------------------------------------------------


def test_blocks_are_the_lines(tmp_path):
    data = b"".join(b"%d %s\n" % (number, b"y" * (number % 300)) for number in range(40_000)) + b"last"
    file = tmp_path / "trace"
    file.write_bytes(data)
    lines = open_lines(str(file))
    assert lines.preview(3) == ["0 ", "1 y", "2 yy"]
    blocks = list(lines.blocks())
    assert b"".join(block.text for block in blocks) == data
    assert [block.cut for block in blocks] == [False] * (len(blocks) - 1) + [True]
    assert len(blocks) > 3
    assert all(bytes(block.text).endswith(b"\n") for block in blocks[:-1])


def test_an_error_comes_at_its_place():
    def failing():
        yield 1
        yield 2
        raise OSError("gone")

    items = ahead(failing())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_who_stops_early_leaves_no_thread():
    import threading

    before = threading.active_count(), sys.getswitchinterval()
    endless = ahead(iter(range(1 << 60)))
    assert next(endless) == 0
    assert sys.getswitchinterval() < before[1]
    endless.close()
    assert (threading.active_count(), sys.getswitchinterval()) == before


def test_without_the_compiled_scanner_the_reference_reads(monkeypatch):
    monkeypatch.setenv(native.PURE, "1")
    assert native.scanner_type() is None


def test_a_line_that_ends_before_its_bracket_closes_cannot_be_read(scanner, monkeypatch):
    whole = f"{HEAD}vm_area_free: (vm_area_free+0x4/0x10) vma=0x1\n"
    text = whole * 2 + whole.partition(")")[0] + "\n" + whole
    alike(of_text(text), scanner, monkeypatch)
    events, *_ = read(of_text(text)(), None, monkeypatch)
    assert [type(event).__name__ for event in events] == ["VmAreaFree", "VmAreaFree", "Malformed", "VmAreaFree"]
