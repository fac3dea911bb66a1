"""A VMA that the replay follows."""

from __future__ import annotations

from dataclasses import dataclass

OVER: int = -(1 << 62)
"""The address space of a VMA whose own was torn down."""


@dataclass(slots=True)
class Mapped:
    """A followed VMA: user virtual bytes [start, end)."""

    mm: int  # negative: of a forked child whose address space has no number yet
    start: int
    end: int
    flags: int
    offset: int | None = None  # physical minus virtual address of every page, while surely no entry is missing
    edited: bool = False  # its bounds were changed by nobody who is recorded: a driver may do that between two remaps

    @property
    def is_over(self) -> bool:
        """Whether its address space was torn down."""
        return self.mm == OVER
