"""The index of a recording: read where it fits, made where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pat_check.detection import Guess
from pat_check.eras import era_of
from pat_check.errors import TraceError, UnknownEra
from pat_check.index.building import build
from pat_check.index.file import WRONG, Index, Place, UnfitError, code, fingerprint
from pat_check.index.parts import beginning, restore
from pat_check.session import Further, Options, Session
from pat_check.sources.capture import is_capture, trace_in
from pat_check.sources.opening import TRACE_DAT

ENDING = ".pci"
"""What the name of an index adds to that of its recording."""


@dataclass(slots=True)
class Indexing:
    """How an index is used.

    `file` is where it is; None: beside the recording. `told` hears what is done with it, `progress` the path and how
    many lines were read while it is made. `every` is how many bytes lie between two states; 0: as many as fits.
    """

    file: str | None = None
    told: Callable[[str], None] = lambda text: None
    progress: Callable[[str, int], None] = lambda path, lines: None
    every: int = 0


class Indexed:
    """A recording with its index, which is made first if there is none that fits.

    Raises TraceError from the constructor when the recording can have no index, or when it cannot be written.
    """

    def __init__(self, path: str, options: Options, indexing: Indexing) -> None:
        self.path, self.options, self.indexing = path, options, indexing
        self.trace = trace_in(path) if is_capture(path) else path
        self.file = indexing.file or f"{self.trace}{ENDING}"
        _refuse(self.trace, self.file)
        try:
            self._open()
        except UnfitError as why:
            self.renew(str(why))

    def renew(self, why: str) -> None:
        """Make the index anew."""
        self.indexing.told(f"{self.file}: is made, for {why}")
        session = Session(self.path, replace(self.options, strict=False), lambda incident: None)
        build(session, self.file, self.indexing.progress, self.indexing.every)
        try:
            self._open()
        except UnfitError as error:
            raise TraceError("changes while it is read, so it has no index", self.trace) from error

    def _open(self) -> None:
        """Find an index that fits, and a session that can go on from it."""
        self.index = Index(self.file)
        try:
            self.directory = self.index.directory
            if self.directory.code != code():
                raise UnfitError("it is of another version of pat-check")
            if self.directory.trace != fingerprint(self.trace):
                raise UnfitError("the recording is another")
            self.session = Session(self.path, self.options, lambda incident: None, further=self._further())
            if self.directory.began != beginning(self.session):
                raise UnfitError("options, or files beside the recording, are others")
        except Exception:
            self.index.close()
            raise

    def _further(self) -> Further | None:
        """What a search for the era has found."""
        match self.directory.searched:
            case None:
                return None
            case []:
                return Further(None)
            case [str(name), str(reason)]:
                try:
                    return Further(Guess(era_of(name), reason))
                except UnknownEra as error:
                    raise UnfitError("it is damaged") from error
            case _:
                raise UnfitError("it is damaged")

    def go_on(self, place: Place | None) -> None:
        """Bring the session to a saved state; None: leave it at the beginning. Raises UnfitError when it is damaged."""
        if place is None:
            return
        state = self.index.state(place)
        try:
            source, replay = state
            self.session.source.resume(source)
            restore(self.session.replay, replay)
        except WRONG as error:
            raise UnfitError("it is damaged") from error
        self.session.go_on(place.offset)
        self.indexing.told(f"{self.file}: is used from line {place.line:,} on")

    def before_line(self, line: int) -> Place | None:
        """The last state in which no event behind a line is seen."""
        return next((place for place in reversed(self.directory.places) if place.line <= line), None)

    def before_time(self, time: float) -> Place | None:
        """The last state in which no event behind a time is seen."""
        places = reversed(self.directory.places)
        return next((place for place in places if place.time is None or place.time <= time), None)


def _refuse(trace: str, file: str) -> None:
    """Raise TraceError for a recording that cannot be read twice, and for a place that is taken."""
    if trace == "-":
        raise TraceError("standard input has no index", "<stdin>")
    try:
        if not Path(trace).is_file():
            if Path(trace).exists():
                raise TraceError("is no file, so it has no index", trace)
            return  # which the session says better
        with Path(trace).open("rb") as opened:
            binary = opened.read(len(TRACE_DAT)) == TRACE_DAT
    except OSError as error:
        raise TraceError(error.strerror or str(error), trace) from error
    if binary:
        raise TraceError("is trace.dat, which has no index: print it with `trace-cmd report` and index that", trace)
    if Path(file).exists() and Path(file).samefile(trace):
        raise TraceError("is the recording itself, and so no place for its index", file)
