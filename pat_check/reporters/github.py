"""Workflow commands of GitHub Actions: findings as annotations, and the job's summary.

GitHub shows ten errors, ten warnings and ten notices of a step and drops the rest without a word, so no more are
written and what is left is counted.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TextIO

from pat_check.findings import Finding, Input, Report, Severity, counted
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Reporter, Style, escaped, refusal, worst_first
from pat_check.reporters.markdown import markdown
from pat_check.reporters.verdict import found, verdict

_MOST = 10
_KINDS = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.ERROR: "error", Severity.FATAL: "error"}
_SUMMARY_LIMIT = 1 << 20  # bytes of a step's summary; GitHub drops the whole of a larger one


class Github(Reporter):
    """Annotations of GitHub Actions."""

    name = "github"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        commands: list[tuple[str, Finding | Input]] = []
        for an_input in report.inputs:
            if an_input.error:
                commands.append(("error", an_input))
        for finding in worst_first(finding for finding in report.findings if finding.counts):
            commands.append((_KINDS[finding.severity], finding))
        counts: Counter[str] = Counter()
        for kind, what in commands:
            counts[kind] += 1
            if counts[kind] <= _MOST:
                out.write((_annotation(what) if isinstance(what, Finding) else _refused(what)) + "\n")
        more = [counted(counts[kind] - _MOST, kind) for kind in ("error", "warning", "notice") if counts[kind] > _MOST]
        if more:
            out.write(f"{', '.join(more)} more\n")
        out.write(f"{escaped(found(report))} {escaped(verdict(report, portable))}\n")
        _summarize(report, out, style)


def _refused(an_input: Input) -> str:
    file, line, why = refusal(an_input)
    return _command("error", file, line, "pat-check: not replayed", why)


def _annotation(finding: Finding) -> str:
    kind = _KINDS[finding.severity]
    text = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
    return _command(kind, finding.file, finding.line, f"pat-check: {finding.rule}", text)


def _command(kind: str, path: str, line: int, title: str, text: str) -> str:
    properties = [f"file={_property(portable(path))}", *([f"line={line}"] if line else []), f"title={_property(title)}"]
    message = "\n".join(map(escaped, portable_text(text, path).split("\n")))
    return f"::{kind} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    """As ``escapeData()`` of @actions/core does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As ``escapeProperty()`` of @actions/core does."""
    return _data(escaped(text)).replace(":", "%3A").replace(",", "%2C")


def _summarize(report: Report, out: TextIO, style: Style) -> None:
    """Append the report to the step's summary, when a workflow runs this."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = markdown(report, style) + "\n"
    try:
        with open(path, "ab") as file:
            written = text.encode("utf-8", "backslashreplace")
            if file.tell() + len(written) > _SUMMARY_LIMIT:
                out.write("the run summary is full: this report is not in it\n")
                return
            file.write(written)
    except OSError as error:
        out.write(f"the run summary cannot be written: {error.strerror}\n")
