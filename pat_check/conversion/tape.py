"""What a recording does, in order: operations of a scenario, and the reserves and frees that belong to each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pat_check.cachemode import short_name
from pat_check.conversion.areas import Area, Shown
from pat_check.events import NO_PID, Event, Marker
from pat_check.model.memory import PAGE, Ram
from pat_check.model.memtype import Memtype
from pat_check.replay.context import Change
from pat_check.replay.shared_contexts import Alive
from pat_check.replay.snapshots import Listed
from pat_check.scenario.words import size_text

LOST = "lost"
"""The driver that does what nobody is seen to do."""

_NAME = re.compile(r"[^A-Za-z0-9_]+")


class Physical(NamedTuple):
    """A physical range as an argument: it is written with the name of the memory that it lies in."""

    start: int
    size: int  # bytes


@dataclass(slots=True, eq=False)
class Op:
    """An operation of a scenario; what is not known yet when it begins is filled in later."""

    at: int  # the trace line where it begins
    actor: str
    word: str
    args: list[str | Physical] = field(default_factory=list)
    result: str = ""
    mode: int = -1  # the type that stands behind the arguments; -1 none
    physical: tuple[int, int] | None = None  # what it maps or unmaps, where that is known
    changes: list[Change] = field(default_factory=list)  # what the recording shows of it below
    dropped: bool = False  # another operation does it
    ahead: list[Op] = field(default_factory=list)  # what must have been done before it
    body: list[Op] = field(default_factory=list)  # what its handler does
    early: bool = False  # it was done before the recording began
    areas: list[Area] = field(default_factory=list)  # what it is about, where others may learn from its reserves
    place: int = 0  # in the tape

    @property
    def is_plain(self) -> bool:
        """Whether it is a reserve or a free, and nothing more."""
        return self.word in ("memtype_reserve", "memtype_free")


class Remark(NamedTuple):
    """What cannot be written as it was, at the line where that is so."""

    at: int
    text: str
    before: Op | None = None  # it stands before this operation


class Checkpoint(NamedTuple):
    """A marker, or the end of the recording where `marker` is None, the reservations there, and what was mapped."""

    at: int
    marker: Marker | None
    nodes: list[Listed]
    ram: list[Listed]  # the types of RAM pages
    mapped: dict[str, list[Shown]]  # by the name of the process, where that is known
    all_mapped: bool = False  # what is not in there has nothing mapped
    contexts: list[Alive] | None = None  # None: events are lost


class Tape:
    """Operations and checkpoints in the order in which they change the reservations."""

    def __init__(self, other: Tape | None = None) -> None:
        """With another tape tasks have the names that they have there."""
        self.begin: list[Listed] | None = None
        self.claimed: dict[Listed, list[tuple[Op, ...]]] = {}  # operations that make reservations of that list
        self.items: list[Op | Checkpoint | Remark | None] = []
        self.remarks: list[Remark] = []
        self.changes = 0  # reserves and frees
        self.freed: dict[int, int] = {}  # by the line of a free: that of the reserve of what it freed
        self.highest = 0  # the end of the highest mapping that is made where it was
        self._names: dict[tuple[str, int], str] = other._names if other is not None else {}
        self._taken: set[str] = other._taken if other is not None else {"before", LOST}

    def clear(self) -> None:
        """What was recorded so far is in the list that the scenario begins with."""
        self.items.clear()
        self.changes = 0
        self.remarks.clear()

    def remark(self, at: int, text: str, before: Op | None = None) -> None:
        """What cannot be written."""
        remark = Remark(at, text, before)
        self.remarks.append(remark)
        if before is None:
            self.items.append(remark)

    def add(self, op: Op) -> Op:
        """The next operation."""
        op.place = len(self.items)
        self.items.append(op)
        return op

    def change(self, op: Op, change: Change) -> None:
        """A reserve or free of an operation: the first one is when it happens."""
        if not op.changes and op.place != len(self.items) - 1 and op.place < len(self.items):
            self.items[op.place] = None
            self.add(op)
        op.changes.append(change)

    def plain(self, change: Change, actor: str) -> Op | None:
        """A reserve or free that no operation above it explains."""
        if change.start >= change.end:
            return None
        self.changes += 1
        return self.add(plain(change, actor))

    def ops(self) -> Iterable[Op]:
        """The operations that are played."""
        for item in self.items:
            if isinstance(item, Op):
                for op in (*item.ahead, item):
                    yield from () if op.dropped else (op, *op.body)

    # --- names -------------------------------------------------------------------------------------------

    def tasks(self) -> dict[str, tuple[str, int]]:
        """The comm and pid behind each name of a task."""
        return {name: task for task, name in self._names.items()}

    def actor(self, event: Event) -> str:
        """The name of a task."""
        return self.named(event.comm, event.pid)

    def named(self, comm: str, pid: int) -> str:
        """The name of a task with this command and number."""
        key = (comm, pid)
        if key not in self._names:
            self._names[key] = self.fresh(comm, pid)
        return self._names[key]

    def fresh(self, comm: str, pid: int) -> str:
        """A name that no other task has had: numbers of tasks are used again."""
        tame = _NAME.sub("_", comm).strip("_") or "task"
        tame = tame if not tame[0].isdigit() else f"t{tame}"
        name = self._names[comm, pid] = self.unused(f"{tame}_{pid}" if pid != NO_PID else f"{tame}_unknown")
        return name

    @property
    def taken(self) -> set[str]:
        """The names that something has."""
        return set(self._taken)

    def give_back(self, taken: set[str]) -> None:
        """Nothing has another name than these."""
        self._taken.intersection_update(taken)

    def unused(self, wanted: str) -> str:
        """A name like this that nothing else has."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name


def plain(change: Change, actor: str) -> Op:
    """A reserve or free as an operation of its own."""
    args: list[str | Physical] = [f"{change.start:#x}", size_text(change.end - change.start)]
    if change.mode >= 0:
        args.append(mode_word(change.mode))
    if change.strict:
        args.append("null")
    return Op(change.event.at, actor, change.function, args, changes=[change])


def mode_word(mode: int) -> str:
    """A type as scenarios write it."""
    return short_name(mode).lower()


def typed(ram: Ram) -> list[Listed]:
    """RAM pages that are not write-back, ascending."""
    return [(first * PAGE, last * PAGE, type_) for first, last, (type_, *_) in ram.types.overlapping(0, 1 << 52)]


def listed(nodes: Iterable[Memtype]) -> list[Listed]:
    """The reservations of a tree, in the kernel's order."""
    return [(node.start, node.end, node.type) for node in nodes]
