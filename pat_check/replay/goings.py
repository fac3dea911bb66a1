"""PFN mappings that unmap_vmas() has cleared from end to end: each of their VMAs is freed, the lowest first."""

from __future__ import annotations

from typing import Final

from pat_check.events import UnmapVmas, VmAreaFree, ZapVma
from pat_check.events.runs import OrdinaryVmas
from pat_check.model.vma import VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.mapped import is_whole
from pat_check.replay.remarks import Surprise

_LIMIT: Final = 100_000


class Going:
    """An unmap_vmas() of user virtual bytes [start, end), and the zaps whose VMAs it takes away."""

    __slots__ = ("end", "start", "vmas", "whole", "zaps")

    def __init__(self, start: int, end: int, whole: bool) -> None:
        self.start, self.end = start, end
        self.whole = whole  # of an address space that ends
        self.zaps: list[ZapVma] = []  # ascending
        self.vmas: set[int] | None = None  # theirs, and those of some that are gone; None: nobody has asked yet

    def clears(self, call: ZapVma) -> None:
        """It clears all of a PFN mapping; two functions may show the same."""
        if not call.vma or (self.zaps and self.zaps[-1].vma == call.vma):
            return
        if self.start <= call.vm_start and call.vm_end <= self.end:
            self.zaps.append(call)
            if self.vmas is not None:
                self.vmas.add(call.vma)

    def among(self, freed: list[int]) -> int:
        """How many of the VMAs that go are among these, which are freed in this order; -1 if they go in another."""
        zaps, place = self.zaps, 0
        if self.vmas is None:
            self.vmas = {zap.vma for zap in zaps}
        for vma in freed:
            if vma not in self.vmas:
                continue
            if place < len(zaps) and vma == zaps[place].vma:
                place += 1
            elif any(zap.vma == vma for zap in zaps):
                return -1
        return place


class Goings:
    """Tells of VMAs that are not freed, where the task goes on or a higher one was."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._of: dict[int, Going] = {}  # by pid
        self._plain = False  # frees of VMAs without a context are recorded: no filter leaves them out
        self._shown: set[bool] = set()  # whether frees of VMAs that go were seen: at the end of all, and of some

    def begins(self, call: UnmapVmas) -> None:
        """unmap_vmas() begins: the one before is over, unless both are of one mmap() that fails."""
        before = self._of.get(call.pid)
        if before is not None and before.zaps and not (call.start < before.end and before.start < call.end):
            self.over(call.pid)
        if len(self._of) > _LIMIT:
            self._of.clear()
        self._of[call.pid] = Going(call.start, call.end, is_whole(call))

    def clears(self, call: ZapVma) -> None:
        """It clears all of a PFN mapping."""
        going = self._of.get(call.pid)
        if going is not None:
            going.clears(call)

    def clears_each(self, pid: int, of: list[ZapVma]) -> None:
        """It clears all of each PFN mapping among these."""
        going = self._of.get(pid)
        if going is not None:
            for zap in of:
                if zap.flags & VM_PFNMAP:
                    going.clears(zap)

    def frees(self, call: VmAreaFree) -> None:
        """A VMA is freed."""
        if not self._plain and call.ctx <= 0:
            self._plain = True
        going = self._of.get(call.pid)
        if going is None:
            return
        for place in range(len(going.zaps)):
            if going.zaps[place].vma == call.vma:
                missed = going.zaps[:place]
                del going.zaps[: place + 1]
                self._shown.add(going.whole)
                self._tell(missed)
                return

    def over(self, pid: int) -> None:
        """The task does something else."""
        going = self._of.get(pid)
        if going is None:
            return
        del self._of[pid]
        if going.zaps and going.whole in self._shown:
            self._tell(going.zaps)

    def lets_pass(self, run: OrdinaryVmas) -> bool:
        """Whether those of these VMAs, which are freed, that are awaited come in the order of those that go."""
        if not run.freed:
            return True
        going = self._of.get(run.pid)
        return going is None or not going.zaps or going.among(run.freed) >= 0

    def let_go(self, pid: int, of: list[tuple[int, int]]) -> bool:
        """VMAs, each with its context, are freed: False, and nothing done, if not in the order of those that go."""
        going = self._of.get(pid)
        if going is not None and going.zaps:
            gone = going.among([vma for vma, _ in of])
            if gone < 0:
                return False
            self._go(going, gone)
        if not self._plain:
            for _, ctx in of:
                if ctx <= 0:
                    self._plain = True
        return True

    def unmapped(self, call: UnmapVmas, ctx: int, *, is_pfn: bool) -> None:
        """unmap_vmas() has taken away one VMA, which was freed."""
        self.begins(call)
        if is_pfn:
            self._shown.add(False)
        if not self._plain and ctx <= 0:
            self._plain = True

    def taken(self, run: OrdinaryVmas) -> None:
        """Frees of VMAs, of which some may go, have come as one."""
        going = self._of.get(run.pid)
        if going is not None and going.zaps:
            self._go(going, going.among(run.freed))
        self._plain = True

    def lost(self) -> None:
        """Events are missing."""
        self._of.clear()

    def _go(self, going: Going, count: int) -> None:
        """The first so many of the VMAs that go are freed."""
        if count:
            del going.zaps[:count]
            self._shown.add(going.whole)

    def _tell(self, zaps: list[ZapVma]) -> None:
        context = self.context
        if not self._plain or "vm_area_free" in context.halves or context.lost_any:
            return
        for zap in zaps:
            surprise = Surprise(context, zap, zap.api, zap.vm_start, zap.vm_end)
            surprise.tell("came", "a call of vm_area_free() of its VMA after it", "without one", [])
