"""What each function of the tracking layer, and each that drivers call, does below: its predicted calls.

Each decides from its own arguments. These decisions are the same in every era; an era only has some of the functions.
"""

from __future__ import annotations

from typing import Final

from pat_check.cachemode import UC_MINUS, WC, cachemode_name
from pat_check.events import (
    ArchIoFreeMemtypeWc,
    ArchIoReserveMemtypeWc,
    Call,
    CopyPageRange,
    CopyVma,
    FreePfnRange,
    IoremapCaller,
    Iounmap,
    MemremapPages,
    MemtypeFreeIo,
    MemtypeKernelMapSync,
    MemtypeReserveIo,
    MemunmapPages,
    MprotectFixup,
    RemapPfnRange,
    ReservePfnRange,
    SetMemory,
    SplitVma,
    ZapVma,
)
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT, VM_PFNMAP, VM_SPECIAL
from pat_check.replay.context import Context
from pat_check.replay.remarks import Surprise
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import Seen, mode_of, page_align

_PHYSICAL: Final = ((1 << 52) - 1) & -PAGE
_REMAP: Final[tuple[str, ...]] = ("track_pfn_remap", "remap_pfn_range_track")
_RESERVE: Final[tuple[str, ...]] = ("reserve_pfn_range", "pfnmap_track")
_MEMTYPE_RESERVE: Final[tuple[str, ...]] = ("memtype_reserve",)
_MEMTYPE_FREE: Final[tuple[str, ...]] = ("memtype_free",)
_UNTRACK: Final[tuple[str, ...]] = ("untrack_pfn",)
_UNTRACK_FREE: Final[tuple[str, ...]] = ("untrack_pfn", "memtype_free")
_DUP: Final[tuple[str, ...]] = ("vm_area_dup",)


class Wanting:
    """Whoever hears what calls must make."""

    def want(
        self, call: Call, chain: tuple[str, ...], seen: Seen, then: tuple[str, ...] = (), *, optional: bool = False
    ) -> None:
        """A call must make one of a chain of functions, which may make those of `then`."""
        raise NotImplementedError


class Nesting:
    """The calls that each recorded call must make below."""

    def __init__(self, context: Context, vmas: Vmas, wanting: Wanting) -> None:
        self.context, self.vmas, self.wanting = context, vmas, wanting

    def predict(self, call: Call) -> None:
        """Want what this call must make."""
        if isinstance(call, ZapVma):
            self._zap(call)
        elif isinstance(call, FreePfnRange):
            self._free(call)
        elif isinstance(call, RemapPfnRange):
            self._remap(call)
        elif isinstance(call, CopyPageRange):
            self._copy(call)
        elif isinstance(call, ReservePfnRange):
            self._reserve(call)
        elif isinstance(call, SplitVma):
            self._split(call)
        elif isinstance(call, MemtypeKernelMapSync):
            self._synced(call)
        elif isinstance(call, MprotectFixup):
            self._protect(call)
        elif isinstance(call, CopyVma):
            self._move(call)
        elif isinstance(call, IoremapCaller):
            self._ioremap(call)
        elif isinstance(call, Iounmap):
            self._iounmap(call)
        elif isinstance(call, MemtypeReserveIo):
            self._reserve_io(call)
        elif isinstance(call, MemtypeFreeIo):
            self._free_io(call)
        elif isinstance(call, ArchIoReserveMemtypeWc):
            self._arch_reserve(call)
        elif isinstance(call, ArchIoFreeMemtypeWc):
            self._arch_free(call)
        elif isinstance(call, SetMemory):
            self._set_memory(call)
        elif isinstance(call, MemremapPages):
            self._memremap(call)
        elif isinstance(call, MemunmapPages):
            self._memunmap(call)

    def is_tracked(self, start: int, size: int) -> bool:
        """Whether [start, start+size) surely goes to the memtype layer: it has no RAM, whose mappings do not."""
        ram = self.context.machine.ram
        return start >= 0 and ram.known and ram.test(start, start + size) == 0

    # --- mappings ----------------------------------------------------------------------------------------

    def _remap(self, call: RemapPfnRange) -> None:
        """A full remap reserves the range; a partial one looks its type up."""
        outer = call.api in ("remap_pfn_range", "remap_pfn_range_complete")
        if call.pfn < 0 or call.size < 0:  # remap_pfn_range_complete() has its arguments in memory
            self.wanting.want(call, _REMAP if outer else (), Seen(vma=call.vma), _RESERVE)
            return
        start, size = call.pfn * PAGE, page_align(call.size)
        full = call.vm_start >= 0 and call.addr == call.vm_start and size == call.vm_end - call.vm_start
        chain: tuple[str, ...] = _REMAP if outer else ()
        if call.api == "track_pfn_remap" and call.vma == 0 and call.addr == 0:
            full = True  # memremap_pages()
        if full:
            chain += _RESERVE
            if self.is_tracked(start, size):
                chain += ("memtype_reserve",)
        strict = 0 if full else -1
        self.wanting.want(call, chain, Seen(start, size, mode_of(call.prot), call.addr, call.vma, strict))

    def _reserve(self, call: ReservePfnRange) -> None:
        """reserve_pfn_range() and pfnmap_track() reserve what is not RAM."""
        if self.is_tracked(call.start, call.size):
            self._sync(call, call.start, call.size)
            self.wanting.want(call, _MEMTYPE_RESERVE, Seen(call.start, call.size, mode_of(call.prot)))

    def _copy(self, call: CopyPageRange) -> None:
        """fork copies the tracking of a PFN mapping, and reserves the range of one with VM_PAT again."""
        if call.flags < 0 or not call.flags & VM_PFNMAP:
            return
        chain: tuple[str, ...] = ("track_pfn_copy",) if call.api == "copy_page_range" else ()
        start, size = self.vmas.physical(call.vma, call.vm_start), call.vm_end - call.vm_start
        if call.flags & VM_PAT:
            chain += ("reserve_pfn_range",)
            if self.is_tracked(start, size):
                chain += ("memtype_reserve",)
        self.wanting.want(call, chain, Seen(start, size, self.type_of(start, size), vma=call.vma, strict=1))
        if call.api == "track_pfn_copy" and call.flags & VM_PAT:
            self._look_up(call)

    def _split(self, call: SplitVma) -> None:
        """__split_vma() copies the VMA that it splits."""
        self.wanting.want(call, _DUP, Seen(vma=call.vma))

    def _move(self, call: CopyVma) -> None:
        """copy_vma() copies the VMA that moves, unless it can grow a neighbour: a special one never can."""
        if call.flags >= 0 and call.flags & VM_SPECIAL:
            self.wanting.want(call, _DUP, Seen(vma=call.vma))

    def _protect(self, call: MprotectFixup) -> None:
        """mprotect_fixup() splits a special VMA, which it can not merge, at each end of a part of it."""
        if min(call.flags, call.newflags, call.vm_start, call.start, call.end) < 0 or call.flags == call.newflags:
            return
        if call.flags & VM_SPECIAL and (call.vm_start < call.start or call.end < call.vm_end):
            self.wanting.want(call, ("__split_vma", "vm_area_dup"), Seen(vma=call.vma))

    def _zap(self, call: ZapVma) -> None:
        """unmap_single_vma() untracks a PFN mapping, before it clears any entry."""
        if call.api != "unmap_single_vma" or call.flags < 0 or not self.context.era.zap_untracks:
            return
        if call.flags & VM_PFNMAP and call.start < call.vm_end and call.vm_start < call.end:
            start, size = self.vmas.physical(call.vma, call.vm_start), call.vm_end - call.vm_start
            frees = call.flags & VM_PAT and self.is_tracked(start, size) and not self._is_half_made(call)
            self.wanting.want(call, _UNTRACK_FREE if frees else _UNTRACK, Seen(start, size, vma=call.vma))

    def _free(self, call: FreePfnRange) -> None:
        """untrack_pfn() of a VM_PAT mapping frees its length; a context frees the bounds that it was made with."""
        start = call.pfn * PAGE if call.pfn > 0 else -1
        if call.api in ("pfnmap_track_ctx_release", "pfnmap_untrack"):
            chain: tuple[str, ...] = ("pfnmap_untrack",) if call.api == "pfnmap_track_ctx_release" else ()
            if self.is_tracked(start, call.size):
                chain += ("memtype_free",)
            self.wanting.want(call, chain, Seen(start, call.size))
        elif call.api == "untrack_pfn" and not call.vma and call.size > 0:  # memunmap_pages()
            if self.is_tracked(start, call.size):
                self.wanting.want(call, ("memtype_free",), Seen(start, call.size))
        elif call.api == "untrack_pfn" and call.flags >= 0 and call.flags & VM_PAT and call.vm_start >= 0:
            size = call.size if call.size > 0 else call.vm_end - call.vm_start
            sure = start >= 0
            if not sure:
                start = self.vmas.physical(call.vma, call.vm_start)
                sure = not self._is_half_made(call)
            # RAM, and a mapping whose first entry is gone, free nothing.
            optional = not (sure and self.is_tracked(start, size))
            self.wanting.want(call, _MEMTYPE_FREE, Seen(start, size), optional=optional)
            if call.pfn == 0 == call.size:
                self._look_up(call)

    def _look_up(self, call: FreePfnRange | CopyPageRange) -> None:
        """get_pat_info() finds the range and type of a VM_PAT mapping."""
        if f"{call.api} get_pat_info" in self.context.nested:
            self.wanting.want(call, ("get_pat_info",), Seen(vma=call.vma))

    def _sync(self, call: ReservePfnRange | MemtypeReserveIo, start: int, size: int) -> None:
        """What is reserved is told to the direct map, with the type that was granted."""
        if f"{call.function()} memtype_kernel_map_sync" in self.context.nested:
            self.wanting.want(call, ("memtype_kernel_map_sync",), Seen(start, size))

    def type_of(self, start: int, size: int) -> int:
        """The type of the entries of a range, which is that of its reservation; -1 unknown."""
        nodes = self.context.machine.memtypes.exact(start, start + size) if start >= 0 else []
        return nodes[0].type if nodes and self.context.reliable and not any(node.assumed for node in nodes) else -1

    def _is_half_made(self, call: Call) -> bool:
        """Whether the mapping is being filled or moved, so that its first entry may not be there yet."""
        task = self.context.tasks.of(call)
        return task.innermost(RemapPfnRange) is not None or task.innermost(CopyVma) is not None

    # --- drivers -------------------------------------------------------------------------------------------

    def _synced(self, call: MemtypeKernelMapSync) -> None:
        """The direct map gets the type that memtype_reserve() has granted."""
        frames = self.context.tasks.of(call).frames
        node = frames[-1].node if frames else None
        if node is not None and not node.assumed and node.type != call.pcm and not self.context.lossy:
            surprise = Surprise(self.context, call, frames[-1].api, node.start, node.end)
            told = [(frames[-1].call.at, "called here")]
            granted = cachemode_name(node.type)
            surprise.tell("called memtype_kernel_map_sync() with", granted, cachemode_name(call.pcm), told)

    def _ioremap(self, call: IoremapCaller) -> None:
        """__ioremap_caller() reserves whole pages, and then tells the direct map of their type."""
        start = call.phys & _PHYSICAL
        end = page_align((call.phys & (_PHYSICAL | PAGE - 1)) + call.size)
        self.wanting.want(call, ("memtype_kernel_map_sync",), Seen(start, end - start))
        self.wanting.want(call, ("memtype_reserve",), Seen(start, end - start, call.pcm))

    def _iounmap(self, call: Iounmap) -> None:
        if call.addr & -PAGE in self.context.machine.iomaps:  # of which range, rule iounmap-mismatch judges
            self.wanting.want(call, ("memtype_free",), Seen())

    def _reserve_io(self, call: MemtypeReserveIo) -> None:
        mode = call.req if 0 <= call.req <= 5 else -1
        self._sync(call, call.start, call.end - call.start)
        self.wanting.want(call, ("memtype_reserve",), Seen(call.start, call.end - call.start, mode))

    def _free_io(self, call: MemtypeFreeIo) -> None:
        self.wanting.want(call, ("memtype_free",), Seen(call.start, call.end - call.start))

    def _arch_reserve(self, call: ArchIoReserveMemtypeWc) -> None:
        self.wanting.want(call, ("memtype_reserve_io", "memtype_reserve"), Seen(call.start, call.size, WC))

    def _arch_free(self, call: ArchIoFreeMemtypeWc) -> None:
        self.wanting.want(call, ("memtype_free_io", "memtype_free"), Seen(call.start, call.size))

    def _set_memory(self, call: SetMemory) -> None:
        """The pages are those of the direct map, wherever that begins."""
        size = call.numpages * PAGE
        if call.api == "set_memory_wb":
            self.wanting.want(call, ("memtype_free",), Seen(-1, size))
        else:
            self.wanting.want(
                call, ("memtype_reserve",), Seen(-1, size, WC if call.api == "set_memory_wc" else UC_MINUS)
            )

    def _memremap(self, call: MemremapPages) -> None:
        """memremap_pages() tracks its range without a mapping; of further ranges nothing is recorded."""
        chain: tuple[str, ...] = ("track_pfn_remap", *_RESERVE)
        if self.is_tracked(call.start, call.end - call.start):
            chain += ("memtype_reserve",)
        self.wanting.want(call, chain, Seen(call.start, call.end - call.start))

    def _memunmap(self, call: MemunmapPages) -> None:
        """memunmap_pages() gives it back."""
        chain: tuple[str, ...] = ("untrack_pfn", "pfnmap_untrack")
        if self.is_tracked(call.start, call.end - call.start):
            chain += ("memtype_free",)
        self.wanting.want(call, chain, Seen(call.start, call.end - call.start))
