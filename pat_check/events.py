"""What a trace can say: one slotted class per kernel operation.

Every event begins with the same five fields. Calls carry the arguments of the kernel function at entry;
its end is a `Return`. Physical ranges are half-open byte ranges ``[start, end)``; sources convert.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_PID: int = -1
"""The pid of an event whose recording shows no task (option ``nocontext-info``, kernel log)."""


@dataclass(slots=True)
class Event:
    """Anything that happened, at a line of the trace."""

    at: int  # 1-based line of the input
    time: float | None  # seconds, or ticks where the clock has no seconds; None where not shown
    cpu: int  # -1 where not shown
    pid: int  # the thread; NO_PID where not shown
    comm: str  # as recorded: may hold anything; "" where not shown


# --- calls into the memtype layer -----------------------------------------------------------------


@dataclass(slots=True)
class Call(Event):
    """Entry of a kernel function."""


@dataclass(slots=True)
class MemtypeReserve(Call):
    """``memtype_reserve(start, end, req_type, *new_type)``."""

    start: int
    end: int
    req: int  # cache mode asked for
    newp: int = -1  # value of the new_type pointer: 0 is NULL, -1 not recorded


@dataclass(slots=True)
class MemtypeFree(Call):
    """``memtype_free(start, end)``."""

    start: int
    end: int


@dataclass(slots=True)
class MemtypeCheckInsert(Call):
    """``memtype_check_insert(entry, *ret_type)``, under ``memtype_lock``: the order of the changes."""

    start: int  # -1: the recording shows no range; it is that of the open memtype_reserve
    end: int
    type: int  # the mode after the MTRR was asked; -1 not recorded


@dataclass(slots=True)
class MemtypeErase(Call):
    """``memtype_erase(start, end)``, under ``memtype_lock``."""

    start: int
    end: int


@dataclass(slots=True)
class MemtypeReserveIo(Call):
    """``memtype_reserve_io(start, end, *type)``."""

    start: int
    end: int
    req: int


@dataclass(slots=True)
class MemtypeFreeIo(Call):
    """``memtype_free_io(start, end)``."""

    start: int
    end: int


@dataclass(slots=True)
class ArchIoReserveMemtypeWc(Call):
    """``arch_io_reserve_memtype_wc(start, size)``: returns 0 even when the range stays UC-."""

    start: int
    size: int  # bytes


@dataclass(slots=True)
class ArchIoFreeMemtypeWc(Call):
    """``arch_io_free_memtype_wc(start, size)``."""

    start: int
    size: int  # bytes


@dataclass(slots=True)
class MemtypeKernelMapSync(Call):
    """``memtype_kernel_map_sync(base, size, pcm)``."""

    base: int
    size: int  # bytes
    pcm: int


@dataclass(slots=True)
class IoremapCaller(Call):
    """``__ioremap_caller(phys_addr, size, pcm)``: every flavour of ioremap. Returns the address or 0."""

    phys: int  # not aligned: as the driver asked
    size: int  # bytes
    pcm: int


@dataclass(slots=True)
class Iounmap(Call):
    """``iounmap(addr)``."""

    addr: int  # kernel virtual address, as __ioremap_caller returned it


@dataclass(slots=True)
class SetMemory(Call):
    """``set_memory_uc/wc/wb(addr, numpages)``: `api` is the function's name."""

    addr: int  # kernel virtual address
    numpages: int
    api: str


# --- calls on a mapping's behalf: they say for whom a range is reserved ---------------------------------


@dataclass(slots=True)
class RemapPfnRange(Call):
    """``remap_pfn_range()`` and the functions it is made of; `api` is the function's name."""

    vma: int
    mm: int  # 0 not recorded
    vm_start: int  # -1 not recorded
    vm_end: int
    addr: int
    pfn: int
    size: int  # bytes
    api: str
    ctx: int = -1  # the pfnmap_track_ctx of the VMA; 0 none, -1 not recorded
    flags: int = -1  # vm_flags at entry


@dataclass(slots=True)
class ReservePfnRange(Call):
    """``reserve_pfn_range(paddr, size, prot, strict)`` or ``pfnmap_track(pfn, size, prot)``."""

    start: int  # bytes: a pfn is converted
    size: int  # bytes
    prot: int  # page protection bits asked for; -1 not recorded
    api: str
    strict: int = -1  # whether no other type is taken; -1 not recorded


@dataclass(slots=True)
class FreePfnRange(Call):
    """``untrack_pfn()``, ``pfnmap_untrack()`` or ``pfnmap_track_ctx_release()``; `api` is the function's name."""

    vma: int  # 0 where the function has none
    mm: int  # 0 not recorded
    api: str
    pfn: int = -1  # of the argument: 0 means that the function finds it; -1 not recorded
    size: int = -1  # bytes
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1  # vm_flags at entry
    ctx: int = -1


@dataclass(slots=True)
class CopyPageRange(Call):
    """``copy_page_range()`` or ``track_pfn_copy()``: fork copies one mapping from `vma` to `dst`."""

    dst: int
    vma: int
    mm: int  # of the parent; 0 not recorded
    api: str
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1  # of the parent's VMA


@dataclass(slots=True)
class VmAreaDup(Call):
    """``vm_area_dup(orig)``: split, fork and mremap copy a VMA; its context gets another reference."""

    vma: int
    mm: int = 0  # of the original; 0 not recorded
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1
    ctx: int = -1


@dataclass(slots=True)
class SplitVma(Call):
    """``__split_vma(vma, addr, new_below)``: the bounds are those before the split."""

    vma: int
    mm: int
    vm_start: int
    vm_end: int
    flags: int
    addr: int
    new_below: int  # whether the new VMA is the lower one


@dataclass(slots=True)
class CopyVma(Call):
    """``copy_vma(vma, addr, len)``: mremap makes the VMA that the mapping moves to."""

    vma: int
    mm: int
    flags: int
    addr: int
    len: int  # bytes


@dataclass(slots=True)
class MprotectFixup(Call):
    """``mprotect_fixup(vma, start, end, newflags)``."""

    vma: int
    mm: int
    vm_start: int
    vm_end: int
    flags: int
    start: int
    end: int
    newflags: int


@dataclass(slots=True)
class VmAreaFree(Call):
    """``vm_area_free(vma)``: its context loses a reference."""

    vma: int
    ctx: int = -1


@dataclass(slots=True)
class DupMmap(Call):
    """``dup_mmap(mm, oldmm)``: fork copies an address space."""

    mm: int
    oldmm: int


@dataclass(slots=True)
class ZapVma(Call):
    """``unmap_single_vma()``, ``unmap_page_range()`` or ``__zap_vma_range()``: clear PTEs of one VMA."""

    vma: int
    mm: int  # 0 not recorded
    start: int  # user virtual bytes
    end: int
    api: str


@dataclass(slots=True)
class UnmapVmas(Call):
    """``unmap_vmas(vma, start, end)``; [0, max) is the end of an address space."""

    start: int
    end: int


@dataclass(slots=True)
class ExitMmap(Call):
    """``exit_mmap(mm)``: the last user of the address space is gone."""

    mm: int


@dataclass(slots=True)
class InsertPfn(Call):
    """``vmf_insert_pfn_prot()`` and its like: one entry is installed, nothing is reserved."""

    vma: int
    mm: int  # 0 not recorded
    addr: int
    pfn: int
    size: int  # bytes: 4 KiB, 2 MiB or 1 GiB
    api: str
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1


@dataclass(slots=True)
class Return(Event):
    """Return of a kernel function."""

    call: type[Call]  # which one
    api: str  # its name
    ret: int | None  # as a signed number or an address; None where the recording has no value
    got: int = -1  # the granted cache mode (``new=``, ``type=``); -1 not recorded
    caller: str = ""  # symbol that the function returned to, with its [module]
    entry: Call | None = None  # the arguments, where the return event records them


# --- life of tasks and drivers --------------------------------------------------------------------------


@dataclass(slots=True)
class SchedProcessFork(Event):
    """Tracepoint ``sched:sched_process_fork``: `pid` of the event is the parent's."""

    child_comm: str
    child_pid: int


@dataclass(slots=True)
class SchedProcessExec(Event):
    """Tracepoint ``sched:sched_process_exec``: the task has a new address space."""

    filename: str


@dataclass(slots=True)
class SchedProcessExit(Event):
    """Tracepoint ``sched:sched_process_exit``."""

    exit_pid: int
    group_dead: bool = False  # recorded as true: the last thread; older kernels do not say


@dataclass(slots=True)
class ModuleLoad(Event):
    """Tracepoint ``module:module_load``: comes before the driver's init runs, in the same task."""

    module: str


@dataclass(slots=True)
class ModuleFree(Event):
    """Tracepoint ``module:module_free``."""

    module: str


# --- what the recording says of itself ------------------------------------------------------------------


@dataclass(slots=True)
class Marker(Event):
    """A line written to trace_marker; ``checkpoint N NAME`` in it anchors a snapshot."""

    text: str


@dataclass(slots=True)
class Message(Event):
    """A line of the kernel log that memtype.md section 13 knows; `number` is its row there.

    Ranges are half-open: a source turns the printed inclusive end into an exclusive one.
    """

    number: int
    start: int
    end: int
    first: int  # first cache mode in the message; -1 none
    second: int  # second cache mode; -1 none
    third: int  # third cache mode (#14: ret); -1 none
    by_comm: str  # the task that the message names; "" none
    by_pid: int  # NO_PID none
    text: str  # the message itself, without prefixes


@dataclass(slots=True)
class LostEvents(Event):
    """The recording misses `count` events of `cpu` here (-1: unknown how many)."""

    count: int


@dataclass(slots=True)
class Malformed(Event):
    """A line that cannot be read; `cut` when it is the last line and ends in the middle."""

    column: int  # 1-based
    problem: str
    text: str  # excerpt
    cut: bool = False
