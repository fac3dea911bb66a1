"""What rules say with: findings, and the words and pictures that they have in common."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from pat_check.cachemode import short_name
from pat_check.findings import Extent, Finding, Note, Severity, Task
from pat_check.incidents import Incident, Seen, Story


def made(
    rule: str,
    severity: Severity,
    message: str,
    incident: Incident,
    notes: Iterable[Note],
    start: int,
    end: int,
    help: str,
    frames: Iterable[tuple[int, int]] | None,
    mapped: tuple[int, int],
    reservations: Iterable[Seen],
    drawn: Iterable[Extent],
) -> Finding:
    """A finding, as `Rule.finding()` tells of it."""
    ordered = [note for note in notes if note.message]
    if len(ordered) > 1:
        ordered.sort(key=_order)
    return Finding(
        rule,
        severity,
        message,
        incident.at,
        ordered,
        "",
        incident.time,
        _task(incident.comm, incident.pid) if incident.comm or incident.pid >= 0 else None,
        start,
        end,
        help,
        frames=None if frames is None else tuple(frames),
        mapped=mapped,
        reservations=tuple([(seen.born, seen.start, seen.type) for seen in reservations]),
        drawn=tuple(drawn),
    )


def _order(note: Note) -> tuple[bool, int]:
    return bool(note.file), note.line


@lru_cache(maxsize=1024)  # few tasks have many findings
def _task(comm: str, pid: int) -> Task:
    return Task(comm, pid)


def span(start: int, end: int) -> str:
    """A range for people: ``[0xfd000000-0xfd002000)``."""
    return f"[{hex(start)}-{hex(end)})"


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
