"""About ranges that are reserved as they should not be."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.incidents.base import Incident, Seen


@dataclass(slots=True, init=False, repr=False, eq=False)
class IsaTracked(Incident):
    """A range wholly inside the legacy hole [0xA0000, 0x100000) is in the tree."""

    start: int
    end: int
    type: int

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        type: int,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.type = start, end, type


@dataclass(slots=True, init=False, repr=False, eq=False)
class RangeOdd(Incident):
    """A reserve or free with a range that looks wrong."""

    start: int
    end: int
    api: str
    function: str  # memtype_reserve or memtype_free
    why: str  # empty, unaligned, units

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        api: str,
        function: str,
        why: str,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.api, self.function = start, end, api, function
        self.why = why


@dataclass(slots=True, init=False, repr=False, eq=False)
class TypeChangedUnderMapping(Incident):
    """The type looked up for a mapped range changed while entries installed before keep their mode."""

    start: int
    end: int
    mode: int  # of the live entries
    now: int  # what a lookup finds now
    api: str  # who freed the reservation
    mapped_at: int
    mapper: str
    reserved_at: int

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        mode: int,
        now: int,
        api: str,
        mapped_at: int,
        mapper: str,
        reserved_at: int,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.mode, self.now = start, end, mode, now
        self.api, self.mapped_at, self.mapper, self.reserved_at = api, mapped_at, mapper, reserved_at


@dataclass(slots=True, init=False, repr=False, eq=False)
class OverlapTypes(Incident):
    """Two reservations that intersect have different types: a correct kernel cannot do that."""

    first: Seen
    second: Seen
    where: str  # the snapshot that shows it; "" the trace itself

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        first: Seen,
        second: Seen,
        where: str,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.first, self.second, self.where = first, second, where


@dataclass(slots=True, init=False, repr=False, eq=False)
class UnknownOrigin(Incident):
    """A free succeeded for a reservation that must be older than the trace."""

    start: int
    end: int
    api: str

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        api: str,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.api = start, end, api
