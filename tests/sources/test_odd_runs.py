"""What nearly is a run: nothing that the events say one by one is passed over."""

import re

import pytest

from tests.sources.test_runs import FIRST, ONCE, copy, dup, free, line, mapped, released, replayed, zap

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
WITHIN = {
    "memtype_check_insert": "memtype_reserve",
    "memtype_reserve": "pfnmap_track",
    "memtype_kernel_map_sync": "pfnmap_track",
    "pfnmap_track": "remap_pfn_range_track",
    "remap_pfn_range": "drv_mmap",
    "memtype_erase": "memtype_free",
    "memtype_free": "pfnmap_untrack",
}
UNMAPPED = line("unmap_vmas", "vma=0x20 start=0x400000 end=0x401000") + zap(0x20) + free(0x20)
BEFORE = line("tracing_mark_write", "here") + FIRST + UNMAPPED
FILLING = line("tracing_mark_write", "there", pid=7) * 1_000
"""So that what follows is not in the lines that are looked at first."""


def returning(text):
    """Returns go where they go in a kernel."""
    text = re.sub(r"dup_mmap(\S+ <- vm_area_dup|\S+ <- copy_page_range)", r"copy_process\1", text)
    text = re.sub(r"\(dup_mmap\S+ <- remap_pfn_range_track", "([unknown/kretprobe'd] <- remap_pfn_range_track", text)
    return re.sub(r"dup_mmap(\S+ <- (\w+))", lambda match: WITHIN.get(match[2], "dup_mmap") + match[1], text)


def without(text, function):
    """A recording in which this function is not seen."""
    return "".join(
        one for one in text.splitlines(True) if f" {function}: " not in one and f" {function}__ret" not in one
    )


def renamed(text, *places):
    """At these places the task has another name."""
    rows = text.splitlines(True)
    return "".join(row.replace("patlab", "worker") if at in places else row for at, row in enumerate(rows))


ODD = {
    "nothing": BEFORE + FILLING + dup(1, 2) + copy(2, 1) + free(7) + zap(8) + zap(9),
    "a copy is freed before it is filled": BEFORE + FILLING + dup(1, 2) + free(2) + copy(2, 1),
    "something without an address is freed": BEFORE + FILLING + dup(1, 2) + copy(2, 1) + free(0) + copy(2, 1),
    "a zap of another name": BEFORE + FILLING + renamed(zap(5) + zap(6) + zap(7), 1),
    "a fork after a loss": BEFORE
    + FILLING
    + "CPU:1 [LOST 5 EVENTS]\n"
    + dup(1, 2)
    + copy(2, 1)
    + dup(3, 4)
    + copy(4, 3),
    "a fork after nonsense": BEFORE
    + dup(5, 6)
    + FILLING
    + "nonsense\n"
    + dup(1, 2)
    + copy(2, 1)
    + dup(3, 4)
    + copy(4, 3),
    "a size that is not of pages": ONCE + FILLING + mapped().replace("size=0x2000 prot", "size=0x1800 prot"),
    "a part of such a size": without(ONCE, "remap_pfn_range_track")
    + FILLING
    + without(mapped(), "remap_pfn_range_track").replace("size=0x2000 prot", "size=0x1800 prot"),
    "a return to what has returned": ONCE
    + FILLING
    + mapped().replace(
        "dup_mmap+0x1e7/0x8f0 <- memtype_kernel_map_sync", "memtype_reserve+0x1/0x9 <- memtype_kernel_map_sync"
    )
    + released()
    + mapped().replace(
        "dup_mmap+0x1e7/0x8f0 <- memtype_kernel_map_sync", "memtype_reserve+0x1/0x9 <- memtype_kernel_map_sync"
    ),
    "a mapping of two names": ONCE + FILLING + renamed(mapped(), 4),
    "a layer is missing": ONCE + FILLING + without(mapped(), "remap_pfn_range_track"),
    "a mapping in a mapping": mapped().replace("remap_pfn_range_track", "remap_pfn_range")
    + released()
    + FILLING
    + mapped().replace("remap_pfn_range_track", "remap_pfn_range"),
    "results that were not seen with their calls": line("pfnmap_track", "", ret="ret=0x0")
    + ONCE.replace("pfnmap_track__ret", "another")
    + FILLING
    + mapped()
    + released(),
    "two of one range": ONCE + FILLING + mapped() + mapped(vma=0x18) + released() + released() + released(),
}


@pytest.mark.parametrize("callers", [True, False], ids=["callers", "no callers"])
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_what_is_odd_is_not_passed_over(text, callers, scanner, tmp_path, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    (tmp_path / "iomem.txt").write_text(IOMEM)
    text = returning(text) if callers else re.sub(r"\(\S+ <- (\w+)\)", r"(\1+0x0/0x10)", text)
    (tmp_path / "trace.txt").write_text(text)
    runs, alone = (replayed(tmp_path, runs=runs) for runs in (True, False))
    assert runs == alone
