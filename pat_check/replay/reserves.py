"""memtype_reserve(): predict, compare with the recording, apply what really happened.

memtype_check_insert() runs under memtype_lock, so its order is the order of the changes; where it is recorded the
tree changes at its return, else at the return of memtype_reserve().
"""

from __future__ import annotations

from typing import Final

from pat_check import incidents
from pat_check.cachemode import UC, UC_MINUS, WB, cachemode_name, errno_name
from pat_check.events import (
    NO_PID,
    ArchIoReserveMemtypeWc,
    Call,
    CopyPageRange,
    Event,
    MemtypeCheckInsert,
    MemtypeReserve,
    Return,
)
from pat_check.events.runs import Reserving
from pat_check.incidents import Story
from pat_check.model import operations
from pat_check.model.memory import ISA_END, ISA_START
from pat_check.model.memtype import Memtype
from pat_check.model.operations import Reserve
from pat_check.model.owner import BEFORE, Owner
from pat_check.replay.callers import is_fork, is_strict, masked, outer
from pat_check.replay.context import Context
from pat_check.replay.expected import Expected
from pat_check.replay.frames import Frame
from pat_check.replay.locked import compare_insert, compare_reserve
from pat_check.replay.refusals import Refusals
from pat_check.replay.remarks import Surprise, called_here, odd_range
from pat_check.replay.tasks import Task, owner_of_reserve

_EXPLICIT: Final = frozenset(("arch_io_reserve_memtype_wc", "memremap_pages", "set_memory_uc", "set_memory_wc"))


class Reserves:
    """The handlers of memtype_reserve() and memtype_check_insert()."""

    def __init__(self, context: Context, expected: Expected) -> None:
        self.context, self.expected = context, expected
        self.refusals = Refusals(context, expected)
        self._inserted: dict[int, tuple[Reserve, Memtype | None]] = {}  # by pid: where no entry of the caller was seen

    def reserve(self, call: MemtypeReserve) -> None:
        """Entry of memtype_reserve()."""
        task, frame = self.context.tasks.enter(call, "memtype_reserve")
        odd_range(self.context, call)
        if self.context.entry_only:
            self._finish_reserve(task, frame, call, None, -1, "")
            task.frames.clear()
        elif self.context.halves.get("memtype_reserve") == "entries" and not self.context.insert_seen:
            self._finish_reserve(task, frame, call, None, -1, "")
            task.frames.remove(frame)

    def check_insert(self, call: MemtypeCheckInsert) -> None:
        """Entry of memtype_check_insert()."""
        task, _ = self.context.tasks.enter(call, "memtype_check_insert")
        outer = task.innermost(MemtypeReserve)
        if outer is not None:
            outer.actual = call.type

    def check_insert_return(self, event: Return) -> None:
        """Return of memtype_check_insert(): the tree has changed."""
        task, frame = self.context.tasks.leave(event)
        call = frame.call if frame is not None else event.entry
        outer = task.innermost(MemtypeReserve)
        reserve = outer.call if outer is not None else None
        if not isinstance(call, MemtypeCheckInsert):
            return
        start, end, actual = call.start, call.end, call.type
        if isinstance(reserve, MemtypeReserve):
            if start < 0:
                start, end = masked(reserve)
            compare_insert(self.context, event, reserve, start, end)
        elif start < 0:
            return
        self.context.insert_seen = True
        req = reserve.req if isinstance(reserve, MemtypeReserve) else actual
        strict = outer is not None and is_strict(task, reserve)
        wanted = operations.memtype_reserve(self.context.machine, start, end, req, strict=strict)
        if wanted.path in ("ram", "mixed") and not self.context.machine.ram.known:
            self.context.machine.ram.unlearn(start, end)
            wanted = operations.memtype_reserve(self.context.machine, start, end, req, strict=strict)
        if wanted.path != "tree":
            self._surprise(event, start, end).tell("went", f"the {wanted.path} path", "into the tree", [])
        elif 0 <= actual != wanted.actual and not self._depends_on_mtrr(req):
            asked, have = cachemode_name(wanted.actual), cachemode_name(actual)
            about = "mtrr" if req == WB else ""
            self._surprise(event, start, end, about).tell("asked the tree for", asked, have, [])
        if actual < 0:
            actual = wanted.actual if wanted.path == "tree" else req
        if wanted.path == "tree" and (wanted.start, wanted.end, wanted.actual) == (start, end, actual):
            outcome = wanted
        else:
            outcome = operations.check_insert(self.context.machine, start, end, actual, strict=strict)
        outcome.assumed = call.type < 0 and self._depends_on_mtrr(req)
        node = self._apply(task, outcome, event, event.ret, event.got, call)
        if outer is not None:
            outer.done, outer.reserve, outer.node = True, outcome, node
        else:
            self._inserted[event.pid] = outcome, node

    def reserve_return(self, event: Return) -> None:
        """Return of memtype_reserve()."""
        task, frame = self.context.tasks.leave(event)
        if frame is None:
            if not isinstance(event.entry, MemtypeReserve):
                return
            frame = Frame(event.entry, "memtype_reserve")
            made = self._inserted.pop(event.pid, None)
            if made is not None and (made[0].start, made[0].end) == masked(event.entry):
                frame.done, (frame.reserve, frame.node) = True, made
        if isinstance(frame.call, MemtypeReserve):
            self._finish_reserve(task, frame, event, event.ret, event.got, event.caller)

    def _finish_reserve(self, task: Task, frame: Frame, event: Event, ret: int | None, got: int, caller: str) -> None:
        """memtype_reserve() is over: apply it if the tree was not seen to change, then tell what came of it."""
        call = frame.call
        assert isinstance(call, MemtypeReserve)
        machine, strict = self.context.machine, is_strict(task, call)
        got = -1 if strict else got
        if not frame.done:
            outcome = operations.memtype_reserve(machine, call.start, call.end, call.req, strict=strict)
            if outcome.path == "tree" and frame.actual >= 0:
                start, end = masked(call)
                outcome = operations.check_insert(machine, start, end, frame.actual, strict=strict)
            elif outcome.path == "tree" and self.context.insert_seen and ret is not None and not self.context.lossy:
                began = call.at != event.at or task.outside  # else it may have gone there before the recording
                known = machine.ram.known or not machine.was_reserved(outcome.start, outcome.end)
                outcome = self._not_inserted(outcome, call, event, ret) if began and known else outcome
            outcome.assumed = frame.actual < 0 and self._depends_on_mtrr(call.req)
            if outcome.path == "tree":
                frame.node = self._apply(task, outcome, event, ret, got, call)
            else:
                self._apply_elsewhere(task, outcome, event, ret, got, call)
            frame.reserve = outcome
        elif isinstance(event, Return):
            compare_reserve(self.context, event, frame, got)
        outcome = frame.reserve or Reserve(call.start, call.end, "tree", ret or 0, call.req)
        owner = frame.node.owner if frame.node is not None else owner_of_reserve(task, call, caller)
        failed = ret if ret is not None else outcome.ret
        if failed < 0:
            self.refusals.tell(call, event, outcome, failed, owner, caller)
        else:
            self._granted(task, call, event, frame, outcome, owner, caller)

    def whole(
        self, task: Task, call: MemtypeReserve, insert: MemtypeCheckInsert, outcome: Reserve, run: Reserving
    ) -> None:
        """A memtype_reserve() is over, and went as it had to."""
        frame = Frame(call, "memtype_reserve")
        frame.node = node = self._apply(task, outcome, run.inserted, 0, run.got, insert)
        if node is not None:
            self._granted(task, call, run, frame, outcome, node.owner, run.caller)

    def _not_inserted(self, outcome: Reserve, call: MemtypeReserve, event: Event, ret: int) -> Reserve:
        """The recording shows no insertion where the model expects one: RAM that we did not know of."""
        machine = self.context.machine
        if machine.ram.known:
            story = called_here(call, event)
            self._surprise(event, outcome.start, outcome.end).tell("went", "into the tree", "elsewhere", story)
        elif ret == 0:
            machine.ram.learn(outcome.start, outcome.end)
        return Reserve(outcome.start, outcome.end, "ram", ret, call.req)

    def _apply(
        self, task: Task, outcome: Reserve, event: Event, ret: int | None, got: int, call: Call
    ) -> Memtype | None:
        """Insert into the tree what the recording says, or what the model predicts where it is silent."""
        machine = self.context.machine
        if self.context.log is not None:
            self.context.changed(
                "memtype_reserve", outcome.start, outcome.end, outcome.actual, call, strict=is_strict(task, call)
            )
        start, end, new = outcome.start, outcome.end, outcome.new
        decided = outcome.clash or outcome.overlap
        surprising = decided is None or not (decided.assumed or self.context.frees_unseen)  # it may be gone
        if ret is not None and ret != outcome.ret and surprising:
            self._surprise(event, start, end).tell(
                "returned", errno_name(outcome.ret), errno_name(ret), _story(outcome)
            )
        final = outcome.ret if ret is None else ret
        if final == 0 and got >= 0 and outcome.ret == 0 and got != new and surprising and not outcome.assumed:
            about = "mtrr" if decided is None and isinstance(call, MemtypeReserve) and call.req == WB else ""
            surprise = self._surprise(event, start, end, about)
            surprise.tell("granted", cachemode_name(new), cachemode_name(got), _story(outcome))
        if final != 0:
            return None
        type_ = got if got >= 0 else new if outcome.ret == 0 else outcome.actual
        caller = event.caller if isinstance(event, Return) and event.call is MemtypeReserve else ""
        owner = owner_of_reserve(task, call, caller)
        if owner.parent != NO_PID and self.context.lost_any and task.innermost(CopyPageRange) is None:
            owner = Owner("reserve_pfn_range", call.comm)  # which child comes next is not known
        node = Memtype(start, end, type_, owner, call.at)
        node.assumed = got < 0 and (outcome.overlap.assumed if outcome.overlap is not None else outcome.assumed)
        node.is_reserved(call.at)
        others: list[Memtype] = []
        if outcome.ret != 0 or type_ != new:  # else whatever overlaps has this type
            others = [other for other in machine.memtypes.overlapping(start, end) if other.type != type_]
        if others and (self.context.lossy or self.context.frees_unseen):
            for other in others:  # freed unseen: the kernel cannot have both
                machine.memtypes.remove(other)
        elif others and got < 0 and not self.context.reliable:
            for other in (node, *others):  # one of them adopted the type of a reservation that is not known
                other.assumed = True
        elif others and any(other.assumed for other in (node, *others)):
            pass  # the assumption may be wrong
        elif others:
            stamp = self.context.stamp(event)
            self.context.emit(incidents.OverlapTypes(*stamp, others[0].seen(), node.seen(), ""))
        self._await_caller(owner, call.pid)
        if owner.parent != NO_PID:
            self.context.forked.setdefault(owner.parent, []).append(owner)
            self.context.spaces.reserved(owner)
        machine.memtypes.insert(node)
        if start >= ISA_START and end <= ISA_END:
            self.context.emit(incidents.IsaTracked(*self.context.stamp(event), start, end, type_))
        return node

    def _apply_elsewhere(
        self, task: Task, outcome: Reserve, event: Event, ret: int | None, got: int, call: MemtypeReserve
    ) -> None:
        """The paths beside the tree: PAT off, untracked, RAM, mixed, an empty range."""
        machine = self.context.machine
        self.context.changed(
            "memtype_reserve", outcome.start, outcome.end, call.req, call, strict=is_strict(task, call)
        )
        if ret is not None and ret != outcome.ret:
            story: Story = []
            busy = machine.ram.first_busy(outcome.start, outcome.end)
            if busy is not None:
                story.append((busy[1], f"these pages became {cachemode_name(busy[0])}"))
            self._surprise(event, outcome.start, outcome.end).tell(
                "returned",
                errno_name(outcome.ret),
                errno_name(ret),
                story,
            )
        elif ret == 0 and 0 <= got != outcome.new:
            predicted, observed = cachemode_name(outcome.new), cachemode_name(got)
            self._surprise(event, outcome.start, outcome.end).tell("granted", predicted, observed, [])
        if outcome.path == "ram" and (outcome.ret if ret is None else ret) == 0:
            wanted = UC_MINUS if call.req == UC else call.req
            owner = owner_of_reserve(task, call, "")
            self._await_caller(owner, call.pid)
            machine.ram.set_type(outcome.start, outcome.end, wanted, call.at, owner)

    def _await_caller(self, owner: Owner, pid: int) -> None:
        """The driver behind an explicit reservation is known when the function that made it returns."""
        if owner.api in _EXPLICIT:
            self.context.made.setdefault(pid, []).append(owner)
            if len(self.context.made) > 10_000:
                self.context.made.clear()

    def _granted(
        self,
        task: Task,
        call: MemtypeReserve,
        event: Event,
        frame: Frame,
        outcome: Reserve,
        owner: Owner,
        caller: str,
    ) -> None:
        node = frame.node
        outside = outer(task)
        if outside is not None:
            outside.node = node
        if outcome.path == "ram" and call.req == UC:
            self.refusals.emit(call, event, outcome, 0, "ram-type", owner, caller)
        if node is None or node.type in (outcome.actual, call.req) or outcome.overlap is None:
            return
        if outcome.assumed or outcome.overlap.assumed:
            self.expected.types_known = False  # whether it got another type than it asked for
            return
        overlap = outcome.overlap.seen()
        allowed = operations.is_new_memtype_allowed(node.start, node.end, call.req, node.type)
        if not allowed or is_fork(task):
            if outside is not None:
                outside.unacceptable = (call.req, node.type)
            return
        ignored = task.innermost(ArchIoReserveMemtypeWc) is not None
        self.context.emit(
            incidents.MemtypeAdopted(
                event.at,
                event.time,
                event.comm,
                event.pid,
                self.context.reliable,
                node.start,
                node.end,
                call.req,
                node.type,
                owner.api,
                owner.symbol or caller,
                ignored,
                overlap,
            )
        )

    def predicted(self, call: MemtypeReserve) -> tuple[int, int]:
        """A memtype_reserve() that no recording shows, from start to end: its result, and the type that it grants."""
        task, frame = self.context.tasks.enter(call, "memtype_reserve")
        odd_range(self.context, call)
        self._finish_reserve(task, frame, call, None, -1, "")
        task.frames.remove(frame)
        outcome = frame.reserve
        assert outcome is not None
        return outcome.ret, frame.node.type if frame.node is not None else outcome.new

    def granted_by_log(self, call: MemtypeReserve, outcome: Reserve, got: int) -> None:
        """A debugpat line: memtype_reserve() succeeded and stored type `got`."""
        task = self.context.tasks.of(call)
        frame = Frame(call, "memtype_reserve")
        frame.node = self._apply(task, outcome, call, 0, got, call)
        frame.done, frame.reserve = True, outcome
        self._granted(task, call, call, frame, outcome, frame.node.owner if frame.node else BEFORE, "")

    def _depends_on_mtrr(self, req: int) -> bool:
        """Whether the type that a request gets cannot be computed: write-back, where the MTRRs are not known."""
        return req == WB and not self.context.machine.mtrr.known

    def _surprise(self, event: Event, start: int, end: int, about: str = "") -> Surprise:
        return Surprise(self.context, event, "memtype_reserve", start, end, about)


def _story(outcome: Reserve) -> Story:
    """The births of the entries that decided an outcome."""
    nodes = [node for node in dict.fromkeys((outcome.overlap, outcome.clash)) if node is not None]
    return [
        (node.born, f"[{node.start:#x}-{node.end:#x}) {cachemode_name(node.type)} reserved by {node.owner}")
        for node in nodes
    ]
