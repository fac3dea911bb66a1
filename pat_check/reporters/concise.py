"""One line for each finding that counts, as editors and ``grep`` read them, and the verdict."""

from __future__ import annotations

from typing import TextIO

from pat_check.findings import Report
from pat_check.reporters.base import Reporter, Style, refusal
from pat_check.reporters.page import Page
from pat_check.reporters.telling import Teller
from pat_check.reporters.verdict import rules_table, write_sentence


class Concise(Reporter):
    """One clickable line for each finding."""

    name = "concise"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        page = Page(out, Style(color=style.color, links=style.links))  # never wrapped: a line is a finding
        teller = Teller(page, report, style)
        for an_input in report.inputs:
            if an_input.error:
                file, line, why = refusal(an_input)
                place = f"{file}:{line}: " if line else f"{file}: "
                page.line((place, "bold"), ("not replayed", "bold red"), f": {why}")
        if style.statistics:
            if report.findings:
                page.block(rules_table(report, everything=True))
        else:
            for finding in report.findings:
                if finding.counts:
                    teller.headline(finding)
        write_sentence(page, report)
