"""A VMA that the replay follows."""

from __future__ import annotations

from typing import Final

from pat_check.events import UnmapVmas

_WHOLE: Final = 1 << 46
OVER: Final = -(1 << 62)
"""The address space of a VMA whose own was torn down."""
UNSURE: Final = -(1 << 62)
"""The offset of a VMA that may not map all its pages so: no user address is that high."""


def is_whole(call: UnmapVmas) -> bool:
    """Whether an unmap_vmas() is of a whole address space, which ends."""
    return call.start == 0 and call.end >= _WHOLE


class Mapped:
    """A followed VMA: user virtual bytes [start, end)."""

    __slots__ = ("edited", "end", "flags", "going", "mm", "offset", "start", "vma")

    def __init__(
        self, mm: int, start: int, end: int, flags: int, offset: int = UNSURE, edited: bool = False, vma: int = 0
    ) -> None:
        self.vma = vma  # its address in the kernel, once it is in the book
        self.mm = mm  # negative: of a forked child whose address space has no number yet
        self.start, self.end, self.flags = start, end, flags
        self.offset = offset  # physical minus virtual address of every page, while surely no entry is missing
        self.going = False  # an unmap_vmas() of it has begun: processes may have it no more
        self.edited = edited  # its bounds were changed by nobody who is recorded, as drivers may between two remaps

    @property
    def is_over(self) -> bool:
        """Whether its address space was torn down."""
        return self.mm == OVER
