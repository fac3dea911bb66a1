"""Text of a bpftrace script."""

import io
from pathlib import Path

import pytest

from pat_check.events import LostEvents, Malformed, MemtypeFree, MemtypeReserve, Return
from pat_check.sources.bpftrace import Bpftrace
from pat_check.sources.opening import lines_of, open_lines

SAMPLES = Path(__file__).parents[1] / "samples" / "bpftrace"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

FREE = "memtype_free start=0x1000 end=0x2000"


def lines(text):
    return lines_of(io.BytesIO(text.encode()), "sample")


def events(text):
    return list(Bpftrace().events(lines(text)))


def test_an_entry_is_read_and_its_time_is_in_seconds():
    (event,) = events("230358659937 1 1615 patlab memtype_reserve start=0x182400000 end=0x182410000 req=1\n")
    assert isinstance(event, MemtypeReserve)
    assert (event.time, event.cpu, event.pid, event.comm) == (230.358659937, 1, 1615, "patlab")
    assert (event.start, event.end, event.req) == (0x182400000, 0x182410000, 1)


def test_a_return_value_is_signed():
    (event,) = events("230358659937 1 1615 patlab memtype_reserve_ret ret=0xfffffff0\n")
    assert isinstance(event, Return) and event.ret == -16


@pytest.mark.parametrize("comm", ["a b", "memtype_free", "a memtype_free k=1", "1 2 3", "x=1", "[a]:1", "", "é"])
def test_a_comm_may_hold_anything(comm):
    (event,) = events(f"230358659937 1 1615 {comm} {FREE}\n")
    assert isinstance(event, MemtypeFree) and event.comm == comm


def test_what_bpftrace_says_is_no_event():
    assert events("Attaching 18 probes...\n# time_ns cpu pid comm event args\n\nWARNING: x\n@count[1]: 2\n") == []


def test_lost_events_are_told():
    (lost,) = events("Lost 42 events\n")
    assert isinstance(lost, LostEvents) and lost.count == 42


def test_other_events_are_counted():
    source = Bpftrace()
    assert list(source.events(lines("230358659937 1 1615 patlab kfree_skb skb=0x1\n"))) == []
    assert source.ignored["kfree_skb"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "what is this",
        "230358659937 1 1615 patlab memtype_free start=0x1000",
        "230358659937 1 1615 patlab memtype_free start=zz end=0x1000",
        "230358659937 1 16",
    ],
)
def test_a_damaged_line_is_malformed(line):
    (event,) = events(f"{line}\n")
    assert isinstance(event, Malformed) and not event.cut


def test_the_last_line_may_be_cut():
    (event,) = events("230358659937 1 1615 patlab memtype_free start=0x10")
    assert isinstance(event, Malformed) and event.cut


@pytest.mark.parametrize(
    "line",
    [
        "1 1 1 " + "a " * 30_000,
        "1 1 1 a b" + " c=1" * 15_000 + " =",
        "1 1 1 " + " " * 60_000,
        "9" * 60_000,
        "1 1 1 a memtype_free start=" + "9" * 60_000 + " end=1",
        "@" + "[" * 60_000,
    ],
    ids=lambda line: line[:20].strip(),
)
def test_a_long_line_takes_no_long_time(line):
    assert len(events(line)) <= 1
    assert Bpftrace.sniff([line]) in (True, False)


@pytest.mark.parametrize("head", ["Attaching 18 probes...", "Attached 1 probe", f"230358659937 1 1615 patlab {FREE}"])
def test_a_recording_is_recognised(head):
    assert Bpftrace.sniff([head])


@pytest.mark.parametrize(
    "line",
    [
        "          patlab-515     [000] d..1.    31.010954: memtype_free: (memtype_free+0x4/0x2a0) start=0x1 end=0x2",
        "[   30.390376] x86/PAT: memtype_free request [mem 0x180404000-0x180407fff]",
        "       perf-exec  1151 [000]    96.263360: pat:memtype_free: (ffffffff8109e100) start=0x1 end=0x2",
        " 1)               |  memtype_free(start=0x1, end=0x2) {",
        "1 2 3 patlab some_event x=1",
    ],
)
def test_other_formats_are_not_claimed(line):
    assert not Bpftrace.sniff([line])


def test_the_sample_is_read_whole():
    found = events((SAMPLES / "bpftrace-6.12.txt").read_text())
    assert not [event for event in found if isinstance(event, Malformed)]
    assert len([event for event in found if isinstance(event, MemtypeFree)]) == 3


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_recording_of_the_corpus_is_read_whole():
    paths = list(CORPUS.glob("*/bpftrace/bpftrace.txt"))
    assert paths
    for path in paths:
        calls = sum(" memtype_reserve " in line for line in open_lines(str(path)))
        found = list(Bpftrace().events(open_lines(str(path))))
        assert not [event for event in found if isinstance(event, Malformed)], path
        assert len([event for event in found if isinstance(event, MemtypeReserve)]) == calls, path
