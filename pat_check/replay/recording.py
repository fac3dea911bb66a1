"""What a recording says of itself: lost events, lines that cannot be read, a cut end."""

from __future__ import annotations

from typing import Final

from pat_check import events
from pat_check.incidents import TraceEnded
from pat_check.replay.context import Stamp

_PLACES: Final = 5
"""Places that are kept for the story; the rest are counted."""


class Recording:
    """Counts the damage of one recording."""

    def __init__(self) -> None:
        self.lost_events = 0
        self.lost_places = 0
        self.malformed_lines = 0
        self._lost_at: list[tuple[int, int, int]] = []
        self._malformed_at: list[tuple[int, int, str, str]] = []
        self._cut: tuple[int, str, str] | None = None
        self._beside: list[tuple[str, int, str]] = []

    def lost(self, event: events.LostEvents) -> None:
        """Events are missing here."""
        self.lost_places += 1
        self.lost_events += max(event.count, 0)
        if len(self._lost_at) < _PLACES:
            self._lost_at.append((event.at, event.cpu, event.count))

    def malformed(self, event: events.Malformed) -> None:
        """A line cannot be read."""
        if event.cut:
            self._cut = (event.at, event.problem, event.text)
            return
        self.malformed_lines += 1
        if len(self._malformed_at) < _PLACES:
            self._malformed_at.append((event.at, event.column, event.problem, event.text))

    def broken(self, at: int, problem: str) -> None:
        """The compressed file cannot be read behind a line."""
        self._cut = (at, problem, "")

    def unreadable(self, path: str, at: int, problem: str) -> None:
        """A file beside the recording cannot be read: its facts are not used."""
        self._beside.append((path, at, problem))

    def ended(
        self, stamp: Stamp, open_calls: list[tuple[int, str]], open_count: int, unmatched_returns: int
    ) -> TraceEnded:
        """The incident at the end of the recording."""
        return TraceEnded(
            *stamp,
            self.lost_events,
            self._lost_at,
            self.lost_places,
            self.malformed_lines,
            self._malformed_at,
            self._cut,
            open_calls,
            open_count,
            unmatched_returns,
            self._beside,
        )
