"""Calls of drivers that lead to the memtype layer, or change cache modes themselves."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Call


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeReserveIo(Call):
    """``memtype_reserve_io(start, end, *type)``."""

    start: int
    end: int
    req: int

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
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.req = start, end, req

    def function(self) -> str:
        return "memtype_reserve_io"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemtypeFreeIo(Call):
    """``memtype_free_io(start, end)``."""

    start: int
    end: int

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, start: int, end: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end = start, end

    def function(self) -> str:
        return "memtype_free_io"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ArchIoReserveMemtypeWc(Call):
    """``arch_io_reserve_memtype_wc(start, size)``: returns 0 even when the range stays UC-."""

    start: int
    size: int  # bytes

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, start: int, size: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.size = start, size

    def function(self) -> str:
        return "arch_io_reserve_memtype_wc"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ArchIoFreeMemtypeWc(Call):
    """``arch_io_free_memtype_wc(start, size)``."""

    start: int
    size: int  # bytes

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, start: int, size: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.size = start, size

    def function(self) -> str:
        return "arch_io_free_memtype_wc"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemremapPages(Call):
    """``memremap_pages(pgmap)``: the range of a device gets struct pages. Returns the address or an error pointer."""

    start: int  # of the first range: bytes [start, end); the kernel's own end is inclusive
    end: int
    ranges: int = 1  # how many there are; -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
        ranges: int = 1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.ranges = start, end, ranges

    def function(self) -> str:
        return "memremap_pages"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MemunmapPages(Call):
    """``memunmap_pages(pgmap)``: the struct pages of [start, end) go, and those of further ranges."""

    start: int
    end: int
    ranges: int = 1

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
        ranges: int = 1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.ranges = start, end, ranges

    def function(self) -> str:
        return "memunmap_pages"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class IoremapCaller(Call):
    """``__ioremap_caller(phys_addr, size, pcm)``: every flavour of ioremap. Returns the address or 0."""

    phys: int  # not aligned: as the driver asked
    size: int  # bytes
    pcm: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        phys: int,
        size: int,
        pcm: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.phys, self.size, self.pcm = phys, size, pcm

    def function(self) -> str:
        return "__ioremap_caller"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Iounmap(Call):
    """``iounmap(addr)``."""

    addr: int  # kernel virtual address, as __ioremap_caller returned it

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, addr: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.addr = addr

    def function(self) -> str:
        return "iounmap"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class SetMemory(Call):
    """``set_memory_uc/wc/wb(addr, numpages)``: `api` is the function's name."""

    addr: int  # kernel virtual address
    numpages: int
    api: str

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        addr: int,
        numpages: int,
        api: str,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.addr, self.numpages, self.api = addr, numpages, api

    def function(self) -> str:
        return self.api
