"""Calls under memtype_lock, compared with the memtype_reserve() or memtype_free() that they are made in."""

from __future__ import annotations

import errno
from typing import Final

from pat_check.cachemode import cachemode_name, errno_name
from pat_check.events import Event, MemtypeErase, MemtypeFree, MemtypeReserve, Return
from pat_check.model.memory import PHYSICAL_MASK
from pat_check.replay.callers import masked
from pat_check.replay.context import Context
from pat_check.replay.frames import Frame
from pat_check.replay.remarks import Surprise, called_here

ERASED: Final = {"missed": "found no entry", "shrunk": "shrank an entry", "removed": "removed an entry"}
"""What memtype_erase() came to."""


def compare_insert(context: Context, event: Return, reserve: MemtypeReserve, start: int, end: int) -> None:
    """memtype_check_insert() of [start, end) is of the range that memtype_reserve() was called with."""
    wanted = masked(reserve)
    if (start, end) != wanted:
        _compare_range(context, event, "memtype_reserve", wanted, (start, end), reserve.at)


def compare_erase(context: Context, event: Return, free: MemtypeFree, erase: MemtypeErase) -> None:
    """memtype_erase() is of the range that memtype_free() was called with."""
    wanted = free.start & PHYSICAL_MASK, free.end & PHYSICAL_MASK
    found = erase.start & PHYSICAL_MASK, erase.end & PHYSICAL_MASK
    if found != wanted:
        _compare_range(context, event, "memtype_free", wanted, found, free.at)


def compare_reserve(context: Context, event: Return, frame: Frame, got: int) -> None:
    """memtype_reserve() returns what memtype_check_insert() has come to, and the type of the new entry."""
    made, ret = frame.node, event.ret
    if ret is not None and (ret == 0) != (made is not None):
        predicted = "0" if made is not None else "an error"
        surprise = _of_reserve(context, event, frame)
        surprise.tell("returned", f"{predicted}, as memtype_check_insert()", errno_name(ret), [])
    elif made is not None and got >= 0 and got != made.type and not made.assumed:
        surprise = _of_reserve(context, event, frame)
        surprise.tell("granted", cachemode_name(made.type), cachemode_name(got), [])


def compare_free(context: Context, event: Event, free: MemtypeFree, how: str, ret: int | None) -> None:
    """memtype_free() returns what memtype_erase() has come to: `how`, "" where that is not recorded."""
    if not how or ret is None:
        return
    wanted = -errno.EINVAL if how == "missed" else 0
    if ret != wanted:
        surprise = Surprise(context, event, "memtype_free", free.start & PHYSICAL_MASK, free.end & PHYSICAL_MASK)
        predicted = f"{errno_name(wanted)}, as memtype_erase() {ERASED[how]}"
        surprise.tell("returned", predicted, errno_name(ret), called_here(free, event))


def _of_reserve(context: Context, event: Return, frame: Frame) -> Surprise:
    start, end = masked(frame.call) if isinstance(frame.call, MemtypeReserve) else (0, 0)
    return Surprise(context, event, "memtype_reserve", start, end)


def _compare_range(
    context: Context, event: Return, outer: str, wanted: tuple[int, int], found: tuple[int, int], at: int
) -> None:
    surprise = Surprise(context, event, outer, *wanted)
    want, have = (f"[{start:#x}-{end:#x})" for start, end in (wanted, found))
    surprise.tell(f"called {event.api}() with", want, have, [(at, "called here")])
