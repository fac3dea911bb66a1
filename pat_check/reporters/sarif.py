"""SARIF 2.1.0 (OASIS Standard, errata 01), for code scanning and for viewers: the story of a finding is its code flow.

Paths are relative to ``%SRCROOT%``; equal reports are equal bytes.
"""

from __future__ import annotations

from typing import Any, TextIO

from pat_check.findings import Baseline, Finding, Gone, Input, Report, Severity
from pat_check.portable import portable_text
from pat_check.reporters.base import Reporter, Style, escaped, refusal
from pat_check.reporters.json import pretty
from pat_check.reporters.sarif_parts import LEVEL, Artifacts, descriptors, message
from pat_check.reporters.telling import who

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Sarif(Reporter):
    """SARIF for code scanning."""

    name = "sarif"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_Run(report, style).record()]}
        out.write(pretty(log, 0) + "\n")


class _Run:
    """The one run of a log."""

    def __init__(self, report: Report, style: Style) -> None:
        self.report, self.style = report, style
        self.rules = descriptors(report)
        self.index = {rule["id"]: at for at, rule in enumerate(self.rules)}
        self.artifacts = Artifacts(style)

    def record(self) -> dict[str, Any]:
        report, category = self.report, self.style.category
        for an_input in report.inputs:
            self.artifacts.location(an_input.path, role="analysisTarget")
        results = [self._result(finding) for finding in report.findings]
        results += [self._absent(entry) for entry in report.gone]
        driver = {"name": "pat-check", "version": escaped(report.version), "rules": self.rules}
        run: dict[str, Any] = {"tool": {"driver": driver}}
        if category:  # code scanning takes what stands before the last slash for the category
            run["automationDetails"] = {"id": escaped(category if category.endswith("/") else category + "/")}
        return {
            **run,
            "invocations": [self._invocation()],
            "originalUriBaseIds": {"%SRCROOT%": {"description": message("The directory that pat-check was run in.")}},
            "artifacts": self.artifacts.records,
            "columnKind": "unicodeCodePoints",
            "results": results,
        }

    def _result(self, finding: Finding) -> dict[str, Any]:
        here = self.artifacts.physical(finding.file, finding.line)
        steps = [note for note in finding.notes if note.line and note.file in ("", finding.file)]
        elsewhere = [note for note in finding.notes if note.file not in ("", finding.file)]
        facts = [note.message for note in finding.notes if not note.line and note.file in ("", finding.file)]
        text = "\n".join([finding.message, *facts])
        related = [
            {**self.artifacts.physical(note.file, note.line), "message": message(note.message, note.file)}
            for note in elsewhere
        ]
        primary, anchor = here, self.style.anchor
        if anchor is not None and anchor[0] != finding.file:
            primary = self.artifacts.physical(*anchor)
            where = "here in the recording" if finding.line else "in this recording"
            related.insert(0, {**here, "message": message(f"{finding.message} ({where})", finding.file)})
            text += f"\nIn the recording: {finding.file}{f':{finding.line}' if finding.line else ''}"
        result: dict[str, Any] = {
            "ruleId": finding.rule,
            "ruleIndex": self.index[finding.rule],
            "level": LEVEL[finding.severity],
            "message": message(text, finding.file),
            "locations": [primary],
        }
        if steps:
            told = [*((note.line, note.message) for note in steps), (finding.line, finding.message)]
            result["codeFlows"] = [{"threadFlows": [{"locations": self._flow(finding.file, told)}]}]
        if related:
            result["relatedLocations"] = [{"id": at, **location} for at, location in enumerate(related, 1)]
        if finding.fingerprint:
            result["partialFingerprints"] = {"patCheck/v1": finding.fingerprint}
        if finding.baseline is not Baseline.NONE:
            result["baselineState"] = str(finding.baseline)
        if finding.suppression is not None:
            result["suppressions"] = [self._suppression(finding)]
        result["properties"] = _properties(finding)
        return result

    def _flow(self, file: str, steps: list[tuple[int, str]]) -> list[dict[str, Any]]:
        return [
            {"location": {**self.artifacts.physical(file, line), "message": message(text, file)}}
            for line, text in steps
        ]

    def _suppression(self, finding: Finding) -> dict[str, Any]:
        silenced = finding.suppression
        assert silenced is not None
        record: dict[str, Any] = {"kind": "inSource" if silenced.in_source else "external", "status": "accepted"}
        if silenced.reason:
            record["justification"] = escaped(portable_text(silenced.reason))
        if silenced.file:
            record["location"] = self.artifacts.physical(silenced.file, silenced.line)
        return record

    def _absent(self, entry: Gone) -> dict[str, Any]:
        """What only the baseline holds: a viewer shows it as fixed."""
        at = self.index[entry.rule]
        return {
            "ruleId": entry.rule,
            "ruleIndex": at,
            "level": self.rules[at].get("defaultConfiguration", {}).get("level", "warning"),
            "message": message(entry.message, entry.file),
            "locations": [self.artifacts.physical(entry.file, 0)],
            "partialFingerprints": {"patCheck/v1": entry.fingerprint},
            "baselineState": "absent",
        }

    def _invocation(self) -> dict[str, Any]:
        inputs = self.report.inputs
        notifications = [self._unreadable(an_input) for an_input in inputs if an_input.error]
        notifications += [
            self._notification("note", an_input.path, 0, fact) for an_input in inputs for fact in an_input.facts
        ]
        record: dict[str, Any] = {"executionSuccessful": not any(an_input.error for an_input in inputs)}
        if notifications:
            record["toolExecutionNotifications"] = notifications
        return record

    def _unreadable(self, an_input: Input) -> dict[str, Any]:
        file, line, why = refusal(an_input)
        return self._notification("error", file, line, f"not replayed: {why}")

    def _notification(self, level: str, file: str, line: int, text: str) -> dict[str, Any]:
        location = self.artifacts.physical(file, line)
        return {"level": level, "message": message(text, file), "locations": [location]}


def _properties(finding: Finding) -> dict[str, Any]:
    """What SARIF has no word for."""
    properties: dict[str, Any] = {"severity": str(finding.severity)}
    if finding.start >= 0:
        properties["range"] = {"start": f"{finding.start:#x}", "end": f"{finding.end:#x}"}
    if finding.task is not None:
        properties["task"] = escaped(who(finding))
    for name, value in (("era", finding.era), ("place", finding.place), ("help", finding.help)):
        if value:
            properties[name] = escaped(portable_text(value, finding.file))
    if finding.severity is Severity.FATAL:
        properties["tags"] = ["fatal"]
    return properties
