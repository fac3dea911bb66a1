"""The compiled scanner and the reference decoder read every recording alike."""

import io
import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pat_check.sources import native
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.lane import ahead
from pat_check.sources.opening import lines_of, open_lines
from pat_check.sources.specs import SPECS
from tests import compiled
from tests.corpus import CORPUS, HUGE, KEPT, captures


@pytest.fixture(scope="session")
def scanner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    if why := compiled.why_no_scanner(folder):
        pytest.skip(why)
    return compiled.load_scanner(folder)


def read(lines, scanner, monkeypatch):
    """Events, and what the source and the lines count, with a scanner or without."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    source = Ftrace()
    events = [event for batch in source.batches(lines) for event in batch]
    return events, source.lines, source.ignored, lines.cut, lines.broken


def alike(open_again, scanner, monkeypatch):
    """Read twice, and compare; how many lines were not left to the reference decoder."""
    plain = read(open_again(), None, monkeypatch)
    counted = Counted(scanner)
    fast = read(open_again(), counted, monkeypatch)
    for one, other in zip(plain[0], fast[0], strict=False):
        assert one == other
        assert type(one.time) is type(other.time)
    assert fast == plain
    return counted.rows


class Counted:
    """A scanner type that counts the rows that its scanners decode."""

    def __init__(self, scanner):
        self.scanner, self.rows = scanner, 0

    def __call__(self, resolve, **options):
        made, counted = self.scanner(resolve, **options), self

        class Counting:
            define, comms, counts, seen = made.define, made.comms, made.counts, made.seen

            def scan(self, text, first, cut):
                rows, lines = made.scan(text, first, cut)
                counted.rows += lines - sum(1 for _ in others(rows, counted.slots))
                return rows, lines

        counted.slots = sizes = []
        define = made.define

        def noted(needed, defaults, aliases):
            sizes.append(len(defaults))
            return define(needed, defaults, aliases)

        Counting.define = staticmethod(noted)
        return Counting()


def others(rows, slots):
    """The rows of lines that are left to the reference decoder."""
    words = struct.unpack(f"={len(rows) // 8}q", rows)
    place = 0
    while place < len(words):
        if words[place + 1] < 0:
            yield words[place : place + 4]
            place += 4
        else:
            place += 7 + slots[words[place + 1]]


def of_text(text):
    data = text if isinstance(text, bytes) else text.encode()
    return lambda: lines_of(io.BytesIO(data), "trace", tolerant=True)


HEAD = "          patlab-240     [001] .....    25.713223: "


# --- every function of the catalogue --------------------------------------------------------------------------


def payloads(spec):
    """Fields under every name that they go by, wide values, too."""
    fields = (*spec.fields, *spec.trailing)
    for pick in range(max(len(field.names) for field in fields)):
        words = [
            f"{field.names[min(pick, len(field.names) - 1)]}={value}"
            for field, value in zip(fields, ("0xff11000103030b40", "0x1000", "2", "0", "-1", "17") * 3, strict=False)
        ]
        yield " ".join(words)
        yield " ".join(reversed(words))
        yield " ".join([*words, "other=3", "[_PAGE_CACHE_MODE_WC]", words[0]])
    yield ""


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


def damaged(data, random):
    """Some bytes changed, cut out, put in twice or exchanged with others."""
    data = bytearray(data)
    for _ in range(60):
        at, size = random.randrange(len(data)), random.randrange(1, 20)
        match random.randrange(5):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at:at] = random.choice(
                    (b"\n", b"=", b'"', b"\\x41", b"(", b")", b"0x", b"-1", b"\r\n", b" ", b"\xff")
                )
            case _:
                data[at : at + size] = data[(other := random.randrange(len(data))) : other + size]
    return bytes(data)


# --- lines ------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "start=0xfd000000",
        "end=0xfd004000",
        "req=2",
        "req_type=1",
        "newp=0x0",
        "start=",
        "end=-1",
        "req=0x",
        "req=02",
        "start=1_000",
        "req=2 [X]",
        "end=0Xff",
        "=3",
        "x==1",
        'comm="a b"',
        "ret=0",
        "retval=-22",
        "type=9",
        "new=1",
        "start=18446744073709551615",
        "end=0x10000000000000000",
        "req=(fault)",
        "\x1b[31m",
        "é=1",
        "a\x85b=1",
        "\\x00",
    ]
)
COLUMNS = st.sampled_from(
    [
        "          patlab-240     [001] .....    25.713223: ",
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
    ],
    ids=["mark", "torn", "returns", "long", "very-long", "names", "places", "comms", "empty"],
)
def test_odd_files(text, scanner, monkeypatch):
    alike(of_text(text), scanner, monkeypatch)


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
    assert all(block.text.endswith(b"\n") for block in blocks[:-1])


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

    before = threading.active_count()
    endless = ahead(iter(range(1 << 60)))
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before


def test_without_the_compiled_scanner_the_reference_reads(monkeypatch):
    monkeypatch.setenv(native.PURE, "1")
    assert native.scanner_type() is None


def test_a_line_that_ends_before_its_bracket_closes_cannot_be_read(scanner, monkeypatch):
    whole = f"{HEAD}vm_area_free: (vm_area_free+0x4/0x10) vma=0x1\n"
    text = whole * 2 + whole.partition(")")[0] + "\n" + whole
    alike(of_text(text), scanner, monkeypatch)
    events, *_ = read(of_text(text)(), None, monkeypatch)
    assert [type(event).__name__ for event in events] == ["VmAreaFree", "VmAreaFree", "Malformed", "VmAreaFree"]
