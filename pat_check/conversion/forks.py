"""fork: a child with the same mappings under the same names."""

from __future__ import annotations

from dataclasses import dataclass, field

from pat_check import events
from pat_check.conversion.areas import Area, Space
from pat_check.conversion.current import Current
from pat_check.conversion.tape import Op
from pat_check.events import Event


@dataclass(slots=True)
class _Fork:
    op: Op
    parent: Space
    child: Space
    copied: list[tuple[int, int]] = field(default_factory=list)  # user virtual ranges
    made: set[int] = field(default_factory=set)  # VMAs of the child
    seen: set[tuple[str, int]] = field(default_factory=set)  # (function, start) of copies: each comes once
    failed: bool = False

    def __post_init__(self) -> None:
        self.child.forked = True
        self.op.areas = self.child.areas = list(self.parent.areas)  # reserves for copies show what is mapped
        self.child.cuts = set(self.parent.cuts)

    def is_of(self, vma: int, bounds: tuple[int, int]) -> bool:
        """Whether a VMA of an address space that was not seen before is the child's: a copy, or a piece of one."""
        if self.failed:
            return False
        return vma in self.made or any(one.start <= bounds[0] < bounds[1] <= one.end for one in self.child.areas)


class Forks:
    """Hears the calls of fork. It is one operation, from the first VMA that is copied.

    Where no copies are recorded a new task may be a thread: it is a child once it shows another address space.
    """

    def __init__(self, current: Current) -> None:
        self.current, self.spaces, self.tape = current, current.spaces, current.tape
        self._of: dict[int, _Fork] = {}  # by the parent's pid
        self._late: list[_Fork] = []  # of parents that have forked again, and the child is not known yet
        self._maybe: dict[int, _Fork] = {}  # by the child's pid
        self._copies_seen = False
        self._new_mm: dict[int, int] = {}  # by the parent's pid: of the fork that has begun

    def forget(self) -> None:
        """Events are missing."""
        self._of.clear()
        self._late.clear()
        self._maybe.clear()
        self._new_mm.clear()

    def of(self, pid: int, function: str, start: int) -> Op | None:
        """The fork that a task is in the middle of when it copies a VMA; None where it only begins."""
        fork = self._of.get(pid)
        if fork is not None and (function, start) in fork.seen:
            self._late.append(self._of.pop(pid))
            fork = None
        return fork.op if fork is not None and not fork.failed else None

    def shown(self, event: Event, comm: str, pid: int, areas: list[tuple[int, int, int]]) -> Space | None:
        """A process with these mappings is there: the child of a fork whose end was not recorded, if it can be."""
        for fork in (*self._late, *self._of.values()):
            if not fork.failed and all(fork.child.is_mapped(start, end) for start, end, _ in areas):
                self._known(fork)
                self._named(event, fork, comm, pid)
                return fork.child
        return None

    def _known(self, fork: _Fork) -> None:
        """A child is known: it is not waited for any more."""
        self._late = [one for one in self._late if one is not fork]
        self._of = {pid: one for pid, one in self._of.items() if one is not fork}

    def copies(self, space: Space) -> bool:
        """Whether an address space is that of a child which is still being made."""
        return any(fork.child is space for fork in (*self._late, *self._of.values()))

    @property
    def waiting(self) -> bool:
        """Whether a child is not known by name or by address space."""
        return bool(self._of or self._late or self._maybe)

    def begin(self, call: events.DupMmap) -> None:
        """Entry of dup_mmap()."""
        before = self._of.pop(call.pid, None)
        if before is not None:
            self._late.append(before)
        self._copies_seen = True
        self.spaces.by_mm.pop(call.mm, None)
        self._new_mm[call.pid] = call.mm
        space = self.spaces.get(call.oldmm, call.pid)
        if space is not None and space.areas:
            self._begin(call, space)

    def _begin(self, event: Event, parent: Space) -> _Fork:
        name = self.tape.unused(f"{parent.name}_child")
        op = self.current.start(event, parent.name, "fork", name)
        fork = self._of[event.pid] = _Fork(op, parent, Space(name))
        mm = self._new_mm.pop(event.pid, 0)
        if mm:
            fork.child.mm = mm
            self.spaces.by_mm[mm] = fork.child
        return fork

    def copy(self, event: Event, mm: int, start: int, end: int, function: str, made: int = 0) -> None:
        """A VMA is copied for the child."""
        self._copies_seen = True
        fork = self._of.get(event.pid)
        if fork is None:
            space = self.spaces.get(mm, event.pid)
            if space is None or not space.areas:
                return
            fork = self._begin(event, space)
        self.current.enter(event, fork.op)
        if start >= 0:
            fork.seen.add((function, start))
            fork.copied.append((start, end))
            for area in fork.parent.within(start, end):
                fork.child.add(area)
            fork.child.cuts |= {cut for cut in fork.parent.cuts if start <= cut <= end}
            fork.op.areas = fork.child.areas
        if made:
            fork.made.add(made)

    def fail(self, event: Event) -> bool:
        """An address space goes while its task forks: the child's, if there is one. The fork is taken back."""
        fork = self._of.get(event.pid)
        if fork is None:
            return False
        fork.failed = True
        self.spaces.end(fork.child, fork.op)
        self.current.enter(event, fork.op)
        return True

    def done(self, event: events.SchedProcessFork) -> None:
        """sched_process_fork: the child has a name."""
        fork = self._of.pop(event.pid, None)
        self._new_mm.pop(event.pid, None)
        self.spaces.by_pid.pop(event.child_pid, None)
        self._maybe.pop(event.child_pid, None)
        parent = fork.parent if fork is not None else self.spaces.by_pid.get(event.pid)
        if parent is None or (fork is not None and fork.failed):
            return
        if fork is None and (self._copies_seen or not parent.areas):
            self.spaces.by_pid[event.child_pid] = parent  # a thread
            return
        certain = fork is not None
        if fork is None:
            fork = _Fork(self.tape.add(Op(event.at, parent.name, "fork", dropped=True)), parent, Space(""))
        self.current.enter(event)
        self._named(event, fork, event.child_comm, event.child_pid)
        if not certain:
            del self.spaces.by_pid[event.child_pid]
            self._maybe[event.child_pid] = fork

    def _named(self, event: Event, fork: _Fork, comm: str, pid: int) -> None:
        """The child has a name, and what its parent has."""
        fork.child.name = self.tape.fresh(comm, pid)
        fork.op.args = [fork.child.name]
        left = self._left_out(event, fork) if fork.copied else []
        for area in left:
            fork.child.remove(area.start, area.end)
        self.spaces.by_pid[pid] = fork.child

    def shows(self, event: Event, mm: int, vma: int = 0, bounds: tuple[int, int] = (-1, -1)) -> None:
        """A task works on an address space: that of a child that was not named, or of its parent if it is a thread."""
        known = self.spaces.by_mm.get(mm)
        if event.pid not in self._of and event.pid not in self.spaces.by_pid:
            forks = [fork for fork in (*self._late, *self._of.values()) if known is None or known is fork.child]
            found = [fork for fork in forks if known is not None or vma in fork.made]
            found += [fork for fork in forks if fork.is_of(vma, bounds)]
            if found:
                self._known(found[0])
                self._named(event, found[0], event.comm, event.pid)
        fork = self._maybe.get(event.pid)
        if fork is None or not mm:
            return
        del self._maybe[event.pid]
        if mm == fork.parent.mm:
            self.spaces.by_pid[event.pid] = fork.parent
        else:
            fork.op.dropped = False
            self.spaces.add(fork.child, mm, event.pid)

    def _left_out(self, event: Event, fork: _Fork) -> list[Area]:
        """What fork did not copy was advised so: MADV_DONTFORK."""
        left = Space("", areas=list(fork.child.areas))
        for start, end in fork.copied:
            left.remove(start, end)
        cuts = self.current.cuts.get(event.pid, [])
        for area in left.areas:
            advised = [op for op, addr in cuts if addr in (area.start, area.end) and not op.dropped]
            for op in advised:
                op.dropped = True
            first = advised[0] if advised else Op(event.at, fork.parent.name, "madvise")
            first.word, first.args, first.dropped = "madvise", [*area.span(), "dontfork"], False
            if not advised:
                fork.op.ahead.append(first)
        return left.areas
