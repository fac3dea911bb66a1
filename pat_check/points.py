"""One point of a recording, and what is reserved there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pat_check.errors import TraceError
from pat_check.events import Event, Marker
from pat_check.session import Options, Session

_MARKERS = 20  # texts that a message names
_PREFIX = re.compile(r"^[\w.-]{1,16}: ?")
"""Programs that write markers often begin them with their own name."""


@dataclass(frozen=True, slots=True)
class Held:
    """A live reservation of physical bytes [start, end): its type, its owner, the trace line where it was made.

    `since` is 0 for what is older than the trace.
    """

    start: int
    end: int
    type: int
    owner: str
    since: int


def state_at(path: str, at: str, options: Options) -> list[Held]:
    """The reservations after a line (``117``), a time (``44.17`` or ``time:44``) or a marker (its text or a part).

    In the kernel's order. Raises TraceError when the recording has no such point, when a part of a text is found in
    different markers, and for a point before the first snapshot of a capture whose state cannot be told from it.
    """
    return _Search(path, at, options).run()


class _Search:
    """A replay up to one point."""

    def __init__(self, path: str, at: str, options: Options) -> None:
        self.line, self.time, self.marker = _parsed(at, path)
        self.session = Session(path, options, lambda incident: None)
        self._changes = 0
        self._texts: dict[str, int] = {}  # of markers, with their lines
        self._partly: dict[str, tuple[int, list[Held]]] = {}  # markers that hold the text, the first of each

    def run(self) -> list[Held]:
        """Read as far as is needed."""
        replay = self.session.replay
        replay.context.log = self._changed
        events = self.session.events()
        for event in events:
            if self._is_before(event):
                return self._held(event, events)
            replay.run((event,))
            if self.marker and isinstance(event, Marker) and self._is_named(event):
                return self._held(None, events)
        if self.marker:
            return self._only_one()
        if self.line > self.session.source.lines:
            raise TraceError(f"has {self.session.source.lines} lines, not {self.line}", self.session.trace)
        return self._now()

    def _changed(self, change: object) -> None:
        self._changes += 1

    def _is_before(self, event: Event) -> bool:
        """Whether an event lies behind a line or a time."""
        if self.line:
            return event.at > self.line
        return not self.marker and event.time is not None and event.time > self.time

    def _is_named(self, event: Marker) -> bool:
        """Whether a marker is the one; one that holds the text as a part is remembered with the state there."""
        text = event.text
        if self.marker in (text, _PREFIX.sub("", text)):
            return True
        if len(self._texts) < _MARKERS:
            self._texts.setdefault(text, event.at)
        if self.marker in text and text not in self._partly and len(self._partly) < _MARKERS:
            self._partly[text] = event.at, self._now()
        return False

    def _only_one(self) -> list[Held]:
        if len(self._partly) == 1:
            (found,) = self._partly.values()
            return found[1]
        if self._partly:
            there = ", ".join(f"{text!r} (line {at})" for text, (at, _) in self._partly.items())
            raise TraceError(f"has several markers with {self.marker!r}: {there}", self.session.trace)
        there = ", ".join(repr(text) for text in self._texts)
        problem = f"has no marker {self.marker!r}" + (f"; there are {there}" if there else " and no marker at all")
        raise TraceError(problem, self.session.trace)

    def _now(self) -> list[Held]:
        return [
            Held(node.start, node.end, node.type, str(node.owner), node.born)
            for node in self.session.replay.context.machine.memtypes
        ]

    def _held(self, event: Event | None, rest: Iterator[Event]) -> list[Held]:
        """The state here; before the first snapshot of a capture it is that of the snapshot if nothing changes."""
        replay = self.session.replay
        snapshots = replay.snapshots
        if replay.context.machine.origin_known or not snapshots.saved or snapshots.anchored:
            return self._now()
        here, before = self._now(), self._changes
        last = event
        while last is not None or (last := next(rest, None)) is not None:
            replay.run((last,))
            if snapshots.anchored:
                if self._changes == before:
                    return self._now()
                problem = f"the reservations are not known before the first snapshot, at line {last.at}"
                raise TraceError(problem, self.session.trace)
            last = None
        return here


def _parsed(at: str, path: str) -> tuple[int, float, str]:
    """A line (0: none), a time and a marker's text."""
    kind, colon, rest = at.partition(":")
    if colon and kind == "marker":
        if not rest:
            raise TraceError("--at needs the text of a marker after 'marker:'", path)
        return 0, 0.0, rest
    text = rest if colon and kind == "time" else at
    if at.isdecimal():
        if int(at[:19]) < 1:
            raise TraceError("lines are counted from 1, so --at 0 is none", path)
        return int(at[:19]), 0.0, ""
    try:
        time = float(text)
    except ValueError:
        if not at.strip() or kind == "time":
            raise TraceError(f"--at {at!r} is no line, time or marker", path) from None
        return 0, 0.0, at
    if not math.isfinite(time) or time < 0:
        raise TraceError(f"--at {at!r} is no time in seconds", path)
    return 0, time, ""
