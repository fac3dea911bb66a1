"""The layers above the memtype layer, where they are recorded: what each call must do below, and whether it did.

Each function of the tracking layer decides from its own arguments which calls it makes. These decisions are the same
in every era; an era only has some of the functions. What is not recorded is not checked.
"""

from __future__ import annotations

from collections.abc import Callable

from pat_check import events
from pat_check.cachemode import pgprot2cachemode
from pat_check.eras import ERAS
from pat_check.events import Call, Event, Return
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.remarks import Surprise

_NO_PROT = 0x7FFF_FFFF_FFFF_F000


class Wanted:
    """A call that another one must make, once: of any range of `size` bytes where `start` is -1."""

    __slots__ = ("at", "by", "end", "event", "function", "mode", "optional", "size", "start")

    def __init__(
        self, event: Event, by: str, function: str, start: int, size: int, mode: int, *, optional: bool
    ) -> None:
        self.event, self.by, self.function = event, by, function
        self.start, self.size, self.mode, self.optional = start, size, mode, optional
        self.end = start + size if start >= 0 else -1
        self.at = event.at


class Layers:
    """Predicts the calls below each recorded call of the tracking layer."""

    def __init__(self, context: Context, doubts: Doubts) -> None:
        self.context, self.doubts = context, doubts
        self.seen: set[str] = set()  # functions that are recorded
        self.kinds: set[type[Call]] = set()  # and their kinds of call
        self._wanted: dict[int, list[Wanted]] = {}  # by pid: calls that must come next, innermost last
        self._refs: dict[int, int] = {}  # by ctx: mappings that point to it
        self._made: set[int] = set()  # VMAs that were remapped whole in this recording, whose ctx is not known yet
        self._enter: dict[type[Call], Callable[[Call], None]] = {
            events.RemapPfnRange: self._remap,
            events.ReservePfnRange: self._reserve,
            events.CopyPageRange: self._copy,
            events.FreePfnRange: self._free,
            events.VmAreaDup: self._dup,
            events.VmAreaFree: self._vma_free,
        }

    # --- the loop --------------------------------------------------------------------------------------

    def enter(self, call: Call) -> None:
        """A call begins: it may be what another wanted, and want calls itself."""
        self.kinds.add(type(call))
        function = getattr(call, "api", "") or _FUNCTIONS.get(type(call), "")
        self.seen.add(function)
        if function in self.context.era.lacks:
            fitting = [era for era in ERAS if function not in era.lacks]
            self.doubts.against(call, f"{function}() is called", fitting)
        if self._wanted.get(call.pid):
            self._settle(call)
        handler = self._enter.get(type(call))
        if handler is not None and not self.context.lossy and not self.context.entry_only:
            handler(call)

    def leave(self, event: Return) -> None:
        """A call is over: what it wanted must have come."""
        waiting = self._wanted.get(event.pid)
        while waiting and waiting[-1].by == event.api:
            wanted = waiting.pop()
            if (event.ret or 0) == 0:
                self._missing(wanted, event)

    def names(self) -> list[str]:
        """The layers that the recording shows, the lowest first."""
        return [name for name, kinds in _LAYERS if self.kinds & kinds]

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self._wanted.clear()
        self._refs.clear()
        self._made.clear()

    def _settle(self, call: Call) -> None:
        """Take the call as the one that was wanted last, or give up what can not come any more."""
        waiting = self._wanted[call.pid]
        wanted = waiting[-1]
        function = getattr(call, "api", "") or _FUNCTIONS.get(type(call), "")
        if function == wanted.function:
            waiting.pop()
            self._compare(wanted, call)
        elif wanted.by in _SCOPES and function not in _BESIDE:
            waiting.pop()
            self._missing(wanted, call)

    def _want(
        self, call: Call, by: str, function: str, start: int, size: int, mode: int = -1, *, optional: bool = False
    ) -> None:
        if function in self.seen or function in ("memtype_reserve", "memtype_free"):
            waiting = self._wanted.setdefault(call.pid, [])
            waiting.append(Wanted(call, by, function, start, size, mode, optional=optional))
            if len(waiting) > 32:
                del waiting[0]

    def _compare(self, wanted: Wanted, call: Call) -> None:
        if isinstance(call, events.MemtypeReserve | events.MemtypeFree):
            start, size = call.start, call.end - call.start
        elif isinstance(call, events.ReservePfnRange):
            start, size = call.start, call.size
        else:
            return
        if size != wanted.size or (wanted.start >= 0 and start != wanted.start):
            predicted = f"[{wanted.start:#x}-{wanted.end:#x})" if wanted.start >= 0 else f"{wanted.size:#x} bytes"
            surprise = Surprise(self.context, call, wanted.by, start, start + size)
            observed, story = f"[{start:#x}-{start + size:#x})", [(wanted.at, "called here")]
            surprise.tell(f"called {wanted.function}() with", predicted, observed, story)
        elif isinstance(call, events.MemtypeReserve) and 0 <= wanted.mode != call.req:
            surprise = Surprise(self.context, call, wanted.by, start, start + size)
            surprise.tell("asked for type", str(wanted.mode), str(call.req), [(wanted.at, "called here")])

    def _missing(self, wanted: Wanted, event: Event) -> None:
        if not wanted.optional and not self.context.lossy:
            surprise = Surprise(self.context, event, wanted.by, max(wanted.start, 0), max(wanted.end, wanted.size))
            surprise.tell("made", f"a call of {wanted.function}()", "none", [(wanted.at, "called here")])

    # --- what each function does below -----------------------------------------------------------------

    def _remap(self, call: Call) -> None:
        """A full remap reserves the range; a partial one looks its type up."""
        assert isinstance(call, events.RemapPfnRange)
        if call.vm_start < 0 or call.addr != call.vm_start or call.size != call.vm_end - call.vm_start:
            return
        if call.api == "track_pfn_remap":
            self._want(call, call.api, "reserve_pfn_range", call.pfn * PAGE, call.size)
        elif call.api == "remap_pfn_range_track" and call.ctx == 0:
            self._want(call, call.api, "pfnmap_track", call.pfn * PAGE, call.size)

    def _reserve(self, call: Call) -> None:
        """reserve_pfn_range() and pfnmap_track() reserve what is not RAM."""
        assert isinstance(call, events.ReservePfnRange)
        ram = self.context.machine.ram
        if ram.known and ram.test(call.start, call.start + call.size) == 0:
            mode = pgprot2cachemode(call.prot) if call.prot >= 0 and not call.prot & _NO_PROT else -1
            self._want(call, call.api, "memtype_reserve", call.start, call.size, mode)

    def _copy(self, call: Call) -> None:
        """fork of a VM_PAT mapping reserves its range again."""
        assert isinstance(call, events.CopyPageRange)
        if call.api == "track_pfn_copy" and call.flags >= 0 and call.flags & VM_PAT:
            self._want(call, call.api, "reserve_pfn_range", -1, call.vm_end - call.vm_start)

    def _free(self, call: Call) -> None:
        """untrack_pfn() of a VM_PAT mapping frees its length; a context frees the bounds that it was made with."""
        assert isinstance(call, events.FreePfnRange)
        ram = self.context.machine.ram
        if call.api == "pfnmap_track_ctx_release":
            self._released(call)
        elif call.api == "pfnmap_untrack" and call.pfn >= 0 and ram.known:
            start = call.pfn * PAGE
            if ram.test(start, start + call.size) == 0:
                self._want(call, call.api, "memtype_free", start, call.size)
        elif call.api == "untrack_pfn" and call.flags >= 0 and call.flags & VM_PAT and call.vm_start >= 0:
            size = call.size if call.size > 0 else call.vm_end - call.vm_start
            start = call.pfn * PAGE if call.pfn > 0 else -1
            # RAM, and a mapping whose first entry is gone, free nothing.
            self._want(call, call.api, "memtype_free", start, size, optional=True)

    # --- shared contexts -------------------------------------------------------------------------------

    def _count(self, call: events.VmAreaDup | events.VmAreaFree) -> bool:
        """Whether the references of a VMA's context are known: born in this recording, of which nothing was lost."""
        if call.ctx <= 0 or self.context.lost_any:
            return False
        if call.ctx in self._refs:
            return True
        if call.vma in self._made:
            self._made.discard(call.vma)
            self._refs[call.ctx] = 1
            return True
        return False

    def _dup(self, call: Call) -> None:
        assert isinstance(call, events.VmAreaDup)
        if self._count(call):
            self._refs[call.ctx] += 1

    def _vma_free(self, call: Call) -> None:
        assert isinstance(call, events.VmAreaFree)
        if self._count(call):
            self._refs[call.ctx] -= 1
            if self._refs[call.ctx] == 0 and "pfnmap_track_ctx_release" in self.seen:
                self._want(call, "vm_area_free", "pfnmap_track_ctx_release", -1, 0)

    def _released(self, call: events.FreePfnRange) -> None:
        left = self._refs.pop(call.ctx, 0)
        if left > 0:
            start = max(call.pfn, 0) * PAGE
            surprise = Surprise(self.context, call, call.api, start, start + max(call.size, 0))
            surprise.tell("came", f"only after {left} more mappings are gone", "already", [])

    def mapped(self, vma: int, ctx: int) -> None:
        """remap_pfn_range() has mapped the whole of a VMA that had no context."""
        if ctx == 0:
            if len(self._made) > 10_000:
                self._made.clear()
            self._made.add(vma)


_FUNCTIONS: dict[type[Call], str] = {
    events.MemtypeReserve: "memtype_reserve",
    events.MemtypeFree: "memtype_free",
    events.VmAreaDup: "vm_area_dup",
    events.VmAreaFree: "vm_area_free",
}
_SCOPES: frozenset[str] = frozenset(("untrack_pfn", "pfnmap_untrack", "vm_area_free"))
"""Callers whose return is not recorded: what they want comes next or not at all."""
_BESIDE: frozenset[str] = frozenset(("pfnmap_untrack",))
"""What may stand between such a caller and the call that it wants."""
LAYERED: frozenset[type[Event]] = frozenset(
    (
        events.RemapPfnRange,
        events.ReservePfnRange,
        events.CopyPageRange,
        events.FreePfnRange,
        events.VmAreaDup,
        events.VmAreaFree,
        events.MemtypeReserve,
        events.MemtypeFree,
        events.SplitVma,
        events.CopyVma,
        events.MprotectFixup,
        events.InsertPfn,
        events.ZapVma,
    )
)
"""The calls that this part and the followed VMAs hear."""
_LAYERS: tuple[tuple[str, frozenset[type[Call]]], ...] = (
    ("memtype", frozenset((events.MemtypeReserve, events.MemtypeFree))),
    ("PFN tracking", frozenset((events.ReservePfnRange, events.FreePfnRange))),
    ("remap", frozenset((events.RemapPfnRange,))),
    ("inserts", frozenset((events.InsertPfn,))),
    ("zaps", frozenset((events.ZapVma,))),
    ("fork", frozenset((events.CopyPageRange,))),
    ("VMAs", frozenset((events.VmAreaDup, events.VmAreaFree, events.SplitVma, events.CopyVma, events.MprotectFixup))),
)
