"""Calls on VMAs and whole address spaces: how mappings are copied, cut, changed and taken away.

Initialisers are written out as in mappings.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Call


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class VmAreaDup(Call):
    """``vm_area_dup(orig)``: split, fork and mremap copy a VMA; its context gets another reference."""

    vma: int
    mm: int = 0  # of the original; 0 not recorded
    vm_start: int = -1
    vm_end: int = -1
    flags: int = -1
    ctx: int = -1

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int = 0,
        vm_start: int = -1,
        vm_end: int = -1,
        flags: int = -1,
        ctx: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.vm_start, self.vm_end = vma, mm, vm_start, vm_end
        self.flags, self.ctx = flags, ctx

    def function(self) -> str:
        return "vm_area_dup"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class SplitVma(Call):
    """``__split_vma(vma, addr, new_below)``: the bounds are those before the split."""

    vma: int
    mm: int
    vm_start: int
    vm_end: int
    flags: int
    addr: int
    new_below: int  # whether the new VMA is the lower one

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
        flags: int,
        addr: int,
        new_below: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.vm_start, self.vm_end = vma, mm, vm_start, vm_end
        self.flags, self.addr, self.new_below = flags, addr, new_below

    def function(self) -> str:
        return "__split_vma"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class CopyVma(Call):
    """``copy_vma(vma, addr, len)``: mremap makes the VMA that the mapping moves to."""

    vma: int
    mm: int
    flags: int
    addr: int
    len: int  # bytes

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int,
        flags: int,
        addr: int,
        len: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.flags, self.addr = vma, mm, flags, addr
        self.len = len

    def function(self) -> str:
        return "copy_vma"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class MprotectFixup(Call):
    """``mprotect_fixup(vma, start, end, newflags)``."""

    vma: int
    mm: int
    vm_start: int
    vm_end: int
    flags: int
    start: int
    end: int
    newflags: int

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
        flags: int,
        start: int,
        end: int,
        newflags: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.vm_start, self.vm_end = vma, mm, vm_start, vm_end
        self.flags, self.start, self.end, self.newflags = flags, start, end, newflags

    def function(self) -> str:
        return "mprotect_fixup"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class VmAreaFree(Call):
    """``vm_area_free(vma)``: its context loses a reference."""

    vma: int
    ctx: int = -1

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        ctx: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.ctx = vma, ctx

    def function(self) -> str:
        return "vm_area_free"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class DupMmap(Call):
    """``dup_mmap(mm, oldmm)``: fork copies an address space."""

    mm: int
    oldmm: int

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, mm: int, oldmm: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.mm, self.oldmm = mm, oldmm

    def function(self) -> str:
        return "dup_mmap"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ZapVma(Call):
    """``unmap_single_vma()``, ``unmap_page_range()`` or ``__zap_vma_range()``: clear PTEs of one VMA."""

    vma: int
    mm: int  # 0 not recorded
    start: int  # user virtual bytes
    end: int
    api: str
    vm_start: int = -1  # of the VMA; -1 not recorded
    vm_end: int = -1
    flags: int = -1

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        vma: int,
        mm: int,
        start: int,
        end: int,
        api: str,
        vm_start: int = -1,
        vm_end: int = -1,
        flags: int = -1,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.mm, self.start, self.end = vma, mm, start, end
        self.api, self.vm_start, self.vm_end, self.flags = api, vm_start, vm_end, flags

    def function(self) -> str:
        return self.api


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class UnmapVmas(Call):
    """``unmap_vmas(vma, start, end)`` from `vma` on; [0, max) is the end of an address space."""

    start: int
    end: int
    vma: int = 0  # the first of the VMAs; 0 not recorded
    mm: int = 0  # 0 not recorded

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        start: int,
        end: int,
        vma: int = 0,
        mm: int = 0,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.start, self.end, self.vma, self.mm = start, end, vma, mm

    def function(self) -> str:
        return "unmap_vmas"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ExitMmap(Call):
    """``exit_mmap(mm)``: the last user of the address space is gone."""

    mm: int

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, mm: int) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.mm = mm

    def function(self) -> str:
        return "exit_mmap"
