"""Copies of VMAs: the other half of a split, the target of a move, what a forked child has."""

from __future__ import annotations

from pat_check.events import CopyPageRange, CopyVma, Return, SplitVma, VmAreaDup
from pat_check.model.vma import VM_PAT
from pat_check.replay.book import Book
from pat_check.replay.context import Context
from pat_check.replay.mapped import UNSURE, Mapped
from pat_check.replay.spaces import Spaces


class Duplicates:
    """Enters the copies of followed VMAs into the book."""

    def __init__(self, context: Context, book: Book, spaces: Spaces) -> None:
        self.context, self.book, self.spaces = context, book, spaces
        self.callers_seen = False  # of vm_area_dup(): a split or a move does not go unseen

    def copied(self, call: VmAreaDup, event: Return) -> None:
        """vm_area_dup() gave a new VMA: the other half of a split, the target of a move, or a child's copy."""
        area = self.book.of.get(call.vma)
        self.callers_seen = self.callers_seen or bool(event.caller)
        if not event.ret or area is None:
            return
        new = event.ret & ((1 << 64) - 1)
        task = self.context.tasks.of(event)
        split, move = task.innermost(SplitVma), task.innermost(CopyVma)
        if new == call.vma and (split is not None or move is not None):  # a damaged line: no VMA is its own copy
            self.book.drop(new)
        elif split is not None and isinstance(split.call, SplitVma) and split.call.vma == call.vma:
            self.split(area, new, split.call.addr, new_below=split.call.new_below != 0)
        elif move is not None and isinstance(move.call, CopyVma) and move.call.vma == call.vma:
            addr, end = move.call.addr, move.call.addr + move.call.len
            whole = area.offset != UNSURE and end - addr == area.end - area.start
            offset = area.offset + area.start - addr if whole else UNSURE
            self.book.put(new, Mapped(area.mm, addr, end, area.flags, offset))
            self.book.map(area, UNSURE)  # its entries move
        elif event.caller.startswith(("__split_vma", "copy_vma")):  # which is not recorded
            self.book.drop(call.vma)
        else:
            mm = self.spaces.copied(event.pid, area.start)
            self.book.put(new, Mapped(mm, area.start, area.end, area.flags & ~VM_PAT, area.offset))

    def tracked(self, call: CopyPageRange, event: Return) -> None:
        """The child's copy is tracked if the parent's VMA is, and has the entries that the parent has."""
        area, parent = self.book.of.get(call.dst), self.book.of.get(call.vma)
        if call.api == "copy_page_range" and event.ret == 0 and area is not None and parent is not None:
            self.book.map(area, parent.offset)
        if call.api == "track_pfn_copy" and event.ret == 0 and area is not None and call.flags > 0:
            area.flags |= call.flags & VM_PAT

    def split(self, area: Mapped, new: int, addr: int, *, new_below: bool) -> None:
        """A VMA is split at `addr`."""
        start, end = area.start, area.end
        if new_below:
            self.book.put(new, Mapped(area.mm, start, addr, area.flags, area.offset))
            self.book.resize(area, addr, end)
        else:
            self.book.put(new, Mapped(area.mm, addr, end, area.flags, area.offset))
            self.book.resize(area, start, addr)
