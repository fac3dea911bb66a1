"""Calls on a mapping's behalf: they say for whom a range is reserved.

The initialisers of what recordings are full of are written out: compiled, they are several times as quick as those
that dataclass() makes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Call


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class RemapPfnRange(Call):
    """``remap_pfn_range()`` and the functions it is made of; `api` is the function's name."""

    vma: int
    mm: int  # 0 not recorded
    vm_start: int  # -1 not recorded
    vm_end: int
    addr: int
    pfn: int
    size: int  # bytes
    api: str
    ctx: int = -1  # the pfnmap_track_ctx of the VMA; 0 none, -1 not recorded
    flags: int = -1  # vm_flags at entry
    prot: int = -1  # page protection bits asked for; -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int,
        vm_start: int,
        vm_end: int,
        addr: int,
        pfn: int,
        size: int,
        api: str,
        ctx: int = -1,
        flags: int = -1,
        prot: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.vm_start, self.vm_end = vma, mm, vm_start, vm_end
        self.addr, self.pfn, self.size, self.api = addr, pfn, size, api
        self.ctx, self.flags, self.prot = ctx, flags, prot

    def function(self) -> str:
        return self.api


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ReservePfnRange(Call):
    """``reserve_pfn_range(paddr, size, prot, strict)`` or ``pfnmap_track(pfn, size, prot)``."""

    start: int  # bytes: a pfn is converted
    size: int  # bytes
    prot: int  # page protection bits asked for; -1 not recorded
    api: str
    strict: int = -1  # whether no other type is taken; -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        size: int,
        prot: int,
        api: str,
        strict: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.size, self.prot, self.api = start, size, prot, api
        self.strict = strict

    def function(self) -> str:
        return self.api


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class FreePfnRange(Call):
    """``untrack_pfn()``, ``pfnmap_untrack()`` or ``pfnmap_track_ctx_release()``; `api` is the function's name."""

    vma: int  # 0 where the function has none
    mm: int  # 0 not recorded
    api: str
    pfn: int = -1  # of the argument: 0 means that the function finds it; -1 not recorded
    size: int = -1  # bytes
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1  # vm_flags at entry
    ctx: int = -1

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int,
        api: str,
        pfn: int = -1,
        size: int = -1,
        vm_start: int = -1,
        vm_end: int = -1,
        flags: int = -1,
        ctx: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.api, self.pfn = vma, mm, api, pfn
        self.size, self.vm_start, self.vm_end, self.flags = size, vm_start, vm_end, flags
        self.ctx = ctx

    def function(self) -> str:
        return self.api


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class CopyPageRange(Call):
    """``copy_page_range()`` or ``track_pfn_copy()``: fork copies one mapping from `vma` to `dst`."""

    dst: int
    vma: int
    mm: int  # of the parent; 0 not recorded
    api: str
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1  # of the parent's VMA

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        dst: int,
        vma: int,
        mm: int,
        api: str,
        vm_start: int = -1,
        vm_end: int = -1,
        flags: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.dst, self.vma, self.mm, self.api = dst, vma, mm, api
        self.vm_start, self.vm_end, self.flags = vm_start, vm_end, flags

    def function(self) -> str:
        return self.api


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class GetPatInfo(Call):
    """``get_pat_info(vma)``: the range of a VM_PAT mapping, by its first entry."""

    vma: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma = vma

    def function(self) -> str:
        return "get_pat_info"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class InsertPfn(Call):
    """``vmf_insert_pfn_prot()`` and its like: one entry is installed, nothing is reserved."""

    vma: int
    mm: int  # 0 not recorded
    addr: int
    pfn: int
    size: int  # bytes: 4 KiB, 2 MiB or 1 GiB
    api: str
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1
    prot: int = -1  # page protection bits asked for; -1 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int,
        addr: int,
        pfn: int,
        size: int,
        api: str,
        vm_start: int = -1,
        vm_end: int = -1,
        flags: int = -1,
        prot: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.addr, self.pfn = vma, mm, addr, pfn
        self.size, self.api, self.vm_start, self.vm_end = size, api, vm_start, vm_end
        self.flags, self.prot = flags, prot

    def function(self) -> str:
        return self.api
