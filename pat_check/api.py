"""The whole tool as a few functions: what the command line uses, and anybody else may.

Nothing is imported before it is needed: a program that only asks for `eras` never loads the scenario language.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pat_check.errors import ConfigError, PatCheckError, PluginError, TraceError, UnknownEra, UnknownFormat
from pat_check.findings import Comparison, Finding, Input, Note, Report, Severity, Sheet

if TYPE_CHECKING:
    from pat_check.about import (
        EraInfo,
        RuleInfo,
        bad_selector,
        eras,
        formats,
        rule_ids,
        rule_texts,
        rule_uri,
        rules,
    )
    from pat_check.checking import check, is_scenario
    from pat_check.comparison import compare
    from pat_check.eras import era_of
    from pat_check.gate.baseline import Known
    from pat_check.gate.policy import Policy
    from pat_check.gate.selection import matches
    from pat_check.gate.suppressions import Entry
    from pat_check.index.using import Indexing
    from pat_check.live import Live
    from pat_check.plays import scenarios_below
    from pat_check.points import Held
    from pat_check.quoting import quoted
    from pat_check.rulebook import use_plugins
    from pat_check.scenario.formatter import formatted
    from pat_check.session import Options
    from pat_check.sources.capture import is_read
    from pat_check.stats import Stats, stats

__all__ = [
    "Comparison",
    "ConfigError",
    "Entry",
    "EraInfo",
    "Finding",
    "Held",
    "Indexing",
    "Input",
    "Known",
    "Live",
    "Note",
    "Options",
    "PatCheckError",
    "PluginError",
    "Policy",
    "Report",
    "RuleInfo",
    "Severity",
    "Sheet",
    "Stats",
    "TraceError",
    "UnknownEra",
    "UnknownFormat",
    "bad_selector",
    "baseline",
    "baseline_text",
    "check",
    "compare",
    "convert",
    "converted",
    "era_of",
    "eras",
    "formats",
    "formatted",
    "is_read",
    "is_scenario",
    "lint",
    "matches",
    "quoted",
    "rule_ids",
    "rule_texts",
    "rule_uri",
    "rules",
    "scenarios_below",
    "state",
    "stats",
    "suppressions",
    "use_plugins",
]

_ELSEWHERE = {
    "about": (
        "EraInfo",
        "RuleInfo",
        "bad_selector",
        "eras",
        "formats",
        "rule_ids",
        "rule_texts",
        "rule_uri",
        "rules",
    ),
    "checking": ("check", "is_scenario"),
    "comparison": ("compare",),
    "eras": ("era_of",),
    "gate.baseline": ("Known",),
    "gate.policy": ("Policy",),
    "gate.selection": ("matches",),
    "gate.suppressions": ("Entry",),
    "index.using": ("Indexing",),
    "rulebook": ("use_plugins",),
    "live": ("Live",),
    "plays": ("scenarios_below",),
    "points": ("Held",),
    "quoting": ("quoted",),
    "scenario.formatter": ("formatted",),
    "session": ("Options",),
    "sources.capture": ("is_read",),
    "stats": ("Stats", "stats"),
}
"""Where the names that are defined elsewhere come from."""


def __getattr__(name: str) -> Any:
    for module, names in _ELSEWHERE.items():
        if name in names:
            found = globals()[name] = getattr(importlib.import_module(f"pat_check.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def state(path: str, at: str, options: Options | None = None, indexing: Indexing | None = None) -> list[Held]:
    """The reservations of a recording after a line, a time or a marker, in the kernel's order: `points.state_at`."""
    from pat_check.points import state_at
    from pat_check.session import Options

    own = options or Options()
    _must_be_recorded(path, own)
    return state_at(path, at, own, indexing)


def _must_be_recorded(path: str, options: Options) -> None:
    from pat_check.checking import is_scenario

    if is_scenario(path, options):
        raise TraceError("is a scenario and no recording; `replay`, `lint` and `compare` play it", path)


def suppressions(path: str) -> list[Entry]:
    """The entries of a suppression file; raises TraceError with the line of what is wrong."""
    from pat_check.about import rule_ids
    from pat_check.eras import ERAS
    from pat_check.gate.suppressions import read_suppressions
    from pat_check.sources.opening import open_lines

    return read_suppressions(open_lines(path), path, rule_ids, [era.name for era in ERAS])


def baseline(path: str) -> list[Known]:
    """The entries of a baseline; raises TraceError when the file is none."""
    from pat_check.gate.baseline import read_baseline
    from pat_check.sources.opening import open_lines

    return read_baseline("\n".join(open_lines(path)), path)


def baseline_text(report: Report) -> str:
    """A baseline that holds what a report found."""
    from pat_check.gate.baseline import baseline_of, written

    return written(baseline_of(report))


def lint(paths: Iterable[str], names: Sequence[str]) -> Iterator[Sheet]:
    """Play every scenario below `paths` in each of the eras; raises TraceError for one that cannot be read."""
    from pat_check.eras import era_of
    from pat_check.plays import play, read_scenario, scenarios_below
    from pat_check.sheets import sheet_of

    chosen = [era_of(name) for name in names]
    for path in scenarios_below(paths):
        scenario = read_scenario(path)
        yield sheet_of(path, scenario.title, [play(scenario, era) for era in chosen])


def convert(path: str, options: Options | None = None) -> str:
    """What a recording does, as the text of a scenario that plays to the same state."""
    return converted(path, options)[0]


def converted(path: str, options: Options | None = None) -> tuple[str, list[Note]]:
    """The same text, and what it does not do as it was done: why, and in which lines of the recording."""
    from pat_check.conversion import convert
    from pat_check.session import Options

    own = options or Options()
    _must_be_recorded(path, own)
    made, file = convert(path, own)
    notes = [Note(0, made.plain, file)] if made.plain else []
    return made.text(), notes + [Note(line, text, file) for line, text in made.remarks]
