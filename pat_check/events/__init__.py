"""What a trace can say: one slotted class per kernel operation.

Every event begins with the same five fields. Calls carry the arguments of the kernel function at entry;
its end is a `Return`. Physical ranges are half-open byte ranges ``[start, end)``; sources convert.
"""

from __future__ import annotations

from pat_check.events.areas import (
    CopyVma,
    DupMmap,
    ExitMmap,
    MprotectFixup,
    SplitVma,
    UnmapVmas,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.events.base import NO_PID, Call, Event, Moment, Return
from pat_check.events.drivers import (
    ArchIoFreeMemtypeWc,
    ArchIoReserveMemtypeWc,
    IoremapCaller,
    Iounmap,
    MemremapPages,
    MemtypeFreeIo,
    MemtypeReserveIo,
    MemunmapPages,
    SetMemory,
)
from pat_check.events.mappings import (
    CopyPageRange,
    FreePfnRange,
    GetPatInfo,
    InsertPfn,
    RemapPfnRange,
    ReservePfnRange,
)
from pat_check.events.memtype import (
    MemtypeCheckInsert,
    MemtypeErase,
    MemtypeFree,
    MemtypeKernelMapSync,
    MemtypeReserve,
)
from pat_check.events.recording import (
    LostEvents,
    Malformed,
    Marker,
    Message,
    ModuleFree,
    ModuleLoad,
    SchedProcessExec,
    SchedProcessExit,
    SchedProcessFork,
)
from pat_check.events.telltale import Telltale

__all__ = [
    "NO_PID",
    "ArchIoFreeMemtypeWc",
    "ArchIoReserveMemtypeWc",
    "Call",
    "CopyPageRange",
    "CopyVma",
    "DupMmap",
    "Event",
    "ExitMmap",
    "FreePfnRange",
    "GetPatInfo",
    "InsertPfn",
    "IoremapCaller",
    "Iounmap",
    "LostEvents",
    "Malformed",
    "Marker",
    "MemremapPages",
    "MemtypeCheckInsert",
    "MemtypeErase",
    "MemtypeFree",
    "MemtypeFreeIo",
    "MemtypeKernelMapSync",
    "MemtypeReserve",
    "MemtypeReserveIo",
    "MemunmapPages",
    "Message",
    "ModuleFree",
    "ModuleLoad",
    "Moment",
    "MprotectFixup",
    "RemapPfnRange",
    "ReservePfnRange",
    "Return",
    "SchedProcessExec",
    "SchedProcessExit",
    "SchedProcessFork",
    "SetMemory",
    "SplitVma",
    "Telltale",
    "UnmapVmas",
    "VmAreaDup",
    "VmAreaFree",
    "ZapVma",
]
