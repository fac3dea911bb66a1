"""What rules say with: findings, and the words and pictures that they have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from pat_check.cachemode import short_name
from pat_check.findings import Extent, Finding, Note, Severity, Task
from pat_check.incidents import Incident, Seen, Story

if TYPE_CHECKING:
    from pat_check.rules.base import Rule


def made(
    rule: Rule[Any],
    severity: Severity,
    message: str,
    incident: Incident,
    notes: list[Note],
    start: int,
    end: int,
    help: str,
    drawn: list[Extent],
    reservations: Sequence[Seen] = (),
    frames: Sequence[tuple[int, int]] | None = None,
    mapped: tuple[int, int] = (-1, -1),
) -> Finding:
    """A finding, as `Rule.finding()` tells of it; rules that are compiled call this, and leave it the list of notes."""
    comm, pid = incident.comm, incident.pid
    kind = type(rule)
    name = _ids.get(kind)
    if name is None:
        name = _ids[kind] = rule.rule_id()
    return Finding(
        name,
        severity,
        message,
        incident.at,
        _in_order(notes),
        "",
        incident.time,
        _task(comm, pid) if comm or pid >= 0 else None,
        start,
        end,
        help,
        frames=frames,
        mapped=mapped,
        reservations=tuple([(seen.born, seen.start, seen.type) for seen in reservations]) if reservations else (),
        drawn=tuple(drawn),
    )


def _in_order(notes: list[Note]) -> list[Note]:
    """Notes that say something, oldest first; they nearly always are."""
    line, beside = -1, False
    for note in notes:
        if note.file and not beside:
            beside, line = True, -1
        if not note.message or note.line < line or (beside and not note.file):
            ordered = [one for one in notes if one.message]
            ordered.sort(key=_order)
            return ordered
        line = note.line
    return notes


def _order(note: Note) -> tuple[bool, int]:
    return bool(note.file), note.line


_hex: Final[Callable[[int], str]] = hex
_MANY: Final = 1024
_FEW: Final = 64
"""Of what is remembered because it comes again."""
_ids: Final[dict[type, str]] = {}  # of rules
_tasks: Final[dict[int, Task]] = {}
_spans: Final[dict[int, dict[int, str]]] = {}  # by start and end


def _task(comm: str, pid: int) -> Task:
    """Few tasks have many findings."""
    known = _tasks.get(pid)
    if known is not None and known.comm == comm:
        return known
    if len(_tasks) >= _MANY:
        _tasks.clear()
    task = _tasks[pid] = Task(comm, pid)
    return task


def span(start: int, end: int) -> str:
    """A range for people: ``[0xfd000000-0xfd002000)``."""
    from_here = _spans.get(start)
    if from_here is None:
        if len(_spans) >= _MANY:
            _spans.clear()
        from_here = _spans[start] = {}
    known = from_here.get(end)
    if known is None:
        if len(from_here) >= _FEW:
            from_here.clear()
        known = from_here[end] = f"[{_hex(start)}-{_hex(end)})"
    return known


def held(seen: Seen, label: str = "reserved") -> Extent:
    """A reservation as a row of the map below a finding."""
    return Extent(label, seen.start, seen.end, short_name(seen.type))


def told(story: Story) -> list[Note]:
    """A story as notes."""
    return [Note(at, what) for at, what in story]


def life(seen: Seen) -> list[Note]:
    """What happened to a reservation, from its birth."""
    if seen.story:
        return told(seen.story)
    where = "before the trace began" if not seen.born else "here"
    return [Note(seen.born, f"{span(seen.start, seen.end)} was reserved {where} by {seen.owner}")]
