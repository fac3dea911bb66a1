"""What calls return, compared with what was seen to happen inside them.

Most functions of these layers hand on a failure of what they call, and undo what was done before it.
"""

from __future__ import annotations

import errno
from typing import Final

from pat_check.cachemode import cachemode_name, errno_name
from pat_check.events import (
    Call,
    CopyVma,
    FreePfnRange,
    GetPatInfo,
    MemtypeFree,
    MemtypeKernelMapSync,
    MemtypeReserveIo,
    Return,
    SplitVma,
    VmAreaDup,
    VmAreaFree,
)
from pat_check.replay.context import Context
from pat_check.replay.frames import Frame
from pat_check.replay.remarks import Surprise
from pat_check.replay.tasks import Task
from pat_check.replay.wanted import seen_in

_POINTER: Final = (1 << 64) - 1
_MAX_ERRNO: Final = 4095

_MAPPERS: Final = ("remap_pfn_range", "remap_pfn_range_complete")
_TRACKERS: Final = (*_MAPPERS, "track_pfn_remap", "remap_pfn_range_track", "memremap_pages")
_COPIERS: Final = ("track_pfn_copy", "copy_page_range")
_RESERVERS: Final = ("reserve_pfn_range", "pfnmap_track", "memtype_reserve_io", "__ioremap_caller")
_DRIVERS: Final = ("arch_io_reserve_memtype_wc", "set_memory_uc", "set_memory_wc")

_HANDED_ON: Final[dict[str, frozenset[str]]] = {
    "memtype_reserve": frozenset((*_RESERVERS, *_TRACKERS, *_COPIERS, *_DRIVERS)),
    "memtype_kernel_map_sync": frozenset((*_RESERVERS, *_TRACKERS, *_COPIERS, "arch_io_reserve_memtype_wc")),
    "memtype_reserve_io": frozenset(("arch_io_reserve_memtype_wc",)),
    "reserve_pfn_range": frozenset((*_TRACKERS, *_COPIERS)),
    "pfnmap_track": frozenset(_TRACKERS),
    "track_pfn_remap": frozenset((*_MAPPERS, "memremap_pages")),
    "remap_pfn_range_track": frozenset(_MAPPERS),
    "get_pat_info": frozenset(_COPIERS),
    "track_pfn_copy": frozenset(("copy_page_range",)),
    "copy_page_range": frozenset(("dup_mmap",)),
    "vm_area_dup": frozenset(("dup_mmap", "__split_vma", "copy_vma")),
    "__split_vma": frozenset(("mprotect_fixup",)),
}
"""By function: its callers that fail when it does, also through others between them that a compiler has inlined."""

_SAME: Final[dict[str, frozenset[str]]] = {
    "memtype_reserve_io": frozenset(("arch_io_reserve_memtype_wc",)),
    "reserve_pfn_range": frozenset(("track_pfn_remap",)),
    "remap_pfn_range_track": frozenset(_MAPPERS),
}
"""By function: its callers that return what it returns."""


class Results:
    """Tells of each result that does not fit."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._unknown: dict[int, int] = {}  # by pid: the line of an untrack_pfn() whose get_pat_info() failed

    def enter(self, call: Call) -> None:
        """A memtype_free() or vm_area_free() begins."""
        if isinstance(call, MemtypeFree):
            if self._unknown and (at := self._unknown.pop(call.pid, 0)):
                self._frees(call, at)
        elif isinstance(call, VmAreaFree) and call.pid > 0:
            for frame in self.context.tasks.of(call).frames:
                if frame.inside is not None and frame.inside.made == call.vma:
                    frame.inside.made = 0

    def leave(self, event: Return, frame: Frame, *, fails: bool) -> None:
        """A call is over: `frame`, which is still open."""
        if event.pid <= 0 or event.ret is None:
            return
        task = self.context.tasks.of(event)
        inside = frame.inside
        if event.call is MemtypeKernelMapSync and event.ret not in (0, -errno.EINVAL):
            self._tell(event, frame, "0 or -EINVAL")
        elif event.call is MemtypeReserveIo and self._granted_other(event, frame) and not fails:
            node = frame.node
            granted = cachemode_name(node.type) if node is not None else ""
            surprise = Surprise(self.context, event, event.api, *_range(frame.call))
            surprise.tell("granted", granted, cachemode_name(event.got), [(frame.call.at, "called here")])
        elif inside is None:
            pass
        elif inside.failed and not fails:
            self._tell(event, frame, f"an error, as {inside.failed}() failed", inside.at)
        elif inside.same and inside.ret != event.ret:
            self._tell(event, frame, f"{errno_name(inside.ret)}, as {inside.same}()", inside.at)
        elif event.call is CopyVma and inside.made and not fails and inside.made != event.ret & _POINTER:
            self._tell(event, frame, f"{inside.made:#x}, as vm_area_dup()", inside.at)
        elif fails and inside.made and "vm_area_free" in self.context.recorded and not self.context.lost_any:
            surprise = Surprise(self.context, event, event.api, 0, 0)
            story = [(frame.call.at, "called here")]
            surprise.tell("made", f"a call of vm_area_free() of {inside.made:#x}, for it fails", "none", story)
        self._hand_on(event, frame, task, failed=event.ret < 0 if event.call is GetPatInfo else fails)

    def forbids(self, pid: int) -> bool:
        """Whether a task must not free now."""
        return pid in self._unknown

    def lost(self) -> None:
        """Events are missing."""
        self._unknown.clear()

    def _hand_on(self, event: Return, frame: Frame, task: Task, *, failed: bool) -> None:
        """What the caller must return now."""
        frames = task.frames
        place = len(frames) - 1
        while place >= 0 and frames[place] is not frame:
            place -= 1
        outer = frames[place - 1] if place > 0 else None
        if event.call is GetPatInfo and failed:
            scope = task.scope
            if isinstance(scope, FreePfnRange) and scope.api == "untrack_pfn":
                self._unknown[event.pid] = scope.at
        if outer is None:
            return
        if failed and outer.api in _HANDED_ON.get(event.api, ()):
            noted = outer.noted()
            noted.failed, noted.at = event.api, event.at
        elif outer.api in _SAME.get(event.api, ()):
            noted = outer.noted()
            noted.same, noted.ret, noted.at = event.api, event.ret or 0, event.at
        elif event.call is VmAreaDup and outer.kind in (SplitVma, CopyVma):
            noted = outer.noted()
            noted.made, noted.at = (event.ret or 0) & _POINTER, event.at

    def _granted_other(self, event: Return, frame: Frame) -> bool:
        """Whether another type is handed on than memtype_reserve() has granted."""
        node = frame.node
        return node is not None and not node.assumed and 0 <= event.got != node.type

    def _frees(self, call: MemtypeFree, at: int) -> None:
        """untrack_pfn() frees nothing where get_pat_info() finds nothing."""
        scope = self.context.tasks.of(call).scope
        if isinstance(scope, FreePfnRange) and scope.at == at:
            surprise = Surprise(self.context, call, "untrack_pfn", call.start, call.end)
            surprise.tell("made", "none, as get_pat_info() failed", "a call of memtype_free()", [(at, "called here")])

    def _tell(self, event: Return, frame: Frame, predicted: str, at: int = 0) -> None:
        surprise = Surprise(self.context, event, event.api, *_range(frame.call))
        story = [(frame.call.at, "called here")]
        if at:
            story.append((at, "returned here"))
        ret = event.ret or 0
        observed = errno_name(ret) if -_MAX_ERRNO <= ret <= 0 else f"{ret & _POINTER:#x}"
        surprise.tell("returned", predicted, observed, story)


def _range(call: Call) -> tuple[int, int]:
    """The physical range of a call; (0, 0) where it shows none."""
    seen = seen_in(call)
    return (seen.start, seen.start + max(seen.size, 0)) if seen.start >= 0 else (0, 0)
