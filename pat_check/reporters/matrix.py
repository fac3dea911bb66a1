"""The report of ``lint``: rules by era, then what is not as the scenario says."""

from __future__ import annotations

from typing import TextIO

from rich.table import Table
from rich.text import Text

from pat_check.findings import Severity, Sheet
from pat_check.reporters.base import Style, escaped
from pat_check.reporters.page import Page
from pat_check.reporters.telling import COLOR


def write_matrix(sheet: Sheet, out: TextIO, style: Style) -> None:
    """Write one scenario's sheet."""
    page = Page(out, style)
    title = f": {sheet.title}" if sheet.title else ""
    page.line((sheet.path, "bold"), title)
    rules = sorted({rule for column in sheet.columns for rule in column.counts})
    if rules:
        table = Table(box=None, show_header=True, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("rule", overflow="fold")
        for column in sheet.columns:
            table.add_column(Text(column.era), justify="right")
        for rule in rules:
            cells = [str(column.counts[rule] or "-") for column in sheet.columns]
            table.add_row(Text(escaped(rule)), *cells)
        page.block(table)
    else:
        page.line("no findings in any era", indent=2)
    wrong = 0
    for where, severity, message in _wrong(sheet):
        wrong += 1
        page.line((f"{sheet.path}:{where}: ", "bold"), (str(severity), COLOR[severity]), f": {message}")
    for where, why in _skipped(sheet):
        page.line((f"{sheet.path}:{where}: ", "bold"), f"not played: {why}")
    page.line(("as claimed", "green") if not wrong else (f"{wrong} not as claimed", "bold red"), indent=2)
    page.line()


def _skipped(sheet: Sheet) -> list[tuple[int, str]]:
    """Operations on what an era has not made, which is no complaint: they tell what that era spares."""
    said: dict[tuple[int, str], list[str]] = {}
    for column in sheet.columns:
        for line, why in column.skipped:
            said.setdefault((line, why), []).append(column.era)
    return [(line, f"{why} (in {_eras(sheet, eras)})") for (line, why), eras in sorted(said.items())]


def _eras(sheet: Sheet, eras: list[str]) -> str:
    eras = list(dict.fromkeys(eras))  # one era may say the same of one line twice
    return "every era" if len(eras) == len(sheet.columns) > 1 else ", ".join(eras)


def _wrong(sheet: Sheet) -> list[tuple[int, Severity, str]]:
    """What is not as the scenario says, by line; eras with the same complaint stand together.

    A finding keeps its severity; what is claimed or expected and does not come true is an error.
    """
    said: dict[tuple[int, str, Severity], list[str]] = {}
    for column in sheet.columns:
        for line, rule in column.unmet:
            said.setdefault((line, f"{rule} is claimed here and not found", Severity.ERROR), []).append(column.era)
        for line, rule, message, severity in column.unexpected:
            said.setdefault((line, f"{message} [{rule}], which nothing claims", severity), []).append(column.era)
        for line, message in column.failed:
            said.setdefault((line, message, Severity.ERROR), []).append(column.era)
    return [
        (line, severity, f"{message} (in {_eras(sheet, eras)})")
        for (line, message, severity), eras in sorted(said.items())
    ]
