"""About reservations, and calls of the memtype layer.

The initialisers of what recordings are full of are written out, as in `events`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.incidents.base import Incident, Seen, Story


@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeAdopted(Incident):
    """A reservation got another type than it asked for, because one that overlaps it exists."""

    start: int
    end: int
    req: int
    type: int
    api: str  # who asked: remap_pfn_range, ioremap, arch_io_reserve_memtype_wc, ...
    caller: str  # symbol where known
    ignored: bool  # the caller throws the granted type away (arch_io_reserve_memtype_wc)
    overlap: Seen

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        req: int,
        type: int,
        api: str,
        caller: str,
        ignored: bool,
        overlap: Seen,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.req, self.type = start, end, req, type
        self.api, self.caller, self.ignored, self.overlap = api, caller, ignored, overlap


@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeRefused(Incident):
    """memtype_reserve() failed."""

    start: int
    end: int
    req: int
    ret: int  # -errno
    cause: str  # conflict, mixed-ram, ram-busy, ram-type, range, unknown
    first: int  # cache modes that clash; -1 none
    second: int
    api: str
    caller: str
    clash: list[Seen]

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        req: int,
        ret: int,
        cause: str,
        first: int,
        second: int,
        api: str,
        caller: str,
        clash: list[Seen],
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.req, self.ret = start, end, req, ret
        self.cause, self.first, self.second, self.api = cause, first, second, api
        self.caller, self.clash = caller, clash


@dataclass(slots=True, init=False, repr=False, eq=False)
class FallbackJudged(Incident):
    """A caller was granted another type than it asked for and decided on it."""

    start: int
    end: int
    want: int
    have: int
    kept: bool  # true: it keeps a type outside the acceptance table; false: it gave the range back
    api: str
    caller: str
    overlap: Seen | None

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        want: int,
        have: int,
        kept: bool,
        api: str,
        caller: str,
        overlap: Seen | None,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.want, self.have = start, end, want, have
        self.kept, self.api, self.caller, self.overlap = kept, api, caller, overlap


@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeFreeMissed(Incident):
    """memtype_free() found no entry: the kernel prints ``freeing invalid memtype``."""

    start: int
    end: int
    api: str
    caller: str
    freed_at: int  # the line where this very range was freed last; 0 never
    near: Seen | None  # the reservation it came closest to
    relation: str  # of the freed range to `near`: head, middle, tail, around, overlap, none
    story: Story  # what led there when there is no reservation near

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
        caller: str,
        freed_at: int,
        near: Seen | None,
        relation: str,
        story: Story,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.api, self.caller = start, end, api, caller
        self.freed_at, self.near, self.relation, self.story = freed_at, near, relation, story


@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeStolen(Incident):
    """A free removed or shrunk a reservation of somebody else."""

    start: int
    end: int
    api: str
    shrunk: bool  # by the end-match rule; else removed whole
    freer: str
    victim: Seen  # as it was before
    own: Seen | None  # the freer's own reservation that ends there
    itself: bool  # the reservation is of another mapping of the freer

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
        shrunk: bool,
        freer: str,
        victim: Seen,
        own: Seen | None,
        itself: bool,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.api, self.shrunk = start, end, api, shrunk
        self.freer, self.victim, self.own, self.itself = freer, victim, own, itself


@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeLeaked(Incident):
    """A reservation is still there although its owner is gone, or the trace is at its end."""

    seen: Seen
    gone: str  # what ended: process, module, remap (it failed), or "" at the end of the trace
    owner: str
    ram: bool  # a page type of System RAM, which the list does not show
    more: list[Seen]  # others of the same owner

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        seen: Seen,
        gone: str,
        owner: str,
        ram: bool = False,
        more: list[Seen] | None = None,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.seen, self.gone, self.owner, self.ram = seen, gone, owner, ram
        self.more = [] if more is None else more
