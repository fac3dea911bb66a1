"""Formats that the compiled scanner reads, too: what it leaves goes to the decoder in Python, in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from pat_check.events import Event
from pat_check.sources.base import Source, torn
from pat_check.sources.counting import Counts
from pat_check.sources.native import scanner_type
from pat_check.sources.opening import Lines

if TYPE_CHECKING:
    from pat_check.sources.lane import Lane, Probed


class Scanned(Source):
    """A source with one event a line, or none; `read` is the reference of what the scanner decodes."""

    layout: ClassVar[int]  # of the scanner

    @abstractmethod
    def read(self, at: int, line: str, lines: Lines) -> Event | None:
        """The event of a line, if it is one."""

    @abstractmethod
    def place(self, key: str) -> Probed | None:
        """What the scanner is told of a probed place, once for each; None for a line that `read` has to see."""

    def named(self, key: str) -> str | None:
        """The same of an event without a place: the name that counts as ignored."""
        raise NotImplementedError(key)

    def ignore(self, name: str, count: int = 1) -> None:
        """Count an event that the model has no use for."""
        self.ignored[name] += count

    def passed(self) -> None:
        """The scanner has read lines since the last that was read here."""

    def events(self, lines: Lines) -> Iterator[Event]:
        for at, line in enumerate(lines, self.lines + 1):
            self.lines = at
            event = self.read(at, line, lines)
            if event is not None:
                yield event

    def batches(self, lines: Lines, *, runs: bool = False) -> Iterator[list[Event]]:
        lane = self._lane(runs=runs)
        yield from super().batches(lines) if lane is None else self._with(lane, lines)

    def count(self, lines: Lines) -> Counts:
        lane = self._lane(count_only=True)
        if lane is None:
            return super().count(lines)
        counts = Counts()
        for batch in self._with(lane, lines):
            counts.add(batch)
        lane.count(counts)
        return counts

    def _lane(self, *, count_only: bool = False, runs: bool = False) -> Lane | None:
        scanner = scanner_type()
        if scanner is None:
            return None
        from pat_check.sources.lane import Lane  # noqa: PLC0415 - made of compiled code, which may not be there

        return Lane(scanner, self.layout, self.place, self.named, count_only=count_only, runs=runs)

    def _with(self, lane: Lane, lines: Lines) -> Iterator[list[Event]]:
        """The events that the lane reads, and in their places those of lines that it leaves to `read`."""
        last = self.lines  # the line that was read here last
        for found, others, cut, number, ignored in lane.blocks(lines.blocks(), last):
            for index, at, line in others:
                if at != last + 1:
                    self.passed()
                last = at
                lines.cut = cut
                event = self.read(at, lines.text_of(line), lines)
                found[index] = torn(event) if cut and event is not None else event
            for name, count in ignored:
                self.ignore(name, count)
            if number:
                self.lines = number
                if lines.tick is not None:
                    lines.tick(number)
                if number != last:
                    self.passed()
            yield [event for event in found if event is not None] if others else cast("list[Event]", found)
