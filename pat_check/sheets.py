"""A scenario in several eras, side by side: what reporters need to know of its plays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pat_check.findings import Column, Sheet
from pat_check.plays import Play


def sheet_of(path: str, title: str, plays: Sequence[Play]) -> Sheet:
    """The findings of each play, and where they are not what the scenario says."""
    columns = [
        Column(
            one.era.name,
            Counter(finding.rule for finding in one.findings),
            [(mark.line, mark.rule) for mark in one.unmet],
            [(mark.line, mark.rule, mark.message) for mark in one.unexpected],
            [(unmet.at, unmet.message) for unmet in one.outcome.unmet],
            len(one.ignored),
        )
        for one in plays
    ]
    return Sheet(path, title, columns)
