"""Calls into the memtype layer.

The initialisers of what recordings are full of are written out: compiled, they are several times as quick as those
that dataclass() makes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Call


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeReserve(Call):
    """``memtype_reserve(start, end, req_type, *new_type)``."""

    start: int
    end: int
    req: int  # cache mode asked for
    newp: int = -1  # value of the new_type pointer: 0 is NULL, -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
        req: int,
        newp: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.req, self.newp = start, end, req, newp

    def function(self) -> str:
        return "memtype_reserve"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeFree(Call):
    """``memtype_free(start, end)``."""

    start: int
    end: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end = start, end

    def function(self) -> str:
        return "memtype_free"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeCheckInsert(Call):
    """``memtype_check_insert(entry, *ret_type)``, under ``memtype_lock``: the order of the changes."""

    start: int  # -1: the recording shows no range; it is that of the open memtype_reserve
    end: int
    type: int  # the mode after the MTRR was asked; -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
        type: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.type = start, end, type

    def function(self) -> str:
        return "memtype_check_insert"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeErase(Call):
    """``memtype_erase(start, end)``, under ``memtype_lock``."""

    start: int
    end: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end = start, end

    def function(self) -> str:
        return "memtype_erase"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeKernelMapSync(Call):
    """``memtype_kernel_map_sync(base, size, pcm)``."""

    base: int
    size: int  # bytes
    pcm: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        base: int,
        size: int,
        pcm: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.base, self.size, self.pcm = base, size, pcm

    def function(self) -> str:
        return "memtype_kernel_map_sync"
