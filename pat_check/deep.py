"""A recording judged as a scenario: what the rules of mappings and page tables say of what was done.

These rules judge facts that a recording does not hold, such as which frame an entry points to. Playing what was
recorded on the model of the same era brings them to light. Locks, walkers and notifiers are not played, for nothing
says who held what.
"""

from __future__ import annotations

from dataclasses import replace

from pat_check.conversion import Converted, convert
from pat_check.eras import era_of
from pat_check.errors import TraceError
from pat_check.findings import Finding, Input, Note, Severity, Task
from pat_check.incidents import MappingNoted
from pat_check.plays import play
from pat_check.rulebook import Rulebook
from pat_check.scenario.parser import parse
from pat_check.session import Session

_FAMILIES = frozenset(("mapping", "tracking"))


def played(session: Session, seen: Input) -> tuple[list[Finding], str]:
    """What these rules find in a recording that was replayed, at its own lines; or why nothing of it can be played.

    A finding is info where reservations from before the trace, or what is RAM, are not known.
    """
    path, era, context = session.path, seen.era, session.replay.context
    if path == "-":
        return [], "a pipe is read only once"
    if seen.malformed or seen.lost:
        return [], "events are missing" if seen.lost else "some lines cannot be read"
    sure = context.reliable and context.machine.ram.known
    try:
        made, file = convert(path, replace(session.options, era=era), placed=True)
    except TraceError as error:
        return [], str(error.message)
    if made.plain or made.corrections or made.unexplained:
        return [], made.plain or "the recording does not show all that was done"
    judging = {
        rule.rule_id()
        for rule in Rulebook().values()
        if issubclass(rule.hears(), MappingNoted) and rule.family() in _FAMILIES
    }
    findings = play(parse(made.text(), file), era_of(era)).findings
    found = [_told(finding, made, file) for finding in findings if finding.rule in judging]
    if not sure:
        for finding in found:
            finding.severity = Severity.INFO
    return found, ""


def _told(finding: Finding, made: Converted, file: str) -> Finding:
    """A finding as one of the recording: its lines and its task; names of the scenario are nobody's."""
    origin = made.origin
    notes = [Note(origin.get(note.line, 0), note.message, note.file) for note in finding.notes]
    comm, pid = made.tasks.get(finding.task.comm, ("", -1)) if finding.task is not None else ("", -1)
    finding.line, finding.file, finding.time = origin.get(finding.line, finding.line), file, None
    finding.notes = [note for note in notes if note.line]
    finding.task = Task(comm, pid) if comm or pid >= 0 else None
    return finding
