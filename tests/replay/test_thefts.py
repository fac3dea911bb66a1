"""Of two mappings of one process that end at the same page, a free of one's tail shrinks the entry of the other."""

import pytest

from pat_check import api

FIRST, SECOND = (0xFD000, 8, 0x7F0000000000), (0xFD004, 4, 0x7F0000100000)  # pfn, pages, address


def mapped(at, vma, of):
    """What remap_pfn_range() of a whole VMA leaves in the trace of a kernel before 6.16."""
    pfn, pages, addr = of
    bounds = f"vma={vma:#x} mm=0xff02 vm_start={addr:#x} vm_end={addr + pages * 4096:#x} vm_flags=0xbb vm_pgoff=0x0"
    span = f"start={pfn << 12:#x} end={(pfn + pages) << 12:#x}"
    return [
        f"remap_pfn_range: {bounds} addr={addr:#x} pfn={pfn:#x} size={pages * 4096:#x} prot=0x8000000000000037",
        f"track_pfn_remap: {bounds} prot=0x8000000000000037 pfn={pfn:#x} addr={addr:#x} size={pages * 4096:#x}",
        f"memtype_reserve: {span} req=2",
        f"memtype_check_insert: {span} type=2",
        "memtype_check_insert__ret: (x <- memtype_check_insert) ret=0",
        f"memtype_reserve__ret: (x <- memtype_reserve) ret=0 {span} req=2 new=2",
        "track_pfn_remap__ret: (x <- track_pfn_remap) ret=0",
        f"remap_pfn_range__ret: (x <- remap_pfn_range) ret=0 vma={vma:#x} vm_flags=0x404444bb",
    ]


def cut(vma, new, of, keep):
    """munmap() of all pages of a mapping but the first `keep`: its tail, found at the same end, is shrunk away."""
    pfn, pages, addr = of
    flags = "vm_flags=0x404444bb vm_pgoff=0x0"
    at, end = addr + keep * 4096, addr + pages * 4096
    span = f"start={(pfn + keep) << 12:#x} end={(pfn + pages) << 12:#x}"
    return [
        f"__split_vma: vma={vma:#x} mm=0xff02 vm_start={addr:#x} vm_end={end:#x} {flags} addr={at:#x} new_below=0",
        f"vm_area_dup: vma={vma:#x} mm=0xff02 vm_start={addr:#x} vm_end={end:#x} {flags}",
        f"vm_area_dup__ret: (x <- vm_area_dup) ret={new:#x}",
        "__split_vma__ret: (x <- __split_vma) ret=0",
        f"unmap_vmas: vma={new:#x} start={at:#x} end={end:#x}",
        f"untrack_pfn: vma={new:#x} mm=0xff02 vm_start={at:#x} vm_end={end:#x} {flags} pfn=0x0 size=0x0",
        f"memtype_free: {span}",
        f"memtype_erase: {span}",
        "memtype_erase__ret: (x <- memtype_erase) ret=0x0",
        f"memtype_free__ret: (x <- memtype_free) ret=0 {span}",
        "untrack_pfn__ret: (x <- untrack_pfn) ret=0",
        f"vm_area_free: vma={new:#x} mm=0xff02 vm_start={at:#x} vm_end={end:#x} {flags}",
    ]


def thefts(tmp_path, *lines):
    (tmp_path / "memtypes.txt").write_text("PAT memtype list:\n")
    file = tmp_path / "trace.txt"
    file.write_text("".join(f"app-7 [000] ..... {at}.0: {line}\n" for at, line in enumerate(lines, start=1)))
    report = api.check([str(file)], api.Options(era="vm-pat", memtypes=str(tmp_path / "memtypes.txt")))
    return [finding for finding in report.findings if finding.rule == "end-match-theft"]


@pytest.mark.parametrize("swapped", [False, True], ids=["first-then-second", "second-then-first"])
def test_the_tail_of_the_second_shrinks_the_first(tmp_path, swapped):
    both = [mapped(1, 0x11, FIRST), mapped(1, 0x12, SECOND)]
    made = [line for one in (both[::-1] if swapped else both) for line in one]
    (theft,) = thefts(tmp_path, *made, *cut(0x12, 0x13, SECOND, 2))
    assert "shrinks [0xfd000000-0xfd008000) of another of its mappings" in theft.message
    assert any("meant was [0xfd004000-0xfd008000)" in note.message for note in theft.notes)


def test_the_tail_of_the_first_is_its_own(tmp_path):
    assert not thefts(tmp_path, *mapped(1, 0x11, FIRST), *mapped(1, 0x12, SECOND), *cut(0x11, 0x13, FIRST, 6))


def test_of_two_mappings_of_the_same_frames_either_may_be_cut(tmp_path):
    again = (FIRST[0], FIRST[1], 0x7F0000200000)
    lines = [*mapped(1, 0x11, FIRST), *mapped(1, 0x12, again), *mapped(1, 0x14, SECOND), *cut(0x12, 0x13, again, 6)]
    assert not thefts(tmp_path, *lines)


def test_without_the_end_of_the_erase_nobody_saw_that_anything_shrank(tmp_path):
    made = [*mapped(1, 0x11, FIRST), *mapped(1, 0x12, SECOND)]
    freed = [line for line in cut(0x12, 0x13, SECOND, 2) if "memtype_erase" not in line]
    assert not thefts(tmp_path, *made, *freed)
