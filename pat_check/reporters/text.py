"""The report for people: findings as compilers print them, then what was read and what it means."""

from __future__ import annotations

from collections import Counter
from typing import TextIO

from rich.table import Table
from rich.text import Text

from pat_check.findings import Finding, Input, Note, Report, Severity, counted
from pat_check.reporters.base import Reporter, Style, escaped
from pat_check.reporters.page import Page

_COLOR = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "bold red", Severity.FATAL: "bold red"}
_LABEL = 14  # columns of the summary's left side
_NAMES = 5  # kinds of ignored events that the summary names


class PlainText(Reporter):
    """Text for people."""

    name = "text"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        page = Page(out, style)
        for finding in report.findings:
            _finding(page, finding, style)
            page.line()
        for an_input in report.inputs:
            _input(page, an_input)
            page.line()
        _verdict(page, report)


def _finding(page: Page, finding: Finding, style: Style) -> None:
    severity = (str(finding.severity), _COLOR[finding.severity])
    page.line((_place(finding.file, finding.line), "bold"), severity, f": {finding.message} ", f"[{finding.rule}]")
    _source(page, finding.file, finding.line, style)
    for note in finding.notes:
        _note(page, note, finding.file, style)
    if finding.task and (finding.task.comm or finding.task.pid >= 0):
        page.line(("= task: ", "cyan"), _who(finding), indent=2)
    if finding.help:
        page.line(("= help: ", "cyan"), finding.help, indent=2)


def _note(page: Page, note: Note, file: str, style: Style) -> None:
    if not note.line and not note.file:
        page.line(("= note: ", "cyan"), note.message, indent=2)
        return
    page.line((_place(note.file or file, note.line), "bold"), ("note", "cyan"), f": {note.message}", indent=2)
    _source(page, note.file or file, note.line, style)


def _source(page: Page, file: str, line: int, style: Style) -> None:
    source = style.source_lines(file, line) if style.source_lines and line else ""
    if source:
        page.line((f"{line:>6} | ", "blue"), source, indent=2, hang=9)


def _place(file: str, line: int) -> str:
    return f"{file}:{line}: " if line else f"{file}: "


def _who(finding: Finding) -> str:
    """The task as ftrace prints it, ``comm-pid``, and when."""
    task, when = finding.task, finding.time
    who = "unknown" if task is None else task.comm or "unknown"
    if task is not None and task.pid >= 0:
        who += f"-{task.pid}"
    if when is None:
        return who
    return f"{who} at {when:.0f}" if when == int(when) else f"{who} at {when:.6f}"


def _input(page: Page, an_input: Input) -> None:
    page.line((an_input.path, "bold"))
    if an_input.error:
        _row(page, "not replayed", an_input.error)
        return
    era = an_input.era + (f", {an_input.era_reason}" if an_input.era_reason else "")
    _row(page, "era", era)
    _row(page, "format", f"{an_input.format}, {counted(an_input.lines, 'line')}")
    _row(page, "events", _events(an_input))
    if an_input.layers:
        _row(page, "layers", ", ".join(an_input.layers))
    _row(page, "reservations", f"{an_input.live:,} live at the end")
    if an_input.snapshots or an_input.snapshots_unanchored:
        agree = f"{an_input.snapshots_equal:,} of {an_input.snapshots:,} agree with the model"
        unanchored = an_input.snapshots_unanchored
        _row(page, "snapshots", agree + (f", {unanchored:,} without a marker in the trace" if unanchored else ""))
    if an_input.mappings:
        _row(page, "mappings", f"{an_input.mappings_equal:,} of {an_input.mappings:,} agree with the recorded calls")
    if an_input.messages:
        explained = f"{an_input.messages_explained:,} of {counted(an_input.messages, 'message')} explained"
        _row(page, "kernel log", explained)
    for label, fact in zip(["not checked"] + [""] * len(an_input.facts), an_input.facts, strict=False):
        _row(page, label, fact)


def _events(an_input: Input) -> str:
    names = sorted(an_input.ignored_names.items(), key=lambda item: (-item[1], item[0]))
    kinds = [f"{name} {count:,}" for name, count in names[:_NAMES]]
    if len(names) > _NAMES:
        kinds.append(f"{counted(len(names) - _NAMES, 'other name')}")
    parts = [f"{an_input.events:,} read", f"{an_input.ignored:,} ignored" + (f" ({', '.join(kinds)})" if kinds else "")]
    parts += [f"{an_input.malformed:,} malformed", f"{an_input.lost:,} lost"]
    if an_input.unmatched:
        parts.append(f"{counted(an_input.unmatched, 'call')} seen only in part")
    return ", ".join(parts)


def _row(page: Page, label: str, value: str) -> None:
    page.line((f"{label:<{_LABEL}}", "dim"), value, indent=2, hang=_LABEL)


def _verdict(page: Page, report: Report) -> None:
    if report.findings:
        page.block(_rules(report))
        page.line()
    replayed = [an_input for an_input in report.inputs if not an_input.error]
    severities = [
        (sum(finding.severity is severity for finding in report.findings), severity)
        for severity in sorted(Severity, reverse=True)
    ]
    kinds = ", ".join(f"{count:,} {severity}" for count, severity in severities if count)
    found = counted(len(report.findings), "finding") + f" ({kinds})" if kinds else "no findings"
    missing = len(report.inputs) - len(replayed)
    worst = report.worst()
    page.line(
        (found, "bold green" if worst is None else _COLOR[worst]),
        f" in {counted(len(replayed), 'input')}",
        f", {counted(missing, 'input')} could not be replayed" if missing else "",
    )


def _rules(report: Report) -> Table:
    """How many findings each rule has of each severity, the worst first; the number stands last."""
    counts = Counter((finding.severity, finding.rule) for finding in report.findings)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    for severity, rule in sorted(counts, key=lambda key: (-key[0], key[1])):
        table.add_row(Text(str(severity), _COLOR[severity]), Text(escaped(rule)), f"{counts[severity, rule]:,}")
    return table
