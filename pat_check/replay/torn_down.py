"""Address spaces that were torn down, and their VMAs, whose ends may still be recorded."""

from __future__ import annotations

from typing import Final

from pat_check.replay.book import Book
from pat_check.replay.mapped import OVER, Mapped

_ENDING: Final = 64  # address spaces that may be torn down at the same time


class TornDown:
    """An address space is here from its end until something lives in one of that number again."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._over: set[int] = set()
        self._ended: list[list[int]] = []  # VMAs of the last ones, of which some may stay

    def end(self, mm: int) -> None:
        """An address space ends: its VMAs, too, with or without a recorded call, and its number is free."""
        self._over.add(mm)
        self._ended.append(self.book.end(mm))
        if len(self._ended) > _ENDING:
            for vma in self._ended.pop(0):
                area = self.book.of.get(vma)
                if area is not None and area.is_over:
                    self.book.drop(vma)

    def lives(self, mm: int) -> None:
        """Something lives in this address space."""
        if self._over:
            self._over.discard(mm)

    def has(self, mm: int) -> bool:
        """Whether an address space was torn down."""
        return mm in self._over

    def take(self, vma: int, area: Mapped) -> None:
        """A call in the course of its end has shown this VMA."""
        self.book.give(area, OVER)
        self._ended[-1].append(vma)
