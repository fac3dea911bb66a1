"""Replay while a recording is made: findings as they happen."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Set
from itertools import groupby
from pathlib import Path

from pat_check.detection import NO_EVIDENCE, era_by_evidence
from pat_check.errors import PatCheckError
from pat_check.events import Event
from pat_check.findings import Finding
from pat_check.folding import Folding
from pat_check.incidents import Incident
from pat_check.judge import Judge
from pat_check.model.machine import Machine
from pat_check.model.memory import Mtrr, Ram
from pat_check.places import Places
from pat_check.replay.loop import Replay
from pat_check.rulebook import Rulebook
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.iomem import ram_of, read_iomem
from pat_check.sources.memtype_list import read_memtype_list
from pat_check.sources.mtrr import read_mtrr
from pat_check.sources.opening import Lines, open_lines
from pat_check.sources.specs import BY_FUNCTION


class Live:
    """One recording that is still being made; has what a `Watcher` of the recorder has.

    The replay runs in a thread of its own and never keeps the recorder waiting. `told` hears each finding, in that
    thread, once its line is replayed; what a cause that was told leads to is not told again, but grows in `folded`.
    Lists saved on the way are not compared: they come at about the same time as the trace.
    """

    def __init__(
        self, told: Callable[[Finding], None], stops: Callable[[Finding], bool] = lambda finding: False
    ) -> None:
        self.error = ""  # why it ended before the recording did
        self.events = 0  # that were replayed
        self._told, self._stops = told, stops
        self._stop = False
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._replay: Replay | None = None
        self._folding = Folding(Rulebook())
        self._found: list[Finding] = []  # at this event

    @property
    def reservations(self) -> int:
        """How many reservations there are now."""
        return len(self._replay.context.machine.memtypes) if self._replay is not None else 0

    def begin(self, capture: str, release: str, functions: Set[str]) -> None:
        """Start from what stands in the capture until now."""
        folder = Path(capture)
        iomem, mtrr = folder / "iomem.txt", folder / "mtrr.txt"
        resources = read_iomem(open_lines(str(iomem))) if iomem.is_file() else []
        registers = Mtrr(read_mtrr(open_lines(str(mtrr)))) if mtrr.is_file() else None
        judge = Judge(capture)
        judge.places = Places(resources)
        guess = era_by_evidence(release, []) or NO_EVIDENCE
        machine = Machine(Ram(ram_of(resources)) if resources else None, registers)
        replay = Replay(machine, guess.era, lambda incident: self._hear(judge, incident))
        replay.context.insert_seen = "memtype_check_insert" in functions
        replay.context.erase_seen = "memtype_erase" in functions
        replay.context.recorded |= functions & BY_FUNCTION.keys()
        replay.context.probes_seen = bool({"memtype_reserve", "memtype_free"} & functions)
        replay.context.frees_unseen = replay.context.probes_seen and not {"memtype_free", "memtype_erase"} & functions
        replay.mappings.zaps_seen = bool({"unmap_single_vma", "unmap_page_range", "__zap_vma_range"} & functions)
        replay.vmas.complete = "vm_area_free" in functions
        for first in sorted((folder / "snaps").glob("snap-*"))[:1]:
            replay.snapshots.begin(read_memtype_list(open_lines(str(first))))
        self._replay = replay
        lines = Lines(capture, self._chunks(), tolerant=True)
        self._thread = threading.Thread(target=self._run, args=(replay, lines), daemon=True)
        self._thread.start()

    def feed(self, piece: bytes) -> None:
        """More of the trace; is replayed when its time comes."""
        if self._thread is not None:
            self._pieces.put(piece)

    def wants_end(self) -> bool:
        """Whether a finding came that the recording was to stop at."""
        return self._stop

    def end(self) -> None:
        """Wait for the replay of what came."""
        if self._thread is not None:
            self._pieces.put(b"")
            self._thread.join()

    def _chunks(self) -> Iterator[bytes]:
        while piece := self._pieces.get():
            yield piece

    def _hear(self, judge: Judge, incident: Incident) -> None:
        before = len(judge.findings)
        judge.hear(incident)
        self._found += judge.findings[before:]

    def _events(self, lines: Lines) -> Iterator[Event]:
        for event in Ftrace().events(lines):
            self.events += 1
            yield event
            self._tell()  # the replay is through with it

    def _tell(self) -> None:
        """Tell the causes of what was found."""
        found, self._found = self._found, []
        for _, line in groupby(sorted(found, key=_place), _place):
            for finding in self._folding.add(list(line)):
                self._told(finding)
                self._stop = self._stop or self._stops(finding)

    def _run(self, replay: Replay, lines: Lines) -> None:
        try:
            replay.run(self._events(lines))
            replay.finish()
            self._tell()
        except PatCheckError as error:
            self.error = str(error)


def _place(finding: Finding) -> tuple[str, int]:
    return finding.file, finding.line
