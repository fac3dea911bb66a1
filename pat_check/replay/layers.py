"""The layers above the memtype layer, where they are recorded: what each call must do below, and whether it did.

A caller wants a chain of functions, of which the first that is recorded must come; what is not recorded is not checked.
"""

from __future__ import annotations

from typing import Final

from pat_check.eras import ERAS
from pat_check.events import (
    ArchIoFreeMemtypeWc,
    ArchIoReserveMemtypeWc,
    Call,
    CopyPageRange,
    CopyVma,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    GetPatInfo,
    InsertPfn,
    IoremapCaller,
    Iounmap,
    MemtypeErase,
    MemtypeFree,
    MemtypeFreeIo,
    MemtypeReserve,
    MemtypeReserveIo,
    MprotectFixup,
    RemapPfnRange,
    ReservePfnRange,
    Return,
    SetMemory,
    SplitVma,
    UnmapVmas,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT, VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.nesting import Nesting
from pat_check.replay.remarks import Surprise
from pat_check.replay.shared_contexts import SharedContexts
from pat_check.replay.tasks import Frame
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import Seen, Wanted, seen_in

_DEPTH: Final = 32


class Layers:
    """Predicts the calls below each recorded call, and compares."""

    def __init__(self, context: Context, vmas: Vmas, doubts: Doubts) -> None:
        self.context, self.doubts = context, doubts
        self.nesting = Nesting(context, vmas, self._want)
        self.contexts = SharedContexts(context)
        self.seen: set[str] = set()  # functions that were seen
        self.kinds: set[type[Call]] = set()
        self._lacks = context.era.lacks
        self._chains: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}  # remembered, while
        self._chains_of = -1  # so many functions are recorded
        self._waiting: dict[int, list[Wanted]] = {}  # by pid: calls that must come next, innermost last
        self._freed: dict[int, tuple[int, int, int]] = {}  # by pid: its last memtype_free: line, start, end

    # --- the loop --------------------------------------------------------------------------------------

    def enter(self, call: Call) -> None:
        """A call begins: it may be what another wanted, and want calls itself."""
        kind = type(call)
        function = call.function()
        if function not in self.seen:
            self.kinds.add(kind)
            self.seen.add(function)
            self.context.recorded.add(function)
        if function in self._lacks:
            fitting = [era for era in ERAS if function not in era.lacks]
            self.doubts.against(call, f"{function}() is called", fitting)
        if kind is MemtypeFree:
            assert isinstance(call, MemtypeFree)
            self._freed[call.pid] = call.at, call.start, call.end
            self.context.frees_unseen = False
        if self._waiting and call.pid in self._waiting:
            self._settle(call, function)
        if self.context.lossy or self.context.entry_only:
            return
        if kind is FreePfnRange:
            self._untracks(call)
        elif kind is VmAreaDup:
            assert isinstance(call, VmAreaDup)
            self.contexts.dup(call)
        elif kind is VmAreaFree:
            self._vma_free(call)
        elif kind is ZapVma:
            self._cleared(call)
        self.nesting.predict(call)

    def leave(self, event: Return, frame: Frame | None) -> None:
        """A call is over, of which `frame` is the latest open one: what it wanted must have come."""
        if frame is None or frame.api != event.api:
            return
        fails = _fails(event)
        if self._waiting and event.pid in self._waiting:
            waiting = self._waiting[event.pid]
            while waiting and waiting[-1].at >= frame.call.at:
                wanted = waiting.pop()
                if not fails:
                    self._missing(wanted, event)
            if not waiting:
                del self._waiting[event.pid]
        if event.call is GetPatInfo:
            self._looked_up(event)
        elif fails:
            self._must_give_back(frame, event)

    def names(self) -> list[str]:
        """The layers that the recording shows, the lowest first."""
        return [name for name, kinds in _LAYERS if self.kinds & kinds]

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self._waiting.clear()
        self.contexts.lost()

    # --- what is wanted ----------------------------------------------------------------------------------

    def _want(
        self, call: Call, chain: tuple[str, ...], seen: Seen, then: tuple[str, ...] = (), *, optional: bool = False
    ) -> None:
        chain, must = self._known_chain(chain)
        if must:
            waiting = self._waiting.setdefault(call.pid, [])
            waiting.append(Wanted(call, call.function(), chain + then, must, seen, optional=optional))
            if len(waiting) > _DEPTH:
                del waiting[0]

    def _known_chain(self, chain: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """What this era has of a chain, and the first of it that is recorded."""
        recorded = self.context.recorded
        if len(recorded) != self._chains_of:
            self._chains.clear()
            self._chains_of = len(recorded)
        known = self._chains.get(chain)
        if known is None:
            has = tuple([function for function in chain if function not in self._lacks])
            must = next((one for one in has if one in recorded and one not in _INLINED), "")
            known = self._chains[chain] = has, must
        return known

    def _settle(self, call: Call, function: str) -> None:
        """Take the call as the one that was wanted last, or give up what can not come any more."""
        waiting = self._waiting[call.pid]
        while waiting:
            wanted = waiting[-1]
            if function in wanted.chain:
                waiting.pop()
                if wanted.passes_over(function):
                    self._missing(wanted, call)
                self._compare(wanted, call)
                break
            if wanted.by not in _SCOPES or function in _BESIDE:
                return
            waiting.pop()
            self._missing(wanted, wanted.call)
        if not waiting:
            del self._waiting[call.pid]

    def _looked_up(self, event: Return) -> None:
        """get_pat_info() has found the range, or untrack_pfn() has none to free."""
        waiting = self._waiting.get(event.pid)
        if waiting and waiting[-1].by in ("untrack_pfn", "unmap_single_vma") and (event.ret or 0) < 0:
            waiting.pop()
            if not waiting:
                del self._waiting[event.pid]

    def _compare(self, wanted: Wanted, call: Call) -> None:
        found = seen_in(call)
        start = found.start if found.size >= 0 else max(wanted.seen.start, 0)
        end = start + found.size if found.size >= 0 else start + max(wanted.seen.size, 0)
        for what, want, have in wanted.differences(found):
            surprise = Surprise(self.context, call, wanted.by, start, end)
            surprise.tell(what.format(call.function()), want, have, [(wanted.at, "called here")])

    def _missing(self, wanted: Wanted, event: Event) -> None:
        if not wanted.optional and not self.context.lossy:
            start, size = max(wanted.seen.start, 0), max(wanted.seen.size, 0)
            surprise = Surprise(self.context, event, wanted.by, start, start + size)
            story = [(wanted.at, "called here")] if event.at != wanted.at else []
            surprise.tell("made", f"a call of {wanted.must}()", "none", story)

    # --- what no caller wants ---------------------------------------------------------------------------------

    def _untracks(self, call: Call) -> None:
        """unmap_single_vma() alone calls untrack_pfn(vma, 0, 0); a context goes with its last VMA."""
        assert isinstance(call, FreePfnRange)
        if call.api == "pfnmap_track_ctx_release":
            left = self.contexts.released(call.ctx)
            if left > 0 and "vm_area_free" in self.context.recorded:
                start = max(call.pfn, 0) * PAGE
                surprise = Surprise(self.context, call, call.api, start, start + max(call.size, 0))
                surprise.tell("came", f"only after {left} more mappings are gone", "already", [])
        elif call.api == "untrack_pfn" and call.pfn == 0 == call.size and self.context.era.zap_untracks:
            scope = self.context.tasks.of(call).scope
            inside = isinstance(scope, ZapVma) and scope.vma == call.vma
            if "unmap_single_vma" in self.context.recorded and call.vma and not inside:
                surprise = Surprise(self.context, call, call.api, 0, 0)
                surprise.tell("came", "that only unmap_single_vma() of this VMA calls it", "by itself", [])

    def _cleared(self, call: Call) -> None:
        """untrack_pfn() has come before the entries of a VM_PAT mapping are cleared, where any zap untracks."""
        assert isinstance(call, ZapVma)
        tracked = call.flags >= 0 and call.flags & VM_PAT and call.flags & VM_PFNMAP
        if tracked and call.api == "unmap_page_range" and self.context.era.zap_untracks:
            surprise = Surprise(self.context, call, call.api, call.start, call.end, "zap")
            surprise.tell("came", "that untrack_pfn() has cleared it", "with VM_PAT set", [])
            self.doubts.against(call, "a zap leaves VM_PAT set", [era for era in ERAS if not era.zap_untracks])

    def _vma_free(self, call: Call) -> None:
        """vm_area_free() of the last VMA with a context releases it."""
        assert isinstance(call, VmAreaFree)
        gone = self.contexts.free(call)
        if gone is not None and "vm_area_dup" in self.context.recorded:
            chain: tuple[str, ...] = ("pfnmap_track_ctx_release", "pfnmap_untrack")
            if self.nesting.is_tracked(*gone):
                chain += ("memtype_free",)
            self._want(call, chain, Seen(*gone))

    def _must_give_back(self, frame: Frame, event: Return) -> None:
        """A call that failed after it had reserved must have freed what it reserved."""
        node = frame.node
        if node is None or self.context.lossy or "memtype_free" not in self.context.recorded:
            return
        at, start, end = self._freed.get(event.pid, (0, 0, 0))
        if at < frame.call.at or (start, end) != (node.start, node.end):
            surprise = Surprise(self.context, event, event.api, node.start, node.end)
            surprise.tell("made", "a call of memtype_free(), for it fails", "none", [(frame.call.at, "called here")])


def _fails(event: Return) -> bool:
    if event.call is IoremapCaller:
        return event.ret == 0
    return event.ret is not None and event.ret < 0 and event.call is not GetPatInfo


_INLINED: Final[frozenset[str]] = frozenset(("memtype_reserve_io", "memtype_free_io"))
"""Functions of one file with a caller of theirs: the compiler may have put them into it."""
_SCOPES: Final[frozenset[str]] = frozenset(
    (
        "unmap_single_vma",
        "untrack_pfn",
        "pfnmap_untrack",
        "pfnmap_track_ctx_release",
        "vm_area_free",
        "iounmap",
        "memtype_free_io",
        "arch_io_free_memtype_wc",
    )
)
"""Callers whose return is not recorded: what they want comes next or not at all."""
_BESIDE: Final[frozenset[str]] = frozenset(("get_pat_info",))
"""What may stand between such a caller and the call that it wants."""
LAYERED: Final[frozenset[type[Event]]] = frozenset(
    (
        RemapPfnRange,
        ReservePfnRange,
        CopyPageRange,
        FreePfnRange,
        GetPatInfo,
        VmAreaDup,
        VmAreaFree,
        MemtypeReserve,
        MemtypeFree,
        MemtypeErase,
        MemtypeReserveIo,
        MemtypeFreeIo,
        ArchIoReserveMemtypeWc,
        ArchIoFreeMemtypeWc,
        IoremapCaller,
        Iounmap,
        SetMemory,
        SplitVma,
        CopyVma,
        MprotectFixup,
        InsertPfn,
        ZapVma,
        UnmapVmas,
        ExitMmap,
        DupMmap,
    )
)
"""The calls that this part and the followed VMAs hear."""
_LAYERS: Final[tuple[tuple[str, frozenset[type[Call]]], ...]] = (
    ("memtype", frozenset((MemtypeReserve, MemtypeFree))),
    (
        "drivers",
        frozenset((IoremapCaller, Iounmap, ArchIoReserveMemtypeWc, ArchIoFreeMemtypeWc)),
    ),
    ("PFN tracking", frozenset((ReservePfnRange, FreePfnRange))),
    ("remap", frozenset((RemapPfnRange,))),
    ("inserts", frozenset((InsertPfn,))),
    ("zaps", frozenset((ZapVma,))),
    ("fork", frozenset((CopyPageRange,))),
    ("VMAs", frozenset((VmAreaDup, VmAreaFree, SplitVma, CopyVma, MprotectFixup))),
)
