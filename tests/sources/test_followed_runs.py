"""Calls on followed VMAs come as one event where nothing is odd about them."""

import lzma
import random
import re

import pytest

from pat_check.events.runs import (
    CopiedVmas,
    FreedVmas,
    Freeing,
    Mapping,
    Run,
    SplitOff,
    UnmappedVma,
    UntrackedVma,
    ZappedVmas,
)
from pat_check.replay.followed import Followed
from pat_check.replay.whole import Whole
from pat_check.session import Options, Session
from pat_check.sources.ftrace import Ftrace
from tests.corpus import ABSENT, CORPUS, Capture
from tests.lanes import of_text
from tests.sources.test_runs import MISSED, freed, mapped, replayed

BUSY = Capture(CORPUS / "7.2" / "stress-1", "7.2", "stress-1")
FLAGS = 0xC0444BB
OTHER = 0x71
TEARS = Capture(CORPUS / "6.12" / "adjacent", "6.12", "adjacent")
FREES = Capture(CORPUS / "6.1" / "adjacent", "6.1", "adjacent")
TRACKS = Capture(CORPUS / "6.1" / "stress-smp8", "6.1", "stress-smp8")
LOOKS_UP = Capture(CORPUS / "6.12" / "stress-smp8", "6.12", "stress-smp8")


def line(function, payload, *, ret="", caller="dup_mmap", pid=240):
    where = f"{caller}+0x1e7/0x8f0 <- {function}" if ret else f"{function}+0x4/0x180"
    name = f"{function}__ret" if ret else function
    return f"{'patlab':>16}-{pid:<7} [001] .....    25.713223: {name}: ({where}) {ret or payload}\n"


def bounds(flags=FLAGS, start=0x400000, end=0x402000, mm=0x5000):
    return f"mm={mm:#x} vm_start={start:#x} vm_end={end:#x} vm_flags={flags:#x}"


def dup(vma, new, *, caller="dup_mmap", pid=240, **area):
    made = line("vm_area_dup", f"vma={vma:#x} {bounds(**area)} ctx=0x77", pid=pid)
    return made + line("vm_area_dup", "", ret=f"ret={new:#x}", caller=caller, pid=pid)


def copy(dst, vma, *, ret=0, **area):
    made = line("copy_page_range", f"dst={dst:#x} vma={vma:#x} {bounds(**area)}")
    return made + line("copy_page_range", "", ret=f"ret={ret:#x}")


def zap(vma, *, start=0x400000, end=0x402000, flags=FLAGS, mm=0x5000, pid=240):
    area = bounds(flags, 0x400000, 0x402000, mm)
    return line("__zap_vma_range", f"vma={vma:#x} {area} start={start:#x} end={end:#x}", pid=pid)


def free(vma, ctx=0x77, pid=240):
    return line("vm_area_free", f"vma={vma:#x} mm=0x5000 ctx={ctx:#x}", pid=pid)


def unmap(vma, start=0x400000, end=0x402000):
    return line("unmap_vmas", f"vma={vma:#x} start={start:#x} end={end:#x}")


def split(vma, new, *, addr=0x401000, ret=0, **area):
    made = line("__split_vma", f"vma={vma:#x} {bounds(**area)} addr={addr:#x} new_below=0")
    inside = dup(vma, new, caller="__split_vma", **area)
    return made + inside + line("__split_vma", "", ret=f"ret={ret:#x}", caller="vms_gather_munmap_vmas")


ONCE = dup(0x10, 0x20) + copy(0x20, 0x10) + split(0x10, 0x30) + unmap(0x20) + zap(0x20) + free(0x20) + mapped()
"""One of each, which are told one by one: 4, 4, 3 and 12."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (dup(1, 2) + copy(2, 1), [(CopiedVmas, 4)]),
        (dup(1, 2) + copy(2, 1) + dup(3, 4) + copy(4, 3), [(CopiedVmas, 8)]),
        (dup(1, 2) + copy(2, 1) + dup(3, 4, mm=0x6000) + copy(4, 3, mm=0x6000), [(CopiedVmas, 4), (CopiedVmas, 4)]),
        (dup(1, 2) + copy(2, 1, ret=-12), 4),
        (dup(1, 2) + copy(3, 1), 4),
        (dup(1, 2) + copy(2, 1, flags=FLAGS & ~2), 4),
        (dup(1, 2, flags=FLAGS | 0x1000000) + copy(2, 1, flags=FLAGS | 0x1000000), 4),  # VM_PAT
        (dup(1, 0) + copy(0, 1), 4),
        (zap(1) + zap(2) + zap(3), [(ZappedVmas, 3)]),
        (zap(1), 1),
        (zap(1) + zap(2, mm=0x6000), 2),
        (zap(1) + zap(2, end=0x401000), 2),
        (zap(1) + zap(2, pid=7), 2),
        (free(1) + free(2) + free(3, 0), [(FreedVmas, 3)]),
        (free(1) + line("vm_area_free", "vma=0x2 mm=0x5000"), 2),
        (split(1, 2), [(SplitOff, 4)]),
        (split(1, 2, ret=-12), 4),
        (split(1, 0), 4),
        (split(1, 2, addr=0x402000), 4),
        (split(1, 2, flags=OTHER), 4),
        (split(1, 2).replace("vm_area_dup: (vm_area_dup+0x4/0x180) vma=0x1", "vm_area_dup: (v+0x4/0x180) vma=0x9"), 4),
        (unmap(1) + zap(1) + free(1), [(UnmappedVma, 3)]),
        (unmap(1) + zap(2) + free(1), 3),
        (unmap(1) + zap(1) + free(2), 3),
        (unmap(1, end=0x403000) + zap(1) + free(1), 3),
        (unmap(1) + zap(1, end=0x401000) + free(1), 3),
        (mapped().replace("ret=0x0", "ret=0xfffffff0"), 12),  # the direct map is told of what was refused
    ],
)
def test_what_comes_as_one(text, expected, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    events = [event for batch in Ftrace().batches(of_text(ONCE + text)(), runs=True) for event in batch]
    found = events[23:]
    assert not any(isinstance(event, Run) for event in events[:23])
    if isinstance(expected, list):
        assert [(type(event), event.count) for event in found] == expected
    else:
        assert not any(isinstance(event, Run) for event in found)
        assert len(found) == expected


TRACKED = FLAGS | 0x1000000  # VM_PAT
AREA = "vma=0x10 " + bounds(TRACKED)


CLEARED = "vma=0x10 " + bounds()


def untracked(*, area=AREA, start=0, end=2**64 - 1, pfn=0, free=None, cleared=CLEARED, pid=240):
    zapped = line("unmap_single_vma", f"{AREA} start={start:#x} end={end:#x}")
    untrack = line("untrack_pfn", f"{area} pfn={pfn:#x} size=0x0")
    clear = line("unmap_page_range", f"{cleared} start=0x400000 end=0x402000", pid=pid)
    return zapped + untrack + (freed() if free is None else free) + clear


ALONE = ["ZapVma", "FreePfnRange", (Freeing, 4), "ZapVma"]


def found_by(vma="0x10", ret=0):
    made = line("get_pat_info", f"vma={vma}")
    return made + line("get_pat_info", "", ret=f"ret={ret:#x}", caller="untrack_pfn") + freed()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (untracked(), [(UntrackedVma, 7)]),
        (untracked(free=freed(erased=MISSED, ret=0xFFFFFFEA)) * 2, [(UntrackedVma, 7), (UntrackedVma, 7)]),
        (untracked(start=0x400000, end=0x402000), [(UntrackedVma, 7)]),
        (untracked(start=0x401000), ALONE),
        (untracked(end=0x401000), ALONE),
        (untracked(area=AREA.replace("0x10 ", "0x20 ")), ALONE),
        (untracked(pfn=0xFD000), ALONE),
        (untracked(cleared=AREA), ALONE),
        (untracked(cleared="vma=0x20 " + bounds()), ALONE),
        (untracked(pid=241), ALONE),
        (untracked(free=freed(start=0xFD001000)), ALONE),
        (untracked(free=""), ["ZapVma", "FreePfnRange", "ZapVma"]),
        (untracked(free=found_by()), [(UntrackedVma, 9)]),
        (untracked(free=found_by(ret=0xFFFFFFEA)), [*ALONE[:2], "GetPatInfo", "Return", *ALONE[2:]]),
        (untracked(free=found_by(vma="0x20")), [*ALONE[:2], "GetPatInfo", "Return", *ALONE[2:]]),
    ],
)
def test_the_end_of_a_tracked_mapping_comes_as_one(text, expected, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    events = [
        event for batch in Ftrace().batches(of_text(untracked(free=found_by()) + text)(), runs=True) for event in batch
    ]
    found = [(type(event), event.count) if isinstance(event, Run) else type(event).__name__ for event in events[9:]]
    assert found == expected


@pytest.mark.skipif(not TEARS.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("capture", [TRACKS, LOOKS_UP], ids=str)
def test_most_of_them_are_taken_as_one(capture, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_taken(monkeypatch, capture, Whole, "zap")


@pytest.mark.skipif(not TEARS.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("capture", [TRACKS, LOOKS_UP], ids=str)
def test_of_a_damaged_recording_with_tracked_mappings_runs_come_to_the_same(
    capture, seed, scanner, monkeypatch, tmp_path
):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_damaged(capture, seed, 3_000, tmp_path)


def test_a_mapping_that_the_tree_refuses_comes_as_one(scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    refused = "".join(
        one
        for one in mapped().replace("ret=0x0", "ret=0xfffffffffffffff0").splitlines(keepends=True)
        if "kernel_map_sync" not in one
    )
    events = [event for batch in Ftrace().batches(of_text(mapped() + refused)(), runs=True) for event in batch]
    assert [type(event) for event in events[12:]] == [Mapping]
    assert (events[12].count, events[12].ret, events[12].pcm) == (10, -16, -1)


@pytest.mark.skipif(not BUSY.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("name", ["copy", "zap", "free", "split", "unmap"])
def test_each_kind_is_taken_as_one(name, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_taken(monkeypatch, BUSY, Followed, name)


@pytest.mark.skipif(not BUSY.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("seed", range(12))
def test_of_a_damaged_recording_runs_come_to_the_same(seed, scanner, monkeypatch, tmp_path):
    """Lines that are missing, twice, in another order, of another task, or with other numbers."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_damaged(BUSY, seed, 3_000, tmp_path)


@pytest.mark.skipif(not TEARS.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize(
    "lost",
    [("memtype_erase__ret", "memtype_free__ret"), ("memtype_free__ret",), ("memtype_check_insert__ret",)],
    ids=str,
)
def test_a_run_after_a_call_that_never_returned_comes_to_the_same(lost, scanner, monkeypatch, tmp_path):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = opened(TEARS)
    path = tmp_path / "trace.txt"
    for chosen in range(4):
        piece = list(lines)
        for name in lost:
            places = [place for place, one in enumerate(lines) if f": {name}: " in one]
            piece[places[chosen % len(places)]] = ""
        path.write_text("".join(piece))
        assert replayed(path, runs=True) == replayed(path, runs=False)


@pytest.mark.skipif(not TEARS.path.is_dir(), reason=ABSENT)
def test_a_free_that_nothing_wants_any_more_comes_to_the_same(scanner, monkeypatch, tmp_path):
    """The task writes a marker between untrack_pfn() and its memtype_free()."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = opened(FREES)
    path = tmp_path / "trace.txt"
    for place, one in enumerate(lines):
        if ": untrack_pfn: " in one:
            marker = one.partition(": untrack_pfn: ")[0] + ": tracing_mark_write: patlab:here\n"
            path.write_text("".join([*lines[: place + 1], marker, *lines[place + 1 :]]))
            assert replayed(path, runs=True) == replayed(path, runs=False)


def check_taken(monkeypatch, capture, kind, name):
    """Of the runs of a capture that this method may take, it takes most."""
    take, taken = getattr(kind, name), []
    monkeypatch.setattr(kind, name, lambda self, run: taken.append(take(self, run)) or taken[-1])
    session = Session(str(capture.path), Options(), lambda incident: None)
    session.replay.play(session.batches(runs=True))
    assert sum(taken) > len(taken) * 0.8


def check_damaged(capture, seed, length, folder):
    """So many lines of a capture, twenty of them damaged: runs come to the same as single events."""
    chance, lines = random.Random(seed), opened(capture)
    begin = chance.randrange(max(len(lines) - length, 1))
    piece = lines[:12] + lines[begin : begin + length]
    for _ in range(20):
        damage(piece, chance)
    path = folder / "trace.txt"
    path.write_text("".join(piece))
    assert replayed(path, runs=True) == replayed(path, runs=False)


def opened(capture):
    with lzma.open(capture.find("trace.txt"), "rt") as stream:
        return stream.readlines()


def damage(lines, chance):
    at = chance.randrange(12, len(lines) - 2)
    match chance.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        case 3:
            lines[at] = re.sub(r"-(\d+) ", lambda pid: f"-{int(pid[1]) + 1} ", lines[at], count=1)
        case _:
            number = chance.choice((0, 0x1000, 0xFD000000, 0xFFFFFFFFFFFFFFEA))
            lines[at] = re.sub(r"=0x[0-9a-f]+", f"={number:#x}", lines[at], count=1)
