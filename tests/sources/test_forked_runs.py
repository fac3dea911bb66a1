"""What a fork does with a mapping that has VM_PAT comes as one event where nothing is odd about it."""

import pytest

from pat_check.events.runs import Reserving, Run, TrackedCopy
from pat_check.replay.whole import Whole
from pat_check.sources.ftrace import Ftrace
from tests.corpus import ABSENT, CORPUS, Capture
from tests.lanes import of_text
from tests.sources.test_followed_runs import TRACKED, bounds, check_damaged, check_taken, line
from tests.sources.test_runs import reserved

FORKS = Capture(CORPUS / "6.1" / "stress-1", "6.1", "stress-1")
INLINED = Capture(CORPUS / "6.12" / "fork-tree", "6.12", "fork-tree")
AREA = bounds(TRACKED)
COPY = f"dst=0x20 vma=0x10 {AREA}"
RANGE = "paddr=0xfd000000 size=0x2000 prot=0x8000000000000037 strict=1"
SYNC = "base=0xfd000000 size=0x2000 pcm=2"


def forked(
    *,
    new=0x20,
    cleared=f"vma=0x20 {AREA}",
    copied=COPY,
    tracked=COPY,
    looked_up="",
    paddr=RANGE,
    inner=None,
    sync=SYNC,
    rets=(0, 0, 0, 0),
):
    ends = "memtype_kernel_map_sync", "reserve_pfn_range", "track_pfn_copy", "copy_page_range"
    rows = [
        line("vm_area_dup", f"vma=0x10 {AREA}"),
        line("vm_area_dup", "", ret=f"ret={new:#x}"),
        line("untrack_pfn_clear", cleared),
        line("copy_page_range", copied),
        line("track_pfn_copy", tracked),
        looked_up,
        line("reserve_pfn_range", paddr),
        reserved() if inner is None else inner,
        line("memtype_kernel_map_sync", sync),
        *(line(function, "", ret=f"ret={ret:#x}") for function, ret in zip(ends, rets, strict=True)),
    ]
    return "".join(rows)


def found_by(vma="0x10", ret=0):
    return line("get_pat_info", f"vma={vma}") + line("get_pat_info", "", ret=f"ret={ret:#x}", caller="track_pfn_copy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (forked(), [(TrackedCopy, 15)]),
        (forked() + forked(looked_up=found_by()), [(TrackedCopy, 15), (TrackedCopy, 17)]),
        (forked(looked_up=found_by(ret=0xFFFFFFEA)), [(Reserving, 4)]),
        (forked(looked_up=found_by(vma="0x20")), [(Reserving, 4)]),
        (forked(new=0x30), [(Reserving, 4)]),
        (forked(cleared=f"vma=0x20 {bounds(TRACKED | 0x2000)}"), [(Reserving, 4)]),
        (forked(cleared=f"vma=0x30 {AREA}"), [(Reserving, 4)]),
        (forked(copied=COPY.replace("vma=0x10", "vma=0x20")), [(Reserving, 4)]),
        (forked(tracked=COPY.replace("dst=0x20", "dst=0x30")), [(Reserving, 4)]),
        (forked(paddr=RANGE.replace("strict=1", "strict=0")), [(Reserving, 4)]),
        (forked(paddr=RANGE.replace("0x2000", "0x1000")), [(Reserving, 4)]),
        (forked(inner=reserved(start=0xFD001000)), [(Reserving, 4)]),
        (forked(inner=reserved(ret=0xFFFFFFF0)), []),
        (forked(sync=SYNC.replace("0x2000", "0x1000")), [(Reserving, 4)]),
        (forked(rets=(0xFFFFFFEA, 0, 0, 0)), [(Reserving, 4)]),
        (forked(rets=(0, 0, 0, 0xFFFFFFF4)), [(Reserving, 4)]),
        (forked(inner=line("vm_area_free", "vma=0x3") + reserved()), [(Reserving, 4)]),
    ],
)
def test_what_comes_as_one(text, expected, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    once = forked(looked_up=found_by()) + line("vm_area_free", "vma=0x3")
    events = [event for batch in Ftrace().batches(of_text(once + text)(), runs=True) for event in batch]
    assert [(type(event), event.count) for event in events[18:] if isinstance(event, Run)] == expected


@pytest.mark.skipif(not FORKS.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("capture", [FORKS, INLINED], ids=str)
def test_most_of_them_are_taken_as_one(capture, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_taken(monkeypatch, capture, Whole, "copy")


@pytest.mark.skipif(not FORKS.path.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("capture", [FORKS, INLINED], ids=str)
def test_of_a_damaged_recording_they_come_to_the_same(capture, seed, scanner, monkeypatch, tmp_path):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    check_damaged(capture, seed, 2_000, tmp_path)
