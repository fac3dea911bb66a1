"""Range containers that know nothing of the kernel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, Generic, TypeVar, cast


class Ranged:
    """A half-open range that one RangeList may hold at a time: a node of its tree."""

    __slots__ = ("_left", "_rank", "_reach", "_right", "end", "order", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.order = 0  # set by the list that holds it: greater than that of everything added before
        self._left: Ranged | None = None  # what is before it in the list, as far as that is below it in the tree
        self._right: Ranged | None = None  # and what is behind it
        self._rank = 0  # greater than that of each node below it
        self._reach = 0  # the greatest end of it and of all below it


T = TypeVar("T", bound=Ranged)
V = TypeVar("V")

_ALL: Final = 1 << 60

_FACTOR: Final = 1664525
_STEP: Final = 1013904223
_MASK: Final = (1 << 30) - 1
"""Numbers of a linear congruential generator, whose products are small."""


class Marked(Ranged, Generic[V]):
    """A range that stands for something."""

    __slots__ = ("value",)

    def __init__(self, start: int, end: int, value: V) -> None:
        super().__init__(start, end)
        self.value = value


class RangeList(Generic[T]):
    """A multiset of ranges, ordered by start; equal starts stay in the order they came.

    A tree like the interval trees of the kernel: each node knows how far it and all below it reach. Which node is above
    which says its rank, a number as good as random (a treap), so that the tree has some 2 ln n levels whatever comes
    and goes. With n ranges, adding, removing and finding the first that intersects take O(log n) steps, and finding all
    k that intersect O(log n + k).
    """

    __slots__ = ("_length", "_order", "_rank", "_root")

    def __init__(self) -> None:
        self._root: Ranged | None = None
        self._length = 0
        self._order = 0
        self._rank = 0  # of what was put last

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        found: list[T] = []
        _collect(self._root, cast(list[Ranged], found))
        return iter(found)

    def add(self, item: T) -> None:
        """Insert behind every range that starts at the same place or before, and set the item's order."""
        self._order += 1
        item.order = self._order
        self.put(item)

    def put(self, item: T) -> None:
        """Insert where the item's order, which somebody else has set, and which no other item has, says."""
        self._length += 1
        self._rank = item._rank = rank = (self._rank * _FACTOR + _STEP) & _MASK
        start, order, end = item.start, item.order, item.end
        above: Ranged | None = None
        below, is_left = self._root, False
        while below is not None and below._rank >= rank:
            below._reach = max(below._reach, end)
            above, is_left = below, start < below.start or (start == below.start and order < below.order)
            below = above._left if is_left else above._right
        _split(below, item)
        _settle(item)
        if above is None:
            self._root = item
        elif is_left:
            above._left = item
        else:
            above._right = item

    def remove(self, item: T) -> None:
        """Take out this very object; its range must be as it was when it was added."""
        root = self._root
        assert root is not None
        self._length -= 1
        self._root = _without(root, item)
        item._left = item._right = None

    def overlapping(self, start: int, end: int, most: int = _ALL) -> list[T]:
        """Every range that intersects [start, end), in order, or the first so many."""
        found: list[T] = []
        root = self._root
        if root is not None and root._reach > start:
            _find(root, start, end, cast(list[Ranged], found), most)
        return found

    def first(self, start: int, end: int) -> T | None:
        """The first range that intersects [start, end): it ends behind `start` and begins before `end`."""
        node = self._root
        if node is None or node._reach <= start:
            return None
        while True:  # something here ends behind `start`, the first of that is the only one that matters
            below = node._left
            if below is None or below._reach <= start:
                if node.start >= end:
                    return None
                if node.end > start:
                    return cast(T, node)
                below = node._right
                assert below is not None  # what else would reach so far
            node = below


def _split(node: Ranged | None, item: Ranged) -> None:
    """Put a tree below an item that belongs above it: to the left what is before the item, the rest to the right."""
    if node is None:
        item._left = item._right = None
        return
    if item.start < node.start or (item.start == node.start and item.order < node.order):
        _split(node._left, item)
        node._left = item._right
        item._right = node
    else:
        _split(node._right, item)
        node._right = item._left
        item._left = node
    _settle(node)


def _without(node: Ranged, item: Ranged) -> Ranged | None:
    """A tree after an item is taken out of it."""
    if node is item:
        return _joined(item._left, item._right)
    if item.start < node.start or (item.start == node.start and item.order < node.order):
        below = node._left
        assert below is not None
        node._left = _without(below, item)
    else:
        below = node._right
        assert below is not None
        node._right = _without(below, item)
    if node._reach == item.end:
        _settle(node)
    return node


def _joined(left: Ranged | None, right: Ranged | None) -> Ranged | None:
    """One tree of two, all of the first before all of the second."""
    if left is None:
        return right
    if right is None:
        return left
    if left._rank > right._rank:
        left._right = _joined(left._right, right)
        left._reach = max(left._reach, right._reach)
        return left
    right._left = _joined(left, right._left)
    right._reach = max(right._reach, left._reach)
    return right


def _settle(node: Ranged) -> None:
    """Bring up to date how far a node reaches, by those right below it."""
    reach = node.end
    below = node._left
    if below is not None and below._reach > reach:
        reach = below._reach
    below = node._right
    if below is not None and below._reach > reach:
        reach = below._reach
    node._reach = reach


def _find(node: Ranged, start: int, end: int, found: list[Ranged], most: int) -> None:
    """Append what intersects [start, end) of a tree that ends behind `start`, in order, until so many are found."""
    below = node._left
    if below is not None and below._reach > start:
        _find(below, start, end, found, most)
        if len(found) >= most:
            return
    if node.start >= end:
        return
    if node.end > start:
        found.append(node)
        if len(found) >= most:
            return
    below = node._right
    if below is not None and below._reach > start:
        _find(below, start, end, found, most)


def _collect(node: Ranged | None, found: list[Ranged]) -> None:
    """Append all of a tree, in order."""
    while node is not None:
        _collect(node._left, found)
        found.append(node)
        node = node._right


class RangeMap(Generic[V]):
    """Values of ranges that do not intersect; what was never set has none. An empty range holds nothing."""

    __slots__ = ("_ends", "_starts", "_values")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[V] = []

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int, V]]:
        return iter(zip(self._starts, self._ends, self._values, strict=True))

    def overlapping(self, start: int, end: int) -> list[tuple[int, int, V]]:
        """The pieces that intersect [start, end), clipped to it."""
        if start >= end:
            return []
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        return [
            (max(self._starts[index], start), min(self._ends[index], end), self._values[index])
            for index in range(first, last)
        ]

    def touching(self, start: int, end: int) -> list[tuple[int, int, V]]:
        """The pieces that intersect [start, end), whole."""
        if start >= end:
            return []
        chosen = slice(bisect_right(self._ends, start), bisect_left(self._starts, end))
        return list(zip(self._starts[chosen], self._ends[chosen], self._values[chosen], strict=True))

    def clear(self, start: int, end: int) -> None:
        """Forget the values of [start, end)."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if first >= last or start >= end:
            return
        rest: list[tuple[int, int, V]] = []
        if self._starts[first] < start:
            rest.append((self._starts[first], start, self._values[first]))
        if self._ends[last - 1] > end:
            rest.append((end, self._ends[last - 1], self._values[last - 1]))
        self._starts[first:last] = [piece[0] for piece in rest]
        self._ends[first:last] = [piece[1] for piece in rest]
        self._values[first:last] = [piece[2] for piece in rest]

    def set(self, start: int, end: int, value: V) -> None:
        """Give [start, end) a value, in place of what it had."""
        if start >= end:
            return
        self.clear(start, end)
        place = bisect_left(self._starts, start)
        self._starts.insert(place, start)
        self._ends.insert(place, end)
        self._values.insert(place, value)
