"""About ioremap and iounmap."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.incidents.base import Incident, Seen


@dataclass(slots=True, init=False, repr=False, eq=False)
class IoremapLeaked(Incident):
    """A driver is gone, its ioremap is not."""

    module: str
    caller: str
    addr: int
    phys: int
    seen: Seen

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        module: str,
        caller: str,
        addr: int,
        phys: int,
        seen: Seen,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.module, self.caller, self.addr, self.phys = module, caller, addr, phys
        self.seen = seen


@dataclass(slots=True, init=False, repr=False, eq=False)
class IounmapMismatched(Incident):
    """iounmap() of what no ioremap returned, or freeing another range than was reserved."""

    addr: int
    start: int  # -1: nothing was freed
    end: int
    want_start: int  # what the ioremap reserved; -1 unknown
    want_end: int
    mapped_at: int  # line of the ioremap; 0 unknown
    unmapped_at: int  # line of the first iounmap when this is the second; 0 otherwise
    message: str  # what the kernel said

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        addr: int,
        start: int,
        end: int,
        want_start: int,
        want_end: int,
        mapped_at: int,
        unmapped_at: int,
        message: str,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.addr, self.start, self.end, self.want_start = addr, start, end, want_start
        self.want_end, self.mapped_at, self.unmapped_at, self.message = want_end, mapped_at, unmapped_at, message


@dataclass(slots=True, init=False, repr=False, eq=False)
class IoremapOnRam(Incident):
    """ioremap() of System RAM that is not reserved."""

    start: int
    end: int
    caller: str

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        start: int,
        end: int,
        caller: str,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.start, self.end, self.caller = start, end, caller
