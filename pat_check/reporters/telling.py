"""A finding as people read it: the line that broke the invariant, the map of its range, and what led there."""

from __future__ import annotations

import io
from collections.abc import Callable

from pat_check.findings import Baseline, Finding, Note, Report, Severity
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Style
from pat_check.reporters.drawing import page_map
from pat_check.reporters.page import Page

COLOR = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "bold red", Severity.FATAL: "bold red"}


def as_typed(path: str) -> str:
    """The path as the user gave it, which a terminal can follow."""
    return path


class Teller:
    """Writes findings on a page; `path` says how files are named."""

    def __init__(self, page: Page, report: Report, style: Style, path: Callable[[str], str] = as_typed) -> None:
        self.page, self.style, self.path = page, style, path
        self._uris = {rule.id: rule.uri for rule in report.rules if rule.uri} if style.links else {}

    def headline(self, finding: Finding) -> None:
        """``file:line: error: message [rule]``."""
        word, colour = str(finding.severity), COLOR[finding.severity]
        if finding.baseline is Baseline.UNCHANGED:
            word, colour = "baselined", "dim"
        if finding.suppression is not None:
            word, colour = "suppressed", "dim"
        self.page.line(
            (self._place(finding.file, finding.line), "bold"),
            (word, colour),
            f": {finding.message} ",
            *self.rule(finding.rule),
        )

    def rule(self, rule: str) -> list[str | tuple[str, str]]:
        """``[rule]``, where the terminal follows links a link to its page."""
        uri = self._uris.get(rule)
        return ["[", (rule, f"link {uri}"), "]"] if uri else [f"[{rule}]"]

    def story(self, finding: Finding) -> None:
        """The headline and all that stands below it."""
        self.headline(finding)
        self.below(finding)

    def below(self, finding: Finding) -> None:
        """The quoted line, the map, the notes, the task and the advice."""
        self._source(finding.file, finding.line)
        for row in page_map(finding.drawn):
            self.page.lines(row, indent=4)
        for note in finding.notes:
            self._note(note, finding.file)
        if finding.task and (finding.task.comm or finding.task.pid >= 0):
            self.page.line(("= task: ", "cyan"), who(finding), indent=2)
        if finding.help:
            self.page.line(("= help: ", "cyan"), finding.help, indent=2)

    def _note(self, note: Note, file: str) -> None:
        if not note.line and not note.file:
            self.page.line(("= note: ", "cyan"), note.message, indent=2)
            return
        place = self._place(note.file or file, note.line)
        self.page.line((place, "bold"), ("note", "cyan"), f": {note.message}", indent=2)
        self._source(note.file or file, note.line)

    def _source(self, file: str, line: int) -> None:
        source = self.style.source_lines(file, line) if self.style.source_lines and line else ""
        if source:
            self.page.line((f"{line:>6} | ", "blue"), source, indent=2, hang=9)

    def _place(self, file: str, line: int) -> str:
        return f"{self.path(file)}:{line}: " if line else f"{self.path(file)}: "


def plain_story(finding: Finding, report: Report, style: Style) -> str:
    """The story for reports that show it as preformatted text: no colour, no width, no path of this machine."""
    out = io.StringIO()
    Teller(Page(out, Style()), report, Style(source_lines=style.source_lines), portable).story(finding)
    return portable_text(out.getvalue(), finding.file).rstrip("\n")


def who(finding: Finding) -> str:
    """The task as ftrace prints it, ``comm-pid``, and when."""
    task, when = finding.task, finding.time
    name = "unknown" if task is None else task.comm or "unknown"
    if task is not None and task.pid >= 0:
        name += f"-{task.pid}"
    if when is None:
        return name
    return f"{name} at {when:.0f}" if when == int(when) else f"{name} at {when:.6f}"
