"""Calls into the memtype layer, and of what reserves for a driver."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.events.base import Call


@dataclass(slots=True)
class MemtypeReserve(Call):
    """``memtype_reserve(start, end, req_type, *new_type)``."""

    start: int
    end: int
    req: int  # cache mode asked for
    newp: int = -1  # value of the new_type pointer: 0 is NULL, -1 not recorded


@dataclass(slots=True)
class MemtypeFree(Call):
    """``memtype_free(start, end)``."""

    start: int
    end: int


@dataclass(slots=True)
class MemtypeCheckInsert(Call):
    """``memtype_check_insert(entry, *ret_type)``, under ``memtype_lock``: the order of the changes."""

    start: int  # -1: the recording shows no range; it is that of the open memtype_reserve
    end: int
    type: int  # the mode after the MTRR was asked; -1 not recorded


@dataclass(slots=True)
class MemtypeErase(Call):
    """``memtype_erase(start, end)``, under ``memtype_lock``."""

    start: int
    end: int


@dataclass(slots=True)
class MemtypeReserveIo(Call):
    """``memtype_reserve_io(start, end, *type)``."""

    start: int
    end: int
    req: int


@dataclass(slots=True)
class MemtypeFreeIo(Call):
    """``memtype_free_io(start, end)``."""

    start: int
    end: int


@dataclass(slots=True)
class ArchIoReserveMemtypeWc(Call):
    """``arch_io_reserve_memtype_wc(start, size)``: returns 0 even when the range stays UC-."""

    start: int
    size: int  # bytes


@dataclass(slots=True)
class ArchIoFreeMemtypeWc(Call):
    """``arch_io_free_memtype_wc(start, size)``."""

    start: int
    size: int  # bytes


@dataclass(slots=True)
class MemtypeKernelMapSync(Call):
    """``memtype_kernel_map_sync(base, size, pcm)``."""

    base: int
    size: int  # bytes
    pcm: int


@dataclass(slots=True)
class MemremapPages(Call):
    """``memremap_pages(pgmap)``: the range of a device gets struct pages. Returns the address or an error pointer."""

    start: int  # of the first range: bytes [start, end); the kernel's own end is inclusive
    end: int
    ranges: int = 1  # how many there are; -1 not recorded


@dataclass(slots=True)
class MemunmapPages(Call):
    """``memunmap_pages(pgmap)``: the struct pages of [start, end) go, and those of further ranges."""

    start: int
    end: int
    ranges: int = 1


@dataclass(slots=True)
class IoremapCaller(Call):
    """``__ioremap_caller(phys_addr, size, pcm)``: every flavour of ioremap. Returns the address or 0."""

    phys: int  # not aligned: as the driver asked
    size: int  # bytes
    pcm: int


@dataclass(slots=True)
class Iounmap(Call):
    """``iounmap(addr)``."""

    addr: int  # kernel virtual address, as __ioremap_caller returned it


@dataclass(slots=True)
class SetMemory(Call):
    """``set_memory_uc/wc/wb(addr, numpages)``: `api` is the function's name."""

    addr: int  # kernel virtual address
    numpages: int
    api: str
