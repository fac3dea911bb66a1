"""Markdown for a comment on a pull request or a job's summary: a verdict, a table, the stories folded.

What comes from a trace stands in code spans and fences only, where neither Markdown nor a forge reads it: no mention,
no link, no HTML.
"""

from __future__ import annotations

import html
import re
from typing import TextIO

from pat_check.findings import Finding, Report, Severity, counted
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Reporter, Style, escaped, refusal, worst_first
from pat_check.reporters.telling import plain_story
from pat_check.reporters.verdict import found, left_out

LIMIT = 60_000
"""Characters of a report; GitHub takes comments of 65,536."""
_ROWS = 50
_STORIES = 20
_ITEMS = 10  # of other lists
_WIDE = 300  # characters of a message
_TICKS = re.compile(r"`+")


class Markdown(Reporter):
    """Markdown for a comment or a job's summary."""

    name = "markdown"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        out.write(markdown(report, style))


def markdown(report: Report, style: Style) -> str:
    """The report as Markdown of at most `LIMIT` characters."""
    failing = report.failing()
    unreadable = [an_input for an_input in report.inputs if an_input.error]
    state = "failed" if failing or unreadable else "passed"
    replayed = counted(len(report.inputs) - len(unreadable), "input")
    parts = [f"### pat-check {state}: {found(report)} in {replayed}\n"]
    for an_input in unreadable[:_ITEMS]:
        file, line, why = refusal(an_input)
        place, reason = place_of(file, line), brief(portable_text(why, file))
        parts.append(f"- {code(place)} was not replayed: {code(reason)}\n")
    if len(unreadable) > _ITEMS:
        parts.append(f"- and {len(unreadable) - _ITEMS:,} more\n")
    if len(parts) > 1:
        parts.insert(1, "\n")
    shown = worst_first(finding for finding in report.findings if finding.counts)
    if shown:
        parts.append("\n" + _table(shown, report))
    parts += _end(report)
    text = "".join(parts)
    return text + ("" if style.statistics else _stories(shown, report, style, LIMIT - len(text)))


def _table(shown: list[Finding], report: Report) -> str:
    uris = {rule.id: rule.uri for rule in report.rules if rule.uri}
    rows = ["| severity | rule | where | what |\n", "|---|---|---|---|\n"]
    left = LIMIT // 2
    for finding in shown[:_ROWS]:
        rule = code(finding.rule, in_table=True)
        if finding.rule in uris:
            rule = f"[{rule}](<{html.escape(uris[finding.rule])}>)"
        where = code(place_of(finding.file, finding.line), in_table=True)
        what = code(brief(portable_text(finding.message, finding.file)), in_table=True)
        row = f"| {finding.severity} | {rule} | {where} | {what} |\n"
        left -= len(row)
        if left < 0:
            break
        rows.append(row)
    more = len(shown) - (len(rows) - 2)
    if more:
        rows.append(f"\nand {more:,} more\n")
    return "".join(rows)


def _end(report: Report) -> list[str]:
    """What is gone, and what is not in the table."""
    lines = []
    for entry in report.gone[:_ITEMS]:
        told = code(brief(portable_text(entry.message, entry.file)))
        lines.append(f"- no longer found: {code(place_of(entry.file, 0))}: {told} ({code(brief(entry.rule))})\n")
    if len(report.gone) > _ITEMS:
        lines.append(f"- and {len(report.gone) - _ITEMS:,} more that are no longer found\n")
    if lines:
        lines.insert(0, "\n")
        lines.append("\n`pat-check baseline write` drops what is no longer found.\n")
    phrases = left_out(report, portable)
    if phrases:
        lines.append(f"\nNot in the table: {code(brief('; '.join(phrases)))}\n")
    return lines


def _stories(shown: list[Finding], report: Report, style: Style, left: int) -> str:
    """Folded stories, as many as fit."""
    told = []
    for finding in shown[:_STORIES]:
        if finding.severity is Severity.INFO:
            break  # the worst came first
        story = plain_story(finding, report, style)
        if "\n" not in story:
            continue  # the table has said it
        summary = html.escape(escaped(f"{finding.severity}: {finding.rule} at {place_of(finding.file, finding.line)}"))
        ticks = _fence(story, 3)
        block = f"\n<details><summary><code>{summary}</code></summary>\n\n{ticks}text\n{story}\n{ticks}\n\n</details>\n"
        left -= len(block)
        if left < 0:
            break
        told.append(block)
    return "".join(told)


def place_of(file: str, line: int) -> str:
    """``file:line``, or the end of it when it is long."""
    place = escaped(f"{portable(file)}:{line}" if line else portable(file))
    return place if len(place) <= _WIDE else "..." + place[3 - _WIDE :]


def brief(text: str) -> str:
    """The beginning of a long text."""
    text = escaped(text)
    return text if len(text) <= _WIDE else text[: _WIDE - 3] + "..."


def code(text: str, *, in_table: bool = False) -> str:
    """A code span, whose text is read by nobody; only a table looks for bars in it."""
    text = escaped(text)
    if in_table:
        text = text.replace("|", "\\|")
    ticks = _fence(text, 1)
    apart = " " if not text.strip() or "`" in (text[0], text[-1]) else ""
    return f"{ticks}{apart}{text}{apart}{ticks}"


def _fence(text: str, least: int) -> str:
    """More backticks in a row than `text` has."""
    return "`" * max([least, *(len(run) + 1 for run in _TICKS.findall(text))])
