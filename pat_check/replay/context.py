"""What the parts of a replay share: the machine, the era, what the recording holds, where incidents go."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pat_check.eras.base import Era
from pat_check.events import Event
from pat_check.incidents import Incident, IoremapLeaked, MemtypeLeaked
from pat_check.model.machine import Machine
from pat_check.model.owner import Owner
from pat_check.replay.spaces import Spaces
from pat_check.replay.tasks import Tasks

Stamp = tuple[int, float | None, str, int, bool]
"""The first five fields of an incident."""


class Change(NamedTuple):
    """A memtype_reserve() or memtype_free() of [start, end) as it happened, in the order of the changes."""

    function: str
    start: int
    end: int
    mode: int  # asked for, after the MTRR; -1 for a free
    strict: bool  # new_type was NULL
    event: Event


class Context:
    """One replay: its machine, its era, and its tasks.

    `entry_only` is true for a recording that has entries of the memtype functions but no returns: results are then
    predicted. `lossy` is true from the first lost event until a snapshot gives the state again, `lost_any` for good.
    """

    __slots__ = (
        "answers_seen",
        "balanced",
        "changes_unseen",
        "counted",
        "emit",
        "entry_only",
        "era",
        "erase_seen",
        "find_victim",
        "forked",
        "forks_seen",
        "frees_unseen",
        "halves",
        "insert_seen",
        "log",
        "lossy",
        "lost_any",
        "machine",
        "made",
        "missed",
        "nested",
        "one_comm",
        "one_cpu",
        "probes_seen",
        "recorded",
        "reserves_unseen",
        "spaces",
        "tasks",
        "unproven",
    )

    def __init__(self, machine: Machine, era: Era, emit: Callable[[Incident], None]) -> None:
        self.machine, self.era, self.emit = machine, era, emit
        self.find_victim = era.find_victim
        self.tasks = Tasks()
        self.spaces = Spaces()
        self.log: Callable[[Change], None] | None = None  # hears every reserve and free, for conversion
        self.entry_only = False
        self.answers_seen = False  # returns of memtype_reserve are recorded, and what they are about
        self.insert_seen = False  # returns of memtype_check_insert are recorded
        self.erase_seen = False  # returns of memtype_erase are recorded
        self.probes_seen = False  # calls of the memtype layer are recorded, not only its messages
        self.forked: dict[int, list[Owner]] = {}  # by parent: reservations for a child that has no pid yet
        self.made: dict[int, list[Owner]] = {}  # by pid: explicit reservations whose caller is not known yet
        self.forks_seen = False  # so that sharing after a fork is known
        self.lossy = False
        self.lost_any = False
        self.recorded: set[str] = set()  # functions whose calls are known to be recorded: seen, or said to be probed
        self.counted: set[str] = set()  # "function entries" or "function returns" of probes whose misses were counted
        self.balanced: set[str] = set()  # functions of which every call was hit by both probes
        self.missed: set[str] = set()  # those of them that have missed some
        self.halves: dict[str, str] = {}  # functions of which only the "entries" or only the "returns" are recorded
        self.nested: set[str] = set()  # "caller function": calls that are made, where a compiler may have inlined them
        self.changes_unseen = False  # neither calls nor messages tell of any change
        self.reserves_unseen = False  # nothing shows that reservations are recorded at all
        self.frees_unseen = False  # nothing shows that frees are recorded at all
        self.one_comm = ""  # the only name of tasks whose calls on VMAs are recorded; "" those of all are
        self.one_cpu = False  # events of other CPUs are left out
        self.unproven: list[MemtypeLeaked | IoremapLeaked] = []  # by what is recorded, but frees may have gone unseen

    @property
    def reliable(self) -> bool:
        """Whether the model must know every reservation."""
        return self.machine.origin_known and self.shows_all

    @property
    def shows_all(self) -> bool:
        """Whether whatever happened since the beginning, or the last snapshot after a loss, is in the recording."""
        return not (self.lossy or self.one_cpu or self.reserves_unseen is not self.frees_unseen)

    @property
    def shows_changes(self) -> bool:
        """Whether reservations and frees are recorded, as far as that can be known."""
        return not (self.changes_unseen or self.reserves_unseen or self.frees_unseen)

    def leaked(self, leak: MemtypeLeaked | IoremapLeaked) -> None:
        """Tell of a leak; where frees may be missing, only once a list still has the reservation."""
        if self.frees_unseen:
            self.unproven.append(leak)
        else:
            self.emit(leak)

    def changed(self, function: str, start: int, end: int, mode: int, event: Event, *, strict: bool = False) -> None:
        """Tell who listens."""
        if self.log is not None:
            self.log(Change(function, start, end, mode, strict, event))

    def stamp(self, event: Event) -> Stamp:
        """Where and by whom: the first fields of an incident about this event."""
        return event.at, event.time, event.comm, event.pid, self.reliable
