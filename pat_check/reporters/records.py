"""A report as plain values, as ``report.schema.json`` describes them: what JSON and JSON lines write.

Absent things are null, addresses are hex strings, and paths say nothing of the machine.
"""

from __future__ import annotations

from typing import Any

from pat_check.findings import Baseline, Extent, Finding, Gone, Input, Note, Report, Severity
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


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding."""
    silenced = finding.suppression
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": portable_text(finding.message, finding.file),
        "file": portable(finding.file),
        "line": finding.line or None,
        "time": finding.time,
        "task": {"comm": finding.task.comm, "pid": _pid(finding.task.pid)} if finding.task else None,
        "range": _range(finding.start, finding.end) if finding.start >= 0 else None,
        "place": finding.place or None,
        "extents": [_extent(extent) for extent in finding.drawn],
        "era": finding.era or None,
        "notes": [_note(note, finding.file) for note in finding.notes],
        "help": portable_text(finding.help, finding.file) or None,
        "fingerprint": finding.fingerprint,
        "baseline": str(finding.baseline) or None,
        "suppression": {
            "reason": portable_text(silenced.reason, silenced.file),
            "file": portable(silenced.file),
            "line": silenced.line or None,
            "in_source": silenced.in_source,
        }
        if silenced
        else None,
    }


def gone_record(entry: Gone) -> dict[str, Any]:
    """An entry of the baseline that nothing matches any more."""
    return {
        "rule": entry.rule,
        "message": portable_text(entry.message, entry.file),
        "file": portable(entry.file),
        "fingerprint": entry.fingerprint,
    }


def _range(start: int, end: int) -> dict[str, str]:
    return {"start": f"{start:#x}", "end": f"{end:#x}"}


def _extent(extent: Extent) -> dict[str, Any]:
    return {"label": extent.label, **_range(extent.start, extent.end), "mode": extent.mode or None}


def _note(note: Note, file: str) -> dict[str, Any]:
    message = portable_text(note.message, note.file or file)
    written: dict[str, Any] = {"line": note.line or None, "message": message}
    if note.file:
        written["file"] = portable(note.file)
    return written


def _pid(pid: int) -> int | None:
    return pid if pid >= 0 else None


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
            "gone": len(report.gone),
            "by_severity": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
            "by_rule": by_rule(findings),
        },
    }
