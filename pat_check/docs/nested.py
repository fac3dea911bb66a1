"""docs/reference/nested.md: what each function of the catalogue must make; tests/replay/test_nested.py proves it."""

from __future__ import annotations

from typing import NamedTuple

from pat_check.docs.markdown import code, page, table

_INTRO = """
Where a recording has a call of the first column, the replay predicts the calls of the second or third, by era. Of such
a chain the first function that is recorded must come, with the same range, type, address and VMA, as far as these are
recorded. Each difference is a `model-divergence` that names the line of the outer call. What is not recorded is passed
over, and the summary says so under *not checked*. A function of which only the entries or only the returns are recorded
counts as not recorded."""

_FAILS = """
A call that fails need not have come so far; one that fails after it had reserved must have freed again. Lost events end
all expectations.

## The other way round

A return says where it goes: `(__split_vma+0x2f/0x260 <- vm_area_dup)`. Where calls of that function are recorded one
must be open in the task, else it is missing itself: `vm_area_dup returned to __split_vma(), which was not called`.
This is judged of a task only after it was seen outside of all these functions (it wrote a marker, was forked, began a
call that no other recorded function makes), for what is open before may have begun before the recording; not of parts
and clones (`.cold`, `.isra.0`), not where some entries of the function are missing and returns of it are there, and
not after a loss. `remap_pfn_range_track()` ends as one of its two callers does, so that its return names neither:
there both callers must be probed.

Beside the chains above:

- `memtype_check_insert()` and `memtype_erase()` get the range of the `memtype_reserve()` and `memtype_free()` that
  they are made in, and both return what these have come to. `memtype_kernel_map_sync()` follows
  with that range and the type that was granted, below `reserve_pfn_range()`, `pfnmap_track()` and
  `memtype_reserve_io()`, too; there, and of `get_pat_info()`, only once a return has shown such a call, since a
  compiler may inline both.
- fork copies one VMA after the other: `vm_area_dup()`, `untrack_pfn_clear()` of the copy of a PFN mapping where
  VM_PAT exists, `copy_page_range()`. Where `dup_mmap()` is inlined the returns of `vm_area_dup()` say that it is a
  fork. After `copy_vma()` of a PFN mapping `move_vma()` makes `untrack_pfn_clear()` before anything is unmapped.
- `exit_mmap()` alone unmaps everything, and does so by `unmap_vmas()`. The last zap of a PFN, I/O or mixed mapping
  before its `vm_area_free()` is in an `unmap_vmas()`, and clears the mapping from end to end; `unmap_single_vma()`
  gets the range of `unmap_vmas()` and makes `unmap_page_range()`, where that was seen once.
- A function fails when one that it called fails: `memtype_kernel_map_sync()`, `get_pat_info()`, `track_pfn_copy()`,
  `copy_page_range()`, `vm_area_dup()` and all others that hand a failure on. `track_pfn_remap()` returns what
  `reserve_pfn_range()` does, `copy_vma()` the VMA that `vm_area_dup()` has made. A fork ends where a copy fails, and
  has no child where `dup_mmap()` does. `__split_vma()` and `copy_vma()` free the copy when they fail after it was made,
  and `untrack_pfn()` frees nothing where `get_pat_info()` found nothing.
- Calls show the same mm, range, flags and context of their VMA as the call that they are made in, or as
  `vm_area_dup()` just before them; `mprotect_fixup()` splits at its own ends alone, and changes no flag that says what
  is mapped. `unmap_vmas()` begins with its own VMA, of the address space of `exit_mmap()`, takes no VMA away of which
  a part is outside of it, and each PFN mapping that it takes away is freed, the lowest first.
  The context of a VMA is compared from its copy on, in a buffer of all CPUs, and no more once a VMA came again that
  was not seen to be freed, for a filter leaves frees out.
- A call without its return, and a return without its call, in the midst of a task: a warning where
  `kprobe_profile.txt` says that the probe has missed none, else an info. It is told where other calls of the function
  are in pairs, the task goes on, and the same half comes again or that file has counted as many of both. It is not told
  of more than two, which a filter leaves out, not of a function that has lost both, as where the clocks of CPUs differ,
  not where the probe has missed some, and not after a loss. All are counted in the summary as *seen only in part*.

## What no other call implies

Nothing else in a recording depends on this, so nobody can tell that it is missing or not as it was:
"""

_ORDINARY = """
Beside these nothing is compared of ordinary mappings, which have no memory type, but the order of a fork and the first
VMA of an `unmap_vmas()`. The only call of a function in a recording, the outermost call of a task that is not seen
outside of all of them before, an `iounmap()` of an address that is not mapped, an `__ioremap_caller()` that fails
before it reserves, a whole `mprotect_fixup()`, and what comes first or last may have been left out. Where a kernel has
`remap_pfn_range_complete()`, a missing `remap_pfn_range()` or `remap_pfn_range_complete()` is told only where both are
probed, since the return of `remap_pfn_range_track()` names neither.

Nor are compared: the range that a VMA had before `copy_vma()` moved it; the result of a `mprotect_fixup()` that fails,
its start where it splits at its end alone, and its mm where it splits nothing; and the type that
`memtype_kernel_map_sync()` gets where the granted one is not known."""


class Silent(NamedTuple):
    """What can be missing or other than it was without a trace."""

    functions: str
    what: str  # "call", "half", "result" and fields
    why: str


SILENT: tuple[Silent, ...] = (
    Silent(
        "vmf_insert_pfn_prot",
        "call half result vma mm vm_start vm_end vm_flags addr pfn prot",
        "and the like: looks a type up and reserves nothing; the first fault decides that it comes, and where",
    ),
    Silent("dup_mmap", "mm", "the address space of the child, which has no other name until it shows itself"),
    Silent("remap_pfn_range", "ctx mm", "nothing below it shows them where remap_pfn_range_track is inlined"),
    Silent(
        "remap_pfn_range remap_pfn_range_complete",
        "vm_flags",
        "of VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP, which it sets itself",
    ),
    Silent("vm_area_dup", "ctx", "of a VMA whose context no call has shown before"),
    Silent("vm_area_free", "call vma ctx", "of the highest VMA of an address space that ends"),
    Silent("unmap_vmas", "end", "beyond user space, where it stands for everything"),
    Silent("unmap_page_range __zap_vma_range", "mm vm_flags", "where neither unmap_vmas nor untrack_pfn shows them"),
    Silent("untrack_pfn_clear", "mm", "may be that of the parent or of the child, whose dup_mmap is inlined"),
    Silent("__split_vma", "addr", "of an munmap, which may lie anywhere in the VMA"),
    Silent("memtype_kernel_map_sync", "call", "the only one of its caller, where a compiler may have inlined it"),
)
"""Of drivers and of PFN, I/O and mixed mappings; tests/replay/test_each_difference.py proves that it is all."""


class Row(NamedTuple):
    """One function."""

    function: str
    vm_pat: str  # the chain where VM_PAT tracks; "" for none
    contexts: str  # the chain where shared contexts track
    why: str  # under which condition, or why there is none


def _both(function: str, chain: str, why: str) -> Row:
    return Row(function, chain, chain, why)


_TRACK = "track_pfn_remap reserve_pfn_range memtype_reserve"

PREDICTED: tuple[Row, ...] = (
    Row(
        "remap_pfn_range",
        _TRACK,
        "remap_pfn_range_track pfnmap_track memtype_reserve",
        "a whole VMA; a part comes to the first function only, and nothing may be reserved",
    ),
    Row("remap_pfn_range_complete", "", "remap_pfn_range_track pfnmap_track memtype_reserve", "as remap_pfn_range"),
    Row("remap_pfn_range_track", "", "pfnmap_track memtype_reserve", "a whole VMA"),
    Row("track_pfn_remap", "reserve_pfn_range memtype_reserve", "", "a whole VMA, or no VMA: memremap_pages"),
    Row("reserve_pfn_range", "memtype_reserve", "", "the range holds no RAM"),
    Row("pfnmap_track", "", "memtype_reserve", "the range holds no RAM"),
    Row(
        "memremap_pages",
        _TRACK,
        "pfnmap_track memtype_reserve",
        "its first range; of further ones nothing is recorded",
    ),
    Row("memunmap_pages", "untrack_pfn memtype_free", "pfnmap_untrack memtype_free", "its first range"),
    Row(
        "dup_mmap",
        "copy_page_range",
        "copy_page_range",
        "of each VMA that vm_area_dup has copied inside, but for VM_WIPEONFORK",
    ),
    Row(
        "copy_page_range",
        "track_pfn_copy reserve_pfn_range memtype_reserve",
        "",
        "a PFN mapping; below track_pfn_copy only with VM_PAT. vm_area_dup must have made its target just before; "
        "where contexts are shared nothing may be reserved",
    ),
    Row("track_pfn_copy", "reserve_pfn_range memtype_reserve", "", "with VM_PAT"),
    _both("__split_vma", "vm_area_dup", "always"),
    _both("copy_vma", "vm_area_dup", "a VMA that cannot be merged: PFN, I/O or mixed mappings"),
    _both("mprotect_fixup", "vm_area_dup", "by __split_vma: a part of a VMA that cannot be merged"),
    Row(
        "vm_area_free",
        "",
        "pfnmap_track_ctx_release pfnmap_untrack memtype_free",
        "the last VMA of a context that was made in the recording",
    ),
    Row("pfnmap_track_ctx_release", "", "pfnmap_untrack memtype_free", "the range holds no RAM"),
    Row("pfnmap_untrack", "", "memtype_free", "the range holds no RAM"),
    Row(
        "unmap_vmas",
        "unmap_single_vma untrack_pfn memtype_free",
        "unmap_page_range __zap_vma_range",
        "each PFN mapping in the range, where the lives of VMAs are recorded; memtype_free with VM_PAT. From 6.16 only "
        "the zap, which has another name since 7.2",
    ),
    Row("unmap_single_vma", "untrack_pfn memtype_free", "", "a PFN mapping; memtype_free with VM_PAT"),
    Row(
        "untrack_pfn",
        "memtype_free",
        "",
        "with VM_PAT and a first entry, or of a range without a VMA; no RAM",
    ),
    Row("unmap_page_range", "", "", "VM_PAT must be gone by then; entries have no reservation of their own"),
    _both("__zap_vma_range", "", "entries have no reservation of their own"),
    _both(
        "__ioremap_caller",
        "memtype_reserve",
        "and then memtype_kernel_map_sync with the granted type",
    ),
    _both("iounmap", "memtype_free", "an address that an ioremap of the recording returned"),
    _both("memtype_reserve_io", "memtype_reserve", "always"),
    _both("memtype_free_io", "memtype_free", "always"),
    _both("arch_io_reserve_memtype_wc", "memtype_reserve", "by memtype_reserve_io, which may be inlined"),
    _both("arch_io_free_memtype_wc", "memtype_free", "by memtype_free_io, which may be inlined"),
    _both("set_memory_uc", "memtype_reserve", "always"),
    _both("set_memory_wc", "memtype_reserve", "always"),
    _both("set_memory_wb", "memtype_free", "always"),
    _both("memtype_reserve", "memtype_check_insert", "no RAM, not the ISA range"),
    _both("memtype_free", "memtype_erase", "no RAM, not the ISA range"),
    _both("memtype_check_insert", "", "its result is predicted"),
    _both("memtype_erase", "", "its result is predicted"),
    _both("memtype_kernel_map_sync", "", "the direct map is not modelled"),
    _both("get_pat_info", "", "when it fails, nothing is freed; made of each VM_PAT mapping"),
    _both("untrack_pfn_clear", "", "clears VM_PAT alone; of each copy and each move of a PFN mapping"),
    _both("vm_area_dup", "", "a reference more of its context"),
    _both("exit_mmap", "", "an address space may be empty; a zap in it is in an unmap_vmas"),
    _both("vmf_insert_pfn_prot", "", "looks a type up and reserves nothing"),
    _both("vmf_insert_mixed", "", "looks a type up and reserves nothing"),
    _both("vmf_insert_pfn_pmd", "", "looks a type up and reserves nothing"),
    _both("vmf_insert_pfn_pmd_prot", "", "looks a type up and reserves nothing"),
    _both("vmf_insert_pfn_pud", "", "looks a type up and reserves nothing"),
    _both("vmf_insert_pfn_pud_prot", "", "looks a type up and reserves nothing"),
)
"""Every function of the catalogue, callers before those they call."""


def nested_page() -> str:
    """The page."""
    rows = ((code(row.function), _chain(row.vm_pat), _chain(row.contexts), row.why) for row in PREDICTED)
    head = ("Function", "Makes, up to 6.15", "Makes, from 6.16", "When, or why nothing")
    silent = ((_listed(one.functions), _things(one.what), one.why) for one in SILENT)
    silence = table(("Function", "What", "Why"), silent)
    return page("Nested calls", _INTRO, table(head, rows), _FAILS, silence, _ORDINARY)


def _listed(names: str) -> str:
    return ", ".join(map(code, names.split()))


def _things(what: str) -> str:
    words = {"call": "the call", "half": "its entry or return alone", "result": "its result"}
    return ", ".join(words.get(one, code(one)) for one in what.split())


def _chain(functions: str) -> str:
    return " → ".join(map(code, functions.split()))
