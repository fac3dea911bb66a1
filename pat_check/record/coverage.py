"""What a recording cannot tell when functions are not probed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Need:
    """Something to know; each of `ways` is a set of functions that tells it."""

    ways: tuple[frozenset[str], ...]
    otherwise: str


def _need(otherwise: str, *ways: str) -> _Need:
    return _Need(tuple(frozenset(way.split()) for way in ways), otherwise)


_NEEDS: tuple[_Need, ...] = (
    _need("which reservations are asked for, refused and given back stays unknown", "memtype_reserve memtype_free"),
    _need(
        "the order of changes of one instant on several CPUs is a guess",
        "memtype_check_insert memtype_erase",
    ),
    _need("reservations of drivers have no owner", "__ioremap_caller iounmap"),
    _need(
        "reservations of arch_io_reserve_memtype_wc() have no owner",
        "arch_io_reserve_memtype_wc arch_io_free_memtype_wc",
    ),
    _need("reservations of user mappings have no owner", "remap_pfn_range", "remap_pfn_range_track"),
    _need(
        "when a mapping gives its reservation back is not seen",
        "track_pfn_remap untrack_pfn",
        "pfnmap_track pfnmap_track_ctx_release",
    ),
    _need("what fork shares is not seen", "copy_page_range"),
    _need("the end of an address space is not seen", "exit_mmap"),
    _need("VMAs that are split, copied or freed are not followed", "vm_area_dup __split_vma vm_area_free"),
    _need("mremap that moves a mapping is not followed", "copy_vma"),
    _need("changes of protection are not followed", "mprotect_fixup"),
    _need(
        "when page table entries go is not seen",
        "unmap_single_vma",
        "unmap_page_range",
        "__zap_vma_range",
        "unmap_vmas",
    ),
    _need("mappings that are filled at faults are not seen", "vmf_insert_pfn_prot"),
    _need("mixed mappings are not seen", "vmf_insert_mixed"),
)


def costs(probed: Set[str], wanted: Set[str] | None = None) -> list[str]:
    """What is not told by these functions; only what `wanted` functions would tell where that is given."""
    return [
        need.otherwise
        for need in _NEEDS
        if (wanted is None or any(way <= wanted for way in need.ways)) and not any(way <= probed for way in need.ways)
    ]
