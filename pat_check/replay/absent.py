"""Calls that are not in the recording, although what they have called is.

Each return names the function that it goes to. Where calls of that function are recorded, one must be open in the task.
That is sure only of a task that was once seen outside of all of them, for others may have begun before the recording.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    ArchIoFreeMemtypeWc,
    Call,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    IoremapCaller,
    Iounmap,
    MemtypeFreeIo,
    MemunmapPages,
    MprotectFixup,
    RemapPfnRange,
    Return,
    SetMemory,
    UnmapVmas,
)
from pat_check.incidents import Story
from pat_check.replay.context import Context
from pat_check.replay.frames import Frame
from pat_check.replay.layered import LAYERS
from pat_check.replay.remarks import Surprise
from pat_check.replay.tasks import SCOPES, Task
from pat_check.replay.wanted import seen_in

_CLOSED: Final[frozenset[str]] = frozenset(("unmap_page_range", "__zap_vma_range", "untrack_pfn_clear"))
_KNOWN: Final[frozenset[str]] = (
    frozenset(one for name, main, others in LAYERS if name != "inserts" for one in (*main, *others))
    | {"memtype_check_insert", "memtype_erase"}
) - _CLOSED
"""Functions of which it is known whether a call is open. Inserts call each other, and of none that is known."""

_ENDLESS: Final[dict[str, frozenset[type[Call]]]] = {
    "arch_io_free_memtype_wc": frozenset((ArchIoFreeMemtypeWc, MemtypeFreeIo)),
    "iounmap": frozenset((Iounmap,)),
    "memtype_free_io": frozenset((MemtypeFreeIo,)),
    "memunmap_pages": frozenset((MemunmapPages, FreePfnRange)),
    **dict.fromkeys(("pfnmap_track_ctx_release", "pfnmap_untrack", "untrack_pfn"), frozenset((FreePfnRange,))),
    **dict.fromkeys(("exit_mmap", "unmap_single_vma", "unmap_vmas", "vm_area_free"), SCOPES),
}
"""Functions whose returns are not recorded: such a call, or the last that it made, is the scope of what follows."""

_OF_VMAS: Final[frozenset[str]] = frozenset(
    ("__split_vma", "copy_page_range", "copy_vma", "dup_mmap", "mprotect_fixup", "vm_area_dup")
)
"""Functions that may be recorded of some tasks alone, while those of the layers below are recorded of all."""

_REMAPS: Final = ("remap_pfn_range", "remap_pfn_range_complete")

OUTERMOST: Final[frozenset[type[Call]]] = frozenset(
    (DupMmap, ExitMmap, IoremapCaller, MprotectFixup, RemapPfnRange, SetMemory, UnmapVmas)
)
"""Kinds of calls of which one is never made inside a call of another kind, but for exit_mmap() and unmap_vmas()."""

_WHOLE: Final = 1 << 46


class Absent:
    """Tells of each once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._partial: set[str] = set()  # functions some entries of which are missing: they may be filtered

    def enter(self, call: Call) -> None:
        """A call of one of the kinds of `OUTERMOST` begins."""
        task, kind = self.context.tasks.of(call), type(call)
        if kind is RemapPfnRange and call.function() not in _REMAPS:
            if call.function() == "remap_pfn_range_track":
                self._tracked(call, task)
        elif kind is UnmapVmas:
            assert isinstance(call, UnmapVmas)
            self._unmapped(call, task)
            task.outside = True
        else:
            task.outside, task.absent = True, ""

    def outside(self, pid: int) -> None:
        """A task writes a marker, forks or begins: it is in none of the recorded functions."""
        if pid > 0:
            task = self.context.tasks.of_pid(pid)
            task.outside, task.absent = True, ""

    def leave(self, event: Return, frame: Frame | None, function: str) -> bool:
        """A call, of which `frame` is the latest open one, is over and returns to a function that can be recorded.

        Whether it was told that a call of that function is missing.
        """
        task = self.context.tasks.of(event)
        if self.is_open(task, function):
            return False
        if not self._is_sure(event, task, function) or (function in _OF_VMAS and event.api not in _OF_VMAS):
            return False
        task.absent = function
        call = frame.call if frame is not None and frame.api == event.api else event.entry
        self._tell(event, call, function)
        return True

    def is_open(self, task: Task, function: str) -> bool:
        """Whether a task is in this function, as far as its calls show."""
        frames = task.frames
        for place in range(len(frames) - 1, -1, -1):
            if frames[place].api == function:
                return True
        return function in _ENDLESS and type(task.scope) in _ENDLESS[function]

    def without_entry(self, event: Return) -> None:
        """A return comes without its entry: not all entries of the function are recorded."""
        if self.context.tasks.of(event).outside:
            self._partial.add(event.api)

    def _is_sure(self, event: Event, task: Task, function: str) -> bool:
        """Whether the call must have begun in the recording, and be there."""
        context = self.context
        if not task.outside or task.absent == function or event.pid <= 0 or context.lost_any or context.one_cpu:
            return False
        return function in context.recorded and function not in context.halves and function not in self._partial

    def _tell(self, event: Return, call: Call | None, function: str) -> None:
        start = end = 0
        story: Story = []
        if call is not None:
            seen = seen_in(call)
            if seen.start >= 0:
                start, end = seen.start, seen.start + max(seen.size, 0)
            if call.at != event.at:
                story = [(event.at, "returned here")]
        surprise = Surprise(self.context, call or event, event.api, start, end)
        surprise.tell("returned to", f"an open call of {function}()", f"{function}(), which was not called", story)

    def _tracked(self, call: Call, task: Task) -> None:
        """remap_pfn_range_track() has two callers, and ends as one of them does: its return names neither."""
        if any(frame.api in _REMAPS for frame in task.frames):
            return
        if all(self._is_sure(call, task, function) for function in _REMAPS):
            seen = seen_in(call)
            surprise = Surprise(self.context, call, call.function(), seen.start, seen.start + max(seen.size, 0))
            surprise.tell("came", f"that only {'() and '.join(_REMAPS)}() call it", "by itself", [])

    def _unmapped(self, call: UnmapVmas, task: Task) -> None:
        """exit_mmap() alone unmaps all that a process has."""
        task.absent = ""
        inside = isinstance(task.scope, ExitMmap) or any(frame.kind is ExitMmap for frame in task.frames)
        if call.start == 0 and call.end >= _WHOLE and not inside and self._is_sure(call, task, "exit_mmap"):
            surprise = Surprise(self.context, call, "unmap_vmas", 0, 0)
            surprise.tell("came", "that only exit_mmap() unmaps everything", "by itself", [])


def function_of(caller: str) -> str:
    """The function that a return goes to, if calls of it can be recorded; "" for a part or a clone of one."""
    name, _, offset = caller.partition("+")
    return name if name in _KNOWN and not offset.startswith("0x0/") and " [" not in caller else ""
