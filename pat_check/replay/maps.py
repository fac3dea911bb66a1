"""The kernel's mappings of each process at checkpoints, compared with those that the recorded calls leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pat_check import incidents
from pat_check.events import Marker
from pat_check.model.vma import VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_MIXEDMAP, VM_PAT, VM_PFNMAP, VM_SHARED, VM_WRITE
from pat_check.replay.context import Context
from pat_check.replay.mapped import Mapped
from pat_check.replay.snapshots import checkpoint_number
from pat_check.replay.vmas import Vmas

LETTERS: Final[dict[int, str]] = {
    VM_WRITE: "wr",
    VM_SHARED: "sh",
    VM_PFNMAP: "pf",
    VM_IO: "io",
    VM_DONTEXPAND: "de",
    VM_PAT: "ar",
    VM_DONTDUMP: "dd",
    VM_MIXEDMAP: "mm",
}
"""VmFlags of smaps that are compared."""

_LIVES: Final = frozenset(
    (
        "vm_area_dup",
        "vm_area_free",
        "__split_vma",
        "remap_pfn_range",
        "track_pfn_remap",
        "track_pfn_copy",
        "untrack_pfn",
    )
)
"""Functions that make, change and end what is compared: a difference is sure only where all of them are recorded."""
_SPECIAL: Final = frozenset(("pf", "io", "mm"))
_OF_THE_KERNEL: Final = VM_SHARED | 0x20 | 0x40 | 0x80
"""A mapping without VM_SHARED and without any VM_MAY* but read is [vvar], which the files leave out."""


@dataclass(frozen=True, slots=True)
class SavedArea:
    """A mapping that the kernel showed."""

    start: int
    end: int
    flags: frozenset[str]


@dataclass(slots=True)
class SavedMaps:
    """The mappings of every process at one checkpoint, by pid."""

    name: str
    path: str
    of: Mapping[int, Sequence[SavedArea]]


class Maps:
    """Compares saved mappings, each at its own marker."""

    def __init__(self, context: Context, vmas: Vmas, saved: dict[int, SavedMaps]) -> None:
        self.context, self.vmas, self.saved = context, vmas, saved
        self.compared = 0  # mappings
        self.equal = 0
        self.unseen = 0  # not compared: no event had shown them
        self.unowned = 0  # not compared: no event had shown the address space of their process
        self.unfollowed = 0  # not compared: the lives of VMAs are not recorded, or events are missing
        self._seen: set[int] = set()

    def marker(self, event: Marker) -> None:
        """A checkpoint; the first of its number counts."""
        number = checkpoint_number(event.text)
        saved = self.saved.get(number)
        if saved is None or number in self._seen:
            return
        self._seen.add(number)
        for pid, areas in saved.of.items():
            special = [area for area in areas if area.flags & _SPECIAL]
            followed = self.vmas.areas(pid)
            if not self.vmas.complete:
                self.unfollowed += len(special)
            elif followed is None:
                self.unowned += len(special)
            else:
                self._compare(event, saved, pid, special, followed)

    @property
    def unanchored(self) -> int:
        """How many saved mappings had no marker in the trace."""
        left = [one for number, one in self.saved.items() if number not in self._seen]
        return sum(bool(area.flags & _SPECIAL) for one in left for areas in one.of.values() for area in areas)

    def _compare(
        self, event: Marker, saved: SavedMaps, pid: int, areas: Sequence[SavedArea], followed: Sequence[Mapped]
    ) -> None:
        letters = self._compared()
        mine = {_line(area.start, area.end, _letters(area) & letters): area for area in followed if _counts(area)}
        known = [(area.start, area.end) for area in followed]
        theirs = [
            _line(area.start, area.end, area.flags & letters)
            for area in areas
            if any(start < area.end and area.start < end for start, end in known)
        ]
        missing = [f"- {line}" for line in mine if line not in theirs]
        extra = [f"+ {line}" for line in theirs if line not in mine]
        self.compared += len(theirs)
        self.equal += len(theirs) - len(extra)
        self.unseen += len(areas) - len(theirs)
        if missing or extra:
            seen = (_LIVES - self.context.era.lacks) <= self.context.recorded
            stamp = (event.at, event.time, event.comm, event.pid, seen and not self.context.lost_any)
            larger = _are_larger([mine[line] for line in mine if line not in theirs], areas, letters)
            self.context.emit(incidents.MapsDiffered(*stamp, saved.name, saved.path, pid, missing + extra, larger))

    def _compared(self) -> frozenset[str]:
        """The VmFlags that are known; mprotect() of a whole mapping changes one of them unseen where it is unprobed."""
        every = frozenset(LETTERS.values())
        return every if "mprotect_fixup" in self.context.recorded else every - {LETTERS[VM_WRITE]}


def _counts(area: Mapped) -> bool:
    return bool(area.flags & _OF_THE_KERNEL)


def _are_larger(mine: Sequence[Mapped], theirs: Sequence[SavedArea], letters: frozenset[str]) -> bool:
    """Whether each of these mappings lies in a larger one of the same kind that the kernel has."""
    return bool(mine) and all(
        any(
            area.start <= one.start and one.end <= area.end and _letters(one) & letters == area.flags & letters
            for area in theirs
        )
        for one in mine
    )


def _letters(area: Mapped) -> frozenset[str]:
    return frozenset(letter for flag, letter in LETTERS.items() if area.flags & flag)


def _line(start: int, end: int, letters: frozenset[str]) -> str:
    return f"{start:x}-{end:x} {' '.join(sorted(letters))}"
