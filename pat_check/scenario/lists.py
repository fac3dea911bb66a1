"""The list of reservations after every operation: kept as what changed, written when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from pat_check.cachemode import short_name
from pat_check.model.tree import Change
from pat_check.scenario.words import size_text


def list_text(ranges: Iterable[tuple[int, int, int]], base: int = 0) -> str:
    """Starts, ends and types as an expectation writes them; offsets count from the base."""
    text = size_text if base else hex
    pieces = [
        f"[{text(max(start - base, 0))}, {text(end - base)}) {short_name(type_).lower()}"
        for start, end, type_ in ranges
    ]
    return ", ".join(pieces) or "none"


class List:
    """The list as changes make it. What begins at one address stays in the order in which it came."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[int, dict[int, tuple[int, int]]] = {}  # by start, and by order, which ascends: end and type

    def apply(self, changes: Iterable[Change]) -> set[int]:
        """What follows; gives back the addresses where something is other than before."""
        starts = set()
        for start, order, end, type_ in changes:
            starts.add(start)
            here = self._at.setdefault(start, {})
            if type_ < 0:
                del here[order]
                if not here:
                    del self._at[start]
            else:
                here[order] = (end, type_)
        return starts

    def beginning_at(self, start: int) -> list[tuple[int, int]]:
        """The ends and types of what begins there, in order."""
        return list(self._at.get(start, {}).values())

    def __str__(self) -> str:
        return list_text((start, *other) for start in sorted(self._at) for other in self._at[start].values())


class Lists:
    """The lists of one play. What is kept grows with what changes, not with what is there."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: list[tuple[int, tuple[Change, ...]]] = []  # (line, changes since the step before)

    def texts(self) -> list[tuple[int, str]]:
        """Lines, and the list after each."""
        now = List()
        text = str(now)
        found: list[tuple[int, str]] = []
        for at, changes in self.steps:
            if now.apply(changes):
                text = str(now)
            found.append((at, text))
        return found


def first_other(plays: list[Lists]) -> int:
    """The first step, from 0, after which lists are not the same; -1 where there is none among the common ones."""
    lists = [List() for _ in plays]
    for number, steps in enumerate(zip(*(one.steps for one in plays), strict=False)):
        starts = set().union(*(now.apply(changes) for now, (_, changes) in zip(lists, steps, strict=True)))
        for start in starts:  # everywhere else they are as they were: the same
            first, *others = (now.beginning_at(start) for now in lists)
            if any(other != first for other in others):
                return number
    return -1
