"""The table of the event catalogue: which kernel functions are read, with which fields, under which names.

Names are those of the kernel and of its own probe definitions; `Spec.fields` maps the names that other people and other
tools give to the same arguments. This table is the only place that knows them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pat_check import events
from pat_check.events import Call

PAGE_SHIFT = 12
PFN_MASK = (1 << 52) - 1
"""The page number in a pfn_t, whose top bits are flags (kernels up to 6.16)."""


class Field(NamedTuple):
    """An argument: the names it goes by, and what stands for it where a recording has none of them."""

    names: tuple[str, ...]
    default: int | None = None  # None: the event is malformed without it
    lenient: bool = False  # what is no number counts as -1, not recorded


class Spec(NamedTuple):
    """How one kernel function becomes an event."""

    function: str
    call: type[Call]
    fields: tuple[Field, ...]
    extra: tuple[object, ...] = ()  # appended to the field values
    pointer: bool = False  # the result is an address, not a number
    got: tuple[str, ...] = ()  # names of the granted mode in the return event
    trailing: tuple[Field, ...] = ()  # fields that come after `extra` in the event
    convert: Callable[[list[int]], list[int]] | None = None


def _f(*names: str, default: int | None = None) -> Field:
    return Field(names, default)


_START = _f("start", "arg1", "es")
_END = _f("end", "arg2")
_VMA = _f("vma", "vma_ptr", default=0)
_MM = _f("mm", default=0)
_VM_START = _f("vm_start", "vs", default=-1)
_VM_END = _f("vm_end", "ve", default=-1)
_CTX = _f("ctx", default=-1)
_FLAGS = _f("vm_flags", "fl", default=-1)
_PROT = Field(("prot",), -1, lenient=True)  # a struct: some tracers show it as such, or where it is
_ZAP_START = _f("start", "start_addr", "addr", "address", "vs", "ds", default=-1)
_ZAP_END = _f("end", "end_addr", "ve", "de", default=-1)


def _pfn_to_start(values: list[int]) -> list[int]:
    values[0] = (values[0] & PFN_MASK) << PAGE_SHIFT
    return values


def _inclusive_end(values: list[int]) -> list[int]:
    values[1] += 1
    return values


def _plain_pfn(values: list[int]) -> list[int]:
    values[3] &= PFN_MASK
    return values


def _insert(function: str, size: int) -> Spec:
    fields = (_VMA, _MM, _f("addr", "address"), _f("pfn"))
    return Spec(
        function,
        events.InsertPfn,
        fields,
        (size, function),
        convert=_plain_pfn,
        trailing=(_VM_START, _VM_END, _FLAGS, _PROT),
    )


def _remap(function: str, addr: Field | None = None) -> Spec:
    fields = (
        _VMA,
        _MM,
        _VM_START,
        _VM_END,
        addr or _f("addr", "start", default=-1),
        _f("pfn", default=-1),
        _f("size", default=-1),
    )
    return Spec(function, events.RemapPfnRange, fields, (function,), trailing=(_CTX, _FLAGS, _PROT))


def _zap(function: str) -> Spec:
    fields = (_VMA, _MM, _ZAP_START, _ZAP_END)
    return Spec(function, events.ZapVma, fields, (function,), trailing=(_VM_START, _VM_END, _FLAGS))


SPECS: tuple[Spec, ...] = (
    Spec(
        "memtype_reserve",
        events.MemtypeReserve,
        (
            _START,
            _END,
            _f("req", "req_type", "arg3", "want"),
            _f("newp", "new_type", "arg4", default=-1),
        ),
        got=("new", "got"),
    ),
    Spec("memtype_free", events.MemtypeFree, (_START, _END)),
    Spec(
        "memtype_check_insert",
        events.MemtypeCheckInsert,
        (_f("start", "es", default=-1), _f("end", default=-1), _f("type", default=-1)),
        got=("type",),
    ),
    Spec("memtype_erase", events.MemtypeErase, (_START, _END), pointer=True),
    Spec(
        "memtype_reserve_io",
        events.MemtypeReserveIo,
        (_START, _END, _f("req", default=-1)),
        got=("type",),
    ),
    Spec("memtype_free_io", events.MemtypeFreeIo, (_START, _END)),
    Spec("arch_io_reserve_memtype_wc", events.ArchIoReserveMemtypeWc, (_START, _f("size", "arg2"))),
    Spec("arch_io_free_memtype_wc", events.ArchIoFreeMemtypeWc, (_START, _f("size", "arg2"))),
    Spec(
        "memtype_kernel_map_sync",
        events.MemtypeKernelMapSync,
        (_f("base", "arg1"), _f("size", "arg2"), _f("pcm", "arg3")),
    ),
    Spec(
        "__ioremap_caller",
        events.IoremapCaller,
        (_f("phys", "phys_addr", "arg1"), _f("size", "arg2"), _f("pcm", "mode", "arg3")),
        pointer=True,
    ),
    Spec("iounmap", events.Iounmap, (_f("addr", "arg1"),)),
    *(
        Spec(api, events.SetMemory, (_f("addr", "arg1"), _f("numpages", "arg2")), (api,))
        for api in ("set_memory_uc", "set_memory_wc", "set_memory_wb")
    ),
    *(
        Spec(
            api,
            call,
            (_f("start"), _f("end"), _f("ranges", "nr_range", default=1)),
            pointer=True,
            convert=_inclusive_end,
        )
        for api, call in (("memremap_pages", events.MemremapPages), ("memunmap_pages", events.MemunmapPages))
    ),
    _remap("remap_pfn_range"),
    _remap("remap_pfn_range_track"),
    _remap("remap_pfn_range_complete"),
    _remap("track_pfn_remap"),
    Spec(
        "reserve_pfn_range",
        events.ReservePfnRange,
        (_f("paddr", "start"), _f("size"), _f("prot", default=-1)),
        ("reserve_pfn_range",),
        trailing=(_f("strict", "strict_prot", default=-1),),
    ),
    Spec(
        "pfnmap_track",
        events.ReservePfnRange,
        (_f("pfn"), _f("size"), _f("prot", default=-1)),
        ("pfnmap_track",),
        convert=_pfn_to_start,
    ),
    *(
        Spec(
            api,
            events.FreePfnRange,
            (_VMA, _MM),
            (api,),
            trailing=(
                _f("pfn", default=-1),
                _f("size", default=-1),
                _VM_START,
                _VM_END,
                _f("vm_flags", "fl", default=-1),
                _f("ctx", "ref", default=-1),
            ),
        )
        for api in ("untrack_pfn", "untrack_pfn_clear", "pfnmap_untrack", "pfnmap_track_ctx_release")
    ),
    *(
        Spec(
            api,
            events.CopyPageRange,
            (
                _f("dst", "dst_vma", default=0),
                _f("vma", "src", "src_vma", default=0),
                _MM,
            ),
            (api,),
            trailing=(_VM_START, _VM_END, _f("vm_flags", "fl", default=-1)),
        )
        for api in ("copy_page_range", "track_pfn_copy")
    ),
    Spec("get_pat_info", events.GetPatInfo, (_VMA,)),
    Spec("dup_mmap", events.DupMmap, (_f("mm"), _f("oldmm"))),
    Spec(
        "vm_area_dup",
        events.VmAreaDup,
        (_f("vma", "orig", default=0), _MM, _VM_START, _VM_END, _FLAGS, _CTX),
        pointer=True,
    ),
    Spec(
        "__split_vma",
        events.SplitVma,
        (_VMA, _MM, _VM_START, _VM_END, _FLAGS, _f("addr"), _f("new_below", "below", default=-1)),
    ),
    Spec(
        "copy_vma",
        events.CopyVma,
        (_VMA, _MM, _FLAGS, _f("addr", default=-1), _f("len", default=-1)),
        pointer=True,
    ),
    Spec(
        "mprotect_fixup",
        events.MprotectFixup,
        (
            _VMA,
            _MM,
            _VM_START,
            _VM_END,
            _FLAGS,
            _f("start", default=-1),
            _f("end", default=-1),
            _f("newflags", default=-1),
        ),
    ),
    Spec("vm_area_free", events.VmAreaFree, (_VMA, _CTX)),
    _zap("unmap_single_vma"),
    _zap("unmap_page_range"),
    _zap("__zap_vma_range"),
    Spec("unmap_vmas", events.UnmapVmas, (_ZAP_START, _ZAP_END, _VMA, _MM)),
    Spec("exit_mmap", events.ExitMmap, (_f("mm"),)),
    _insert("vmf_insert_pfn_prot", 1 << 12),
    _insert("vmf_insert_mixed", 1 << 12),
    _insert("vmf_insert_pfn_pmd", 1 << 21),
    _insert("vmf_insert_pfn_pmd_prot", 1 << 21),
    _insert("vmf_insert_pfn_pud", 1 << 30),
    _insert("vmf_insert_pfn_pud_prot", 1 << 30),
    *(
        Spec(function, events.Telltale, (_VMA,), (function,))
        for function in (
            "__vma_adjust",
            "do_mas_munmap",
            "pfnmap_setup_cachemode",
            "track_pfn_insert",
            "untrack_pfn_copy",
            "vma_merge",
        )
    ),
)

BY_FUNCTION: dict[str, Spec] = {spec.function: spec for spec in SPECS}
