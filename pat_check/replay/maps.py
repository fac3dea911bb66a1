"""The kernel's mappings of each process at checkpoints, compared with those that the recorded calls leave."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pat_check import incidents
from pat_check.events import CopyVma, Marker, MprotectFixup, RemapPfnRange, SplitVma
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
_TRACKING: Final = frozenset(("track_pfn_remap", "track_pfn_copy", "untrack_pfn"))
"""Functions that set and clear VM_PAT."""
_SPECIAL: Final = frozenset(("pf", "io", "mm"))
_OF_THE_KERNEL: Final = VM_SHARED | 0x20 | 0x40 | 0x80
"""A mapping without VM_SHARED and without any VM_MAY* but read is [vvar], which the files leave out."""


class SavedArea(NamedTuple):
    """A mapping that the kernel showed."""

    start: int
    end: int
    flags: frozenset[str]


class SavedMaps(NamedTuple):
    """The mappings of every process at one checkpoint, by pid."""

    name: str
    path: str
    of: Mapping[int, Sequence[SavedArea]]


class _Ranges:
    """The ranges of some mappings, which are in ascending order."""

    __slots__ = ("_reach", "_starts")

    def __init__(self, areas: Sequence[Mapped] | Sequence[SavedArea]) -> None:
        self._starts: list[int] = []
        self._reach: list[int] = []  # how far the mappings from the first to this one reach
        reach = 0
        for area in areas:
            reach = max(reach, area.end)
            self._starts.append(area.start)
            self._reach.append(reach)

    def meet(self, area: Mapped | SavedArea) -> bool:
        """Whether one of them has an address of this mapping."""
        before = bisect_left(self._starts, area.end)
        return before > 0 and self._reach[before - 1] > area.start


class Maps:
    """Compares saved mappings, each at its own marker."""

    def __init__(self, context: Context, vmas: Vmas, saved: dict[int, SavedMaps]) -> None:
        self.context, self.vmas, self.saved = context, vmas, saved
        self.compared = 0  # mappings
        self.equal = 0
        self.unseen = 0  # not compared: no event had shown them
        self.unowned = 0  # not compared: no event had shown the address space of their process
        self.unsettled = 0  # not compared: another task was about to change or end them
        self.unfollowed = 0  # not compared: the lives of VMAs are not recorded, or events are missing
        self._seen: set[int] = set()

    def marker(self, event: Marker) -> None:
        """A checkpoint; the first of its number counts."""
        number = checkpoint_number(event.text)
        saved = self.saved.get(number)
        if saved is None or number in self._seen:
            return
        self._seen.add(number)
        changing = self._changing(event)
        for pid, areas in saved.of.items():
            special = [area for area in areas if area.flags & _SPECIAL]
            followed = self.vmas.areas(pid)
            if not self.vmas.complete:
                self.unfollowed += len(special)
            elif followed is None:
                self.unowned += len(special)
            else:
                self._compare(event, saved, pid, special, followed, changing)

    @property
    def unanchored(self) -> int:
        """How many saved mappings had no marker in the trace."""
        left = [one for number, one in self.saved.items() if number not in self._seen]
        return sum(bool(area.flags & _SPECIAL) for one in left for areas in one.of.values() for area in areas)

    def _compare(
        self,
        event: Marker,
        saved: SavedMaps,
        pid: int,
        areas: Sequence[SavedArea],
        followed: Sequence[Mapped],
        changing: Sequence[Mapped],
    ) -> None:
        """Compare what is settled: what is being unmapped may be gone, what a call is about may be either way."""
        letters = self._compared()
        about = _Ranges([area for area in followed if any(area is one for one in changing)])
        unsure = _Ranges([area for area in areas if about.meet(area)])
        going = _Ranges([area for area in followed if area.going])
        settled = [area for area in followed if not (area.going or about.meet(area) or unsure.meet(area))]
        known = _Ranges(settled)
        mine = {_line(area.start, area.end, _letters(area) & letters): area for area in settled if _counts(area)}
        theirs: dict[str, None] = {}
        for area in areas:
            if unsure.meet(area):
                self.unsettled += 1
            elif known.meet(area):
                theirs[_line(area.start, area.end, area.flags & letters)] = None
            elif going.meet(area):
                self.unsettled += 1
            else:
                self.unseen += 1
        missing = [f"- {line}" for line in mine if line not in theirs]
        extra = [f"+ {line}" for line in theirs if line not in mine]
        self.compared += len(theirs)
        self.equal += len(theirs) - len(extra)
        if missing or extra:
            seen = (_LIVES - self.context.era.lacks) <= self.context.recorded
            stamp = (event.at, event.time, event.comm, event.pid, seen and not self.context.lost_any)
            larger = _are_larger([mine[line] for line in mine if line not in theirs], areas, letters)
            self.context.emit(incidents.MapsDiffered(*stamp, saved.name, saved.path, pid, missing + extra, larger))

    def _changing(self, event: Marker) -> list[Mapped]:
        """The followed VMAs that an open call of another task is about."""
        found = []
        for call in self.context.tasks.open_beside(event):
            if isinstance(call, RemapPfnRange | SplitVma | MprotectFixup | CopyVma):
                area = self.vmas.book.of.get(call.vma)
                if area is not None:
                    found.append(area)
        return found

    def _compared(self) -> frozenset[str]:
        """The VmFlags that are known: those that no call changes which is not recorded."""
        known = set(LETTERS.values())
        if "mprotect_fixup" not in self.context.recorded:
            known.discard(LETTERS[VM_WRITE])
        if not (_TRACKING - self.context.era.lacks) <= self.context.recorded:
            known.discard(LETTERS[VM_PAT])
        return frozenset(known)


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
