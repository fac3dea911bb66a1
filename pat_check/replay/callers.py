"""What the open calls around a memtype_reserve() say of it."""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyPageRange,
    IoremapCaller,
    MemtypeCheckInsert,
    MemtypeReserve,
    MemtypeReserveIo,
    ReservePfnRange,
    SetMemory,
)
from pat_check.model.memory import PHYSICAL_MASK
from pat_check.replay.frames import Frame
from pat_check.replay.tasks import Task

_STRICT: Final = frozenset(("set_memory_uc", "set_memory_wc"))


def masked(call: MemtypeReserve) -> tuple[int, int]:
    """The range of a request without the bits that are no physical address."""
    return call.start & PHYSICAL_MASK, ((call.end - 1) & PHYSICAL_MASK) + 1


def is_strict(task: Task, call: Call | None) -> bool:
    """Whether ``new_type`` is NULL: recorded, or known of the caller."""
    if isinstance(call, MemtypeReserve) and call.newp >= 0:
        return call.newp == 0
    frame = task.innermost(SetMemory)
    return frame is not None and frame.api in _STRICT


def is_fork(task: Task) -> bool:
    """Whether ``reserve_pfn_range()`` is strict: as recorded, else when the nearest caller is the copy of a fork."""
    for frame in reversed(task.frames):
        inside = frame.call
        if isinstance(inside, ReservePfnRange):
            if inside.strict >= 0:
                return bool(inside.strict)
        elif not isinstance(inside, (MemtypeReserve, MemtypeCheckInsert)):
            return isinstance(inside, CopyPageRange)
    return False


def outer(task: Task) -> Frame | None:
    """The open call that gets what memtype_reserve() granted."""
    for frame in reversed(task.frames):
        if isinstance(frame.call, (IoremapCaller, ReservePfnRange, MemtypeReserveIo)):
            return frame
    return None
