"""Calls that come though no caller makes them, or before what must precede them."""

from __future__ import annotations

from typing import Final

from pat_check.eras import ERAS
from pat_check.events import (
    Call,
    CopyPageRange,
    FreePfnRange,
    InsertPfn,
    MemtypeReserve,
    RemapPfnRange,
    ReservePfnRange,
    UnmapVmas,
    ZapVma,
)
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT, VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.remarks import Surprise
from pat_check.replay.shared_contexts import SharedContexts
from pat_check.replay.wanted import page_align, seen_in

_COMMS: Final = 10_000
_ZAP_UNTRACKS: Final = [era for era in ERAS if era.zap_untracks]
_UNMAP_UNTRACKS: Final = [era for era in ERAS if era.unmap_untracks]
_HUGE: Final = [era for era in ERAS if era.huge_pfnmap]
_RESERVING: Final[frozenset[type[Call]]] = frozenset((ReservePfnRange, MemtypeReserve))

WATCHED: Final[frozenset[type[Call]]] = _RESERVING | {
    FreePfnRange,
    InsertPfn,
    ZapVma,
}
"""Calls that are heard here."""


class Unwanted:
    """Tells of each."""

    def __init__(self, context: Context, doubts: Doubts, contexts: SharedContexts) -> None:
        self.context, self.doubts, self.contexts = context, doubts, contexts
        self._comms: set[str] = set()  # names of tasks whose zaps are recorded: not those of all need be

    def enter(self, call: Call) -> None:
        """A call begins."""
        kind = type(call)
        if kind is FreePfnRange:
            self._untracks(call)
        elif kind is ZapVma:
            self.zaps(call.comm)
            self._cleared(call)
        elif kind is InsertPfn:
            self._inserts(call)
        elif kind in _RESERVING:
            self._reserves(call)

    def zaps(self, comm: str) -> None:
        """A task of this name zaps."""
        if comm not in self._comms and len(self._comms) < _COMMS:
            self._comms.add(comm)

    # --- what comes by itself ------------------------------------------------------------------------------

    def _untracks(self, call: Call) -> None:
        """Zaps untrack in unmap_single_vma() alone, if at all. A context goes with its last VMA."""
        assert isinstance(call, FreePfnRange)
        if call.api == "pfnmap_track_ctx_release":
            left = self.contexts.released(call.ctx)
            if left > 0 and "vm_area_free" in self.context.recorded:
                start = max(call.pfn, 0) * PAGE
                surprise = Surprise(self.context, call, call.api, start, start + max(call.size, 0))
                more = "one more mapping is" if left == 1 else f"{left} more mappings are"
                surprise.tell("came", f"only after {more} gone", "already", [])
        elif call.api == "untrack_pfn" and call.pfn == 0 == call.size and call.vma:
            scope = self.context.tasks.of(call).scope
            if isinstance(scope, ZapVma) and scope.vma == call.vma:
                if scope.api == "unmap_single_vma":
                    self.doubts.seen(call, "unmap_single_vma() calls untrack_pfn()", _ZAP_UNTRACKS)
            elif self._shows_zaps(call, scope):
                if self.context.era.zap_untracks:
                    surprise = Surprise(self.context, call, call.api, 0, 0)
                    surprise.tell("came", "that only unmap_single_vma() of this VMA calls it", "by itself", [])
                self.doubts.seen(call, "untrack_pfn() comes before unmap_single_vma()", _UNMAP_UNTRACKS)
        elif call.api == "untrack_pfn" and call.vma and max(call.pfn, call.size) > 0:
            scope = self.context.tasks.of(call).scope
            if isinstance(scope, ZapVma) and scope.api == "unmap_single_vma" and scope.vma == call.vma:
                surprise = Surprise(self.context, call, scope.api, 0, 0)
                have = f"{max(call.pfn, 0):#x} and {max(call.size, 0):#x}"
                told = [(scope.at, "called here")]
                surprise.tell("called untrack_pfn() with a pfn and a size of", "none", have, told)

    def _shows_zaps(self, call: Call, scope: Call | None) -> bool:
        """Whether the unmap_single_vma() that this call is in must have been seen."""
        if "unmap_single_vma" not in self.context.recorded or self.context.lost_any:
            return False
        return isinstance(scope, UnmapVmas) or call.comm in self._comms

    def _cleared(self, call: Call) -> None:
        """untrack_pfn() has come before the entries of a VM_PAT mapping are cleared, where any zap untracks."""
        assert isinstance(call, ZapVma)
        tracked = call.flags >= 0 and call.flags & VM_PAT and call.flags & VM_PFNMAP
        if tracked and call.api == "unmap_page_range" and self.context.era.zap_untracks:
            surprise = Surprise(self.context, call, call.api, call.start, call.end, "zap")
            surprise.tell("came", "that untrack_pfn() has cleared it", "with VM_PAT set", [])
            self.doubts.seen(call, "a zap leaves VM_PAT set", [era for era in ERAS if not era.zap_untracks])

    def _inserts(self, call: Call) -> None:
        """Huge entries in a PFN mapping; DAX has them in others."""
        assert isinstance(call, InsertPfn)
        if call.size > PAGE and call.flags >= 0 and call.flags & VM_PFNMAP:
            self.doubts.seen(call, f"{call.api}() makes a huge entry in a PFN mapping", _HUGE)

    def _reserves(self, call: Call) -> None:
        """A mapping of a part, and a fork of what is not tracked, reserve nothing."""
        frames = self.context.tasks.of(call).frames
        outer = frames[-1].call if frames else None
        if isinstance(outer, RemapPfnRange) and _is_partial(outer):
            why = "none, for it maps a part"
        elif isinstance(outer, CopyPageRange) and outer.flags >= 0 and not self._copies_tracking(outer):
            why = "none, for nothing is tracked"
        else:
            return
        found, function = seen_in(call), call.function()
        surprise = Surprise(self.context, call, outer.function(), found.start, found.start + found.size)
        surprise.tell("made", why, f"a call of {function}()", [(outer.at, "called here")])

    def _copies_tracking(self, call: CopyPageRange) -> bool:
        return bool(call.flags & VM_PAT and call.flags & VM_PFNMAP) and not self.context.era.fork_shares


def _is_partial(call: RemapPfnRange) -> bool:
    known = call.vma and min(call.vm_start, call.addr, call.size) >= 0
    full = call.addr == call.vm_start and page_align(call.size) == call.vm_end - call.vm_start
    return bool(known) and not full
