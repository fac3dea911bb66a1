"""The report of ``compare``: where eras part, what each alone finds, how they end."""

from __future__ import annotations

import difflib
from typing import TextIO

from pat_check.findings import Comparison, counted
from pat_check.reporters.base import Style
from pat_check.reporters.page import Page

_MOST = 20


def write_comparison(result: Comparison, out: TextIO, style: Style) -> None:
    """Write it for people."""
    page = Page(out, style)
    names = ", ".join(side.era for side in result.sides)
    for note in result.notes:
        page.line((result.path, "bold"), f": {note}")
    if result.is_same:
        page.line((result.path, "bold"), f": the same in {names}")
        return
    if result.parts_at:
        page.line((f"{result.path}:{result.parts_at}: ", "bold"), "the eras part here: ", result.parts_text)
        if result.quotation:
            page.line(f"{result.parts_at:>6} | {result.quotation}", indent=2)
    for side in result.sides:
        page.line()
        only = f", {len(side.only)} that not every era has" if side.only else ""
        page.line((side.era, "bold"), f": {counted(len(side.findings), 'finding')}{only}")
        for finding in side.only[:_MOST]:
            page.line(
                (f"{finding.file}:{finding.line}: ", "bold"),
                f"{finding.severity}: {finding.message} [{finding.rule}]",
                indent=2,
            )
        if len(side.only) > _MOST:
            page.line(f"and {len(side.only) - _MOST} more", indent=2)
    first = result.sides[0]
    for side in result.sides[1:]:
        lines = difflib.unified_diff(
            first.state.splitlines(), side.state.splitlines(), first.era, side.era, "", "", 0, ""
        )
        differing = [line for line in lines if line[:2] != "@@"]
        if differing:
            page.line()
            page.line("the reservations at the end differ:")
            for line in differing[: _MOST + 2]:
                page.line(line, indent=2)
