"""One input, from its path to the end of its replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from pat_check.detection import NO_EVIDENCE, Guess, era_by_evidence
from pat_check.eras import era_of
from pat_check.errors import TraceError
from pat_check.events import Event, Malformed
from pat_check.findings import Input
from pat_check.foresight import Foresight
from pat_check.incidents import Incident
from pat_check.model.machine import Machine
from pat_check.model.memory import Mtrr, Ram
from pat_check.places import Places
from pat_check.replay.loop import Replay
from pat_check.replay.maps import SavedArea, SavedMaps
from pat_check.replay.snapshots import Snapshot
from pat_check.sources.bars import name_bars, read_bars
from pat_check.sources.base import PREVIEW, Source
from pat_check.sources.capture import Capture, is_capture, open_capture, read_dmesg
from pat_check.sources.formats import source_named, source_of
from pat_check.sources.iomem import Resource, ram_of, read_iomem
from pat_check.sources.maps import Area
from pat_check.sources.memtype_list import read_memtype_list
from pat_check.sources.mtrr import read_mtrr
from pat_check.sources.opening import Lines, open_behind, open_lines
from pat_check.sources.probes import Probes
from pat_check.unchecked import unchecked

T = TypeVar("T")

_FURTHER = 3_000_000
"""Lines of a file that are searched for evidence of the era when its beginning has none."""

_NAMED = 1_000
"""The depth of a range that somebody named: inside of every resource of /proc/iomem."""


@dataclass(slots=True)
class Options:
    """How recordings are read and replayed; paths are of side inputs, None where there is none."""

    era: str = "auto"  # or an era's name
    era_reason: str = "as asked with --era"  # who named it, where it is named
    memtypes: str | None = None  # a pat_memtype_list taken when the trace began
    iomem: str | None = None  # /proc/iomem
    mtrr: str | None = None  # /proc/mtrr
    input_format: str | None = None  # a source's name
    strict: bool = False  # damage in a trace is an error
    deep: bool = False  # also play what was recorded, for the rules of mappings and page tables
    bars: tuple[tuple[str, int, int], ...] = ()  # names of physical ranges: (name, start, end), half-open


class Further(NamedTuple):
    """What a search of a recording behind its beginning tells of the era."""

    guess: Guess | None


class Session:
    """A recording that is open and ready to be replayed once.

    `further` is what an earlier session of the same recording has found in its lines, as far as it had to search them;
    None: nobody has searched. `lines` are those that `batches` reads: all of them, unless they are set to some others.

    Raises TraceError from the constructor when the input cannot be used at all, UnknownEra and UnknownFormat for names
    that do not exist.
    """

    def __init__(
        self,
        path: str,
        options: Options,
        emit: Callable[[Incident], None],
        progress: Callable[[str, int], None] | None = None,
        further: Further | None = None,
    ) -> None:
        self.path, self.options, self.further = path, options, further
        self.capture: Capture | None = open_capture(path) if is_capture(path) else None
        self.trace = self.capture.trace if self.capture is not None else path
        lines = open_lines(self.trace, tolerant=True)
        if progress is not None:
            lines.tick = lambda count: progress(path, count)
        head = lines.preview(PREVIEW)
        self.source: Source = _source(options.input_format, head, lines)
        if why := self.source.unusable(head):
            raise TraceError(why, lines.path)
        self.guess = self._era(head)
        self.lines = lines
        self.replay = self._replay(emit, head)

    # --- preparation ------------------------------------------------------------------------------------------

    def _era(self, head: list[str]) -> Guess:
        if self.options.era != "auto":
            return Guess(era_of(self.options.era), self.options.era_reason)
        release = self.capture.release if self.capture is not None else ""
        guess = era_by_evidence(release, head)
        if guess is None and len(head) >= PREVIEW and Path(self.trace).is_file():  # a pipe is read only once
            if self.further is None:
                self.further = Further(era_by_evidence("", _first(open_lines(self.trace, tolerant=True), _FURTHER)))
            guess = self.further.guess
        if guess is None and self.capture is not None and self.capture.dmesg:
            guess = era_by_evidence("", open_lines(self.capture.dmesg).preview(PREVIEW))
        return guess or NO_EVIDENCE

    def _replay(self, emit: Callable[[Incident], None], head: list[str]) -> Replay:
        options, capture = self.options, self.capture
        resources = self._beside(options.iomem, capture.iomem if capture is not None else "", read_iomem)
        named = (Resource(start, end, name, _NAMED) for name, start, end in options.bars)
        bars = self._beside(None, capture.bars if capture is not None else "", read_bars)
        self.places = Places([*name_bars(resources or (), bars or ()), *named])
        self.iomem = options.iomem or (capture.iomem if capture is not None and resources is not None else "")
        ram = Ram(ram_of(resources)) if resources is not None else None
        mtrr = self._beside(options.mtrr, capture.mtrr if capture is not None else "", read_mtrr)
        registers = Mtrr(mtrr) if mtrr is not None else None
        saved = {
            number: Snapshot(number, one.name, one.path, one.nodes)
            for number, one in (capture.snapshots if capture is not None else {}).items()
            if self.source.shows_reservations
        }
        maps = {
            number: SavedMaps(one.name, one.path, _areas(one.of))
            for number, one in (capture.maps if capture is not None else {}).items()
        }
        replay = Replay(Machine(ram, registers), self.guess.era, emit, saved, maps)
        replay.context.one_comm = capture.comm if capture is not None else ""
        for error in capture.unreadable if capture is not None else ():
            if options.strict:
                raise error
            replay.recording.unreadable(error.path, error.at, error.message)
        self.foresight = Foresight(self.trace, head, capture.probes if capture is not None else Probes())
        beginning = type(self.source)().batches(Lines.of(self.trace, head))
        self.foresight.learn((event for batch in beginning for event in batch), replay)
        if options.memtypes:
            replay.snapshots.begin(read_memtype_list(open_lines(options.memtypes)))
        elif saved and not self._has_markers(head):
            replay.snapshots.begin(saved[min(saved)].nodes)
        return replay

    def _beside(self, asked: str | None, found: str, read: Callable[[Lines], T]) -> T | None:
        """A side input; one that is only found beside the trace may be damaged."""
        if asked:
            return read(open_lines(asked))
        try:
            return read(open_lines(found)) if found else None
        except TraceError as error:
            assert self.capture is not None
            self.capture.unreadable.append(error)
            return None

    def _has_markers(self, head: list[str]) -> bool:
        """Whether checkpoints can be expected: some tools do not record trace_marker."""
        if any("checkpoint " in line for line in head):
            return True
        return len(head) >= PREVIEW and self.source.name in ("ftrace", "function_graph")

    # --- replay -----------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """The events of the recording, once; see `batches`."""
        for batch in self.batches():
            yield from batch

    def batches(self, *, runs: bool = False) -> Iterator[list[Event]]:
        """The events of the recording, once, many at a time, or several as one with `runs`: see `Source.batches`.

        With `strict` a line that cannot be read raises TraceError.
        """
        for batch in self.source.batches(self.lines, runs=runs):
            if self.options.strict:
                self._refuse(batch)
            yield batch
        if self.options.strict and self.lines.broken:
            raise TraceError(self.lines.broken, self.lines.path, self.source.lines)

    def go_on(self, offset: int) -> None:
        """Read the lines behind so many bytes of text next, where source and replay were brought to by other means."""
        self.lines = open_behind(self.trace, offset)

    def _refuse(self, batch: list[Event]) -> None:
        for event in batch:
            if isinstance(event, Malformed) and not (event.cut and self.lines.broken):
                raise TraceError(f"{event.problem}: {event.text[:60]!r}", self.lines.path, event.at)

    def run(self) -> Input:
        """Replay all of it, compare what was saved beside it, and say what was seen."""
        self.replay.play(self.batches(runs=True))
        if self.lines.broken:
            self.replay.recording.broken(self.source.lines, self.lines.broken)
        self._dmesg()
        self.replay.finish()
        return self.summary()

    def _dmesg(self) -> None:
        if self.capture is not None and self.capture.dmesg and self.replay.context.probes_seen:
            messages, lost = read_dmesg(self.capture.dmesg)
            replay = self.replay
            replay.messages.dmesg(messages, self.capture.dmesg, replay.span, replay.pids, lost)

    def summary(self) -> Input:
        """What was seen so far."""
        replay, source = self.replay, self.source
        snapshots, tasks = replay.snapshots, replay.context.tasks
        ignored = dict(sorted(source.ignored.items(), key=lambda item: (-item[1], item[0])))
        return Input(
            self.path,
            source.name,
            self.guess.era.name,
            self.guess.reason,
            lines=source.lines,
            events=replay.events,
            ignored=sum(ignored.values()),
            malformed=replay.recording.malformed_lines,
            lost=replay.recording.lost_events,
            live=len(replay.context.machine.memtypes),
            unmatched=0 if replay.context.entry_only else tasks.lost_entries + tasks.lost_returns,
            snapshots=snapshots.compared,
            snapshots_equal=snapshots.equal,
            snapshots_unanchored=snapshots.unanchored,
            mappings=replay.maps.compared,
            mappings_equal=replay.maps.equal,
            mappings_unseen=replay.maps.unseen,
            mappings_unowned=replay.maps.unowned,
            mappings_unsettled=replay.maps.unsettled,
            mappings_unfollowed=replay.maps.unfollowed,
            mappings_unanchored=replay.maps.unanchored,
            messages=replay.messages.checked,
            messages_explained=replay.messages.explained,
            ignored_names=ignored,
            layers=self._layers(),
            facts=list(unchecked(replay, source.name, self.foresight)),
        )

    def _layers(self) -> list[str]:
        seen = self.replay.layers.names()
        return ["memtype", *seen] if self.replay.context.probes_seen and "memtype" not in seen else seen


def _source(asked: str | None, head: list[str], lines: Lines) -> Source:
    if asked:
        return source_named(asked)()
    try:
        return source_of(head, lines.path)()
    except TraceError as error:
        if lines.broken:
            raise TraceError(f"{lines.broken}; what can be read of it is no recording", lines.path) from error
        raise


def _areas(of: dict[int, list[Area]]) -> dict[int, list[SavedArea]]:
    return {pid: [SavedArea(area.start, area.end, area.flags) for area in areas] for pid, areas in of.items()}


def _first(lines: Lines, count: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number >= count:
            return
        yield line
