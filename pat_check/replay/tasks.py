"""Calls of each task, paired with their returns.

The next return of a function in a task belongs to the latest open call of that function there; calls opened
later and still open were interrupted or lost their return. A recording has no return events for functions
without a result: such a call is only the `scope` of what follows, until the next call that cannot be inside it.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    NO_PID,
    ArchIoFreeMemtypeWc,
    ArchIoReserveMemtypeWc,
    Call,
    CopyPageRange,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    GetPatInfo,
    InsertPfn,
    IoremapCaller,
    Iounmap,
    MemremapPages,
    MemtypeErase,
    MemtypeFree,
    MemtypeFreeIo,
    MemtypeReserveIo,
    MemunmapPages,
    RemapPfnRange,
    ReservePfnRange,
    Return,
    SetMemory,
    Telltale,
    UnmapVmas,
    VmAreaFree,
    ZapVma,
)
from pat_check.model.owner import Owner
from pat_check.replay.frames import Frame

_DEPTH: Final = 64
_TASKS: Final = 100_000
_TORN: Final = 1_000
_IDLE: Final = -2

SCOPES: Final[frozenset[type[Call]]] = frozenset(
    (
        MemtypeFreeIo,
        ArchIoFreeMemtypeWc,
        Iounmap,
        FreePfnRange,
        ZapVma,
        UnmapVmas,
        ExitMmap,
        InsertPfn,
        VmAreaFree,
        MemunmapPages,
        Telltale,
    )
)
"""Calls whose return may not be recorded."""

_INSIDE: Final[frozenset[type[Call]]] = frozenset((MemtypeFree, MemtypeErase, GetPatInfo))
"""Calls that are made inside a scope."""


class Task:
    """One thread: its open calls and what it is inside of."""

    __slots__ = ("absent", "frames", "mm", "module", "outside", "scope")

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.scope: Call | None = None
        self.mm = 0  # the address space it was last seen to work on
        self.module = ""  # a driver that it is loading
        self.outside = False  # it was once seen to be in none of the recorded functions
        self.absent = ""  # a function that it is in, as its calls say, though its own call is not recorded

    def close(self, call: type[Call]) -> None:
        """Calls of this kind cannot be open any more: their return was not recorded."""
        if self.innermost(call) is not None:
            self.frames[:] = [frame for frame in self.frames if frame.kind is not call]

    def returning(self, event: Return) -> Frame | None:
        """The latest open call of the function that returns."""
        for frame in reversed(self.frames):
            if frame.kind is event.call and frame.api == event.api:
                return frame
        return None

    def innermost(self, call: type[Call]) -> Frame | None:
        """The latest open call of this kind."""
        for frame in reversed(self.frames):
            if frame.kind is call:
                return frame
        return None


class Tasks:
    """Every task of a recording."""

    __slots__ = (
        "_last",
        "_last_pid",
        "_tasks",
        "endless",
        "lost_entries",
        "lost_returns",
        "lost_returns_at",
        "paired",
        "torn",
    )

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}  # by pid; the idle tasks by the negative of their CPU, from _IDLE down
        self.endless: set[str] = set()  # functions whose returns are not recorded: nothing is known to be inside them
        self._last = Task()
        self._last_pid = 0  # whose task `_last` is; 0 nobody's
        self.lost_entries = 0  # returns whose entry was not seen
        self.lost_returns = 0  # entries whose return was not seen
        self.lost_returns_at: list[tuple[int, str]] = []
        self.paired: set[str] = set()  # functions of which a call was seen to return
        self.torn: list[tuple[Call, str, str]] = []  # calls that lost their return while the task went on: before what

    def of(self, event: Event) -> Task:
        """The task of an event; idle tasks (pid 0) are one for each CPU."""
        key = event.pid
        if key == self._last_pid and key != 0:
            return self._last
        if key == 0:
            key = _IDLE - event.cpu
        task = self.of_pid(key)
        self._last, self._last_pid = task, event.pid
        return task

    def of_pid(self, pid: int) -> Task:
        """The task of this number, new where none is known."""
        task = self._tasks.get(pid)
        if task is None:
            if len(self._tasks) >= _TASKS:
                self._tasks.clear()
            task = self._tasks[pid] = Task()
        return task

    def interrupt(self) -> None:
        """Events are missing: what is open now may have returned unseen."""
        for task in self._tasks.values():
            task.frames.clear()
            task.scope = None

    def died(self, pid: int) -> None:
        """A task ends: what it is in the midst of never returns."""
        task = self._tasks.get(pid)
        if task is not None and task.frames:
            self._give_up(task.frames)
            task.frames.clear()

    def forget(self, pid: int) -> None:
        """A task is gone; its number may be used again."""
        task = self._tasks.pop(pid, None)
        self._last_pid = 0
        if task is not None:
            self._give_up(task.frames)

    def enter(self, call: Call, api: str) -> tuple[Task, Frame]:
        """Open a call."""
        task = self.of(call)
        frame = Frame(call, api)
        if frame.kind in SCOPES:
            task.scope = call
        elif self.endless and api in self.endless:
            task.scope = task.scope if frame.kind in _INSIDE else None
        else:
            self.open(task, frame)
        return task, frame

    def inside(self, call: Call) -> Task:
        """The same of a call of `SCOPES`: what comes may be inside of it."""
        task = self.of(call)
        task.scope = call
        return task

    def open(self, task: Task, frame: Frame) -> None:
        """A call whose return will be recorded is open."""
        if frame.kind not in _INSIDE:
            task.scope = None
        frames = task.frames
        for place in range(len(frames)):
            if frames[place].api == frame.api and frames[place].call.pid > 0:
                self._tear(frames[place:], f"the next call of {frame.api}()")
                del frames[place:]
                break
        frames.append(frame)
        if len(frames) > _DEPTH:
            self._give_up(frames[:-_DEPTH])
            del frames[:-_DEPTH]

    def leave(self, event: Return) -> tuple[Task, Frame | None]:
        """Close the latest open call of the function; None when its entry was not seen."""
        task = self.of(event)
        frames = task.frames
        for place in range(len(frames) - 1, -1, -1):
            frame = frames[place]
            if frame.kind is event.call and frame.api == event.api:
                if place + 1 < len(frames):
                    self._tear(frames[place + 1 :], f"that of {frame.api}()")
                    del frames[place:]
                else:
                    frames.pop()
                self.paired.add(frame.api)
                return task, frame
        if event.entry is None and event.call not in SCOPES:
            self.lost_entries += 1
        return task, None

    def open_beside(self, event: Event) -> list[Call]:
        """The calls that are open in other tasks than that of an event."""
        own = self.of(event)
        return [frame.call for task in self._tasks.values() if task is not own for frame in task.frames]

    def over(self, event: Event, kind: type[Call]) -> None:
        """Calls of this kind in the task of an event must be over: what is still open lost its return."""
        frames = self.of(event).frames
        place = next((place for place, frame in enumerate(frames) if frame.kind is kind), len(frames))
        self._tear(frames[place:], "the task goes on")
        del frames[place:]

    def close(self) -> None:
        """The recording is over: what is open now never returned."""
        for task in self._tasks.values():
            self._give_up(task.frames)
        self._tasks.clear()
        self._last_pid = 0

    def outside(self, event: Event) -> None:
        """The task of an event is in none of the recorded functions: what is still open lost its return."""
        frames = self.of(event).frames
        if frames:
            self._tear(frames, "the task goes on")
            frames.clear()

    def _tear(self, frames: list[Frame], before: str) -> None:
        """These calls lost their return."""
        self._give_up(frames)
        for frame in frames:
            if len(self.torn) < _TORN:
                self.torn.append((frame.call, frame.api, before))

    def _give_up(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.lost_returns += 1
            if len(self.lost_returns_at) < 5:
                self.lost_returns_at.append((frame.call.at, frame.api))


def owner_of_reserve(task: Task, call: Call, caller: str) -> Owner:
    """For whom a reservation is made: the innermost open call that says so, else the symbol that called."""
    comm, pid = call.comm, call.pid
    for frame in reversed(task.frames):
        inside = frame.call
        if isinstance(inside, RemapPfnRange):
            if inside.vma == 0 == inside.addr:
                return _driver("memremap_pages", task, comm, pid)
            return Owner("remap_pfn_range", comm, pid, inside.mm)
        if isinstance(inside, CopyPageRange):
            owner = Owner("fork", comm)
            owner.parent = pid
            dup = task.innermost(DupMmap)
            if dup is not None and isinstance(dup.call, DupMmap):
                owner.mm = dup.call.mm
            return owner
        if isinstance(inside, IoremapCaller):
            return _driver("ioremap", task, comm, pid)
        if isinstance(inside, (ArchIoReserveMemtypeWc, SetMemory)):
            return _driver(frame.api, task, comm, pid)
        if isinstance(inside, MemremapPages):
            return _driver("memremap_pages", task, comm, pid)
        if isinstance(inside, MemtypeReserveIo) and task.innermost(ArchIoReserveMemtypeWc) is None:
            return _driver("memtype_reserve_io", task, comm, pid)
    tracking = task.innermost(ReservePfnRange)
    if tracking is not None and isinstance(tracking.call, ReservePfnRange):
        if tracking.call.strict != 1:
            return Owner("remap_pfn_range", comm, pid)
        owner = Owner("fork", comm)  # which alone is strict
        owner.parent = pid
        return owner
    return Owner(_function(caller) or "memtype_reserve", comm, pid, symbol=caller)


def _driver(api: str, task: Task, comm: str, pid: int) -> Owner:
    owner = Owner(api, comm, pid)
    owner.module = task.module
    return owner


def _function(symbol: str) -> str:
    return "" if symbol.startswith("0x") else symbol.partition("+")[0].strip()


def who_frees(task: Task, caller: str) -> str:
    """The function on whose behalf a range is freed."""
    function = _function(caller) if caller else ""
    if function:
        return function
    scope = task.scope
    if scope is not None:
        return scope_api(scope)
    for frame in reversed(task.frames):
        if not isinstance(frame.call, (MemtypeFree, MemtypeErase)):
            return frame.api
    return "memtype_free"


def scope_api(call: Call) -> str:
    """The kernel function that a scope call stands for."""
    match call:
        case FreePfnRange() | ZapVma() | InsertPfn():
            return call.api
        case Iounmap():
            return "iounmap"
        case ArchIoFreeMemtypeWc():
            return "arch_io_free_memtype_wc"
        case MemtypeFreeIo():
            return "memtype_free_io"
        case MemunmapPages():
            return "memunmap_pages"
        case ExitMmap():
            return "exit_mmap"
        case _:
            return "unmap_vmas"


def mm_of(task: Task, event: Event) -> int:
    """The address space that a task works on: of its open calls or its scope; 0 unknown."""
    scope = task.scope
    if isinstance(scope, (FreePfnRange, ZapVma)) and scope.mm:
        return scope.mm
    for frame in reversed(task.frames):
        if isinstance(frame.call, (RemapPfnRange, CopyPageRange)) and frame.call.mm:
            return frame.call.mm
    return task.mm if event.pid != NO_PID else 0
