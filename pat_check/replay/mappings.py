"""Live entries that no reservation of their own protects: fault inserts and partial mappings.

They took their type from somebody else's reservation. When that goes, or another one comes, the type found for
the page changes under them (invariants 17 and 18).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pat_check import incidents
from pat_check.cachemode import UC, UC_MINUS
from pat_check.events import Event, RemapPfnRange, Return
from pat_check.model import operations
from pat_check.model.memory import PAGE
from pat_check.model.ranges import RangeMap
from pat_check.model.vma import BEYOND_VMA
from pat_check.replay.context import Context
from pat_check.replay.wanted import page_align

_LIMIT: Final = 100_000
_FORGETS: Final = 1_000
_NEAR: Final = 21
"""Bits of a physical address inside a piece of memory, of which it is known what was inserted there."""
_WIDE: Final = -1
"""Stands for all pieces of what touches more than `_PIECES`, as a size that was damaged does."""
_PIECES: Final = 1_024
_SAME: Final = frozenset((UC, UC_MINUS))


@dataclass(slots=True)
class Entry:
    """Entries of consecutive pages: `offset` is physical minus virtual address, `mode` their type."""

    offset: int
    mode: int
    at: int
    who: str
    reserved_at: int


class Mappings:
    """Unprotected entries by address space."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._of: dict[int, RangeMap[Entry]] = {}
        self._near: dict[int, set[tuple[int, int, int]]] = {}  # by piece: space and addresses that were mapped to it
        self._noted = 0  # how often something was added there since it was made anew
        self._count = 0
        self.zaps_seen = False  # without zaps nothing is known of what is still mapped

    def insert(self, event: Event, mm: int, addr: int, pfn: int, size: int) -> None:
        """Entries for [addr, addr+size) now map pages from `pfn`."""
        machine, paddr = self.context.machine, pfn * PAGE
        if not mm or not self.zaps_seen or not machine.pat_enabled or self._count >= _LIMIT:
            return
        covering = machine.memtypes.first_overlap(paddr, paddr + PAGE)
        if machine.ram.test(paddr, paddr + PAGE) or (covering is None and not machine.ram.known):
            return
        mode = operations.lookup_memtype(machine, paddr)
        reserved_at = covering.born if covering is not None else 0
        entries = self._of.setdefault(mm, RangeMap())
        if not entries.overlapping(addr, addr + size):
            self._count += 1
            entry = Entry(paddr - addr, mode, event.at, f"{event.comm}:{event.pid}", reserved_at)
            entries.set(addr, addr + size, entry)
            self._note(mm, addr, addr + size, paddr)
            if self._noted > _FORGETS + 8 * self._count:
                self._note_again()

    def beyond(self, call: RemapPfnRange, event: Return) -> None:
        """A remap_pfn_range() has succeeded: the kernel does not look whether it stays inside of its VMA."""
        if call.vm_start >= 0 < call.size and (
            call.addr < call.vm_start or call.vm_end < call.addr + page_align(call.size)
        ):
            story = [(call.at, f"the mapping is [{call.vm_start:#x}-{call.vm_end:#x}) here")]
            stamp = self.context.stamp(event)
            self.context.emit(
                incidents.MappingNoted(
                    *stamp, "remap-beyond-vma", call.addr, call.addr + call.size, call.pfn, BEYOND_VMA, story
                )
            )

    def zap(self, mm: int, start: int, end: int) -> None:
        """Entries of [start, end) are cleared."""
        self.zaps_seen = True
        entries = self._of.get(mm)
        if entries is not None and end > start >= 0:
            self._count -= len(entries)
            entries.clear(start, end)
            self._count += len(entries)

    def has_none(self, mm: int) -> bool:
        """Whether nothing is known to be mapped so in an address space."""
        return mm not in self._of

    def are_far(self, start: int, end: int) -> bool:
        """Whether nothing is known to be mapped so near a physical range."""
        return not self._count or not self._inserted_near(start, end)

    def exit(self, mm: int) -> None:
        """An address space is gone."""
        entries = self._of.pop(mm, None)
        self._count -= len(entries) if entries is not None else 0

    def changed(self, event: Event, start: int, end: int, api: str) -> None:
        """A reservation of [start, end) came or went: tell of live entries whose type is not found any more."""
        if not self._count:
            return
        for where in sorted(self._inserted_near(start, end)):
            entries = self._of.get(where[0])
            pieces = entries.overlapping(where[1], where[2]) if entries is not None else []
            if not pieces:
                self._forget(where, start, end)
            for first, last, entry in pieces:
                low, high = max(first + entry.offset, start), min(last + entry.offset, end)
                if low >= high:
                    continue
                now = operations.lookup_memtype(self.context.machine, low)
                if now == entry.mode or {now, entry.mode} <= _SAME:
                    continue
                known = self.context.reliable and not self.context.lost_any
                stamp = (*self.context.stamp(event)[:4], known)
                self.context.emit(
                    incidents.TypeChangedUnderMapping(
                        *stamp, low, high, entry.mode, now, api, entry.at, entry.who, entry.reserved_at
                    )
                )
                entry.mode = now  # told once

    def _note(self, mm: int, addr: int, end: int, paddr: int) -> None:
        first, last = paddr >> _NEAR, (paddr + end - addr - 1) >> _NEAR
        for piece in range(first, last + 1) if last - first < _PIECES else (_WIDE,):
            self._near.setdefault(piece, set()).add((mm, addr, end))
        self._noted += 1

    def _note_again(self) -> None:
        """Most of what was inserted is cleared."""
        self._near.clear()
        self._noted = 0
        for mm, entries in self._of.items():
            for first, last, entry in entries:
                self._note(mm, first, last, first + entry.offset)

    def _inserted_near(self, start: int, end: int) -> set[tuple[int, int, int]]:
        """What was inserted in those pieces of memory that a physical range touches, and may be cleared."""
        found: set[tuple[int, int, int]] = set()
        for piece in self._pieces(start, end):
            found |= self._near[piece]
        return found

    def _forget(self, where: tuple[int, int, int], start: int, end: int) -> None:
        """What was inserted there is cleared."""
        for piece in self._pieces(start, end):
            self._near[piece].discard(where)
            if not self._near[piece]:
                del self._near[piece]

    def _pieces(self, start: int, end: int) -> list[int]:
        """The pieces of memory that a physical range touches, of those that something was inserted in."""
        first, last = start >> _NEAR, max(end - 1, start) >> _NEAR
        if last - first >= len(self._near):
            return [piece for piece in self._near if first <= piece <= last or piece == _WIDE]
        near = [piece for piece in range(first, last + 1) if piece in self._near]
        return [*near, _WIDE] if _WIDE in self._near else near
