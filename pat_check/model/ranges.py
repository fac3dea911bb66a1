"""Range containers that know nothing of the kernel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Ranged(Protocol):
    """Anything with a half-open range."""

    start: int
    end: int


T = TypeVar("T", bound=Ranged)
V = TypeVar("V")

_BUCKET = 64


class RangeList(Generic[T]):
    """A multiset of ranges, ordered by start; equal starts stay in the order they came.

    Kept as a list of short sorted lists, each with its greatest end, so that a query skips what cannot
    intersect. Adding, removing and finding cost microseconds at thousands of ranges.
    """

    __slots__ = ("_firsts", "_items", "_length", "_starts", "_tops")

    def __init__(self) -> None:
        self._starts: list[list[int]] = []
        self._items: list[list[T]] = []
        self._firsts: list[int] = []
        self._tops: list[int] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        for items in self._items:
            yield from items

    def add(self, item: T) -> None:
        """Insert behind every range that starts at the same place or before."""
        self._length += 1
        if not self._items:
            self._starts.append([item.start])
            self._items.append([item])
            self._firsts.append(item.start)
            self._tops.append(item.end)
            return
        index = max(bisect_right(self._firsts, item.start) - 1, 0)
        starts, items = self._starts[index], self._items[index]
        place = bisect_right(starts, item.start)
        starts.insert(place, item.start)
        items.insert(place, item)
        self._firsts[index] = starts[0]
        self._tops[index] = max(self._tops[index], item.end)
        if len(items) > 2 * _BUCKET:
            self._split(index)

    def remove(self, item: T) -> None:
        """Take out this very object; its range must be as it was when it was added."""
        index = max(bisect_left(self._firsts, item.start) - 1, 0)
        while True:
            starts, items = self._starts[index], self._items[index]
            place = bisect_left(starts, item.start)
            while place < len(items) and starts[place] == item.start:
                if items[place] is item:
                    self._drop(index, place)
                    return
                place += 1
            index += 1

    def overlapping(self, start: int, end: int) -> Iterator[T]:
        """Every range that intersects [start, end), in order."""
        for index, top in enumerate(self._tops):
            if top <= start:
                continue
            if self._firsts[index] >= end:
                return
            items = self._items[index]
            for place in range(bisect_left(self._starts[index], end)):
                if items[place].end > start:
                    yield items[place]

    def _split(self, index: int) -> None:
        starts, items = self._starts[index], self._items[index]
        self._starts[index : index + 1] = [starts[:_BUCKET], starts[_BUCKET:]]
        self._items[index : index + 1] = [items[:_BUCKET], items[_BUCKET:]]
        self._firsts[index : index + 1] = [starts[0], starts[_BUCKET]]
        self._tops[index : index + 1] = [_top(items[:_BUCKET]), _top(items[_BUCKET:])]

    def _drop(self, index: int, place: int) -> None:
        self._length -= 1
        starts, items = self._starts[index], self._items[index]
        gone = items.pop(place)
        del starts[place]
        if not items:
            del self._starts[index], self._items[index], self._firsts[index], self._tops[index]
            return
        self._firsts[index] = starts[0]
        if gone.end == self._tops[index]:
            self._tops[index] = _top(items)


def _top(items: list[T]) -> int:
    return max(item.end for item in items)


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
