"""Plays as reporters know them: a scenario in several eras side by side, or as one input among others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pat_check.findings import Column, Input, Sheet
from pat_check.plays import Play
from pat_check.scenario.statements import Scenario


def sheet_of(path: str, title: str, plays: Sequence[Play]) -> Sheet:
    """The findings of each play, and where they are not what the scenario says.

    As in claims, each finding counts, also of one cause, and what is still held does not.
    """
    columns = [
        Column(
            one.era.name,
            Counter(finding.rule for finding in one.findings if "still held" not in finding.message),
            [(mark.line, mark.rule) for mark in one.unmet],
            [(mark.line, mark.rule, mark.message, mark.severity) for mark in one.unexpected],
            [(unmet.at, unmet.message) for unmet in one.outcome.unmet],
            len(one.ignored),
            one.outcome.skipped,
        )
        for one in plays
    ]
    return Sheet(path, title, columns)


def input_of(path: str, scenario: Scenario, play: Play, reason: str) -> Input:
    """A scenario as an input that was replayed; `reason` is that of its era."""
    seen = Input(
        path,
        "pat",
        play.era.name,
        reason,
        lines=scenario.lines,
        events=len(play.outcome.results),
        live=len(play.outcome.world.machine.memtypes),
    )
    seen.facts = [f"line {at} was not played: {why}" for at, why in play.outcome.skipped]
    return seen
