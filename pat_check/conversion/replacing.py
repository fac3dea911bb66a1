"""MAP_FIXED: a mapping takes the place of another in one call."""

from __future__ import annotations

from typing import NamedTuple

from pat_check import events
from pat_check.conversion.areas import Area, Mapping
from pat_check.conversion.tape import Op
from pat_check.events import Return
from pat_check.scenario.words import size_text


class _Unmap(NamedTuple):
    """An unmap of [start, end): the operations that it is, and the mappings of which it takes something."""

    start: int
    end: int
    ops: list[Op]
    places: list[Mapping]


class Replacing:
    """Follows what each task has just unmapped, until it is known what for."""

    def __init__(self, *, placed: bool) -> None:
        self._placed = placed  # mappings are made where they were
        self._begun: dict[int, _Unmap] = {}  # by pid: what is unmapped and not freed yet, or that its caller replaces
        self._over: dict[int, _Unmap] = {}  # by pid: the last of these that is over

    def forget(self) -> None:
        """Events are missing."""
        self._begun.clear()
        self._over.clear()

    def leave(self, pid: int) -> None:
        """A task does something else."""
        self._begun.pop(pid, None)

    def unmaps(self, pid: int, start: int, end: int, ops: list[Op], parts: list[Area]) -> None:
        """A task unmaps parts of mappings in [start, end) by these operations."""
        known = self._begun.get(pid)
        if known is None or (known.start, known.end) != (start, end):
            known = _Unmap(start, end, [], [])
        places = known.places + [part.mapping for part in parts]
        self._begun[pid] = _Unmap(start, end, known.ops + ops, places)

    def freed(self, pid: int) -> None:
        """A VMA that a task has unmapped is freed."""
        unmap = self._begun.pop(pid, None)
        if unmap is not None:
            self._over[pid] = unmap

    def entered(self, call: events.Telltale) -> None:
        """Entry of a function that may unmap: nothing is unmapped yet, and what was is of another call."""
        if call.api == "do_mas_munmap":
            self._begun.pop(call.pid, None)
            self._over.pop(call.pid, None)

    def left(self, event: Return) -> None:
        """Return of such a function: to mmap_region() where the task wants that place for something else."""
        unmap = self._over.pop(event.pid, None)
        if unmap is not None and event.api == "do_mas_munmap" and event.caller.startswith("mmap_region"):
            self._begun[event.pid] = unmap

    def by(self, call: events.RemapPfnRange, made: Op) -> bool:
        """Whether a new mapping takes the place of what was just unmapped, in the same call."""
        unmap = self._begun.pop(call.pid, None)
        if unmap is None or (unmap.start, unmap.end) != (call.vm_start, call.vm_end):
            return False
        for op in unmap.ops:
            made.changes += op.changes  # freed before, up to 6.15
            op.dropped, op.body, op.changes = True, [made], []
        first = unmap.places[0]
        if not self._placed:
            before = unmap.start - first.base
            place = first.at(unmap.start) if before >= 0 else f"{first.name} - {size_text(-before)}"
            made.args.append(f"at {place}")
        return True
