"""The layers of a recording: which functions belong to each, and what a missing one leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Final

from pat_check.eras.base import Era

LAYERS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("memtype", ("memtype_reserve", "memtype_free"), ("memtype_kernel_map_sync",)),
    (
        "drivers",
        ("__ioremap_caller", "iounmap"),
        (
            "arch_io_reserve_memtype_wc",
            "arch_io_free_memtype_wc",
            "memtype_reserve_io",
            "memtype_free_io",
            "set_memory_uc",
            "set_memory_wc",
            "set_memory_wb",
            "memremap_pages",
            "memunmap_pages",
        ),
    ),
    (
        "PFN tracking",
        (
            "track_pfn_remap",
            "reserve_pfn_range",
            "track_pfn_copy",
            "untrack_pfn",
            "untrack_pfn_clear",
            "get_pat_info",
            "pfnmap_track",
            "pfnmap_untrack",
            "pfnmap_track_ctx_release",
        ),
        (),
    ),
    ("remap", ("remap_pfn_range",), ("remap_pfn_range_track", "remap_pfn_range_complete")),
    (
        "inserts",
        ("vmf_insert_pfn_prot",),
        (
            "vmf_insert_mixed",
            "vmf_insert_pfn_pmd",
            "vmf_insert_pfn_pmd_prot",
            "vmf_insert_pfn_pud",
            "vmf_insert_pfn_pud_prot",
        ),
    ),
    ("zaps", ("unmap_vmas", "unmap_single_vma"), ("unmap_page_range", "__zap_vma_range")),
    ("fork", ("copy_page_range",), ("dup_mmap",)),
    ("VMAs", ("vm_area_dup", "vm_area_free", "__split_vma", "copy_vma", "mprotect_fixup"), ()),
    ("exit", ("exit_mmap",), ()),
)
"""The lowest first: its name, the functions of it that every kernel should show, and those that not every one has."""


def layers_of(functions: Set[str]) -> list[str]:
    """The layers that these functions belong to."""
    return [name for name, main, others in LAYERS if functions & {*main, *others}]


def missing_in(recorded: Set[str], called: Set[str], era: Era) -> Iterator[str]:
    """What nothing shows to be recorded: whole layers by their names, single functions of the others.

    Functions that not every kernel shows are named where it is known that they were `called`.
    """
    absent = recorded | era.lacks | era.inlined
    for name, main, others in LAYERS:
        if recorded & {*main, *others}:
            yield from (one for one in main if one not in absent)
            yield from (one for one in others if one not in absent and one in called)
        else:
            yield name
