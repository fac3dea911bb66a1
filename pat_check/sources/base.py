"""What a source is: something that recognises a format and turns its lines into events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from pat_check.events import NO_PID, Event, Malformed, MemtypeFree, MemtypeReserve
from pat_check.sources.counting import Counts
from pat_check.sources.opening import LINE_LIMIT, Lines

PREVIEW = 20_000
"""Lines looked at before the replay starts: to recognise the format and to find evidence of the era."""

_EXCERPT = 160
_BATCH = 1024
_PAGE = 4096

_CALLS = (MemtypeReserve, MemtypeFree)


class Source(ABC):
    """A trace format. One instance reads one input and counts what it saw.

    `lines` counts lines read, `ignored` the events that the model has no use for, by name. An input may come in pieces,
    one `Lines` after the other; what a source knows between two of them is its `state`.
    `unusable` says, after a look at the preview, why nothing in this input can be replayed.
    """

    name: ClassVar[str]  # for --input-format
    title: ClassVar[str]  # one line for people
    shows_reservations: ClassVar[bool] = True  # so that lists of them can be compared

    def __init__(self) -> None:
        self.lines = 0
        self.ignored: Counter[str] = Counter()

    @classmethod
    @abstractmethod
    def sniff(cls, head: list[str]) -> bool:
        """Whether these first lines are of this format."""

    @abstractmethod
    def events(self, lines: Lines) -> Iterator[Event]:
        """Decode the lines; a line that cannot be read becomes a `Malformed` event."""

    def batches(self, lines: Lines, *, runs: bool = False) -> Iterator[list[Event]]:
        """The same events, many at a time, and a last line that is torn as `Malformed`.

        With `runs` events in a row may come as one, of events/runs.py, where a source knows how.
        """
        batch: list[Event] = []
        for event in self.events(lines):
            batch.append(torn(event) if lines.cut else event)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        yield batch

    def count(self, lines: Lines) -> Counts:
        """Read everything, only to count it."""
        counts = Counts()
        for batch in self.batches(lines):
            counts.add(batch)
        return counts

    def unusable(self, head: list[str]) -> str:
        """Why a recording that begins so cannot be replayed; empty when it can."""
        return ""

    def state(self) -> dict[str, Any]:
        """What another instance must know to go on from here, as JSON has it: names, numbers, lists, dictionaries."""
        return {"lines": self.lines, "ignored": dict(self.ignored)}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; one that makes no sense raises KeyError, TypeError, ValueError or IndexError."""
        self.lines = int(state["lines"])
        self.ignored = Counter({str(name): int(count) for name, count in state["ignored"].items()})

    def malformed(self, at: int, line: str, problem: str, column: int = 1, *, cut: bool = False) -> Malformed:
        """The event for a line that cannot be read; `cut` when it is the last and has no newline."""
        if len(line) >= LINE_LIMIT:
            problem, column = f"the line is longer than {LINE_LIMIT:,} characters", 1
        return Malformed(at, None, -1, NO_PID, "", column, problem, line[:_EXCERPT], cut)


def torn(event: Event) -> Event:
    """The event of a last line without a newline: malformed if the end of its range has lost digits."""
    if isinstance(event, _CALLS) and (event.start >= event.end or event.end % _PAGE):
        return Malformed(event.at, None, -1, NO_PID, "", 1, "the end of its range is torn", "torn", cut=True)
    return event
