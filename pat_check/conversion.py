"""A recording as a scenario: the same reserves and frees in the same order, by the same tasks.

The scenario starts from the list that the recording starts from and ends in the same state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pat_check.cachemode import WB, short_name
from pat_check.events import NO_PID, Event, Marker
from pat_check.findings import Input
from pat_check.model.memory import PAGE
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


class _Tape:
    """Notes the changes of a replay, with the actors and places that they name."""

    def __init__(self) -> None:
        self.changes: list[Change | Marker] = []
        self.actors: dict[tuple[str, int], str] = {}
        self.begin: list[Listed] | None = None
        self.write_back: set[tuple[int, int]] = set()

    def change(self, change: Change) -> None:
        """A reserve or a free."""
        self.actor(change.event)
        if change.mode == WB:
            self.write_back.add((change.start, change.end))
        self.changes.append(change)

    def actor(self, event: Event) -> str:
        """The name of a task."""
        key = (event.comm, event.pid)
        if key not in self.actors:
            comm = _NAME.sub("_", event.comm).strip("_") or "task"
            comm = comm if not comm[0].isdigit() else f"t{comm}"
            self.actors[key] = f"{comm}_{event.pid}" if event.pid != NO_PID else f"{comm}_unknown"
        return self.actors[key]


def convert(path: str, options: Options) -> tuple[Converted, Input]:
    """Replay a recording and write what it does as a scenario; raises TraceError when it cannot be read."""
    tape = _Tape()
    session = Session(path, options, lambda incident: None)
    replay = session.replay
    replay.context.log = tape.change
    replay.snapshots.on_anchor = lambda nodes: _anchor(tape, nodes)
    if replay.context.machine.origin_known:
        _anchor(tape, [(node.start, node.end, node.type) for node in replay.context.machine.memtypes])
    for event in session.events():
        replay.run((event,))
        if isinstance(event, Marker):
            tape.changes.append(event)
    replay.finish()
    return _written(session, tape), session.summary()


def _anchor(tape: _Tape, nodes: list[Listed]) -> None:
    """The first snapshot gives the state: what was recorded before it is in it."""
    tape.begin = nodes
    tape.changes.clear()
    tape.write_back = {(start, end) for start, end, mode in nodes if mode == WB}


def _written(session: Session, tape: _Tape) -> Converted:
    guess = session.guess
    made = Converted((f"# Converted from a {session.source.name} recording; era {guess.era.name}.", ""))
    for start, end in _ram(session, tape):
        made.add(f"ram ram_{start:x} = {start:#x} size {size_text(end - start)}")
    for start, end in sorted(tape.write_back):
        if end > 0xA0000 and start < end:
            made.add(f"mtrr {start:#x} size {size_text(end - start)} write-back")
    used = {tape.actor(change.event) for change in tape.changes if isinstance(change, Change)}
    for name in sorted(used | ({"before"} if tape.begin else set())):
        made.add(f"driver {name}")
    made.add("")
    for start, end, mode in tape.begin or ():
        made.add(f"before: memtype_reserve {start:#x}, {size_text(end - start)}, {short_name(mode).lower()}")
    for change in tape.changes:
        if isinstance(change, Marker):
            made.add(f"checkpoint {_LABEL.sub('-', change.text).strip('-.') or 'marker'}", change.at)
        elif change.start < change.end:
            made.add(_line(tape, change), change.event.at)
    return made


def _line(tape: _Tape, change: Change) -> str:
    mode = f", {short_name(change.mode).lower()}" if change.mode >= 0 else ""
    null = ", null" if change.strict else ""
    size = size_text(change.end - change.start)
    return f"{tape.actor(change.event)}: {change.function} {change.start:#x}, {size}{mode}{null}"


def _ram(session: Session, tape: _Tape) -> list[tuple[int, int]]:
    """The System RAM that the recording touches, whole resources."""
    iomem = session.options.iomem or (session.capture.iomem if session.capture is not None else "")
    if not iomem:
        return []
    touched = [(change.start, change.end) for change in tape.changes if isinstance(change, Change)]
    touched += [(start, end) for start, end, _ in tape.begin or ()]
    pages = [(-(-start // PAGE) * PAGE, end // PAGE * PAGE) for start, end in ram_of(read_iomem(open_lines(iomem)))]
    return [(start, end) for start, end in pages if any(low < end and start < high for low, high in touched)]
