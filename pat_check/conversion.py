"""A recording as a scenario: the same reserves and frees in the same order, by the same tasks.

The scenario starts from the list that the recording starts from and ends in the same state. Where the recording is not
what its operations come to, because events were lost, the driver `lost` does what is missing at the next marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from pat_check.cachemode import WB, short_name
from pat_check.events import NO_PID, Event, Marker
from pat_check.model.memory import PAGE, is_untracked
from pat_check.model.memtype import Memtype, MemtypeTree
from pat_check.model.owner import BEFORE
from pat_check.replay.context import Change
from pat_check.replay.snapshots import Listed
from pat_check.scenario.words import size_text
from pat_check.session import Options, Session
from pat_check.sources.iomem import ram_of, read_iomem
from pat_check.sources.opening import open_lines

_NAME = re.compile(r"[^A-Za-z0-9_]+")
_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")


class Converted:
    """A scenario's lines, and which trace line each comes from."""

    def __init__(self, head: Iterable[str]) -> None:
        self.lines: list[str] = list(head)
        self.origin: dict[int, int] = {}  # scenario line -> trace line

    def add(self, line: str, at: int = 0) -> None:
        """Another line; `at` is the trace line that it stands for."""
        self.lines.append(line)
        if at:
            self.origin[len(self.lines)] = at

    def text(self) -> str:
        """The scenario."""
        return "\n".join(self.lines) + "\n"


@dataclass(slots=True)
class _Correction:
    """Where the recording is not what the scenario comes to: what must go, and what must come."""

    at: int
    gone: list[Listed]
    come: list[Listed]


class _Tape:
    """Notes the changes of a replay, with the actors and places that they name.

    Beside the replay, which follows the recording, it keeps what the scenario will come to: `list`.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changes: list[Change | Marker | _Correction] = []
        self.actors: dict[tuple[str, int], str] = {}
        self.begin: list[Listed] | None = None
        self.write_back: set[tuple[int, int]] = set()
        self.list = MemtypeTree()

    def anchor(self, nodes: list[Listed]) -> None:
        """The first snapshot gives the state: what was recorded before it is in it."""
        self.begin = nodes
        self.changes.clear()
        self.write_back = {(start, end) for start, end, mode in nodes if mode == WB}
        self.list = MemtypeTree()
        for node in nodes:
            self.list.insert(Memtype(*node, BEFORE, 0))

    def change(self, change: Change) -> None:
        """A reserve or a free."""
        self.actor(change.event)
        if change.mode == WB:
            self.write_back.add((change.start, change.end))
        self.changes.append(change)
        start, end = change.start, change.end
        if start >= end or is_untracked(start, end) or self.session.replay.context.machine.ram.test(start, end):
            return
        if change.mode >= 0:
            ret, granted, _, _ = self.list.check_conflict(start, end, change.mode, strict=change.strict)
            if ret == 0:
                self.list.insert(Memtype(start, end, granted, BEFORE, 0))
            return
        victim, shrinks = self.session.guess.era.find_victim(self.list, start, end)
        if victim is not None and shrinks:
            self.list.shrink(victim, start)
        elif victim is not None:
            self.list.remove(victim)

    def correct(self, at: int) -> None:
        """Go on from the list of the replay, which is the recording's or a snapshot's.

        Entries with one start keep the order in which they came, so all with that start go and come again.
        """
        before, after = _listed(self.list), _listed(self.session.replay.context.machine.memtypes)
        if before == after:
            return
        by_start = [{start: list(nodes) for start, nodes in groupby(one, itemgetter(0))} for one in (before, after)]
        starts = {node[0] for node in before + after if by_start[0].get(node[0]) != by_start[1].get(node[0])}
        correction = _Correction(at, *([node for node in nodes if node[0] in starts] for nodes in (before, after)))
        self.write_back.update((start, end) for start, end, mode in correction.come if mode == WB)
        self.changes.append(correction)
        self.list = MemtypeTree()
        for node in after:
            self.list.insert(Memtype(*node, BEFORE, 0))

    def actor(self, event: Event) -> str:
        """The name of a task."""
        key = (event.comm, event.pid)
        if key not in self.actors:
            comm = _NAME.sub("_", event.comm).strip("_") or "task"
            comm = comm if not comm[0].isdigit() else f"t{comm}"
            self.actors[key] = f"{comm}_{event.pid}" if event.pid != NO_PID else f"{comm}_unknown"
        return self.actors[key]


def convert(path: str, options: Options) -> tuple[Converted, str]:
    """Replay a recording and write what it does as a scenario; also gives the file that its lines come from.

    Raises TraceError when it cannot be read.
    """
    session = Session(path, options, lambda incident: None)
    tape = _Tape(session)
    replay = session.replay
    replay.context.log = tape.change
    replay.snapshots.on_anchor = tape.anchor
    if replay.context.machine.origin_known:
        tape.anchor(_listed(replay.context.machine.memtypes))
    for event in session.events():
        replay.run((event,))
        if isinstance(event, Marker):
            tape.correct(event.at)
            tape.changes.append(event)
    replay.finish()
    tape.correct(session.source.lines)
    return _written(session, tape), session.trace if session.trace != "-" else "<stdin>"


def _listed(nodes: Iterable[Memtype]) -> list[Listed]:
    return [(node.start, node.end, node.type) for node in nodes]


def _written(session: Session, tape: _Tape) -> Converted:
    guess = session.guess
    made = Converted((f"# Converted from a {session.source.name} recording; era {guess.era.name}.", ""))
    for start, end in _ram(session, tape):
        made.add(f"ram ram_{start:x} = {start:#x} size {size_text(end - start)}")
    for start, end in sorted(tape.write_back):
        if end > 0xA0000 and start < end:
            made.add(f"mtrr {start:#x} size {size_text(end - start)} write-back")
    used = {tape.actor(change.event) for change in tape.changes if isinstance(change, Change)}
    used |= {"before"} if tape.begin else set()
    used |= {"lost"} if any(isinstance(change, _Correction) for change in tape.changes) else set()
    for name in sorted(used):
        made.add(f"driver {name}")
    made.add("")
    for start, end, mode in tape.begin or ():
        made.add(f"before: {_reserve(start, end, mode)}")
    for change in tape.changes:
        if isinstance(change, Marker):
            made.add(f"checkpoint {_LABEL.sub('-', change.text).strip('-.') or 'marker'}", change.at)
        elif isinstance(change, _Correction):
            for start, end, _ in change.gone:
                made.add(f"lost: memtype_free {start:#x}, {size_text(end - start)}", change.at)
            for node in change.come:
                made.add(f"lost: {_reserve(*node)}", change.at)
        elif change.start < change.end:
            made.add(_line(tape, change), change.event.at)
    return made


def _reserve(start: int, end: int, mode: int) -> str:
    return f"memtype_reserve {start:#x}, {size_text(end - start)}, {short_name(mode).lower()}"


def _line(tape: _Tape, change: Change) -> str:
    mode = f", {short_name(change.mode).lower()}" if change.mode >= 0 else ""
    null = ", null" if change.strict else ""
    size = size_text(change.end - change.start)
    return f"{tape.actor(change.event)}: {change.function} {change.start:#x}, {size}{mode}{null}"


def _ram(session: Session, tape: _Tape) -> list[tuple[int, int]]:
    """The System RAM that the recording touches: whole resources, or what it shows where these are not known."""
    touched = [(change.start, change.end) for change in tape.changes if isinstance(change, Change)]
    touched += [(start, end) for start, end, _ in tape.begin or ()]
    iomem = session.options.iomem or (session.capture.iomem if session.capture is not None else "")
    if iomem:
        pages = [(-(-start // PAGE) * PAGE, end // PAGE * PAGE) for start, end in ram_of(read_iomem(open_lines(iomem)))]
        return [(start, end) for start, end in pages if any(low < end and start < high for low, high in touched)]
    ram = session.replay.context.machine.ram
    shown: list[tuple[int, int]] = []
    for low, high in sorted({(low, high) for low, high in touched if low < high and ram.test(low, high) > 0}):
        start, end = low // PAGE * PAGE, -(-high // PAGE) * PAGE
        if shown and start <= shown[-1][1]:
            start, end = shown[-1][0], max(end, shown.pop()[1])
        shown.append((start, end))
    return shown
