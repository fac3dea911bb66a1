"""What two calls show of one VMA, or of one context, where nothing between them can have changed it.

What an open call and one inside it show is told when the open one returns: only then is it sure that it was open.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyPageRange,
    CopyVma,
    DupMmap,
    ExitMmap,
    FreePfnRange,
    MprotectFixup,
    RemapPfnRange,
    SplitVma,
    UnmapVmas,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.events.runs import FOLLOWED, OrdinaryVmas
from pat_check.model.vma import VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_PAT, VM_PFNMAP, VM_SHARED, VM_SPECIAL
from pat_check.replay.context import Context
from pat_check.replay.frames import Frame
from pat_check.replay.mapped import is_whole
from pat_check.replay.remarks import Surprise

_REMAPPED: Final = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP
_NOT_COPIED: Final = 0x2000 | 0x80000 | 0x200 | 0x1000 | 1 << 38 | VM_PAT
"""Flags that fork may have taken from a copy by then: those of mlock() and userfaultfd, and VM_PAT."""
_LOW: Final = 1 << 31
"""Where the end of everything never is."""
_KEPT: Final = VM_SPECIAL | VM_SHARED
"""Flags that mprotect() never changes."""
_NO_FLAGS: Final = 1 << 48
"""Flags are below: from here on it is an address that a tracer shows."""
_LIMIT: Final = 100_000

AGREEING: Final[frozenset[type[Call]]] = frozenset(
    (CopyPageRange, FreePfnRange, MprotectFixup, RemapPfnRange, SplitVma, UnmapVmas, VmAreaDup, VmAreaFree, ZapVma)
)
"""Calls that are heard here."""

Difference = tuple[str, str, str]
"""What, as a phrase, what was predicted, what was observed."""


class Shown:
    """What a call shows of a VMA: 0 and -1 are not recorded."""

    __slots__ = ("end", "flags", "mm", "start", "vma")

    def __init__(self, vma: int, mm: int, start: int = -1, end: int = -1, flags: int = -1) -> None:
        self.vma, self.mm, self.start, self.end, self.flags = vma, mm, start, end, flags


def differences(wanted: Shown, found: Shown, beside: int = 0) -> list[Difference]:
    """What is not alike, but for the flags of `beside`."""
    told: list[Difference] = []
    if wanted.mm and found.mm and wanted.mm != found.mm:
        told.append(("of a VMA of mm", f"{wanted.mm:#x}", f"{found.mm:#x}"))
    bounds = wanted.start >= 0 <= wanted.end and found.start >= 0 <= found.end
    if bounds and (wanted.start != found.start or wanted.end != found.end):
        told.append(("of a VMA of", f"[{wanted.start:#x}-{wanted.end:#x})", f"[{found.start:#x}-{found.end:#x})"))
    if wanted.flags >= 0 <= found.flags and (wanted.flags ^ found.flags) & ~beside:
        told.append(("of a VMA with flags", f"{wanted.flags & ~beside:#x}", f"{found.flags & ~beside:#x}"))
    return told


class Agreeing:
    """Tells of what is not alike."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._ending: dict[int, tuple[int, int]] = {}  # by pid: line of the unmap_vmas() of an exit_mmap(), and its mm
        self._ordinary = False  # zaps of ordinary mappings are recorded: no filter leaves them out
        self._first: dict[int, UnmapVmas] = {}  # by pid: its first VMA was not cleared first, but must be freed first

    def enter(self, call: Call) -> None:
        """A call of one of the kinds of `AGREEING` begins."""
        if call.pid <= 0:
            return
        task = self.context.tasks.of(call)
        outer = task.frames[-1] if task.frames else None
        if isinstance(call, ZapVma):
            if call.flags < 0 or not call.flags & FOLLOWED:
                self._ordinary = True
            if isinstance(task.scope, UnmapVmas):
                self._first_zap(call, task.scope)
        elif isinstance(call, UnmapVmas):
            self._unmaps(call, task.scope)
        elif isinstance(call, VmAreaFree):
            if self._first and (unmap := self._first.pop(call.pid, None)) is not None and call.vma != unmap.vma:
                self._begins_with(unmap, call, call.vma)
        elif isinstance(call, FreePfnRange):
            self._frees(call, task.scope)
        else:
            if isinstance(call, MprotectFixup):
                self._protects(call)
            if outer is not None:
                found = nested(outer.call, call)
                if found:
                    outer.noted().differs.extend([(call, *one) for one in found])

    def returned(self, frame: Frame) -> None:
        """A call has returned: what differs was surely inside."""
        if frame.inside is not None:
            for call, what, predicted, observed in frame.inside.differs:
                called = f"called {call.function()}() {what}"
                self._tell(call, frame.api, called, predicted, observed, frame.call.at)

    def copies(self, dup: VmAreaDup, call: CopyPageRange | FreePfnRange, by: str) -> None:
        """fork copies the VMA that vm_area_dup() has just copied, or clears the copy."""
        wanted, found = shown(dup), shown(call)
        if wanted is None or found is None or call.pid <= 0:
            return
        if isinstance(call, FreePfnRange):
            fork = self.context.tasks.of(call).innermost(DupMmap)
            mm = fork.call.mm if fork is not None and isinstance(fork.call, DupMmap) else 0
            if not mm or call.mm == mm:
                wanted.mm = 0  # when it becomes the child's is no matter
        for what, predicted, observed in differences(wanted, found, _NOT_COPIED if found.vma != dup.vma else 0):
            self._tell(call, by, f"called {call.function()}() {what}", predicted, observed, dup.at)

    def clears(self, zap: ZapVma, call: ZapVma) -> None:
        """unmap_single_vma() has made unmap_page_range()."""
        wanted, found = shown(zap), shown(call)
        if wanted is None or found is None:
            return
        told = differences(wanted, found, VM_PAT)
        start = zap.start if zap.start > zap.vm_start else zap.vm_start
        end = zap.end if zap.end < zap.vm_end else zap.vm_end
        known = zap.vm_start >= 0 <= zap.start and call.start >= 0
        if known and (call.start != start or call.end != end):
            told.append(("with", f"[{start:#x}-{end:#x})", f"[{call.start:#x}-{call.end:#x})"))
        for what, predicted, observed in told:
            self._tell(call, zap.api, f"called {call.api}() {what}", predicted, observed, zap.at)

    def lets_pass(self, run: OrdinaryVmas, scope: Call | None) -> bool:
        """Whether calls that come as one would lead to nothing."""
        if run.freed and not self.lets_free(run.pid):
            return False
        if not run.zap or not isinstance(scope, UnmapVmas):
            return True
        at, mm = self._ending.get(run.pid, (0, 0))
        return scope.vma in (0, run.vmas[0]) and (at != scope.at or mm == run.mm)

    def lets_zap(self, zap: ZapVma, scope: Call | None) -> bool:
        """The same of zaps of followed VMAs, of which this is the first."""
        if not isinstance(scope, UnmapVmas):
            return True
        at, mm = self._ending.get(zap.pid, (0, 0))
        return scope.vma in (0, zap.vma) and (at != scope.at or mm in (0, zap.mm))

    def lets_free(self, pid: int) -> bool:
        """Whether any VMA may be freed next."""
        return not (self._first and pid in self._first)

    def taken(self, run: OrdinaryVmas) -> None:
        """Calls have come as one."""
        if run.zap:
            self._ordinary = True

    def lost(self) -> None:
        """Events are missing."""
        self._ending.clear()
        self._first.clear()

    # --- what must be alike ------------------------------------------------------------------------------------

    def _unmaps(self, call: UnmapVmas, scope: Call | None) -> None:
        """exit_mmap() unmaps everything that its address space has."""
        if self._first:
            self._first.pop(call.pid, None)
        if call.pid in self._ending:
            del self._ending[call.pid]
        if isinstance(scope, ExitMmap):
            if len(self._ending) > _LIMIT:
                self._ending.clear()
            self._ending[call.pid] = call.at, scope.mm
            if call.start > 0 or 0 <= call.end < _LOW:
                have = f"[{call.start:#x}-{call.end:#x})"
                self._tell(call, "exit_mmap", "called unmap_vmas() with", "everything", have, scope.at)

    def _first_zap(self, call: ZapVma, unmap: UnmapVmas) -> None:
        """unmap_vmas() begins with the VMA that it got, unless that has huge TLB pages."""
        at, mm = self._ending.get(call.pid, (0, 0))
        if at == unmap.at and mm and call.mm and call.mm != mm:
            self._tell(call, "exit_mmap", f"called {call.api}() of a VMA of mm", f"{mm:#x}", f"{call.mm:#x}", at)
        if not unmap.vma or not call.vma or call.vma == unmap.vma or call.start < 0:
            return
        if call.api == "unmap_single_vma":
            first = self._ordinary or 0 <= call.vm_start <= unmap.start < call.vm_end
            if first and (call.start, call.end) == (unmap.start, unmap.end):
                self._begins_with(unmap, call, call.vma)
        elif call.start == unmap.start and call.end <= unmap.end:
            self._begins_with(unmap, call, call.vma)
        elif at == unmap.at and is_whole(unmap) and self._ordinary and not self.context.lost_any:
            self._first[call.pid] = unmap

    def _begins_with(self, unmap: UnmapVmas, call: Call, vma: int) -> None:
        self._tell(call, "unmap_vmas", "began with the VMA", f"{unmap.vma:#x}", f"{vma:#x}", unmap.at)

    def _frees(self, call: FreePfnRange, scope: Call | None) -> None:
        """untrack_pfn() is of what is zapped, and the context that goes with a VMA is that of the VMA."""
        if call.api == "untrack_pfn" and isinstance(scope, ZapVma):
            wanted, found = shown(scope), shown(call)
            if scope.api == "unmap_single_vma" and wanted is not None and found is not None and call.vma == scope.vma:
                for what, predicted, observed in differences(wanted, found):
                    self._tell(call, scope.api, f"called untrack_pfn() {what}", predicted, observed, scope.at)
        elif call.api == "pfnmap_track_ctx_release" and not is_released_by(scope, call):
            assert isinstance(scope, VmAreaFree)
            what = "called pfnmap_track_ctx_release() of the context"
            self._tell(call, "vm_area_free", what, f"{scope.ctx:#x}", f"{call.ctx:#x}", scope.at)

    def _protects(self, call: MprotectFixup) -> None:
        """mprotect_fixup() is of a part of its VMA, and changes what may be done with its memory, not what that is."""
        known = min(call.flags, call.newflags) >= 0 and max(call.flags, call.newflags) < _NO_FLAGS
        if known and (call.flags ^ call.newflags) & _KEPT:
            surprise = Surprise(self.context, call, "mprotect_fixup", 0, 0)
            surprise.tell("came with newflags", f"the flags of {call.flags & _KEPT:#x}", f"{call.newflags:#x}", [])
        if min(call.start, call.end, call.vm_start, call.vm_end) < 0:
            return
        if not call.vm_start <= call.start < call.end <= call.vm_end:
            surprise = Surprise(self.context, call, "mprotect_fixup", 0, 0)
            have, part = f"[{call.start:#x}-{call.end:#x})", f"a part of [{call.vm_start:#x}-{call.vm_end:#x})"
            surprise.tell("came with", part, have, [])

    def _tell(self, call: Call, by: str, what: str, predicted: str, observed: str, at: int) -> None:
        if not self.context.lossy:
            Surprise(self.context, call, by, 0, 0).tell(what, predicted, observed, [(at, "called here")])


def is_released_by(scope: Call | None, call: FreePfnRange) -> bool:
    """Whether a context that is released may be that of the VMA that is freed, if one is."""
    return not isinstance(scope, VmAreaFree) or scope.ctx <= 0 or call.ctx <= 0 or scope.ctx == call.ctx


def may_track(outer: RemapPfnRange, api: str, flags: int, ctx: int) -> bool:
    """Whether a remap may call this function for its VMA with these flags and this context: see `nested`."""
    told = api == "remap_pfn_range_track" and flags == outer.flags | _REMAPPED
    if outer.flags >= 0 <= flags and outer.flags != flags and not told:
        return False
    return outer.ctx < 0 or ctx < 0 or outer.ctx == ctx


def shown(call: Call) -> Shown | None:
    """What a call shows of its VMA."""
    if isinstance(call, (RemapPfnRange, CopyPageRange, FreePfnRange, MprotectFixup, SplitVma, VmAreaDup, ZapVma)):
        return Shown(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
    return Shown(call.vma, call.mm, flags=call.flags) if isinstance(call, CopyVma) else None


def _shows_the_same(outer: SplitVma, call: VmAreaDup) -> bool:
    if outer.vm_start != call.vm_start or outer.vm_end != call.vm_end or outer.flags != call.flags:
        return False
    return outer.mm == call.mm


def nested(outer: Call, call: Call) -> list[Difference]:
    """What differs in a call that is made inside another one of the same VMA."""
    if isinstance(outer, DupMmap):
        if isinstance(call, VmAreaDup) and call.mm and call.mm != outer.oldmm:
            return [("of a VMA of mm", f"{outer.oldmm:#x}", f"{call.mm:#x}")]
        return []
    if isinstance(outer, SplitVma) and isinstance(call, VmAreaDup) and _shows_the_same(outer, call):
        return []
    wanted, found = shown(outer), shown(call)
    if wanted is None or found is None or wanted.vma != found.vma or not found.vma:
        return []
    if isinstance(outer, RemapPfnRange) and isinstance(call, RemapPfnRange):
        if call.api == "remap_pfn_range_track" and wanted.flags >= 0 and found.flags != wanted.flags:
            wanted.flags |= _REMAPPED  # which it may be called before, or after
        told = differences(wanted, found)
        if outer.ctx >= 0 <= call.ctx and outer.ctx != call.ctx:
            told.append(("of a VMA with the context", f"{outer.ctx:#x}", f"{call.ctx:#x}"))
        return told
    if isinstance(outer, MprotectFixup) and isinstance(call, SplitVma):
        wanted.start = outer.start if outer.start == found.start else wanted.start  # split there before
        told = differences(wanted, found)
        if min(outer.start, outer.end, call.addr) >= 0 and call.addr not in (outer.start, outer.end):
            told.append(("at", f"{outer.start:#x} or {outer.end:#x}", f"{call.addr:#x}"))
        return told
    copies = isinstance(outer, CopyPageRange) and isinstance(call, CopyPageRange)
    if copies or (isinstance(outer, (SplitVma, CopyVma)) and isinstance(call, VmAreaDup)):
        return differences(wanted, found)
    return []
