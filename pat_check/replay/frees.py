"""memtype_free(): which reservation it hit, whose that was, and what it came close to when it hit none."""

from __future__ import annotations

from typing import Final

from pat_check import incidents
from pat_check.cachemode import WB, errno_name
from pat_check.eras import ERAS
from pat_check.events import Event, MemtypeErase, MemtypeFree, Return
from pat_check.incidents import Story
from pat_check.model import operations
from pat_check.model.memory import PHYSICAL_MASK
from pat_check.model.operations import Free
from pat_check.model.owner import BEFORE
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.expected import Expected
from pat_check.replay.frames import Frame
from pat_check.replay.holders import EXPLICIT, Holders
from pat_check.replay.locked import ERASED, compare_erase, compare_free
from pat_check.replay.remarks import Surprise, called_here, odd_range
from pat_check.replay.tasks import Task, mm_of, who_frees
from pat_check.replay.thefts import Thefts

_ERROR_POINTER: Final = (1 << 64) - 4095
_PREDICTED: Final = {"missed": "that it finds none", "shrunk": "that it shrinks one", "removed": "that it removes one"}


class Frees:
    """The handlers of memtype_free() and memtype_erase()."""

    def __init__(self, context: Context, expected: Expected, doubts: Doubts) -> None:
        self.context, self.expected, self.doubts = context, expected, doubts
        self.holders, self.thefts = Holders(context), Thefts(context)
        self._erased: dict[int, tuple[int, int, str]] = {}  # by pid: range and result, where no caller was seen

    def free(self, call: MemtypeFree) -> None:
        """Entry of memtype_free()."""
        task, frame = self.context.tasks.enter(call, "memtype_free")
        odd_range(self.context, call)
        if self.context.entry_only:
            self.apply(task, frame, call, None, "")
            task.frames.clear()
        elif self.context.halves.get("memtype_free") == "entries" and not self.context.erase_seen:
            self.apply(task, frame, call, None, "")
            task.frames.remove(frame)

    def erase(self, call: MemtypeErase) -> None:
        """Entry of memtype_erase()."""
        self.context.tasks.enter(call, "memtype_erase")

    def erase_return(self, event: Return) -> None:
        """Return of memtype_erase(): the removed entry, 0 when one was shrunk, or an error pointer."""
        task, frame = self.context.tasks.leave(event)
        call = frame.call if frame is not None else event.entry
        outer = task.innermost(MemtypeFree)
        if call is None and outer is not None:
            call = outer.call  # only the return is recorded
        if not isinstance(call, (MemtypeErase, MemtypeFree)):
            return
        self.context.erase_seen = True
        if outer is not None and isinstance(outer.call, MemtypeFree) and isinstance(call, MemtypeErase):
            compare_erase(self.context, event, outer.call, call)
        result = event.ret
        how: str | None = None
        if result is not None:
            result &= (1 << 64) - 1
            how = "missed" if result >= _ERROR_POINTER else "shrunk" if result == 0 else "removed"
        if outer is None:
            self._erased[event.pid] = call.start & PHYSICAL_MASK, call.end & PHYSICAL_MASK, how or ""
        else:
            outer.how = how or ""
        self.erased(task, outer, event, call.start, call.end, how)

    def free_return(self, event: Return) -> None:
        """Return of memtype_free()."""
        task, frame = self.context.tasks.leave(event)
        if frame is None:
            if not isinstance(event.entry, MemtypeFree):
                return
            entry, frame = event.entry, Frame(event.entry, "memtype_free")
            start, end, how = self._erased.pop(event.pid, (-1, -1, ""))
            frame.done = (start, end) == (entry.start & PHYSICAL_MASK, entry.end & PHYSICAL_MASK)
            frame.how = how if frame.done else ""
        self.apply(task, frame, event, event.ret, event.caller)

    def predicted(self, call: MemtypeFree, api: str) -> int:
        """A memtype_free() that no recording shows, from start to end: its result."""
        task, frame = self.context.tasks.enter(call, "memtype_free")
        odd_range(self.context, call)
        outcome = operations.memtype_free(self.context.machine, call.start, call.end, self.context.find_victim)
        self.apply(task, frame, call, None, api)
        task.frames.remove(frame)
        return outcome.ret

    # --- what they lead to ---------------------------------------------------------------------------------

    def apply(self, task: Task, frame: Frame, event: Event, ret: int | None, caller: str) -> None:
        """memtype_free() is over; its erase may have been applied already."""
        call = frame.call
        assert isinstance(call, MemtypeFree)
        machine = self.context.machine
        outcome = operations.memtype_free(machine, call.start, call.end, self.context.find_victim)
        if frame.done:
            compare_free(self.context, event, call, frame.how, ret)
        elif outcome.path == "tree":
            began = call.at != event.at or task.outside  # in the recording
            tree_expected = began and self.context.erase_seen and not self.context.entry_only
            unseen = not machine.ram.known and not self.context.lossy
            if tree_expected and ret == 0 and unseen and not machine.was_reserved(outcome.start, outcome.end):
                machine.ram.learn(outcome.start, outcome.end)  # freed without a look at the tree
                machine.ram.set_type(outcome.start, outcome.end, WB, event.at, BEFORE)
            else:
                if tree_expected and machine.ram.known and ret is not None and not self.context.lossy:
                    surprise = Surprise(self.context, event, "memtype_free", outcome.start, outcome.end)
                    surprise.tell("went", "into the tree", "elsewhere", called_here(call, event))
                how = None if ret is None else "missed" if ret < 0 else "hit"
                self.erased(task, frame, event, outcome.start, outcome.end, how, caller)
        elif ret is not None and ret != outcome.ret:
            self._diverge(event, outcome, "returned", errno_name(outcome.ret), errno_name(ret))
        elif outcome.path == "ram":
            self.context.changed("memtype_free", outcome.start, outcome.end, -1, event)
            machine.ram.set_type(outcome.start, outcome.end, WB, event.at, BEFORE)
        task.scope = None

    def erased(
        self,
        task: Task,
        frame: Frame | None,
        event: Event,
        start: int,
        end: int,
        how: str | None,
        caller: str = "",
    ) -> None:
        """memtype_erase() of [start, end): `how` it went as recorded: missed, shrunk, removed, hit, or None."""
        start, end = start & PHYSICAL_MASK, end & PHYSICAL_MASK
        self.context.changed("memtype_free", start, end, -1, event)
        if frame is not None:
            frame.done = True
        outcome = operations.erase(self.context.machine, start, end, self.context.find_victim)
        predicted = "missed" if outcome.victim is None else "shrunk" if outcome.shrinks else "removed"
        api = who_frees(task, caller)
        if how is None and predicted == "missed" and self._may_be_older(start, end):
            self._older(event, start, end, api)
            return
        seen = how == "shrunk"
        if how is None or (how == "hit" and predicted != "missed"):
            how = predicted
        if how != predicted and not (predicted == "missed" and not self.context.reliable):
            about = "shrink" if "shrunk" in (how, predicted) else ""
            self._diverge(event, outcome, "", _PREDICTED[predicted], ERASED.get(how, "found an entry"), about)
            self._doubt(event, start, end, how)
        if how == "missed":
            self._missed(task, event, start, end, api, caller)
        elif how == "shrunk":
            self._shrink(task, event, outcome, api, seen=seen)
        else:
            self.remove(task, event, outcome, api)

    def _doubt(self, event: Event, start: int, end: int, how: str) -> None:
        """Ask which eras would have done what was seen."""
        if not self.context.reliable:
            return
        fitting = []
        for era in ERAS:
            victim, shrinks = era.find_victim.of(self.context.machine.memtypes, start, end)
            if how == ("missed" if victim is None else "shrunk" if shrinks else "removed"):
                fitting.append(era)
        what = f"a free of [{start:#x}-{end:#x}) {ERASED.get(how, 'found an entry')}"
        self.doubts.seen(event, what, fitting, of_state=True)

    def _may_be_older(self, start: int, end: int) -> bool:
        """Whether a free that finds nothing may hit a reservation that the recording does not know."""
        if self.context.reliable or (start, end) in self.context.machine.freed:
            return False
        return self.context.machine.memtypes.first_overlap(start, end) is None

    def _older(self, event: Event, start: int, end: int, api: str) -> None:
        self.context.emit(incidents.UnknownOrigin(*self.context.stamp(event), start, end, api))

    def remove(self, task: Task, event: Event, outcome: Free, api: str) -> None:
        """An entry is gone: that of whoever freed it, if there are several like it."""
        machine, start, end = self.context.machine, outcome.start, outcome.end
        node = outcome.victim
        if node is None or outcome.shrinks:
            node = machine.memtypes.first_exact(start, end)
        if node is None:
            if not self.context.reliable:
                self._older(event, start, end, api)
            return
        chosen = self.holders.own(task, event, node, api)
        if chosen is not None:
            machine.memtypes.swap(node, chosen)
        elif not self.context.era.fork_shares or api in EXPLICIT:  # a shared context may be freed by any sharer
            self.thefts.stolen(task, event, outcome, node, api, shrunk=False)
        machine.memtypes.remove(node)
        machine.remember_freed(start, end, node.born, event.at)

    def _shrink(self, task: Task, event: Event, outcome: Free, api: str, *, seen: bool) -> None:
        machine, start, end = self.context.machine, outcome.start, outcome.end
        node = machine.memtypes.first_ending_at(end, start)
        if node is None:
            if not self.context.reliable:
                self._older(event, start, end, api)
            return
        chosen = self.holders.own(task, event, node, api)
        if chosen is None:
            self.thefts.stolen(task, event, outcome, node, api, shrunk=True)
        else:
            machine.memtypes.swap(node, chosen)
            if seen or self.thefts.is_foreign is not None:
                self.thefts.from_another(task, event, outcome, node, api)
        first = hex(start)
        node.tell(event.at, f"shrunk to [{hex(node.start)}-{first}) by {api} freeing [{first}-{hex(end)})")
        machine.memtypes.shrink(node, start)
        machine.remember_freed(start, end, node.born, event.at)

    def _missed(self, task: Task, event: Event, start: int, end: int, api: str, caller: str) -> None:
        machine = self.context.machine
        self.expected.free_invalid(event, start, end)
        near, relation = self.holders.nearest(start, end, event.pid, mm_of(task, event))
        born, freed_at = machine.freed.get((start, end), (0, 0))
        if self.context.lost_any:
            freed_at = 0  # it may have been reserved again
        story: Story = [(born, "reserved here")] if born else []
        if near is not None:
            near.tell(event.at, f"a free of [{hex(start)}-{hex(end)}) by {api} missed it")
        self.context.emit(
            incidents.MemtypeFreeMissed(
                event.at,
                event.time,
                event.comm,
                event.pid,
                self.context.reliable,
                start,
                end,
                api,
                caller,
                freed_at,
                near.seen() if near is not None else None,
                relation,
                story,
            )
        )

    def _diverge(self, event: Event, outcome: Free, what: str, predicted: str, observed: str, about: str = "") -> None:
        story: Story = []
        if outcome.victim is not None:
            node = outcome.victim
            story.append((node.born, f"[{node.start:#x}-{node.end:#x}) reserved by {node.owner}"))
        surprise = Surprise(self.context, event, "memtype_free", outcome.start, outcome.end, about)
        surprise.tell(what, predicted, observed, story)
