"""Functions that only tell which kernel this is."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.events.base import Call


@dataclass(slots=True, repr=False, eq=False)
class Telltale(Call):
    """A function of which nothing counts but that it was called: not every era has it."""

    vma: int  # 0 not recorded, or none of its arguments
    api: str

    def function(self) -> str:
        return self.api
