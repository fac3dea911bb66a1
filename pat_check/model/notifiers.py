"""MMU notifiers: the brackets around changes of entries, and what secondary MMUs may still hold."""

from __future__ import annotations

import errno
from collections.abc import Callable

from pat_check.cachemode import short_name
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.model.page_table import Pte
from pat_check.model.ranges import RangeMap
from pat_check.model.vma import Mm, Vma

_Note = Callable[[str, int, int, int, str, "list[tuple[int, str]]"], None]
_Cleared = tuple[int, int]
"""What a cleared entry mapped (its offset), and the line where it was cleared."""


EVENTS: tuple[str, ...] = (
    *("UNMAP", "CLEAR", "PROTECTION_VMA", "PROTECTION_PAGE", "SOFT_DIRTY", "MIGRATE", "EXCLUSIVE"),
)
"""``enum mmu_notifier_event``: what a bracket says of the changes inside."""

_SAME_PAGES: frozenset[str] = frozenset(("PROTECTION_VMA", "PROTECTION_PAGE", "SOFT_DIRTY"))


class Bracket:
    """``invalidate_range_start()`` of [start, end) that has not ended.

    Born: start. Dies: the end of the same range by the same task. `dirty` is what was cleared or restricted inside and
    not yet invalidated in secondary TLBs, `cached` what apply_to_page_range() changed inside and no TLB flush has
    covered: (start, end, line). `event` is what it announces.
    """

    __slots__ = ("at", "cached", "dirty", "end", "event", "mm", "start", "task")

    def __init__(self, task: int, mm: Mm, start: int, end: int, at: int, event: str) -> None:
        self.task, self.mm, self.start, self.end, self.at, self.event = task, mm, start, end, at, event
        self.dirty: list[tuple[int, int, int]] = []
        self.cached: list[tuple[int, int, int]] = []

    def __str__(self) -> str:
        return f"[{self.start:#x}-{self.end:#x})"


class Notifiers:
    """The brackets of every address space.

    The operations of mm/ themselves use `around`, which is a whole bracket with its invalidation; a walk's callback or
    a driver opens and closes its own, and is watched.
    """

    __slots__ = ("_cleared", "_last", "brackets", "end_invalidates", "machine", "note", "seen", "sequence")

    def __init__(self, machine: Machine, note: _Note, *, end_invalidates: bool) -> None:
        self.machine, self.note, self.end_invalidates = machine, note, end_invalidates
        self.brackets: list[Bracket] = []
        self.seen: list[tuple[str, int, int]] = []  # the kernel's own, since somebody cleared the list
        self.sequence = 0  # of the last invalidation: mmu_invalidate_seq
        self._last: dict[int, RangeMap[int]] = {}  # by mm: the sequence at which a range was invalidated last
        self._cleared: dict[int, RangeMap[_Cleared]] = {}  # by mm: what secondary TLBs may still hold

    # --- registering ------------------------------------------------------------------------------------------------

    @staticmethod
    def register(mm: Mm, *, sleeps: bool) -> None:
        """``mmu_notifier_register()``: somebody, such as KVM, wants to know."""
        mm.notifiers, mm.sleeps = True, mm.sleeps or sleeps

    def release(self, mm: Mm) -> None:
        """``mmu_notifier_release()``: the address space ends."""
        mm.notifiers = mm.sleeps = False
        self._last.pop(mm.id, None)
        self._cleared.pop(mm.id, None)

    # --- brackets ---------------------------------------------------------------------------------------------------

    def start(self, task: int, mm: Mm, start: int, end: int, *, blockable: bool, event: str = "CLEAR") -> int:
        """``mmu_notifier_invalidate_range_start[_nonblock]()``: 0, or -EAGAIN and no bracket."""
        if not blockable and mm.sleeps:
            return -errno.EAGAIN
        self.brackets.append(Bracket(task, mm, start, end, self.machine.now, event))
        self._invalidated(mm, start, end)
        return 0

    def end(self, task: int, mm: Mm, start: int, end: int, *, only: bool) -> None:
        """``mmu_notifier_invalidate_range_end()``, or the variant that skips the secondary invalidate."""
        same = [it for it in self.brackets if it.mm is mm and (it.start, it.end) == (start, end)]
        bracket = next((it for it in reversed(same) if it.task == task), None)
        if bracket is None:
            self._unpaired(same, mm, start, end)
            return
        self.brackets.remove(bracket)
        self._ended(bracket)
        if not self.end_invalidates:
            return
        if not only:
            self.secondary(mm, start, end)
        elif bracket.dirty:
            low, high, at = bracket.dirty[0]
            detail = "closed without a secondary invalidate, which nobody has done inside either"
            self.note("mn-only-end", low, high, -1, detail, [(bracket.at, "opened here"), (at, "changed here")])

    def _ended(self, bracket: Bracket) -> None:
        """What should have been done inside, and was not."""
        if bracket.cached:
            low, high, at = bracket.cached[0]
            detail = "apply_to_page_range() changed present entries, and no TLB flush follows inside the bracket"
            self.note("apply-without-flush", low, high, -1, detail, [(bracket.at, "opened here"), (at, "changed here")])
        stays = next(bracket.mm.overlapping(bracket.start, bracket.end), None)
        if bracket.event == "UNMAP" and stays is not None:
            detail = f"the bracket announced UNMAP, and {stays} is still mapped"
            self.note("mn-event", bracket.start, bracket.end, -1, detail, [(bracket.at, "opened here")])

    def flushed(self, mm: Mm, start: int, end: int) -> None:
        """``flush_tlb_range()``: the processors' TLBs hold nothing of [start, end) any more."""
        for bracket in self.brackets:
            if bracket.mm is mm:
                bracket.cached = [it for it in bracket.cached if not (start <= it[0] and it[1] <= end)]

    def cached(self, task: int, mm: Mm, start: int, end: int) -> None:
        """The task changed present entries of [start, end), which its brackets there have to flush."""
        for bracket in self.brackets:
            if bracket.task == task and bracket.mm is mm and bracket.start < end and start < bracket.end:
                bracket.cached.append((start, end, self.machine.now))

    def _unpaired(self, same: list[Bracket], mm: Mm, start: int, end: int) -> None:
        near = same or [it for it in self.brackets if it.mm is mm and it.start < end and start < it.end]
        detail = "the end of a range that was not started"
        if near:
            self.brackets.remove(near[-1])
            detail = (
                "started by another task" if same else f"the end of another range than {near[-1]}, which was started"
            )
        self.note("mn-unpaired", start, end, -1, detail, [(it.at, "started here") for it in near[-1:]])

    def secondary(self, mm: Mm, start: int, end: int) -> None:
        """``arch_invalidate_secondary_tlbs()``: secondary TLBs hold nothing of [start, end) any more."""
        if mm.id in self._cleared:
            self._cleared[mm.id].clear(start, end)
        for bracket in self.brackets:
            if bracket.mm is mm:
                bracket.dirty = [it for it in bracket.dirty if not (start <= it[0] and it[1] <= end)]

    def around(self, mm: Mm, event: str, start: int, end: int) -> None:
        """A bracket of mm/ itself with everything in order."""
        self.seen.append((event, start, end))
        self._invalidated(mm, start, end)
        self.secondary(mm, start, end)

    def _invalidated(self, mm: Mm, start: int, end: int) -> None:
        self.sequence += 1
        self._last.setdefault(mm.id, RangeMap()).set(start, end, self.sequence)

    # --- what secondary MMUs do ---------------------------------------------------------------------------------------

    def is_stale(self, mm: Mm, addr: int, since: int) -> bool:
        """``mmu_invalidate_retry()``: whether an address was invalidated after `since`, or is being invalidated."""
        last = self._last[mm.id].overlapping(addr, addr + PAGE) if mm.id in self._last else []
        return self.inside(mm, addr) is not None or any(sequence > since for *_, sequence in last)

    def inside(self, mm: Mm, addr: int) -> Bracket | None:
        """An open bracket that holds an address."""
        return next((it for it in self.brackets if it.mm is mm and it.start <= addr < it.end), None)

    # --- entries that somebody changes himself -----------------------------------------------------------------------

    def changes(
        self, task: int, mm: Mm, start: int, end: int, fact: str = "mn-not-covered", *, same_pages: bool = False
    ) -> bool:
        """The task takes something away from present entries of [start, end): whether any bracket of its is open there.

        `fact` is what the lack of one is called; with `same_pages` only permissions go.
        """
        own = [it for it in self.brackets if it.task == task and it.mm is mm and it.start < end and start < it.end]
        covering = [it for it in own if it.start <= start and end <= it.end]
        if not own:
            self.note(fact, start, end, -1, "present entries are changed outside any bracket", [])
        elif not covering:
            detail = f"entries are changed beyond the bracket {own[-1]}"
            self.note("mn-range-small", start, end, -1, detail, [(own[-1].at, "opened here")])
        for bracket in covering:
            bracket.dirty.append((start, end, self.machine.now))
        if covering and not same_pages and all(bracket.event in _SAME_PAGES for bracket in covering):
            detail = f"entries are cleared or replaced in a bracket that announced {covering[-1].event}"
            self.note("mn-event", start, end, -1, detail, [(covering[-1].at, "opened here")])
        return bool(own)

    def clear(self, task: int, vma: Vma, start: int, end: int) -> None:
        """``ptep_get_and_clear()`` of a range."""
        gone = vma.mm.page_table.clear(start, end)
        if gone:
            self.changes(task, vma.mm, gone[0][0], gone[-1][1])
        for low, high, pte in gone:
            self._cleared.setdefault(vma.mm.id, RangeMap()).set(low, high, (pte.offset, self.machine.now))

    def wrprotect(self, task: int, vma: Vma, start: int, end: int, fact: str = "mn-not-covered") -> bool:
        """``ptep_set_wrprotect()`` of a range: the same pages, so nothing need be invalidated under the lock.

        Whether there was anything to protect.
        """
        entries = [run for run in vma.mm.page_table.walk(start, end) if run[2].write]
        if entries:
            self.changes(task, vma.mm, entries[0][0], entries[-1][1], fact, same_pages=True)
        for low, high, pte in entries:
            vma.mm.page_table.install(low, high, pte.like(write=False))
        return bool(entries)

    def set(self, task: int, vma: Vma, start: int, end: int, pte: Pte, fact: str = "mn-not-covered") -> bool:
        """``set_pte_at()`` of a range, over what is there or was cleared before; whether anything was replaced."""
        table = vma.mm.page_table
        present = [run for run in table.walk(start, end) if not run[2].is_same(pte)]
        if present:
            self.changes(task, vma.mm, present[0][0], present[-1][1], fact)
        for low, high, old in present:
            if old.maps_as(pte) and not old.anon and old.cachemode != pte.cachemode:
                was, now = short_name(old.cachemode), short_name(pte.cachemode)
                detail = f"a present {was} entry becomes {now} for the same frame"
                self.note("entry-type-changed", low, high, pte.paddr(low) // PAGE, detail, [(old.at, "made here")])
        other = [
            (low, high, old.at, "installed here") for low, high, old in present if old.anon or not old.maps_as(pte)
        ]
        if vma.mm.id in self._cleared:
            gone = self._cleared[vma.mm.id].overlapping(start, end)
            other += [(low, high, at, "cleared here") for low, high, (offset, at) in gone if offset != pte.offset]
        if other and self.inside(vma.mm, other[0][0]) is not None:
            low, high, at, how = other[0]
            detail = "another page is installed while secondary TLBs may hold the old one"
            self.note("mn-install-first", low, high, pte.paddr(low) // PAGE, detail, [(at, how)])
        table.clear(start, end)
        table.install(start, end, pte)
        return bool(present)
