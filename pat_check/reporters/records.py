"""A report as plain values, as ``report.schema.json`` describes them: what JSON and JSON lines write.

Findings come as the text of their JSON, which is what ``json.dumps()`` makes of the values.

Absent things are null, addresses are hex strings, and paths say nothing of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from pat_check.findings import Baseline, Finding, Gone, Input, Note, Report, Severity, Suppression, Task
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


_WORDS: Final = [str(severity) for severity in Severity]
_quote: Final[Callable[[str], str]] = encode_basestring_ascii
_hex: Final[Callable[[int], str]] = hex
_MANY: Final = 1024
_FEW: Final = 64
"""Texts of a kind that are remembered."""


class Texts:
    """Findings of one report as the texts of their JSON; written by hand, for there may be a hundred thousand.

    What many of them have in common is written once.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # of files
        self._words: dict[str, str] = {}  # rules, labels, modes, eras, places
        self._file = ""  # of the finding that was written last
        self._told: dict[str, str] = {}  # help and lines of stories, in findings of this file
        self._bounds: dict[int, dict[int, str]] = {}  # by start and end

    def of(self, finding: Finding) -> str:
        """The text of one finding."""
        file, silenced, time = finding.file, finding.suppression, finding.time
        if file != self._file:
            self._file = file
            self._told.clear()
        message = finding.message
        if "/" in message:
            message = portable_text(message, file)
        notes = [self._note(note, file) for note in finding.notes]
        lies = self._bounds_of(finding.start, finding.end) if finding.start >= 0 else ""
        drawn: list[str] = []
        for one in finding.drawn:
            is_own = lies != "" and one.start == finding.start and one.end == finding.end
            bounds = lies if is_own else self._bounds_of(one.start, one.end)
            drawn.append(f'{{"label": {self._label(one.label)}, {bounds}, "mode": {self._word(one.mode)}}}')
        range_ = f"{{{lies}}}" if lies else "null"
        return (
            f'{{"rule": {self._word(finding.rule)}, "severity": "{_WORDS[finding.severity]}", '
            f'"message": {_quote(message)}, "file": {self._name(file)}, '
            f'"line": {_line(finding.line)}, "time": {"null" if time is None else _decimal(time)}, '
            f'"task": {self._task(finding.task)}, '
            f'"range": {range_}, '
            f'"place": {self._word(finding.place)}, '
            f'"extents": [{", ".join(drawn)}], '
            f'"era": {self._word(finding.era)}, '
            f'"notes": [{", ".join(notes)}], '
            f'"help": {self._text(finding.help, file) if finding.help else "null"}, '
            f'"fingerprint": {_quote(finding.fingerprint)}, '
            f'"baseline": {_quote(finding.baseline) if finding.baseline else "null"}, '
            f'"suppression": {"null" if silenced is None else json.dumps(_suppression(silenced))}}}'
        )

    def _note(self, note: Note, file: str) -> str:
        beside, line = note.file, _line(note.line)
        if not beside:
            return f'{{"line": {line}, "message": {self._text(note.message, file)}}}'
        told = _quote(portable_text(note.message, beside))
        return f'{{"line": {line}, "message": {told}, "file": {self._name(beside)}}}'

    def _text(self, text: str, file: str) -> str:
        """A text of a finding of this file."""
        known = self._told.get(text)
        if known is None:
            if len(self._told) >= _MANY:
                self._told.clear()
            known = self._told[text] = _quote(portable_text(text, file) if "/" in text else text)
        return known

    def _name(self, file: str) -> str:
        known = self._names.get(file)
        if known is None:
            known = self._names[file] = _quote(portable(file))
        return known

    def _word(self, word: str) -> str:
        """One of few words; null for none."""
        return self._label(word) if word else "null"

    def _label(self, word: str) -> str:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= _MANY:
                self._words.clear()
            known = self._words[word] = _quote(word)
        return known

    def _task(self, task: Task | None) -> str:
        if task is None:
            return "null"
        pid = str(task.pid) if task.pid >= 0 else "null"
        return f'{{"comm": {self._label(task.comm)}, "pid": {pid}}}'

    def _bounds_of(self, start: int, end: int) -> str:
        from_here = self._bounds.get(start)
        if from_here is None:
            if len(self._bounds) >= _MANY:
                self._bounds.clear()
            from_here = self._bounds[start] = {}
        known = from_here.get(end)
        if known is None:
            if len(from_here) >= _FEW:
                from_here.clear()
            known = from_here[end] = f'"start": "{_hex(start)}", "end": "{_hex(end)}"'
        return known


def _line(line: int) -> str:
    return str(line) if line else "null"


def _decimal(time: float) -> str:
    """What repr() says, which looks at every bit; times of recordings are whole microseconds."""
    if 0.001 <= time < 1e8:
        micros = int(time * 1e6 + 0.5)
        if float(micros) / 1e6 == time:  # so few digits are those of one number only
            fraction = str(1_000_000 + micros % 1_000_000)[1:].rstrip("0")
            return f"{micros // 1_000_000}.{fraction or '0'}"
    return repr(time)


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
