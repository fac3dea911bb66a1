"""GitLab's code quality report: a JSON array, shown in a merge request.

GitLab itself compares it with the target branch's report, and has no word for what is suppressed or in a baseline:
only what counts is in it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, TextIO

from pat_check.findings import Report, Severity
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Reporter, Style, escaped, refusal
from pat_check.reporters.json import pretty

_SEVERITY = {Severity.INFO: "info", Severity.WARNING: "minor", Severity.ERROR: "major", Severity.FATAL: "blocker"}


class Gitlab(Reporter):
    """GitLab code quality."""

    name = "gitlab"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        seen: Counter[str] = Counter()
        issues = []
        for an_input in report.inputs:
            if an_input.error:
                file, line, why = refusal(an_input)
                key = f"{portable(an_input.path)}|not-replayed"
                issues.append(_issue(f"not replayed: {why}", "not-replayed", "blocker", file, line, key, seen))
        for finding in report.findings:
            if finding.counts:
                key = f"{portable(finding.file)}|{finding.rule}|{finding.fingerprint}"
                severity = _SEVERITY[finding.severity]
                issues.append(_issue(finding.message, finding.rule, severity, finding.file, finding.line, key, seen))
        out.write(pretty(issues, 0) + "\n")


def _issue(text: str, check: str, severity: str, path: str, line: int, key: str, seen: Counter[str]) -> dict[str, Any]:
    """One entry; equal keys are told apart by their order, for GitLab shows a fingerprint once."""
    seen[key] += 1
    fingerprint = hashlib.sha256(f"{key}|{seen[key]}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
    return {
        "description": escaped(portable_text(text, path)),
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": escaped(portable(path)), "lines": {"begin": max(line, 1)}},
    }
