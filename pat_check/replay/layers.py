"""The layers above the memtype layer, where they are recorded: what each call must do below, and whether it did.

A caller wants a chain of functions, of which the first that is recorded must come; what is not recorded is not checked.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyVma,
    DupMmap,
    Event,
    FreePfnRange,
    GetPatInfo,
    IoremapCaller,
    MemremapPages,
    MemtypeFree,
    MemtypeReserve,
    Return,
    VmAreaDup,
    VmAreaFree,
)
from pat_check.events.runs import OrdinaryVmas, Run
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.layered import layers_of
from pat_check.replay.nesting import Nesting
from pat_check.replay.remarks import Surprise, called_here
from pat_check.replay.shared_contexts import SharedContexts
from pat_check.replay.tasks import Frame
from pat_check.replay.unmaps import UNMAPPING, Unmaps
from pat_check.replay.unwanted import WATCHED, Unwanted
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import Seen, Wanted, seen_in

_DEPTH: Final = 32


class Layers:
    """Predicts the calls below each recorded call, and compares."""

    def __init__(self, context: Context, vmas: Vmas, doubts: Doubts) -> None:
        self.context, self.doubts = context, doubts
        self.nesting = Nesting(context, vmas, self._want)
        self.contexts = SharedContexts(context)
        self.unwanted = Unwanted(context, doubts, self.contexts)
        self.unmaps = Unmaps(context, vmas, self.nesting.is_tracked)
        self.seen: set[str] = set()  # functions whose calls were seen
        self.passed: set[str] = set()  # functions that must have been called, or have called, and are not recorded
        self._callers: set[str] = set()  # places that calls returned to
        self._strangers: set[str] = set()  # those of them in functions that the era does not have
        self._lacks = context.era.lacks
        self._unlike = context.era.lacks | context.era.hides
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
            self._shows("entries", function)
            self.telltale(call)
        elif function in self._unlike:
            self.doubts.called(call, function)
        if kind is MemtypeFree:
            assert isinstance(call, MemtypeFree)
            self._freed[call.pid] = call.at, call.start, call.end
            self.context.frees_unseen = self.context.changes_unseen = False
        elif kind is MemtypeReserve:
            self.context.reserves_unseen = self.context.changes_unseen = False
        if self.context.halves and function in self.context.halves:
            return  # as if it was not recorded at all
        if self._waiting and call.pid in self._waiting:
            self._settle(call, function)
        if kind in UNMAPPING or self.unmaps.due:
            self.unmaps.enter(call)
        if self.context.lossy or self.context.entry_only:
            return
        if kind is VmAreaDup:
            assert isinstance(call, VmAreaDup)
            self.contexts.dup(call)
        elif kind is VmAreaFree:
            self._vma_free(call)
        if kind in WATCHED:
            self.unwanted.enter(call)
        self.nesting.predict(call)

    def telltale(self, call: Call) -> None:
        """A function was called that not every era has."""
        function = call.function()
        if function not in self.seen:
            self.seen.add(function)
            self.doubts.shows(function)
        if function in self._unlike:
            self.doubts.called(call, function)

    def leave(self, event: Return, frame: Frame | None) -> None:
        """A call is over, of which `frame` is the latest open one: what it wanted must have come."""
        if event.caller not in self._callers:
            self._callers.add(event.caller)
            caller = event.caller.partition("+")[0]
            self.passed.add(caller)
            self.doubts.shows(caller)
            if caller in self._unlike:
                self._strangers.add(event.caller)
        if self._strangers and event.caller in self._strangers:
            self.doubts.called(event, event.caller.partition("+")[0])
        if self.context.halves and event.api in self.context.halves:
            self._shows("returns", event.api)
        if frame is None or frame.api != event.api:
            self._without_entry(event)
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
        elif event.call is VmAreaDup and isinstance(frame.call, VmAreaDup):
            self._duplicated(frame.call, event)
        elif fails:
            self._must_give_back(frame, event)

    def are_idle(self, run: OrdinaryVmas) -> bool:
        """Whether such calls, of which each kind was seen before, would come and go without a trace."""
        pid, era = run.pid, self.context.era
        if self.context.halves or self.context.entry_only or pid in self._waiting:
            return False
        if run.zap and (run.zap in era.lacks or not self.unmaps.lets_pass(run)):
            return False
        if pid in self.unmaps.due and not run.is_zap:
            return False
        return era.lacks.isdisjoint(_ORDINARY)

    def may_take(self, run: Run) -> bool:
        """Whether an era may have made such calls, and nothing is due in this task."""
        return run.pid not in self.unmaps.due and self.context.era.lacks.isdisjoint(_WHOLE)

    def waits(self, pid: int) -> bool:
        """Whether a call is wanted of this task."""
        return pid in self._waiting

    def waits_for(self, pid: int, function: str) -> bool:
        """Whether no call is wanted of this task, or only one that begins with this function."""
        waiting = self._waiting.get(pid)
        return waiting is None or (len(waiting) == 1 and function in waiting[0].chain)

    def release(self, call: FreePfnRange, free_at: int) -> None:
        """A context is released, and makes what it must make: its memtype_free() is at `free_at`."""
        if call.pid in self._waiting:
            self._settle(call, call.api)
        self.unwanted.enter(call)
        start = call.pfn * PAGE
        self._freed[call.pid] = free_at, start, start + call.size
        self.unmaps.frees(start, start + call.size)

    def over(self, event: Event) -> None:
        """A task writes a marker, or ends: what it was in the midst of is over."""
        waiting = self._waiting.get(event.pid)
        while waiting and waiting[-1].by in _SCOPES:
            wanted = waiting.pop()
            self._missing(wanted, wanted.call)
        self.unmaps.over(event)

    def gone(self, pid: int) -> None:
        """A task is gone: nothing that it has called goes on."""
        self._waiting.pop(pid, None)
        self._freed.pop(pid, None)

    def names(self) -> list[str]:
        """The layers that the recording shows, the lowest first."""
        return layers_of(self.seen)

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self._waiting.clear()
        self.unwanted.lost()
        self.contexts.lost()
        self.unmaps.lost()

    def _shows(self, half: str, function: str) -> None:
        """The first of the entries, or of the returns, of a function."""
        if self.context.halves.get(function, "") != half:
            self.context.halves.pop(function, None)
            self.context.tasks.endless.discard(function)
            self.context.recorded.add(function)

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
            if not recorded.issuperset(has):
                self.passed.update(has)
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

    def _without_entry(self, event: Return) -> None:
        """A return whose entry did not come, where it had to: the call itself is missing."""
        waiting = self._waiting.get(event.pid)
        if waiting and waiting[-1].must == event.api:
            self._missing(waiting.pop(), event)

    def _looked_up(self, event: Return) -> None:
        """get_pat_info() has found the range, or untrack_pfn() has none to free."""
        if (event.ret or 0) >= 0:
            return
        waiting = self._waiting.get(event.pid)
        if waiting and waiting[-1].by in ("untrack_pfn", "unmap_single_vma"):
            waiting.pop()
            if not waiting:
                del self._waiting[event.pid]
        self.unmaps.looked_up(event)

    def _compare(self, wanted: Wanted, call: Call) -> None:
        found = seen_in(call)
        shown = found if found.size >= 0 else wanted.seen
        start, end = (shown.start, shown.start + max(shown.size, 0)) if shown.start >= 0 else (0, 0)
        for what, want, have in wanted.differences(found):
            surprise = Surprise(self.context, call, wanted.by, start, end)
            surprise.tell(what.format(call.function()), want, have, [(wanted.at, "called here")])

    def _missing(self, wanted: Wanted, event: Event) -> None:
        if not wanted.optional and not self.context.lossy:
            start, size = wanted.seen.start, max(wanted.seen.size, 0)
            start, end = (start, start + size) if start >= 0 else (0, 0)
            surprise = Surprise(self.context, event, wanted.by, start, end)
            surprise.tell("made", f"a call of {wanted.must}()", "none", called_here(wanted.call, event))

    # --- what a call leads to ---------------------------------------------------------------------------------

    def _vma_free(self, call: Call) -> None:
        """vm_area_free() of the last VMA with a context releases it."""
        assert isinstance(call, VmAreaFree)
        gone = self.contexts.free(call)
        if gone is not None and "vm_area_dup" in self.context.recorded:
            chain: tuple[str, ...] = ("pfnmap_track_ctx_release", "pfnmap_untrack")
            if self.nesting.is_tracked(*gone):
                chain += ("memtype_free",)
            self._want(call, chain, Seen(*gone))

    def _duplicated(self, call: VmAreaDup, event: Return) -> None:
        """vm_area_dup() has made a VMA: fork then copies the page tables, of a PFN mapping always."""
        self.unwanted.duplicated(call, event)
        fork = self.context.tasks.of(event).innermost(DupMmap)
        if fork is not None and event.ret and call.flags >= 0 and call.flags & VM_PFNMAP:
            self._want(fork.call, ("copy_page_range",), Seen(vma=call.vma))

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
    if event.ret is None:
        return False
    if event.call in _GIVES_POINTER:
        return event.ret == 0 or event.ret & _POINTER >= _ERROR_POINTER
    return event.ret < 0 and event.call is not GetPatInfo


_POINTER: Final = (1 << 64) - 1
_ERROR_POINTER: Final = (1 << 64) - 4095
_GIVES_POINTER: Final[frozenset[type[Call]]] = frozenset((IoremapCaller, VmAreaDup, CopyVma, MemremapPages))
_INLINED: Final[frozenset[str]] = frozenset(("memtype_reserve_io", "memtype_free_io", "__split_vma"))
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
        "memunmap_pages",
    )
)
"""Callers whose return is not recorded: what they want comes next or not at all."""
_ORDINARY: Final[frozenset[str]] = frozenset(("vm_area_dup", "vm_area_free", "copy_page_range"))
"""What runs of ordinary calls consist of, beside zaps."""
_WHOLE: Final[frozenset[str]] = frozenset(("memtype_reserve", "memtype_free", "remap_pfn_range"))
"""What makes a mapping, or takes it away, in every era."""
_BESIDE: Final[frozenset[str]] = frozenset(("get_pat_info",))
"""What may stand between such a caller and the call that it wants."""
