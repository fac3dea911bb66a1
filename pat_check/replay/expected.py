"""The complaints that the kernel must have printed, by what the replay saw; matched with those it did print."""

from __future__ import annotations

from typing import Final, NamedTuple

from pat_check.events import NO_PID, Event, Message
from pat_check.model.operations import Reserve

CHECKED: Final[frozenset[int]] = frozenset((5, 7, 8, 9, 11, 12, 17, 19))
"""Rows of memtype.md section 13 that the replay predicts."""

_OF_TYPES: Final = frozenset((11, 17))
"""Rows that say that a request got a type it may not keep."""
_LIMIT: Final = 200_000


class Missing(NamedTuple):
    """A message that was predicted at a line and a time, of a row of section 13 and [start, end)."""

    at: int
    time: float | None
    number: int
    start: int
    end: int


class Prediction:
    """A message that must appear, as of an event: a row of section 13, and [start, end)."""

    __slots__ = ("at", "end", "number", "pid", "start", "time")

    def __init__(self, number: int, start: int, end: int, event: Event) -> None:
        self.number, self.start, self.end = number, start, end
        self.pid, self.at, self.time = event.pid, event.at, event.time


class Ledger:
    """Predicted messages that one log has not shown yet."""

    __slots__ = ("_latest", "_waiting", "matched", "missed")

    def __init__(self) -> None:
        self._latest: list[Prediction] = []  # what came since anybody has asked
        self._waiting: dict[tuple[int, int, int], list[Prediction]] = {}  # the others, by row and range
        self.matched = 0
        self.missed = 0

    def expect(self, prediction: Prediction) -> None:
        """A message must appear."""
        self._latest.append(prediction)
        if len(self._latest) >= _LIMIT:
            self._sort()

    def _sort(self) -> None:
        """Find a place for what came since anybody has asked."""
        for one in self._latest:
            if len(self._waiting) < _LIMIT:
                self._waiting.setdefault((one.number, one.start, one.end), []).append(one)
        self._latest.clear()

    def match(self, message: Message) -> bool:
        """Whether a message was predicted; a prediction explains one message."""
        self._sort()
        key = (message.number, message.start, message.end)
        waiting = self._waiting.get(key)
        for index, one in enumerate(waiting or ()):
            if NO_PID in (one.pid, message.by_pid) or one.pid == message.by_pid:
                assert waiting is not None
                del waiting[index]
                if not waiting:
                    del self._waiting[key]
                self.matched += 1
                return True
        self.missed += 1
        return False

    def forget(self) -> None:
        """Drop what is waiting."""
        self._latest.clear()
        self._waiting.clear()

    def rest(self) -> list[Missing]:
        """What never appeared, in the order of the trace."""
        self._sort()
        found = [
            Missing(one.at, one.time, one.number, one.start, one.end)
            for waiting in self._waiting.values()
            for one in waiting
        ]
        return sorted(found, key=lambda missing: (missing.at, missing.number, missing.start))


class Expected:
    """Predictions, kept for each log that can show them: console lines in the trace, and a dmesg file."""

    __slots__ = ("_maps", "complete", "console", "dmesg", "types_known")

    def __init__(self) -> None:
        self.complete = {5, 7, 8, 9}  # rows whose every message is predicted: the calls that print them are recorded
        self._maps = False  # the rows of reserve_pfn_range() are among them
        self.types_known = True  # the type that every request got
        self.console = Ledger()
        self.dmesg = Ledger()

    def conflict(self, event: Event, outcome: Reserve) -> None:
        """memtype_reserve() met another type: #7 from the conflict check, then #8."""
        self._add(7, outcome.start, outcome.end, event)
        self._add(8, outcome.start, outcome.end, event)

    def ram_failed(self, event: Event, outcome: Reserve) -> None:
        """A RAM page has a type already: #5."""
        self._add(5, outcome.start, outcome.end, event)

    def free_invalid(self, event: Event, start: int, end: int) -> None:
        """memtype_free() matched nothing: #9."""
        self._add(9, start, end, event)

    def mapped(self) -> None:
        """reserve_pfn_range() is recorded with its return."""
        if not self._maps:
            self._maps = True
            self.complete.update((11, 12))

    def ioremapped(self) -> None:
        """__ioremap_caller() is recorded with its return."""
        self.complete.update((17, 19))

    def sure(self) -> set[int]:
        """Rows of which every message must be predicted."""
        return self.complete if self.types_known else self.complete - _OF_TYPES

    def map_refused(self, event: Event, start: int, end: int) -> None:
        """reserve_pfn_range() got a type that it may not keep: #11."""
        self._add(11, start, end, event)

    def ram_range(self, event: Event, start: int, end: int) -> None:
        """reserve_pfn_range() of RAM with another type than the pages have: #12."""
        self._add(12, start, end, event)

    def ioremap_refused(self, event: Event, start: int, end: int) -> None:
        """ioremap got a type that it may not keep: #17."""
        self._add(17, start, end, event)

    def ioremap_failed(self, event: Event) -> None:
        """ioremap could not reserve: #19, which names no range."""
        self._add(19, -1, -1, event)

    def _add(self, number: int, start: int, end: int, event: Event) -> None:
        prediction = Prediction(number, start, end, event)
        self.console.expect(prediction)
        self.dmesg.expect(prediction)
