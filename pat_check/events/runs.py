"""Events in a row that are told as one, for whoever has no use for each of them."""

from __future__ import annotations

from typing import Final

from pat_check.events.base import Event


class Rows:
    """Where the events of a run come from."""

    def between(self, place: int, end: int) -> list[Event]:
        """The events of the rows in [place, end), bytes."""
        raise NotImplementedError


FOLLOWED: Final = 0x400 | 0x4000 | 0x10000000
"""VM_PFNMAP, VM_IO and VM_MIXEDMAP: a VMA with any of these is followed, all others are ordinary."""


class Run(Event):
    """Events of one task, nothing between them. Line, time and the rest are those of the last."""

    __slots__ = ("count", "end", "place", "rows")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.rows, self.place, self.end = rows, place, end
        self.count = count  # of events

    def events(self) -> list[Event]:
        """Each of them."""
        return self.rows.between(self.place, self.end)


class OrdinaryVmas(Run):
    """Calls on VMAs that are not followed, or whose flags are not recorded.

    A copy comes with its return and right after the vm_area_dup() that made its target.
    """

    __slots__ = ("callers", "copied", "copy", "frees", "is_zap", "mm", "pends", "scope", "vmas", "zap")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.vmas: list[int] = []  # that they are about
        self.zap = ""  # the function that cleared entries
        self.is_zap = False  # there is no other
        self.mm = 0  # of what it cleared
        self.copied = self.copy = 0  # the last VMA that was duplicated, and the new one; 0 none was
        self.pends = False  # its page tables were not copied
        self.callers: list[str] = []  # where the returns go
        self.frees = False  # some are of vm_area_free()
        self.scope = -1  # where the last row begins, if what comes may be inside that call
