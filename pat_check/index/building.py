"""One pass over a recording that saves the state of its replay now and then, and where its markers are."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

from pat_check.events import Event, Malformed, Marker
from pat_check.index.file import Directory, Place, Writing, code, fingerprint, writing
from pat_check.index.parts import beginning, saved
from pat_check.session import Session
from pat_check.sources.opening import Lines

_LEAST: Final = 4 << 20
"""Bytes of text between two states, at least: a fraction of a second to replay."""

_MOST: Final = 1024
"""States of a recording that is not compressed, about."""

_SPARSE: Final = 16
"""Bytes of text for each byte of a state, at least: unpacked, so the index is far smaller than a sixteenth."""

_TEXTS: Final = 1 << 22
"""Characters of all markers that are kept."""

_time = attrgetter("time")


class Pieces:
    """The lines of a recording in pieces, each of whole lines, to be read one after the other."""

    def __init__(self, lines: Lines) -> None:
        self._lines, self._chunks = lines, lines.chunks()
        self._pending = b""
        self._read = lines
        self.offset = 0  # bytes of the pieces that were read
        self.over = False

    def next(self, size: int) -> Lines:
        """The next piece: of at least `size` bytes, if there are so many."""
        self._read = Lines(self._lines.path, self._piece(size), tolerant=True, begun=self.offset > 0)
        return self._read

    @property
    def broken(self) -> bool:
        """Whether the rest of a compressed file cannot be read."""
        return bool(self._lines.broken or self._read.broken)

    def _piece(self, size: int) -> Iterator[bytes]:
        self.over = True  # unless it ends before the recording does
        while chunk := self._pending or next(self._chunks, b""):
            self._pending = b""
            stop = chunk.find(b"\n", max(size - 1, 0)) + 1
            size -= len(chunk)
            self.offset += stop or len(chunk)
            if stop:
                self._pending = chunk[stop:]
                self.over = False
                yield chunk[:stop]
                return
            yield chunk


class _Seen:
    """What the events of a recording tell of its points."""

    def __init__(self) -> None:
        self.time: float | None = None  # the latest
        self.malformed = False
        self._markers: dict[str, int] = {}
        self._room = _TEXTS

    def add(self, batch: list[Event]) -> None:
        """Look at some events."""
        latest = max((time for time in map(_time, batch) if time is not None), default=None)
        if latest is not None and (self.time is None or latest > self.time):
            self.time = latest
        for event in batch:
            if type(event) is Marker and event.text not in self._markers and self._room > 0:
                self._room -= len(event.text) + 1
                self._markers[event.text] = event.at
            elif type(event) is Malformed:
                self.malformed = True

    @property
    def markers(self) -> list[tuple[int, str]] | None:
        """Every text with its first line; None when there are too many."""
        return [(at, text) for text, at in self._markers.items()] if self._room > 0 else None


def build(session: Session, target: str, progress: Callable[[str, int], None], every: int = 0) -> None:
    """Replay a new session to its end, and write its index to a file.

    `every` is how many bytes of text lie between two states, at least; 0: as many as fits. Raises TraceError when the
    index cannot be written.
    """
    trace = fingerprint(session.trace)
    least = every or max(_LEAST, Path(session.trace).stat().st_size // _MOST)
    with writing(target) as out:
        directory = Directory(trace, code(), beginning(session), None, False, False, [], None)
        _pass(session, directory, out, progress, least, 0 if every else _SPARSE)
        if session.further is not None:
            guess = session.further.guess
            directory.searched = [guess.era.name, guess.reason] if guess is not None else []
        out.finish(directory)


def _pass(
    session: Session,
    directory: Directory,
    out: Writing,
    progress: Callable[[str, int], None],
    least: int,
    sparse: int,
) -> None:
    source, replay, seen = session.source, session.replay, _Seen()
    pieces, size = Pieces(session.lines), least
    while not pieces.over:
        session.lines = pieces.next(size)
        for batch in session.batches():
            replay.play((batch,))
            seen.add(batch)
            progress(session.path, source.lines)
        if not pieces.over:
            start, length, digest, unpacked = out.add([source.state(), saved(replay)])
            directory.places.append(Place(source.lines, pieces.offset, seen.time, start, length, digest))
            size = max(least, sparse * unpacked)
            gc.collect(1)  # a scanner and its lane hold each other, and much memory, for each piece anew
    directory.markers = seen.markers
    directory.anchors = replay.snapshots.anchored
    directory.damaged = seen.malformed or pieces.broken
