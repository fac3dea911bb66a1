"""The tree of reservations, as arch/x86/mm/pat/memtype_interval.c keeps it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from pat_check.cachemode import UC_MINUS
from pat_check.model.holdings import Holdings, is_before, put_in_order
from pat_check.model.memtype import Memtype
from pat_check.model.owner import Owner
from pat_check.model.ranges import RangeList

Change = tuple[int, int, int, int]
"""The start, the order, the end and the type of an entry that came or changed; type -1 of one that went."""

_EBUSY: Final = -errno.EBUSY
_MANY: Final = 64
"""Entries of one task, which are all looked at where there are no more."""


class _OfType(RangeList[Memtype]):
    """The entries of one type."""

    __slots__ = ("type",)

    def __init__(self, type_: int) -> None:
        super().__init__()
        self.type = type_


class MemtypeTree:
    """The ordered multiset of reservations: by start, then by insertion.

    Identical ranges are separate entries; that is the only reference counting there is. Each type has a list of its
    own: entries that intersect have one type, so that a conflict is found without a look at each of them. Whoever wants
    to know what changes gives it a `journal`.
    """

    __slots__ = ("_by_end", "_length", "_of", "_order", "holdings", "journal")

    def __init__(self) -> None:
        self._of: list[_OfType] = []  # none of them empty
        self._by_end: dict[int, list[Memtype]] = {}  # each list in the order of the tree
        self._length = 0
        self._order = 0
        self.holdings = Holdings()
        self.journal: list[Change] | None = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Memtype]:
        found: list[Memtype] = []
        for nodes in self._of:
            found.extend(nodes)
        put_in_order(found)
        return iter(found)

    def overlapping(self, start: int, end: int) -> list[Memtype]:
        """The entries that intersect [start, end), in the kernel's order."""
        found: list[Memtype] = []
        types = 0
        for nodes in self._of:
            more = nodes.overlapping(start, end)
            if more:
                types += 1
                if types == 1:
                    found = more
                else:
                    found.extend(more)
        if types > 1:
            put_in_order(found)
        return found

    def first_overlap(self, start: int, end: int) -> Memtype | None:
        """The first entry that intersects [start, end), in the kernel's order."""
        first: Memtype | None = None
        for nodes in self._of:
            node = nodes.first(start, end)
            if node is not None and (first is None or is_before(node, first)):
                first = node
        return first

    def first_around(self, start: int, end: int) -> Memtype | None:
        """The first entry that all of [start, end), which is not empty, lies in."""
        return self.first_overlap(end - 1, start + 1)

    def first_other(self, start: int, end: int, type_: int) -> Memtype | None:
        """The first entry of another type that intersects [start, end)."""
        first: Memtype | None = None
        for nodes in self._of:
            if nodes.type != type_:
                node = nodes.first(start, end)
                if node is not None and (first is None or is_before(node, first)):
                    first = node
        return first

    def check_conflict(
        self, start: int, end: int, type_: int, *, strict: bool
    ) -> tuple[int, int, Memtype | None, Memtype | None]:
        """What ``memtype_check_conflict()`` decides: (errno or 0, granted type, first overlap, clashing entry).

        `strict` is ``new_type == NULL``: then another type is refused instead of adopted.
        """
        first: Memtype | None = None
        clash: Memtype | None = None  # the first entry of another type than the first overlap
        for nodes in self._of:
            node = nodes.first(start, end)
            if node is None:
                continue
            if first is None:
                first = node
            elif is_before(node, first):
                first, clash = node, first
            elif clash is None or is_before(node, clash):
                clash = node
        if first is None:
            return 0, type_, None, None
        if first.type != type_ and strict:
            return _EBUSY, type_, first, first
        return _EBUSY if clash is not None else 0, first.type, first, clash

    def insert(self, node: Memtype) -> None:
        """Add an entry without any check."""
        self._length += 1
        self._order += 1
        node.order = self._order
        self._list_of(node.type).put(node)
        ending = self._by_end.get(node.end)
        if ending is None:
            ending = self._by_end[node.end] = [node]
        elif ending[-1].start <= node.start:
            ending.append(node)
        else:
            ending.insert(_place(ending, node.start, node.order), node)
        node.ending = ending
        self.holdings.put(node)
        if self.journal is not None:
            self.journal.append((node.start, node.order, node.end, node.type))

    def remove(self, node: Memtype) -> None:
        """Take out this very entry."""
        self._length -= 1
        self._unlist(node)
        ending = node.ending
        assert ending is not None
        node.ending = None
        if len(ending) == 1:
            del self._by_end[node.end]
        else:
            del ending[0 if ending[0] is node else _place(ending, node.start, node.order)]
        self.holdings.pull(node.owner)
        if self.journal is not None:
            self.journal.append((node.start, node.order, node.end, -1))

    def shrink(self, node: Memtype, end: int) -> None:
        """Move the end of an entry down; it goes behind its equals, for it is taken out and put in again."""
        self.remove(node)
        node.end = end
        self.insert(node)

    def retype(self, node: Memtype, type_: int) -> None:
        """The type of an entry, which may be gone, is another one."""
        if node.type != type_ and any(other is node for other in self.exact(node.start, node.end)):
            self._unlist(node)
            self._list_of(type_).put(node)
            if self.journal is not None:
                self.journal.append((node.start, node.order, node.end, type_))
        node.type = type_

    def exact(self, start: int, end: int) -> list[Memtype]:
        """The entries with these very bounds, in order; the list is not to be changed."""
        ending = self._by_end.get(end)
        if ending is None:
            return []
        if ending[0].start == start == ending[-1].start:
            return ending
        return ending[_place(ending, start, 0) : _place(ending, start + 1, 0)]

    def first_exact(self, start: int, end: int) -> Memtype | None:
        """The first entry with these very bounds."""
        ending = self._by_end.get(end)
        if ending is None:
            return None
        node = ending[0]
        if node.start != start:
            place = _place(ending, start, 0)
            if place == len(ending) or ending[place].start != start:
                return None
            node = ending[place]
        return node

    def ending_at(self, end: int, after: int) -> list[Memtype]:
        """The entries that end at `end` and begin before `after`, in order."""
        ending = self._by_end.get(end)
        return [] if ending is None else ending[: _place(ending, after, 0)]

    def first_ending_at(self, end: int, after: int) -> Memtype | None:
        """The first entry that ends at `end` and begins before `after`."""
        ending = self._by_end.get(end)
        return ending[0] if ending is not None and ending[0].start < after else None

    def lookup(self, paddr: int) -> int:
        """The type of one page: that of the first entry that touches it, UC- where there is none."""
        node = self.first_overlap(paddr, paddr + 4096)
        return UC_MINUS if node is None else node.type

    def held_within(self, pid: int, mm: int, start: int, end: int) -> list[Memtype]:
        """The entries that intersect [start, end), of those that a task holds, in order."""
        count = self.holdings.count(pid, mm)
        if count > _MANY:
            near = self._fewer(start, end, count)
            if near is not None:
                return [node for node in near if not node.owner.gone and node.owner.holds(pid, mm)]
        return self.holdings.within(pid, mm, start, end)

    def _fewer(self, start: int, end: int, count: int) -> list[Memtype] | None:
        """The entries that intersect [start, end), in order; None where there may be so many."""
        found: list[Memtype] = []
        types = 0
        for nodes in self._of:
            more = nodes.overlapping(start, end, count - len(found))
            if more:
                types += 1
                found += more
            if len(found) >= count:
                return None
        if types > 1:
            put_in_order(found)
        return found

    # --- whose they are -----------------------------------------------------------------------------------------

    def swap(self, first: Memtype, second: Memtype) -> None:
        """Exchange whose two identical entries are; the tree keeps its order."""
        if first is second:
            return
        self.holdings.pull(first.owner)
        self.holdings.pull(second.owner)
        first.swap(second)
        self.holdings.put(first)
        self.holdings.put(second)

    def name(self, owner: Owner, pid: int, mm: int) -> None:
        """It is known that an owner is this task, or that it has this address space."""
        node = self.holdings.pull(owner)
        owner.pid, owner.mm = pid, mm
        if node is not None:
            self.holdings.put(node)

    def leave(self, owner: Owner) -> None:
        """The end of an owner was seen, and that it has left its entry behind."""
        node = self.holdings.pull(owner)
        owner.end()
        if node is not None:
            node.stays()
            self.holdings.put(node)

    def share(self, node: Memtype, key: int) -> None:
        """An address space, or the task of which `key` is the negative, shares an entry that is in the tree."""
        node.owner.share(key)
        self.holdings.share(node, key)

    def unshare(self, owner: Owner, key: int) -> None:
        """It does not any more."""
        if key in owner.sharers:
            owner.leave(key)
            self.holdings.unshare(owner, key)

    def _list_of(self, type_: int) -> _OfType:
        for nodes in self._of:
            if nodes.type == type_:
                return nodes
        nodes = _OfType(type_)
        self._of.append(nodes)
        return nodes

    def _unlist(self, node: Memtype) -> None:
        """Take an entry out of the list of its type."""
        nodes = self._list_of(node.type)
        nodes.remove(node)
        if not len(nodes):
            self._of.remove(nodes)


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
