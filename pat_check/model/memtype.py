"""The tree of reservations, as arch/x86/mm/pat/memtype_interval.c keeps it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from sys import intern
from typing import Final

from pat_check.cachemode import UC_MINUS
from pat_check.incidents import Seen, Story
from pat_check.model.owner import Owner
from pat_check.model.ranges import RangeList

_STORY_LIMIT: Final = 12


class Memtype:
    """One reservation of physical bytes [start, end).

    Born: memtype_reserve(). Adopts: the type of an entry it overlaps. Shrinks: a tail free, in the eras that
    have the end-match rule. Dies: memtype_free() with its exact bounds.
    """

    __slots__ = ("assumed", "born", "end", "order", "owner", "start", "story", "type")

    def __init__(self, start: int, end: int, type_: int, owner: Owner, born: int) -> None:
        self.start, self.end, self.type, self.owner, self.born = start, end, type_, owner, born
        self.assumed = False  # its type was neither recorded nor could be computed
        self.order = 0  # set by the tree, grows with every insertion: equal starts are ordered by it
        self.story: Story = []

    def tell(self, at: int, what: str) -> None:
        """Remember a line that changed this reservation; a long story keeps its beginning and its end."""
        if len(self.story) >= _STORY_LIMIT:
            del self.story[_STORY_LIMIT // 2]
        self.story.append((at, intern(what) if self.owner.gone else what))

    def abandon(self) -> None:
        """Its owner is gone: it may stay for ever, beside many others whose stories have the same words."""
        self.owner.gone = True
        self.story = [(at, intern(what)) for at, what in self.story]

    def seen(self) -> Seen:
        """A copy for an incident."""
        return Seen(self.start, self.end, self.type, self.born, str(self.owner), list(self.story))


class MemtypeTree:
    """The ordered multiset of reservations: by start, then by insertion.

    Identical ranges are separate entries; that is the only reference counting there is.
    """

    __slots__ = ("_by_end", "_nodes")

    def __init__(self) -> None:
        self._nodes: RangeList[Memtype] = RangeList()
        self._by_end: dict[int, list[Memtype]] = {}  # each list in the order of the tree

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Memtype]:
        return iter(self._nodes)

    def overlapping(self, start: int, end: int) -> list[Memtype]:
        """The entries that intersect [start, end), in the kernel's order."""
        return self._nodes.overlapping(start, end)

    def first_overlap(self, start: int, end: int) -> Memtype | None:
        """The first entry that intersects [start, end), in the kernel's order."""
        return self._nodes.first(start, end)

    def check_conflict(
        self, start: int, end: int, type_: int, *, strict: bool
    ) -> tuple[int, int, Memtype | None, Memtype | None]:
        """What ``memtype_check_conflict()`` decides: (errno or 0, granted type, first overlap, clashing entry).

        `strict` is ``new_type == NULL``: then another type is refused instead of adopted.
        """
        first: Memtype | None = None
        found = type_
        for node in self._nodes.overlapping(start, end):
            if first is None:
                first = node
                if node.type != type_ and strict:
                    return -errno.EBUSY, type_, node, node
                found = node.type
            elif node.type != found:
                return -errno.EBUSY, found, first, node
        return 0, found, first, None

    def insert(self, node: Memtype) -> None:
        """Add an entry without any check."""
        self._nodes.add(node)
        ending = self._by_end.get(node.end)
        if ending is None:
            self._by_end[node.end] = [node]
        elif ending[-1].start <= node.start:
            ending.append(node)
        else:
            ending.insert(_place(ending, node.start, node.order), node)

    def remove(self, node: Memtype) -> None:
        """Take out this very entry."""
        self._nodes.remove(node)
        ending = self._by_end[node.end]
        if len(ending) == 1:
            del self._by_end[node.end]
        else:
            del ending[0 if ending[0] is node else _place(ending, node.start, node.order)]

    def shrink(self, node: Memtype, end: int) -> None:
        """Move the end of an entry down; it goes behind its equals, for it is taken out and put in again."""
        self.remove(node)
        node.end = end
        self.insert(node)

    def exact(self, start: int, end: int) -> list[Memtype]:
        """The entries with these very bounds, in order; the list is not to be changed."""
        ending = self._by_end.get(end)
        if ending is None:
            return []
        if ending[0].start == start == ending[-1].start:
            return ending
        return ending[_place(ending, start, 0) : _place(ending, start + 1, 0)]

    def ending_at(self, end: int, after: int) -> list[Memtype]:
        """The entries that end at `end` and begin before `after`, in order."""
        ending = self._by_end.get(end)
        return [] if ending is None else ending[: _place(ending, after, 0)]

    def lookup(self, paddr: int) -> int:
        """The type of one page: that of the first entry that touches it, UC- where there is none."""
        node = self._nodes.first(paddr, paddr + 4096)
        return UC_MINUS if node is None else node.type


def _place(nodes: list[Memtype], start: int, order: int) -> int:
    """How many of these entries, which are in order, come before `start` and `order`."""
    low, high = 0, len(nodes)
    while low < high:
        middle = (low + high) // 2
        node = nodes[middle]
        if node.start < start or (node.start == start and node.order < order):
            low = middle + 1
        else:
            high = middle
    return low


def validate_tree(tree: MemtypeTree) -> None:
    """Assert what holds after every operation: order, and one type wherever entries intersect."""
    nodes = list(tree)
    assert nodes == sorted(nodes, key=lambda node: (node.start, node.order))
    for index, node in enumerate(nodes):
        assert node.start < node.end
        for other in nodes[index + 1 :]:
            if other.start >= node.end:
                break
            assert other.type == node.type, f"{node.seen()} and {other.seen()}"
