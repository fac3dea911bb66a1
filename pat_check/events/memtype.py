"""Calls into the memtype layer, and of what reserves for a driver.

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
@dataclass(slots=True, repr=False, eq=False)
class MemtypeReserveIo(Call):
    """``memtype_reserve_io(start, end, *type)``."""

    start: int
    end: int
    req: int

    def function(self) -> str:
        return "memtype_reserve_io"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class MemtypeFreeIo(Call):
    """``memtype_free_io(start, end)``."""

    start: int
    end: int

    def function(self) -> str:
        return "memtype_free_io"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class ArchIoReserveMemtypeWc(Call):
    """``arch_io_reserve_memtype_wc(start, size)``: returns 0 even when the range stays UC-."""

    start: int
    size: int  # bytes

    def function(self) -> str:
        return "arch_io_reserve_memtype_wc"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class ArchIoFreeMemtypeWc(Call):
    """``arch_io_free_memtype_wc(start, size)``."""

    start: int
    size: int  # bytes

    def function(self) -> str:
        return "arch_io_free_memtype_wc"


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


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class MemremapPages(Call):
    """``memremap_pages(pgmap)``: the range of a device gets struct pages. Returns the address or an error pointer."""

    start: int  # of the first range: bytes [start, end); the kernel's own end is inclusive
    end: int
    ranges: int = 1  # how many there are; -1 not recorded

    def function(self) -> str:
        return "memremap_pages"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class MemunmapPages(Call):
    """``memunmap_pages(pgmap)``: the struct pages of [start, end) go, and those of further ranges."""

    start: int
    end: int
    ranges: int = 1

    def function(self) -> str:
        return "memunmap_pages"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class IoremapCaller(Call):
    """``__ioremap_caller(phys_addr, size, pcm)``: every flavour of ioremap. Returns the address or 0."""

    phys: int  # not aligned: as the driver asked
    size: int  # bytes
    pcm: int

    def function(self) -> str:
        return "__ioremap_caller"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Iounmap(Call):
    """``iounmap(addr)``."""

    addr: int  # kernel virtual address, as __ioremap_caller returned it

    def function(self) -> str:
        return "iounmap"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class SetMemory(Call):
    """``set_memory_uc/wc/wb(addr, numpages)``: `api` is the function's name."""

    addr: int  # kernel virtual address
    numpages: int
    api: str

    def function(self) -> str:
        return self.api
