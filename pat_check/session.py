"""One input, from its path to the end of its replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pat_check.detection import NO_EVIDENCE, Guess, era_by_evidence
from pat_check.eras import era_of
from pat_check.errors import TraceError
from pat_check.events import (
    NO_PID,
    Event,
    Malformed,
    MemtypeCheckInsert,
    MemtypeErase,
    MemtypeFree,
    MemtypeReserve,
    Return,
    VmAreaFree,
    ZapVma,
)
from pat_check.findings import Input
from pat_check.incidents import Incident
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE, Mtrr, Ram
from pat_check.places import Places
from pat_check.replay.loop import Replay
from pat_check.replay.maps import SavedArea, SavedMaps
from pat_check.replay.snapshots import Snapshot
from pat_check.sources.base import PREVIEW, Source
from pat_check.sources.capture import Capture, is_capture, open_capture, read_dmesg
from pat_check.sources.formats import source_named, source_of
from pat_check.sources.iomem import ram_of, read_iomem
from pat_check.sources.maps import Area
from pat_check.sources.memtype_list import read_memtype_list
from pat_check.sources.mtrr import read_mtrr
from pat_check.sources.opening import Lines, open_lines

_FURTHER = 3_000_000
"""Lines of a file that are searched for evidence of the era when its beginning has none."""

_LOCKED = (("memtype_check_insert", "insert_seen"), ("memtype_erase", "erase_seen"))
_TRACKING = frozenset(("track_pfn_remap", "untrack_pfn", "pfnmap_track", "pfnmap_untrack", "pfnmap_track_ctx_release"))
_LIVES = frozenset(("vm_area_dup", "vm_area_free"))
_CALLS = (MemtypeReserve, MemtypeFree)


@dataclass(slots=True)
class Options:
    """How recordings are read and replayed; paths are of side inputs, None where there is none."""

    era: str = "auto"  # or an era's name
    memtypes: str | None = None  # a pat_memtype_list taken when the trace began
    iomem: str | None = None  # /proc/iomem
    mtrr: str | None = None  # /proc/mtrr
    input_format: str | None = None  # a source's name
    strict: bool = False  # damage in a trace is an error


class Session:
    """A recording that is open and ready to be replayed once.

    Raises TraceError from the constructor when the input cannot be used at all, UnknownEra and UnknownFormat for names
    that do not exist.
    """

    def __init__(
        self,
        path: str,
        options: Options,
        emit: Callable[[Incident], None],
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self.path, self.options = path, options
        self.capture: Capture | None = open_capture(path) if is_capture(path) else None
        self.trace = self.capture.trace if self.capture is not None else path
        lines = open_lines(self.trace, tolerant=True)
        if progress is not None:
            lines.tick = lambda count: progress(path, count)
        head = lines.preview(PREVIEW)
        kind = source_named(options.input_format) if options.input_format else source_of(head, lines.path)
        self.source: Source = kind()
        if why := self.source.unusable(head):
            raise TraceError(why, lines.path)
        self.guess = self._era(head)
        self._lines = lines
        self.replay = self._replay(emit, head)

    # --- preparation ------------------------------------------------------------------------------------------

    def _era(self, head: list[str]) -> Guess:
        if self.options.era != "auto":
            return Guess(era_of(self.options.era), "as asked with --era")
        release = self.capture.release if self.capture is not None else ""
        guess = era_by_evidence(release, head)
        if guess is None and len(head) >= PREVIEW and Path(self.trace).is_file():  # a pipe is read only once
            guess = era_by_evidence("", _first(open_lines(self.trace, tolerant=True), _FURTHER))
        if guess is None and self.capture is not None and self.capture.dmesg:
            guess = era_by_evidence("", open_lines(self.capture.dmesg).preview(PREVIEW))
        return guess or NO_EVIDENCE

    def _replay(self, emit: Callable[[Incident], None], head: list[str]) -> Replay:
        options, capture = self.options, self.capture
        iomem = options.iomem or (capture.iomem if capture is not None else "")
        mtrr = options.mtrr or (capture.mtrr if capture is not None else "")
        resources = read_iomem(open_lines(iomem)) if iomem else []
        self.places = Places(resources)
        ram = Ram(ram_of(resources)) if iomem else None
        registers = Mtrr(read_mtrr(open_lines(mtrr))) if mtrr else None
        saved = {
            number: Snapshot(number, one.name, one.path, one.nodes)
            for number, one in (capture.snapshots if capture is not None else {}).items()
        }
        maps = {
            number: SavedMaps(one.name, one.path, _areas(one.of))
            for number, one in (capture.maps if capture is not None else {}).items()
        }
        replay = Replay(Machine(ram, registers), self.guess.era, emit, saved, maps)
        self._look_ahead(replay, head)
        if options.memtypes:
            replay.snapshots.begin(read_memtype_list(open_lines(options.memtypes)))
        elif saved and not self._has_markers(head):
            replay.snapshots.begin(saved[min(saved)].nodes)
        return replay

    def _look_ahead(self, replay: Replay, head: list[str]) -> None:
        """Learn from the beginning which events are recorded at all."""
        calls = returns = 0
        for event in type(self.source)().events(Lines.of(self.trace, head)):
            if isinstance(event, _CALLS):
                calls += 1
            elif isinstance(event, Return) and event.call in _CALLS:
                returns += 1
            elif isinstance(event, Return) and event.call is MemtypeCheckInsert:
                replay.context.insert_seen = True
            elif isinstance(event, Return) and event.call is MemtypeErase:
                replay.context.erase_seen = True
            elif isinstance(event, ZapVma):
                replay.mappings.zaps_seen = True
            elif isinstance(event, VmAreaFree):
                replay.vmas.complete = True
        replay.context.probes_seen = bool(calls or returns)
        replay.context.entry_only = bool(calls) and not returns

    def _has_markers(self, head: list[str]) -> bool:
        """Whether checkpoints can be expected: some tools do not record trace_marker."""
        if any("checkpoint " in line for line in head):
            return True
        return len(head) >= PREVIEW and self.source.name in ("ftrace", "function_graph")

    # --- replay -----------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """The events of the recording, once; with `strict` a line that cannot be read raises TraceError."""
        for read in self.source.events(self._lines):
            event = _torn(read) if self._lines.cut else read
            if self.options.strict and isinstance(event, Malformed) and not (event.cut and self._lines.broken):
                raise TraceError(f"{event.problem}: {event.text[:60]!r}", self._lines.path, event.at)
            yield event
        if self.options.strict and self._lines.broken:
            raise TraceError(self._lines.broken, self._lines.path, self.source.lines)

    def run(self) -> Input:
        """Replay all of it, compare what was saved beside it, and say what was seen."""
        self.replay.run(self.events())
        if self._lines.broken:
            self.replay.recording.broken(self.source.lines, self._lines.broken)
        self._dmesg()
        self.replay.finish()
        return self.summary()

    def _dmesg(self) -> None:
        if self.capture is not None and self.capture.dmesg and self.replay.context.probes_seen:
            messages, complete = read_dmesg(self.capture.dmesg)
            replay = self.replay
            replay.messages.dmesg(messages, self.capture.dmesg, replay.span, replay.pids, complete=complete)

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
            messages=replay.messages.checked,
            messages_explained=replay.messages.explained,
            ignored_names=ignored,
            layers=self._layers(),
            facts=list(self._facts()),
        )

    def _layers(self) -> list[str]:
        seen = self.replay.layers.names()
        return ["memtype", *seen] if self.replay.context.probes_seen and "memtype" not in seen else seen

    def _facts(self) -> Iterator[str]:
        """What this recording does not hold, and what therefore was not checked."""
        context, snapshots = self.replay.context, self.replay.snapshots
        if not context.probes_seen and self.source.name != "klog":
            yield "no memtype_reserve or memtype_free is recorded: nothing of this layer was checked"
        elif not context.probes_seen:
            yield "only kernel messages are recorded: who reserves and frees is not known"
        elif context.entry_only:
            yield "returns are not recorded: results are the model's predictions"
        elif not (context.insert_seen and context.erase_seen):
            missing = [name for name, seen in _LOCKED if not getattr(context, seen)]
            yield f"{' and '.join(missing)} not recorded with returns: concurrent changes may be out of order"
        seen = self.replay.layers.seen
        if context.probes_seen and not seen & _TRACKING:
            yield "no call of the tracking layer is recorded: whether mappings reserve and free as they must is open"
        elif context.era.fork_shares and seen & _TRACKING and not seen & _LIVES:
            yield "vm_area_dup and vm_area_free are not recorded: the references of shared contexts were not counted"
        elif context.era.fork_shares and context.lost_any:
            yield "events are missing: the references of shared contexts were not counted from there on"
        if not context.machine.origin_known:
            yield "the reservations from before the trace are not known (--memtypes FILE): surprises count as info"
        if not context.machine.ram.known:
            yield "System RAM is not known (--iomem FILE): mixed ranges and RAM types were not checked"
        if not context.machine.mtrr.known:
            yield "the MTRRs are not known (--mtrr FILE): the type of write-back requests was taken from the recording"
        if snapshots.unanchored:
            yield f"{snapshots.unanchored} snapshots have no checkpoint marker in the trace and were not compared"


def _torn(event: Event) -> Event:
    """A last line without a newline: malformed if the end of its range has lost digits."""
    if isinstance(event, _CALLS) and (event.start >= event.end or event.end % PAGE):
        return Malformed(event.at, None, -1, NO_PID, "", 1, "the end of its range is torn", "torn", cut=True)
    return event


def _areas(of: dict[int, list[Area]]) -> dict[int, list[SavedArea]]:
    return {pid: [SavedArea(area.start, area.end, area.flags) for area in areas] for pid, areas in of.items()}


def _first(lines: Lines, count: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number >= count:
            return
        yield line
