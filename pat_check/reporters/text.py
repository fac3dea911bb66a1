"""The report for people: findings as compilers print them, then what was read and what it means."""

from __future__ import annotations

from typing import TextIO

from pat_check.findings import Input, Report, counted
from pat_check.reporters.base import Reporter, Style
from pat_check.reporters.page import Page
from pat_check.reporters.telling import Teller
from pat_check.reporters.verdict import write_verdict

_LABEL = 14  # columns of the summary's left side
_NAMES = 5  # kinds of ignored events that the summary names


class PlainText(Reporter):
    """Text for people."""

    name = "text"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        page = Page(out, style)
        if not style.statistics:
            _findings(page, report, style)
        if not style.quiet:
            for an_input in report.inputs:
                _input(page, an_input)
                page.line()
        write_verdict(page, report, everything=style.statistics)


def _findings(page: Page, report: Report, style: Style) -> None:
    """The whole story of what counts, a line for what is in the baseline; what is suppressed is counted."""
    teller = Teller(page, report, style)
    lines = 0
    for finding in report.findings:
        if finding.counts:
            if lines:
                page.line()
            teller.story(finding)
            page.line()
            lines = 0
        elif finding.suppression is None or style.verbose:
            teller.headline(finding)
            if finding.suppression is not None:
                silence = finding.suppression
                page.line(("= reason: ", "cyan"), f"{silence.reason} ({silence.file}:{silence.line})", indent=2)
            lines += 1
    if lines:
        page.line()


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
    left = an_input.mappings_not_compared
    if an_input.mappings or left:
        agree = f"{an_input.mappings_equal:,} of {an_input.mappings:,} agree with the recorded calls"
        _row(page, "mappings", agree + (f", {left:,} not compared" if left else ""))
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
