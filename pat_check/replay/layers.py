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
    GetPatInfo,
    MemtypeFree,
    MemtypeReserve,
    Return,
    SchedProcessExit,
    SchedProcessFork,
    VmAreaDup,
    VmAreaFree,
)
from pat_check.replay.absent import Absent, function_of
from pat_check.replay.agreeing import Agreeing
from pat_check.replay.context import Context
from pat_check.replay.copies import Copies
from pat_check.replay.doubts import Doubts
from pat_check.replay.frames import Frame
from pat_check.replay.halves import nested_in
from pat_check.replay.heard import ABSENT, AGREED, COPIED, ENDED, HEARD, TORN_DOWN, UNMAPPED, UNWANTED
from pat_check.replay.layered import layers_of
from pat_check.replay.nesting import Nesting, Wanting
from pat_check.replay.remarks import Surprise, called_here
from pat_check.replay.results import Results
from pat_check.replay.shared_contexts import SharedContexts
from pat_check.replay.tasks import SCOPES
from pat_check.replay.teardowns import Teardowns
from pat_check.replay.torn import Torn
from pat_check.replay.unmaps import Unmaps
from pat_check.replay.unwanted import Unwanted
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import Seen, Wanted, has_failed, seen_in

_DEPTH: Final = 32


class Layers(Wanting):
    """Predicts the calls below each recorded call, and compares."""

    def __init__(self, context: Context, vmas: Vmas, doubts: Doubts) -> None:
        self.context, self.doubts = context, doubts
        self.nesting = Nesting(context, vmas, self)
        self.contexts = SharedContexts(context)
        self.unwanted = Unwanted(context, doubts, self.contexts)
        self.results = Results(context)
        self.torn = Torn(context)
        self.agreeing = Agreeing(context)
        self.copies = Copies(context, self.agreeing)
        self.teardowns = Teardowns(context, self.agreeing)
        self.unmaps = Unmaps(context, vmas, self.nesting.is_tracked)
        self.seen: set[str] = set()  # functions whose calls were seen
        self.passed: set[str] = set()  # functions that must have been called, or have called, and are not recorded
        self.absent = Absent(context)
        self.callers: dict[str, str] = {}  # by where a return goes: the function, if it can be recorded
        self.strangers: set[str] = set()  # those of them in functions that the era does not have
        self._lacks = context.era.lacks
        self.unlike = context.era.lacks | context.era.hides
        self._chains: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}  # remembered, while
        self._chains_of = -1  # so many functions are recorded
        self.waiting: dict[int, list[Wanted]] = {}  # by pid: calls that must come next, innermost last
        self.freed: dict[int, tuple[int, int, int]] = {}  # by pid: its last memtype_free: line, start, end

    # --- the loop --------------------------------------------------------------------------------------

    def enter(self, call: Call) -> None:
        """A call begins: it may be what another wanted, and want calls itself."""
        kind = type(call)
        function = call.function()
        if function not in self.seen:
            self._shows("entries", function)
            self.telltale(call)
        elif function in self.unlike:
            self.doubts.called(call, function)
        if kind is MemtypeFree:
            assert isinstance(call, MemtypeFree)
            self.freed[call.pid] = call.at, call.start, call.end
            self.context.frees_unseen = self.context.changes_unseen = False
        elif kind is MemtypeReserve:
            self.context.reserves_unseen = self.context.changes_unseen = False
        if self.context.halves and function in self.context.halves:
            return  # as if it was not recorded at all
        if self.torn.is_busy:
            self.torn.hear(function, "entries")
        if self.waiting:
            self.settle(call, function)
        heard = HEARD.get(kind, 0)
        if heard & ABSENT:
            self.absent.enter(call)
        if heard & UNMAPPED or (self.unmaps.due and call.pid in self.unmaps.due):
            self.unmaps.enter(call)
        if self.context.lossy or self.context.entry_only:
            return
        if kind is VmAreaDup:
            assert isinstance(call, VmAreaDup)
            self.contexts.dup(call)
        elif kind is VmAreaFree:
            self.vma_free(call)
        if heard & COPIED:
            self.copies.enter(call)
        if heard & TORN_DOWN:
            self.teardowns.enter(call)
        if heard & ENDED:
            self.results.enter(call)
        if heard & AGREED:
            self.agreeing.enter(call)
        if heard & UNWANTED:
            self.unwanted.enter(call)
        self.nesting.predict(call)

    def telltale(self, call: Call) -> None:
        """A function was called that not every era has."""
        function = call.function()
        if function not in self.seen:
            self.seen.add(function)
            self.doubts.shows(function)
        if function in self.unlike:
            self.doubts.called(call, function)

    def leave_below(self, event: Return, frame: Frame | None) -> None:
        """A call below these layers is over, of which `frame` is the latest open one: its caller must be open."""
        caller = function_of(event.caller)
        if caller and self.absent.leave(event, frame, caller):
            self._was_called(event.pid, caller)

    def leave(self, event: Return, frame: Frame | None) -> None:
        """A call is over, of which `frame` is the latest open one: what it wanted must have come."""
        caller = self.callers.get(event.caller)
        if caller is None:
            caller = self.callers[event.caller] = function_of(event.caller)
            outer = event.caller.partition("+")[0]
            self.passed.add(outer)
            self.context.nested.add(nested_in(event))
            self.doubts.shows(outer)
            if outer in self.unlike:
                self.strangers.add(event.caller)
        if caller and self.absent.leave(event, frame, caller):
            self._was_called(event.pid, caller)
        if self.strangers and event.caller in self.strangers:
            self.doubts.called(event, event.caller.partition("+")[0])
        if self.context.halves and event.api in self.context.halves:
            self._shows("returns", event.api)
        if self.torn.is_busy:
            self.torn.hear(event.api, "returns")
        if frame is None or frame.api != event.api:
            self._without_entry(event)
            return
        fails = has_failed(event)
        waiting = self.waiting.get(event.pid) if self.waiting else None
        if waiting is not None:
            while waiting and waiting[-1].at >= frame.call.at:
                wanted = waiting.pop()
                if not fails:
                    self._missing(wanted, event)
            if not waiting:
                del self.waiting[event.pid]
        if frame.inside is not None:
            self.agreeing.returned(frame)
        self.results.leave(event, frame, fails=fails)
        if event.call is GetPatInfo:
            self._looked_up(event)
        elif event.call is VmAreaDup and isinstance(frame.call, VmAreaDup):
            self.copies.duplicated(frame.call, event)
            self.contexts.copied(frame.call, event)
        elif event.call is CopyVma and isinstance(frame.call, CopyVma):
            self.copies.moved(frame.call, event)
        elif fails and event.api == "copy_page_range":
            self.copies.failed(event)
        elif event.call is DupMmap and fails:
            self.copies.unborn(event)
        elif event.call is DupMmap:
            self.copies.forked(event.pid)
        elif fails:
            self._must_give_back(frame, event)

    def fork(self, event: SchedProcessFork) -> None:
        """A task has forked, and another one begins."""
        self.copies.born(event)
        self.absent.outside(event.pid)
        self.absent.outside(event.child_pid)

    def over(self, event: Event) -> None:
        """A task writes a marker, or ends: what it was in the midst of is over."""
        self.absent.outside(event.pid)
        self.copies.over(event.pid)
        self.teardowns.over(event)
        waiting = self.waiting.get(event.pid)
        while waiting and waiting[-1].by in _SCOPES:
            wanted = waiting.pop()
            self._missing(wanted, wanted.call)
        self.unmaps.over(event)
        if isinstance(event, SchedProcessExit):
            self.unmaps.ends(event.exit_pid)

    def gone(self, pid: int) -> None:
        """A task is gone: nothing that it has called goes on."""
        self.waiting.pop(pid, None)
        self.freed.pop(pid, None)

    def names(self) -> list[str]:
        """The layers that the recording shows, the lowest first."""
        return layers_of(self.seen)

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self.waiting.clear()
        self.copies.lost()
        self.results.lost()
        self.agreeing.lost()
        self.teardowns.lost()
        self.contexts.lost()
        self.unmaps.lost()

    def _shows(self, half: str, function: str) -> None:
        """The first of the entries, or of the returns, of a function."""
        if self.context.halves.get(function, "") != half:
            self.context.halves.pop(function, None)
            self.context.tasks.endless.discard(function)
            self.context.recorded.add(function)

    def _was_called(self, pid: int, function: str) -> None:
        """A call that is missing was told: who wanted one has made it."""
        waiting = self.waiting.get(pid, [])
        for place in range(len(waiting) - 1, -1, -1):
            if waiting[place].must == function:
                del waiting[place]
                break
        if not waiting:
            self.waiting.pop(pid, None)

    # --- what is wanted ----------------------------------------------------------------------------------

    def want(
        self, call: Call, chain: tuple[str, ...], seen: Seen, then: tuple[str, ...] = (), *, optional: bool = False
    ) -> None:
        chain, must = self._known_chain(chain)
        if must:
            wanted = Wanted(call, call.function(), chain + then if then else chain, must, seen, optional=optional)
            waiting = self.waiting.get(call.pid)
            if waiting is None:
                self.waiting[call.pid] = [wanted]
                return
            waiting.append(wanted)
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

    def settle(self, call: Call, function: str) -> None:
        """Take the call as the one that was wanted last, if any was, or give up what can not come any more."""
        waiting = self.waiting.get(call.pid)
        if waiting is None:
            return
        while waiting:
            wanted = waiting[-1]
            if function in wanted.chain:
                waiting.pop()
                if wanted.must != function and wanted.passes_over(function):
                    self._missing(wanted, call)
                self._compare(wanted, call)
                break
            beside = len(waiting) > 1 and waiting[-2].at == wanted.at and function in waiting[-2].chain
            if not beside and (wanted.by not in _SCOPES or function in _BESIDE):
                return
            waiting.pop()
            self._missing(wanted, wanted.call)
        if not waiting:
            del self.waiting[call.pid]

    def _without_entry(self, event: Return) -> None:
        """A return whose entry did not come, where it had to: the call itself is missing."""
        if event.call not in SCOPES:
            if event.entry is None:
                self.absent.without_entry(event)
            self.torn.without_entry(event)
        waiting = self.waiting.get(event.pid)
        if waiting and waiting[-1].must == event.api:
            self._missing(waiting.pop(), event)

    def _looked_up(self, event: Return) -> None:
        """get_pat_info() has found the range, or untrack_pfn() has none to free."""
        if (event.ret or 0) >= 0:
            return
        waiting = self.waiting.get(event.pid)
        if waiting and waiting[-1].by in ("untrack_pfn", "unmap_single_vma"):
            waiting.pop()
            if not waiting:
                del self.waiting[event.pid]
        self.unmaps.looked_up(event)

    def _compare(self, wanted: Wanted, call: Call) -> None:
        found = seen_in(call)
        told = wanted.differences(found)
        if not told:
            return
        shown = wanted.seen if wanted.seen.start >= 0 <= wanted.seen.size else found
        start, end = (shown.start, shown.start + max(shown.size, 0)) if shown.start >= 0 else (0, 0)
        for what, want, have in told:
            surprise = Surprise(self.context, call, wanted.by, start, end)
            surprise.tell(what.format(call.function()), want, have, [(wanted.at, "called here")])

    def _missing(self, wanted: Wanted, event: Event) -> None:
        if not wanted.optional and not self.context.lossy:
            start, size = wanted.seen.start, max(wanted.seen.size, 0)
            start, end = (start, start + size) if start >= 0 else (0, 0)
            surprise = Surprise(self.context, event, wanted.by, start, end)
            surprise.tell("made", f"a call of {wanted.must}()", "none", called_here(wanted.call, event))
            self.context.tasks.of(event).absent = wanted.must  # what it may have called all the same says nothing new

    # --- what a call leads to ---------------------------------------------------------------------------------

    def vma_free(self, call: Call) -> None:
        """vm_area_free() of the last VMA with a context releases it."""
        assert isinstance(call, VmAreaFree)
        gone = self.contexts.free(call)
        if gone is not None and "vm_area_dup" in self.context.recorded:
            start, size = gone
            chain = _RELEASE_FREES if self.nesting.is_tracked(start, size) else _RELEASE
            self.want(call, chain, Seen(start, size))

    def _must_give_back(self, frame: Frame, event: Return) -> None:
        """A call that failed after it had reserved must have freed what it reserved."""
        node = frame.node
        if node is None or self.context.lossy or "memtype_free" not in self.context.recorded:
            return
        at, start, end = self.freed.get(event.pid, (0, 0, 0))
        if at < frame.call.at or (start, end) != (node.start, node.end):
            surprise = Surprise(self.context, event, event.api, node.start, node.end)
            surprise.tell("made", "a call of memtype_free(), for it fails", "none", [(frame.call.at, "called here")])


_RELEASE: Final[tuple[str, ...]] = ("pfnmap_track_ctx_release", "pfnmap_untrack")
_RELEASE_FREES: Final[tuple[str, ...]] = (*_RELEASE, "memtype_free")
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
_BESIDE: Final[frozenset[str]] = frozenset(("get_pat_info",))
"""What may stand between such a caller and the call that it wants."""
