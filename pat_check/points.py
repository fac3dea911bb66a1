"""One point of a recording, and what is reserved there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pat_check.errors import PatCheckError, TraceError
from pat_check.events import Event, Marker
from pat_check.index.file import UnfitError
from pat_check.index.using import Indexed, Indexing
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


def state_at(path: str, at: str, options: Options, indexing: Indexing | None = None) -> list[Held]:
    """The reservations after a line (``117``), a time (``44.17`` or ``time:44``) or a marker (its text or a part).

    In the kernel's order. Raises TraceError when the recording has no such point, when a part of a text is found in
    different markers, and for a point before the first snapshot of a capture whose state cannot be told from it.
    With `indexing` the replay goes on from the nearest state in the index of the recording, which is made if there is
    none that fits; the answer is the same.
    """
    point = _parsed(at, path)
    if indexing is None:
        return _search(path, point, options).run()
    indexed = Indexed(path, options, indexing)
    if (options.strict and indexed.directory.damaged) or (point[2] and indexed.directory.markers is None):
        indexing.told(f"{indexed.file}: does not serve here, where all lines must be read")
        return _search(path, point, options).run()
    try:
        return _IndexedSearch(indexed, *point).run()
    except PatCheckError:
        raise
    except Exception as error:  # whatever a state can lead to that pat-check has not made
        indexed.index.close()
        indexed.renew(str(error) if isinstance(error, UnfitError) else "it is damaged")
        return _IndexedSearch(indexed, *point).run()


def _search(path: str, point: tuple[int, float, str], options: Options) -> _Search:
    return _Search(Session(path, options, lambda incident: None), *point)


class _Search:
    """A replay up to one point: a line (0: none), a time or a marker."""

    def __init__(self, session: Session, line: int, time: float, marker: str) -> None:
        self.session = session
        self.line, self.time, self.marker = line, time, marker
        self._anchors = True  # a list of a capture may be compared at some marker that is still to come
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
        return self._names(event.text, event.at)

    def _names(self, text: str, at: int) -> bool:
        """The same of a text and the line of its marker."""
        if self.marker in (text, _PREFIX.sub("", text)):
            return True
        if len(self._texts) < _MARKERS:
            self._texts.setdefault(text, at)
        if self.marker in text and text not in self._partly and len(self._partly) < _MARKERS:
            self._partly[text] = at, self._now()
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
        if replay.context.machine.origin_known or not snapshots.saved or snapshots.anchored or not self._anchors:
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


class _IndexedSearch(_Search):
    """A search that begins at the last state in the index before the point."""

    def __init__(self, indexed: Indexed, line: int, time: float, marker: str) -> None:
        super().__init__(indexed.session, line, time, marker)
        self._anchors = indexed.directory.anchors
        self._named = 0  # the line of the marker
        self._whole = False  # its text is what was asked for, not only a part of it
        if marker:
            self._look_up(indexed.directory.markers or [])
            indexed.go_on(indexed.before_line(self._named - 1))
        else:
            indexed.go_on(indexed.before_line(line) if line else indexed.before_time(time))

    def run(self) -> list[Held]:
        """Read what lies between the state and the point."""
        if not self.marker:
            return super().run()
        if not self._named:
            return self._only_one()
        replay = self.session.replay
        replay.context.log = self._changed
        events = self.session.events()
        for event in events:
            replay.run((event,))
            if event.at == self._named and isinstance(event, Marker):
                return self._held(None, events) if self._whole else self._now()
        raise UnfitError("it is damaged")

    def _look_up(self, markers: list[tuple[int, str]]) -> None:
        for at, text in markers:
            if self._names(text, at):
                self._named, self._whole = at, True
                return
        if len(self._partly) == 1:
            ((self._named, _),) = self._partly.values()


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
