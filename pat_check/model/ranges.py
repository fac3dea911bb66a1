"""Range containers that know nothing of the kernel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar


class Ranged(Protocol):
    """Anything with a half-open range."""

    start: int
    end: int
    order: int
    """Set by the list that holds it: greater than that of everything added before."""


T = TypeVar("T", bound=Ranged)
V = TypeVar("V")

_MOST: Final = 48
"""Entries of one node; a node with more is cut in two."""

_ALL: Final = 1 << 60
_ORDERS: Final = 40
"""Bits of a key that hold the order; the start is above them."""


class _Node(Generic[T]):
    """A part of a RangeList: a leaf holds items, any other node holds nodes.

    `keys` ascend: of a leaf's items, else the least key below each child. `ends` are the ends of the items, else the
    greatest end below each child. `reaches[i]` is the greatest of `ends[: i + 1]`, so that bisecting it finds the first
    entry that ends behind a place, and its last is what the parent has under `ends`.
    """

    __slots__ = ("children", "ends", "items", "keys", "reaches")

    def __init__(
        self, keys: list[int], ends: list[int], items: list[T], children: list[_Node[T]], reaches: list[int]
    ) -> None:
        self.keys, self.ends, self.items, self.children, self.reaches = keys, ends, items, children, reaches

    def add(self, key: int, end: int, item: T) -> None:
        """Put an item where its key belongs. Afterwards the node may hold one entry too many."""
        if not self.children:
            place = bisect_left(self.keys, key)
            self.keys.insert(place, key)
            self.ends.insert(place, end)
            self.items.insert(place, item)
            self.reaches.insert(place, -1)
            self._settle(place)
            return
        place = max(bisect_right(self.keys, key) - 1, 0)
        child = self.children[place]
        child.add(key, end, item)
        self.keys[place] = min(self.keys[place], key)
        if len(child.keys) > _MOST:
            self._cut(place)
        elif end > self.ends[place]:
            self.ends[place] = end
            self._settle(place)

    def remove(self, key: int) -> None:
        """Take out the item with this key, and nodes that hold nothing any more."""
        if not self.children:
            place = bisect_left(self.keys, key)
            del self.items[place]
        else:
            place = bisect_right(self.keys, key) - 1
            child = self.children[place]
            child.remove(key)
            if child.keys:
                if child.reaches[-1] != self.ends[place]:
                    self.ends[place] = child.reaches[-1]
                    self._settle(place)
                return
            del self.children[place]
        del self.keys[place], self.ends[place], self.reaches[place]
        self._settle(place)

    def find(self, start: int, stop: int, found: list[T], most: int) -> None:
        """Append the items that end behind `start` and whose key is below `stop`, in order, until so many are found."""
        ends = self.ends
        for place in range(bisect_right(self.reaches, start), bisect_left(self.keys, stop)):
            if ends[place] > start:
                if self.children:
                    self.children[place].find(start, stop, found, most)
                else:
                    found.append(self.items[place])
                if len(found) >= most:
                    return

    def collect(self, found: list[T]) -> None:
        """Append every item, in order."""
        found.extend(self.items)
        for child in self.children:
            child.collect(found)

    def cut(self) -> _Node[T]:
        """Keep the first half; the other half is a new node."""
        half = len(self.keys) // 2
        other = _Node(self.keys[half:], self.ends[half:], self.items[half:], self.children[half:], [])
        top = -1
        for end in other.ends:
            top = max(top, end)
            other.reaches.append(top)
        del self.keys[half:], self.ends[half:], self.items[half:], self.children[half:], self.reaches[half:]
        return other

    def _cut(self, place: int) -> None:
        """Make two of a child that is too large."""
        child = self.children[place]
        other = child.cut()
        self.ends[place] = child.reaches[-1]
        self.keys.insert(place + 1, other.keys[0])
        self.ends.insert(place + 1, other.reaches[-1])
        self.children.insert(place + 1, other)
        self.reaches.insert(place + 1, -1)
        self._settle(place)
        self._settle(place + 1)

    def _settle(self, place: int) -> None:
        """Bring `reaches` up to date from `place` on, until one is as it was."""
        ends, reaches = self.ends, self.reaches
        top = reaches[place - 1] if place else -1
        while place < len(ends):
            top = max(top, ends[place])
            if reaches[place] == top:
                return
            reaches[place] = top
            place += 1


class RangeList(Generic[T]):
    """A multiset of ranges, ordered by start; equal starts stay in the order they came.

    A B+ tree whose nodes know how far they reach. With n ranges, adding, removing and finding the first that
    intersects take O(log n) steps, and finding all k that intersect O(log n + k).
    """

    __slots__ = ("_length", "_order", "_root")

    def __init__(self) -> None:
        self._root: _Node[T] = _Node([], [], [], [], [])
        self._length = 0
        self._order = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        found: list[T] = []
        self._root.collect(found)
        return iter(found)

    def add(self, item: T) -> None:
        """Insert behind every range that starts at the same place or before, and set the item's order."""
        self._order += 1
        item.order = self._order
        self.put(item)

    def put(self, item: T) -> None:
        """Insert where the item's order, which somebody else has set, and which no other item has, says."""
        self._length += 1
        self._root.add((item.start << _ORDERS) + item.order, item.end, item)
        if len(self._root.keys) > _MOST:
            left = self._root
            right = left.cut()
            ends = [left.reaches[-1], right.reaches[-1]]
            self._root = _Node([left.keys[0], right.keys[0]], ends, [], [left, right], [ends[0], max(ends)])

    def remove(self, item: T) -> None:
        """Take out this very object; its range must be as it was when it was added."""
        self._length -= 1
        self._root.remove((item.start << _ORDERS) + item.order)
        while len(self._root.children) == 1:
            self._root = self._root.children[0]

    def overlapping(self, start: int, end: int, most: int = _ALL) -> list[T]:
        """Every range that intersects [start, end), in order, or the first so many."""
        found: list[T] = []
        self._root.find(start, end << _ORDERS, found, most)
        return found

    def first(self, start: int, end: int) -> T | None:
        """The first range that intersects [start, end): it ends behind `start` and begins before `end`."""
        node, stop = self._root, end << _ORDERS
        while True:
            place = bisect_right(node.reaches, start)  # everything before ends too early, this one does not
            if place == len(node.keys) or node.keys[place] >= stop:
                return None
            if not node.children:
                return node.items[place]
            node = node.children[place]


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
