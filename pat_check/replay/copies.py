"""What becomes of each VMA that is copied: fork copies its page tables, a move leaves the old one untracked.

fork makes, of each VMA in turn, vm_area_dup(), of a PFN mapping untrack_pfn_clear() where VM_PAT exists, and
copy_page_range(). A move makes copy_vma() and, of a PFN mapping, untrack_pfn_clear() before the old one is unmapped.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyPageRange,
    CopyVma,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    Return,
    SchedProcessFork,
    UnmapVmas,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.events.runs import OrdinaryVmas
from pat_check.model.vma import VM_PFNMAP, VM_WIPEONFORK
from pat_check.replay.agreeing import Agreeing
from pat_check.replay.context import Context
from pat_check.replay.remarks import Surprise

_TASKS: Final = 100_000
_POINTER: Final = (1 << 64) - 1
_NONE: Final = -1
FORKS: Final[frozenset[str]] = frozenset(("dup_mmap", "dup_mm", "copy_mm", "copy_process"))
"""dup_mmap(), and the functions that it may be inlined into."""

COPYING: Final[frozenset[type[Call]]] = frozenset(
    (CopyPageRange, CopyVma, ExitMmap, FreePfnRange, UnmapVmas, VmAreaDup, VmAreaFree, ZapVma)
)
"""Calls that are heard here."""


class Copy:
    """A VMA that a task has copied last: by fork, or to move it."""

    __slots__ = ("by", "call", "cleared", "new")

    def __init__(self, call: Call | None, new: int, by: str, cleared: bool = False) -> None:
        self.call = call  # of vm_area_dup() or copy_vma(); None: it is done
        self.new = new  # the copy; 0 not made yet, or done, -1 it could not be made
        self.by = by  # the function that must go on with it; "" nobody
        self.cleared = cleared  # untrack_pfn_clear() has come


class Copies:
    """Tells of each step that is missing."""

    def __init__(self, context: Context, agreeing: Agreeing) -> None:
        self.context, self.agreeing = context, agreeing
        self._of: dict[int, Copy] = {}  # by pid
        self._failed: dict[int, tuple[int, str]] = {}  # by pid: the line of a call that failed, which ends a fork

    def enter(self, call: Call) -> None:
        """A call of one of the kinds of `COPYING` begins."""
        kind = type(call)
        if kind is VmAreaDup:
            self._go_on(call.pid)
            if self._failed:
                self._fork_goes_on(call, call.pid, "made", "a further call of vm_area_dup()")
            if len(self._of) > _TASKS:
                self._of.clear()
            self._of[call.pid] = Copy(call, 0, "")
        elif kind is CopyPageRange:
            assert isinstance(call, CopyPageRange)
            if call.api == "copy_page_range" and call.vma:
                self._copies(call)
            elif call.api == "track_pfn_copy" and call.dst:
                self._tracks(call)
        elif kind is FreePfnRange and call.function() == "untrack_pfn_clear":
            assert isinstance(call, FreePfnRange)
            self._cleared(call)
        elif kind is ExitMmap:
            if self._failed:
                self._failed.pop(call.pid, None)
        else:
            copy = self._of.get(call.pid)
            if copy is None:
                return
            if isinstance(call, VmAreaFree):
                if call.vma == copy.new:
                    del self._of[call.pid]  # the call that made it has failed
            elif copy.by == "move_vma":
                self._go_on(call.pid)

    def duplicated(self, call: VmAreaDup, event: Return) -> None:
        """vm_area_dup() has made a VMA."""
        if self.context.lossy:
            return
        fork = self.context.tasks.of(event).innermost(DupMmap)
        caller = "dup_mmap" if fork is not None else event.caller.partition("+")[0]
        by = caller if caller in FORKS else ""
        if event.ret == 0:
            self._of[event.pid] = Copy(call, _NONE, "")
        else:
            self._of[event.pid] = Copy(call, (event.ret or 0) & _POINTER, by)

    def moved(self, call: CopyVma, event: Return) -> None:
        """copy_vma() has made the target of a move."""
        if self.context.lossy:
            return
        recorded = "untrack_pfn_clear" in self.context.recorded and self.context.era.zap_untracks
        if event.ret and recorded and call.flags >= 0 and call.flags & VM_PFNMAP:
            self._of[event.pid] = Copy(call, event.ret & _POINTER, "move_vma")

    def failed(self, event: Return) -> None:
        """copy_page_range() has failed, and so the fork."""
        inside = self.context.tasks.of(event).innermost(DupMmap) is not None
        inlined = event.caller.partition("+")[0] in FORKS and "exit_mmap" in self.context.recorded
        if event.pid > 0 and (inside or inlined) and not self.context.lost_any:
            self._failed[event.pid] = event.at, "copy_page_range"

    def forked(self, pid: int, *, fails: bool = False) -> None:
        """All VMAs of a task are copied, or the fork fails."""
        if self._failed:
            self._failed.pop(pid, None)  # what dup_mmap() returned was compared
        if fails:
            self._of.pop(pid, None)
        elif pid in self._of:
            self._go_on(pid)

    def unborn(self, event: Return) -> None:
        """dup_mmap() has failed: what it has made goes, and no child comes."""
        self.forked(event.pid, fails=True)
        if event.pid > 0 and "exit_mmap" in self.context.recorded and not self.context.lost_any:
            self._failed[event.pid] = event.at, "dup_mmap"

    def born(self, event: Event) -> None:
        """A fork has succeeded."""
        if self._failed:
            self._fork_goes_on(event, event.pid, "came to", "a child")
        self.forked(event.pid)

    def over(self, pid: int) -> None:
        """The task does something else."""
        if self._failed:
            self._failed.pop(pid, None)
        if pid in self._of and self._of[pid].by == "move_vma":
            self._go_on(pid)

    def lets_pass(self, run: OrdinaryVmas) -> bool:
        """Whether nothing is missing before calls that come as one, or in them."""
        if self._failed and run.pid in self._failed:
            return False
        copy = self._of.get(run.pid)
        return copy is None or not (copy.by or copy.new in run.vmas or copy.new in run.freed)

    def taken(self, run: OrdinaryVmas) -> None:
        """Calls have come as one."""
        if run.copied:
            self.done(run.pid)

    def done(self, pid: int) -> None:
        """A fork has copied the last VMA that was duplicated."""
        self._of[pid] = Copy(None, 0, "")

    def is_done(self, pid: int) -> bool:
        """Whether nobody must go on with a copy, and no fork must end."""
        if self._failed and pid in self._failed:
            return False
        copy = self._of.get(pid)
        return copy is None or not copy.by

    def split(self, call: VmAreaDup, new: int) -> None:
        """A split has made a VMA; nobody must go on with it."""
        self._of[call.pid] = Copy(call, new, "")

    def gone(self, pid: int, of: list[tuple[int, int]]) -> None:
        """VMAs, each with its context, are freed, maybe the copy that the task has made last."""
        copy = self._of.get(pid)
        if copy is not None and copy.new:
            for vma, _ in of:
                if vma == copy.new:
                    del self._of[pid]
                    return

    def goes(self, pid: int, vma: int) -> None:
        """The same of one VMA."""
        copy = self._of.get(pid)
        if copy is not None and copy.new and copy.new == vma:
            del self._of[pid]

    def lost(self) -> None:
        """Events are missing."""
        self._of.clear()
        self._failed.clear()

    # --- what is missing ---------------------------------------------------------------------------------------

    def _fork_goes_on(self, event: Event, pid: int, what: str, observed: str) -> None:
        """A fork ends where it could not copy page tables."""
        at, function = self._failed.pop(pid, (0, ""))
        if at and (function == "copy_page_range" or isinstance(event, SchedProcessFork)):
            surprise = Surprise(self.context, event, "fork", 0, 0)
            surprise.tell(what, f"that it fails, as {function}() did", observed, [(at, "returned here")])

    def _go_on(self, pid: int) -> None:
        """The task goes on: it must be done with the last VMA."""
        copy = self._of.get(pid)
        if copy is None:
            return
        del self._of[pid]
        if not copy.by or not copy.new or self.context.lossy:
            return
        if copy.by == "move_vma" and copy.call is not None:
            self._tell(copy.call, "move_vma", "untrack_pfn_clear")
        elif isinstance(copy.call, VmAreaDup) and "copy_page_range" in self.context.recorded:
            fails_unseen = copy.by != "dup_mmap" and "vm_area_free" not in self.context.recorded
            if copy.call.flags >= 0 and not copy.call.flags & VM_WIPEONFORK and not fails_unseen:
                self._tell(copy.call, copy.by, "copy_page_range")

    def _copies(self, call: CopyPageRange) -> None:
        """fork copies the page tables of a VMA to the copy that vm_area_dup() has just made of it."""
        copy, context = self._of.get(call.pid), self.context
        self._of[call.pid] = Copy(None, 0, "")
        task = context.tasks.of(call)
        began_unseen = copy is None or isinstance(copy.call, FreePfnRange)
        if began_unseen and (context.lost_any or (task.innermost(DupMmap) is None and not task.outside)):
            return
        dup = copy.call if copy is not None and isinstance(copy.call, VmAreaDup) else None
        if copy is None or dup is None or dup.vma != call.vma or copy.new not in (call.dst, 0):
            if "vm_area_dup" in context.recorded:
                surprise = Surprise(context, call, call.api, 0, 0)
                surprise.tell("came", f"a call of vm_area_dup() of the VMA {call.vma:#x} before it", "without one", [])
            return
        self.agreeing.copies(dup, call, copy.by or "fork")
        if copy.by and not copy.cleared and call.flags >= 0 and call.flags & VM_PFNMAP:
            clears = context.era.zap_untracks and "untrack_pfn_clear" in context.recorded
            if clears and not context.lossy:
                self._tell(dup, copy.by, "untrack_pfn_clear")

    def _tracks(self, call: CopyPageRange) -> None:
        """track_pfn_copy() is for the same two VMAs as copy_page_range()."""
        frame = self.context.tasks.of(call).innermost(CopyPageRange)
        outer = frame.call if frame is not None else None
        if isinstance(outer, CopyPageRange) and outer.api == "copy_page_range" and outer.dst not in (0, call.dst):
            surprise = Surprise(self.context, call, outer.api, 0, 0)
            told = [(outer.at, "called here")]
            surprise.tell("called track_pfn_copy() for the VMA", f"{outer.dst:#x}", f"{call.dst:#x}", told)
        elif "copy_page_range" not in self.context.recorded and call.flags >= 0 and call.flags & VM_PFNMAP:
            self._tracks_alone(call)

    def _tracks_alone(self, call: CopyPageRange) -> None:
        """Where nothing above is recorded: the copy must have been cleared."""
        copy, context = self._of.get(call.pid), self.context
        sure = context.tasks.of(call).outside and not (context.lost_any or context.one_cpu)
        if copy is not None and copy.cleared and copy.new == call.dst:
            del self._of[call.pid]
        elif sure and context.era.zap_untracks and "untrack_pfn_clear" in context.recorded:
            surprise = Surprise(context, call, call.api, 0, 0)
            surprise.tell(
                "came", f"a call of untrack_pfn_clear() of the VMA {call.dst:#x} before it", "without one", []
            )

    def _cleared(self, call: FreePfnRange) -> None:
        """untrack_pfn_clear() of the copy, or of the mapping that has moved, or could not."""
        copy = self._of.get(call.pid)
        if copy is None or not isinstance(copy.call, (VmAreaDup, CopyVma)):
            self._of[call.pid] = Copy(call, call.vma, "", cleared=True)  # who made it is not recorded
            return
        of = (copy.new, copy.call.vma) if copy.by == "move_vma" else (copy.new,)
        if copy.by and copy.new and call.vma and call.vma not in of:
            surprise = Surprise(self.context, call, copy.by, 0, 0)
            told = [(copy.call.at, "copied here")]
            surprise.tell("called untrack_pfn_clear() of the VMA", f"{of[-1]:#x}", f"{call.vma:#x}", told)
        elif isinstance(copy.call, VmAreaDup) and copy.by and call.vma == copy.new:
            self.agreeing.copies(copy.call, call, copy.by)
        copy.cleared = True
        if copy.by == "move_vma":
            del self._of[call.pid]

    def _tell(self, call: Call, by: str, function: str) -> None:
        fork = self.context.tasks.of(call).innermost(DupMmap)
        story = [(fork.call.at, "called here")] if fork is not None and by == "dup_mmap" else []
        surprise = Surprise(self.context, call, by, 0, 0)
        surprise.tell("made", f"a call of {function}()", "none", story)
