"""A report as plain values, as ``report.schema.json`` describes them: what JSON and JSON lines write.

Findings come as the text of their JSON, which is what ``json.dumps()`` makes of the values.

Absent things are null, addresses are hex strings, and paths say nothing of the machine.
"""

from __future__ import annotations

import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from pat_check.findings import Baseline, Finding, Gone, Input, Note, Report, Severity, Suppression
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import by_rule, total

VERSION = 1
"""Of the layout; a reader may rely on every key it knows for as long as this number stays."""


def head_record(report: Report) -> dict[str, Any]:
    """What is known before the first finding."""
    tool = {"name": "pat-check", "version": report.version}
    return {"version": VERSION, "tool": tool, "inputs": [_input(an_input) for an_input in report.inputs]}


def _input(an_input: Input) -> dict[str, Any]:
    return {
        "path": portable(an_input.path),
        "format": an_input.format or None,
        "era": an_input.era or None,
        "era_reason": portable_text(an_input.era_reason, an_input.path) or None,
        "lines": an_input.lines,
        "events": an_input.events,
        "ignored": an_input.ignored,
        "ignored_names": dict(sorted(an_input.ignored_names.items())),
        "malformed": an_input.malformed,
        "lost": an_input.lost,
        "unmatched": an_input.unmatched,
        "live": an_input.live,
        "snapshots": {
            "compared": an_input.snapshots,
            "equal": an_input.snapshots_equal,
            "unanchored": an_input.snapshots_unanchored,
        },
        "mappings": {
            "compared": an_input.mappings,
            "equal": an_input.mappings_equal,
            "unseen": an_input.mappings_unseen,
            "unowned": an_input.mappings_unowned,
            "unsettled": an_input.mappings_unsettled,
            "unfollowed": an_input.mappings_unfollowed,
            "unanchored": an_input.mappings_unanchored,
        },
        "messages": {"seen": an_input.messages, "explained": an_input.messages_explained},
        "layers": an_input.layers,
        "facts": [portable_text(fact, an_input.path) for fact in an_input.facts],
        "error": portable_text(an_input.error, an_input.path) or None,
    }


_WORDS: Final = tuple(str(severity) for severity in Severity)


class Texts:
    """Findings of one report as the texts of their JSON; written by hand, for there may be a hundred thousand.

    What many of them have in common is written once.
    """

    def __init__(self) -> None:
        self._file = lru_cache(64)(lambda path: quote(portable(path)))
        self._told = lru_cache(1024)(lambda text, file: quote(portable_text(text, file)))

    def of(self, finding: Finding) -> str:
        """The text of one finding."""
        file, task, place, silenced = finding.file, finding.task, finding.place, finding.suppression
        return (
            f'{{"rule": {quote(finding.rule)}, "severity": "{_WORDS[finding.severity]}", '
            f'"message": {quote(portable_text(finding.message, file))}, "file": {self._file(file)}, '
            f'"line": {finding.line or "null"}, "time": {"null" if finding.time is None else repr(finding.time)}, '
            f'"task": {_task(task.comm, task.pid) if task is not None else "null"}, '
            f'"range": {_range(finding.start, finding.end) if finding.start >= 0 else "null"}, '
            f'"place": {quote(place) if place else "null"}, '
            f'"extents": [{", ".join([_extent(one.label, one.start, one.end, one.mode) for one in finding.drawn])}], '
            f'"era": {quote(finding.era) if finding.era else "null"}, '
            f'"notes": [{", ".join([self._note(note, file) for note in finding.notes])}], '
            f'"help": {self._told(finding.help, file) if finding.help else "null"}, '
            f'"fingerprint": {quote(finding.fingerprint)}, '
            f'"baseline": {quote(finding.baseline) if finding.baseline else "null"}, '
            f'"suppression": {"null" if silenced is None else json.dumps(_suppression(silenced))}}}'
        )

    def _note(self, note: Note, file: str) -> str:
        beside = note.file
        text = f'{{"line": {note.line or "null"}, "message": {self._told(note.message, beside or file)}'
        return f'{text}, "file": {self._file(beside)}}}' if beside else text + "}"


@lru_cache(maxsize=1024)
def _task(comm: str, pid: int) -> str:
    return f'{{"comm": {quote(comm)}, "pid": {pid if pid >= 0 else "null"}}}'


def _range(start: int, end: int) -> str:
    return f'{{"start": "{hex(start)}", "end": "{hex(end)}"}}'


@lru_cache(maxsize=1024)
def _extent(label: str, start: int, end: int, mode: str) -> str:
    bounds = f'"start": "{hex(start)}", "end": "{hex(end)}"'
    return f'{{"label": {quote(label)}, {bounds}, "mode": {quote(mode) if mode else "null"}}}'


def _suppression(silenced: Suppression) -> dict[str, Any]:
    return {
        "reason": portable_text(silenced.reason, silenced.file),
        "file": portable(silenced.file),
        "line": silenced.line or None,
        "in_source": silenced.in_source,
    }


def gone_record(entry: Gone) -> dict[str, Any]:
    """An entry of the baseline that nothing matches any more."""
    return {
        "rule": entry.rule,
        "message": portable_text(entry.message, entry.file),
        "file": portable(entry.file),
        "fingerprint": entry.fingerprint,
    }


def summary_record(report: Report) -> dict[str, Any]:
    """What it all comes to; only `hidden` and `failing` look at findings that are not shown."""
    inputs, findings = report.inputs, report.findings
    return {
        "inputs": len(inputs),
        "unreadable": sum(bool(an_input.error) for an_input in inputs),
        **{counter: total(inputs, counter) for counter in ("lines", "events", "ignored", "malformed", "lost", "live")},
        "snapshots": {"compared": total(inputs, "snapshots"), "equal": total(inputs, "snapshots_equal")},
        "messages": {"seen": total(inputs, "messages"), "explained": total(inputs, "messages_explained")},
        "findings": {
            "total": len(findings),
            "failing": len(report.failing()),
            "baselined": sum(finding.baseline is Baseline.UNCHANGED for finding in findings),
            "suppressed": sum(finding.suppression is not None for finding in findings),
            "hidden": len(report.hidden),
            "counted": sum(one.more for root in (*findings, *report.hidden) for one in root.all()),
            "gone": len(report.gone),
            "by_severity": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
            "by_rule": by_rule(findings),
        },
    }
