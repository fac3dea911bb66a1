"""The report for programs: JSON, as ``report.schema.json`` describes it.

Absent things are null, addresses are hex strings, and equal reports are equal bytes: no clock, no machine.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from pat_check.findings import Finding, Input, Note, Report, Severity
from pat_check.reporters.base import Reporter, Style, by_rule, total

VERSION = 1
"""Of the layout; a reader may rely on every key it knows for as long as this number stays."""


class Json(Reporter):
    """JSON for other programs."""

    name = "json"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        tool = {"name": "pat-check", "version": report.version}
        head = {"version": VERSION, "tool": tool, "inputs": [_input(an_input) for an_input in report.inputs]}
        out.write(_text(head, 0).removesuffix("\n}") + ',\n  "findings": [')
        separator = "\n    "
        for finding in report.findings:
            out.write(separator + _text(_finding(finding), 4))
            separator = ",\n    "
        out.write("\n  ]" if report.findings else "]")
        out.write(',\n  "summary": ' + _text(_summary(report), 2) + "\n}\n")


def _text(value: dict[str, Any], indent: int) -> str:
    """JSON of an object that stands `indent` columns in; a report may hold many, so each is written by itself."""
    # JSON itself escapes every control character but DEL, which can only be inside a string.
    written = json.dumps(value, indent=2).replace("\x7f", "\\u007f")
    return written.replace("\n", "\n" + " " * indent) if indent else written


def _input(an_input: Input) -> dict[str, Any]:
    return {
        "path": an_input.path,
        "format": an_input.format or None,
        "era": an_input.era or None,
        "era_reason": an_input.era_reason or None,
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
        "mappings": {"compared": an_input.mappings, "equal": an_input.mappings_equal},
        "messages": {"seen": an_input.messages, "explained": an_input.messages_explained},
        "layers": an_input.layers,
        "facts": an_input.facts,
        "error": an_input.error or None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    has_range = finding.start >= 0
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message,
        "file": finding.file,
        "line": finding.line or None,
        "time": finding.time,
        "task": {"comm": finding.task.comm, "pid": _pid(finding.task.pid)} if finding.task else None,
        "range": {"start": f"{finding.start:#x}", "end": f"{finding.end:#x}"} if has_range else None,
        "notes": [_note(note) for note in finding.notes],
        "help": finding.help or None,
        "fingerprint": finding.fingerprint,
    }


def _note(note: Note) -> dict[str, Any]:
    written: dict[str, Any] = {"line": note.line or None, "message": note.message}
    if note.file:
        written["file"] = note.file
    return written


def _pid(pid: int) -> int | None:
    return pid if pid >= 0 else None


def _summary(report: Report) -> dict[str, Any]:
    inputs, findings = report.inputs, report.findings
    return {
        "inputs": len(inputs),
        "unreadable": sum(bool(an_input.error) for an_input in inputs),
        **{counter: total(inputs, counter) for counter in ("lines", "events", "ignored", "malformed", "lost", "live")},
        "snapshots": {"compared": total(inputs, "snapshots"), "equal": total(inputs, "snapshots_equal")},
        "messages": {"seen": total(inputs, "messages"), "explained": total(inputs, "messages_explained")},
        "findings": {
            "total": len(findings),
            "by_severity": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
            "by_rule": by_rule(findings),
        },
    }
