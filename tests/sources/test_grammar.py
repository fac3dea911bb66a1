"""The grammars and the fast lanes read every line alike.

Lark reads some thousand lines per second and the recordings have two million, so a large recording is proved by its
shapes. Two lines have one shape when they differ only in the digits of numbers, and these numbers are of one class:
``0x`` with one digit or with more (one digit is as far behind its start as a function is probed), decimal of 1 to 6
digits (a CPU), 8, up to 10 (a pid), 16 or up to 19, hexadecimal without ``0x`` of 8 to 16 digits (of one length). The
task column stands in the shape as it is, and so does everything else.

That proves all lines of a shape by one of them, for on both sides a digit decides nothing but how long a token is,
and no terminal and no regular expression has a limit of length that falls between two numbers of one class; and
what a number's value means is decided by the catalogue alone, which both sides ask with the text of the token.
So when both sides cut one line of a shape alike, they cut every line of it alike, and get the same event.
Longer runs of digits belong to no class and stay in the shape. As a check on this reasoning, every thousandth line
of all is compared as it is, and so is every line of the small recordings in tests/samples.

The recordings of all other formats are short: every line of every one of them is compared.
"""

import io
import random
import re
from functools import cache
from pathlib import Path

import pytest

from pat_check.cachemode import BY_NAME
from pat_check.events import Malformed
from pat_check.sources import catalogue, grammar
from pat_check.sources.bpftrace import Bpftrace
from pat_check.sources.fgraph import FunctionGraph
from pat_check.sources.ftrace import LAYOUTS, Ftrace
from pat_check.sources.klog import KernelLog
from pat_check.sources.memtype_list import read_memtype_list
from pat_check.sources.mmiotrace import Mmiotrace
from pat_check.sources.opening import lines_of, open_lines
from pat_check.sources.perf import PerfScript

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "tests" / "samples"
CORPUS = REPOSITORY.parent / "shared" / "corpus"
UNUSABLE = ("raw", "printk-msg-only")  # show numbers where the names of events and fields would be

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the recordings of ../shared/corpus are not here")


def by_regex(source, text):
    return list(source().events(lines_of(io.BytesIO(f"{text}\n".encode()), "sample")))


def by_grammar(name, text):
    return list(grammar.events_of(name, text.split("\n")))


def small(name):
    return sorted(path for path in (SAMPLES / name).glob("*.txt") if not path.stem.startswith(UNUSABLE))


# --- ftrace -----------------------------------------------------------------------------------------------

TASK_COLUMN = 17  # characters: a comm and a dash
RUN = re.compile(r"0x[0-9a-f]{1,16}\b|\b(?:[0-9]{1,19}|[0-9a-f]{8,16})\b")


@cache
def stand_in(run):
    if run.startswith("0x"):
        return "0x0" if len(run) == 3 else "0x00"
    if not run.isdigit():
        return "a" * len(run)
    return "0" * next(
        size for size in (6, 8, 10, 16, 19) if len(run) <= size and (size not in (8, 16) or len(run) == size)
    )


def shape(line):
    return line[:TASK_COLUMN] + RUN.sub(lambda run: stand_in(run[0]), line[TASK_COLUMN:])


def recordings(kernel):
    found = {*(CORPUS / kernel).glob("*/trace.txt*"), *(CORPUS / kernel).glob("*/trace-cmd-report*.txt*")}
    for path in sorted(found):
        tracer = next(iter(open_lines(str(path))))
        if path.parent.name not in UNUSABLE and tracer not in ("# tracer: function_graph", "# tracer: mmiotrace"):
            yield path


@needs_corpus
@pytest.mark.parametrize("kernel", ["6.1", "6.12", "6.16", "7.2"])
def test_every_shape_of_ftrace_line_is_one_event_to_both(kernel):
    chosen = {}
    for path in recordings(kernel):
        for at, line in enumerate(open_lines(str(path))):
            chosen.setdefault(shape(line), line)
            if at % 1000 == 999:
                chosen[line] = line
    assert len(chosen) > 1000
    different = [line for line in chosen.values() if by_grammar("ftrace", line) != by_regex(Ftrace, line)]
    assert different == []
    unread = [line for line in chosen.values() if any(isinstance(event, Malformed) for event in by_regex(Ftrace, line))]
    assert unread == []
    ambiguous = [line for line in chosen.values() if sum(layout(line) is not None for layout in LAYOUTS) > 1]
    assert ambiguous == []


@pytest.mark.parametrize("path", small("ftrace"), ids=lambda path: path.stem)
def test_every_line_of_an_ftrace_sample_is_one_event_to_both(path):
    text = path.read_text(encoding="utf-8")
    assert by_grammar("ftrace", text) == by_regex(Ftrace, text)


def damaged(line, chance):
    """`line` with one to three places changed, or cut short."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(line) + 1)
        match chance.randrange(5):
            case 0:
                line = line[:at] + line[at + 1 :]
            case 1:
                line = line[:at] + chance.choice(' -:()[]<>=0a9."x,#\\|/+') + line[at:]
            case 2:
                line = line[:at] + chance.choice(' -:()[]<>=0a9."x,#\\|/+') + line[at + 1 :]
            case 3:
                line = line[:at] + line[at + chance.randint(1, 30) :]
            case 4:
                line = line[:at]
    return line


def test_damaged_ftrace_lines_are_the_same_to_both():
    chance = random.Random(20)
    lines = [line for path in small("ftrace") for line in path.read_text().splitlines() if not line.startswith("#")]
    for line in (damaged(chance.choice(lines), chance) for _ in range(10_000)):
        if not line.startswith("#"):  # a damaged line that begins so may be a comment and no task, or the reverse
            assert by_grammar("ftrace", line) == by_regex(Ftrace, line), line


def test_the_ftrace_grammar_names_the_tracepoints_of_the_catalogue():
    for name in catalogue.TRACEPOINTS:
        assert grammar.parse("ftrace", f"{name}: x").children[0].data == "tracepoint"


# --- the other formats ------------------------------------------------------------------------------------

OTHERS = [
    # grammar, source, samples, recordings, events in them
    pytest.param("klog", KernelLog, "klog", "dmesg.txt*", 10_000, id="klog"),
    pytest.param("fgraph", FunctionGraph, "function_graph", "fgraph*/trace.txt*", 150, id="fgraph"),
    pytest.param("perf", PerfScript, "perf", "perf-script*.txt*", 3_000, id="perf"),
    pytest.param("bpftrace", Bpftrace, "bpftrace", "bpftrace.txt*", 80, id="bpftrace"),
]
SAMPLED = [*OTHERS, pytest.param("mmiotrace", Mmiotrace, "mmiotrace", "", 0, id="mmiotrace")]
"""Those of which there are samples; the corpus has no recording of mmiotrace."""


@pytest.mark.parametrize(("name", "source", "samples", "recordings", "least"), SAMPLED)
def test_every_line_of_a_sample_is_the_same_to_both(name, source, samples, recordings, least):
    assert small(samples)
    for path in small(samples):
        assert by_grammar(name, path.read_text(encoding="utf-8")) == by_regex(source, path.read_text(encoding="utf-8"))


@needs_corpus
@pytest.mark.parametrize(("name", "source", "samples", "recordings", "least"), OTHERS)
def test_every_line_of_every_recording_is_the_same_to_both(name, source, samples, recordings, least):
    count = 0
    for path in sorted(CORPUS.rglob(recordings)):
        read = list(source().events(open_lines(str(path))))
        assert list(grammar.events_of(name, list(open_lines(str(path))))) == read, path
        assert not any(isinstance(event, Malformed) for event in read), path
        count += len(read)
    assert count > least


@pytest.mark.parametrize(("name", "source", "samples", "recordings", "least"), SAMPLED)
def test_a_line_that_was_cut_anywhere_is_the_same_to_both(name, source, samples, recordings, least):
    lines = [line for path in small(samples) for line in path.read_text(encoding="utf-8").splitlines()]
    shapes = {shape(line): line for line in lines if by_regex(source, line)}
    for line in shapes.values():
        for end in range(1, len(line)):
            assert by_grammar(name, line[:end]) == by_regex(source, line[:end]), line[:end]


KLOG = """\
x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT
x86/PAT: PAT support disabled via boot option.
x86/PAT: PAT support disabled because CONFIG_X86_PAT is disabled in the kernel.
Kernel panic - not syncing: x86/PAT: PAT enabled, but not supported by secondary CPU
x86/PAT: reserve_ram_pages_type failed [mem 0x12345000-0x12346fff], track 0x1, req 0x2
memtype_reserve failed: [mem 0x00002000-0x00000fff], req write-combining
memtype_reserve failed: [mem 0x00002000-0xffffffffffffffff], req write-combining
x86/PAT: a:b [0]:512 conflicting memory types 180400000-180410000 write-combining<->uncached-minus
x86/PAT: memtype_reserve failed [mem 0x180400000-0x18040ffff], track uncached-minus, req write-combining
x86/PAT: :390 freeing invalid memtype [mem 0x180404000-0x180407fff]
x86/PAT: patlab:390 ioremap_change_attr failed write-through for [mem 0x180404000-0x180407fff]
x86/PAT: patlab:390 map pfn expected mapping type write-combining for [mem 0x1000-0x1fff], got broken
x86/PAT: patlab:390 map pfn RAM range req write-combining for [mem 0x1000-0x1fff], got write-protected
x86/PAT: Overlap at 0xfed00000-0xfed01000
x86/PAT: memtype_reserve added [mem 0xfed00000-0xfed00fff], track uncached-minus, req write-back, ret uncached
x86/PAT: memtype_reserve added [mem 0xfed00000-0xfed00fff], track uncached-minus, req uncached-minus, ret -
x86/PAT: memtype_free request [mem 0x180404000-0x180407fff]
ioremap: invalid physical address fd000000
ioremap error for 0x181808000-0x18180c000, requested 0x4, got 0x1
ioremap on RAM at 0x0000000000100000 - 0x0000000000100fff
ioremap memtype_reserve failed -22
resource: resource sanity check: requesting [mem 0x1000-0x1fff], which spans more than PCI [mem 0x1000-0x17ff]
caller nv_init+0x12/0x340 [nv] mapping multiple BARs
iounmap() called for ISA range not obtained using ioremap()
iounmap: bad address 0000000078877fed
x86/mtrr: Failed to add WC MTRR for [00000000a1b2c3d4-00000000d4c3b2a1]; performance may suffer.
CPA  conflict  Text RO: 0xffffffff81000000 - 0xffffffff81001fff PFN 1000 req 8000000000000063 prevent 2
CPA detected W^X violation: 8000000000000061 -> 0000000000000063 range: 0xffffffffc0000000 - 0xffffffffc0000fff
CPA: called for zero pte. vaddr = 1000 cpa->vaddr = 1000
Could not invalidate pfn=0x12345 from 1:1 map
x86/PAT: memtype_free request [mem 0x1804
x86/PAT: something new
** 42 printk messages dropped **
foo: 7 callbacks suppressed
usb 1-1: new device
"""
PREFIXES = (
    "",
    "[    1.500000] ",
    "[    1.500000][  T390] ",
    "[    1.500000] [   C1] ",
    "<6>[    1.500000] ",
    "<6>",
    "kern  :info  : [    1.500000] ",
    "[    1.500000 <    0.000100>] ",
    "6,1234,1500000,-;",
    "6,1234,1500000,-,caller=T390;",
    "Nov 20 10:22:33 host kernel: ",
    "Nov 20 10:22:33 host kernel: [    1.500000] ",
    "2025-11-20T10:22:33.123456+01:00 host kernel: ",
    "2025-11-20T10:22:33,123456+01:00 ",
    "[Thu Nov 20 10:22:33 2025] ",
    "[Nov20 10:22] ",
    "[  +0.000100] ",
    "qemu$ [    1.500000] ",
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_message_of_the_kernel_is_the_same_to_both_behind_any_prefix(prefix):
    for text in KLOG.splitlines():
        for line in (f"{prefix}{text}", f"{prefix}{text} "):
            assert by_grammar("klog", line) == by_regex(KernelLog, line), line
    assert sum(not isinstance(event, Malformed) for event in by_regex(KernelLog, prefix + KLOG.splitlines()[0])) == 1


def nodes(text):
    """What the grammar says a snapshot holds."""
    for line in filter(None, text.splitlines()):
        for node in grammar.parse("memtype_list", line).find_pred(lambda tree: tree.data != "start"):
            start, end = (
                int(address, 16) for address in node.scan_values(lambda token: token and token.type == "ADDRESS")
            )
            (mode,) = node.scan_values(lambda token: token and token.type == "MODE")
            yield start, end, BY_NAME[mode]


OLD_LIST = (
    "PAT memtype list:\nwrite-back @ 0x1000-0x2000\nPAT: uncached @ 0x3000-0x4000\n[mem 0x1000-0x2000] uncached-minus\n"
)


def test_a_list_of_reservations_is_the_same_to_both():
    for text in (OLD_LIST, *(path.read_text() for path in small("memtype_list"))):
        assert list(nodes(text)) == read_memtype_list(lines_of(io.BytesIO(text.encode()), "sample"))


@needs_corpus
def test_every_snapshot_is_the_same_to_both():
    distinct = {path.read_text() for path in CORPUS.glob("*/*/snaps/snap-*.txt")}
    assert len(distinct) > 300
    for text in distinct:
        assert list(nodes(text)) == read_memtype_list(lines_of(io.BytesIO(text.encode()), "sample"))


# --- messages ---------------------------------------------------------------------------------------------

NAMES = ("bpftrace", "fgraph", "ftrace", "klog", "memtype_list", "mmiotrace", "perf")
NASTY = (
    "",
    " ",
    "\0\x01\x02\x7f\udcff",
    "\ufeff\u2028\u0085x",
    "\x1b[31mred",
    "one\ntwo",
    " " * 60_000,
    "-" * 60_000,
    "[" * 60_000,
    "(" * 60_000,
    "1" * 60_000,
    "a-1 [000] 1: " * 5_000,
    "          patlab-444     [000] ...1.    31.877580: f: (g" + "(" * 60_000,
    "x86/PAT: " * 7_000,
    "[    0.0] " * 6_000,
)


@pytest.mark.parametrize("line", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_one_short_sentence_whatever_the_line(name, line):
    problem, column = grammar.expected(name, line)
    assert problem.startswith("expected ") and "\n" not in problem and len(problem) < 200
    assert problem == problem.strip() and problem.isprintable()
    assert 1 <= column <= 401


@pytest.mark.parametrize("name", NAMES)
def test_a_message_never_shows_the_name_of_a_terminal(name):
    chance = random.Random(21)
    lines = [line for path in sorted(SAMPLES.rglob("*.txt")) for line in path.read_text().splitlines()]
    for line in (damaged(chance.choice(lines), chance) for _ in range(500)):
        problem, column = grammar.expected(name, line)
        assert re.search(r"[A-Z_]{4,}", problem) is None, problem
        assert 1 <= column <= len(line) + 1


def test_a_message_tells_what_stands_before():
    line = "          patlab-444     [000] 31x877580: memtype_free: (memtype_free+0x4/0x110)"
    assert grammar.expected("ftrace", line) == ("expected flags or a time and a colon after the CPU in brackets", 32)


def test_a_long_line_is_explained_by_its_beginning():
    line = "          patlab-444     [000] .....    31.877580: f: (g) " + "a=1 " * 15_000 + "\0"
    assert grammar.expected("ftrace", line) == ("expected a line of this format", 1)


def test_an_explainer_grows_curt():
    explain = grammar.Explainer("ftrace")
    explain.BUDGET = 2
    assert [explain("x")[0] for _ in range(4)][1:] == [
        grammar.expected("ftrace", "x")[0],
        "expected a line of ftrace text",
        "expected a line of ftrace text",
    ]
