"""The whole tool as a few functions: what the command line uses, and anybody else may."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pat_check import __version__
from pat_check.comparison import compare
from pat_check.conversion import convert as _convert
from pat_check.eras import ERAS, NEWEST, era_of
from pat_check.errors import TraceError
from pat_check.findings import Comparison, Input, Report, Severity, Sheet
from pat_check.judge import RULES, Judge
from pat_check.plays import play, read_scenario, scenarios_below
from pat_check.points import Held, state_at
from pat_check.quoting import quoted
from pat_check.scenario.formatter import formatted
from pat_check.session import Options, Session
from pat_check.sheets import input_of, sheet_of
from pat_check.sources.formats import SOURCES, source_named

__all__ = [
    "Comparison",
    "EraInfo",
    "Held",
    "Options",
    "RuleInfo",
    "check",
    "compare",
    "convert",
    "era_of",
    "eras",
    "formats",
    "formatted",
    "lint",
    "quoted",
    "rules",
    "scenarios_below",
    "state",
]

SCENARIO: tuple[str, str] = ("pat", "a scenario written by hand, FILE.pat")
"""Name and title of the one input format that is no recording."""


def check(
    paths: Sequence[str], options: Options | None = None, progress: Callable[[str, int], None] | None = None
) -> Report:
    """Replay recordings and play scenarios, and judge them; `progress(path, lines)` is called now and then.

    An input that cannot be read has `Input.error` set, in a report that still holds the others. Raises UnknownEra and
    UnknownFormat before anything is read.
    """
    options = options or Options()
    if options.era != "auto":
        era_of(options.era)
    if options.input_format and options.input_format != SCENARIO[0]:
        source_named(options.input_format)
    report = Report(__version__)
    for path in paths:
        if is_scenario(path, options):
            _check_scenario(path, options, report)
            continue
        judge = Judge(path)
        try:
            session = Session(path, options, judge.hear, progress)
            judge.file = session.trace if session.trace != "-" else "<stdin>"
            judge.places = session.places
            seen = session.run()
        except TraceError as error:
            report.inputs.append(Input(path, "", "", "", error=str(error)))
            continue
        report.inputs.append(seen)
        report.findings.extend(judge.close())
    return report


def is_scenario(path: str, options: Options) -> bool:
    """Whether an input is a scenario: by its ending, unless a format is asked for."""
    return options.input_format == SCENARIO[0] if options.input_format else path.endswith(".pat")


def _check_scenario(path: str, options: Options, report: Report) -> None:
    """Play a scenario in one era. What it claims counts for nothing here, what its comments ignore is left out."""
    era = NEWEST if options.era == "auto" else era_of(options.era)
    reason = "as asked with --era"
    if options.era == "auto":
        reason = "the newest, for a scenario does not say on what it runs (--era chooses another)"
    try:
        scenario = read_scenario(path)
        played = play(scenario, era)
    except TraceError as error:
        message = str(error).removesuffix(error.excerpt).rstrip("\n")
        report.inputs.append(Input(path, "", "", "", error=message, excerpt=error.excerpt))
        return
    seen = input_of(path, scenario, played, reason)
    seen.facts = [
        f"--{name} was not used: a scenario says itself what there is"
        for name in ("memtypes", "iomem", "mtrr")
        if getattr(options, name)
    ]
    report.inputs.append(seen)
    report.findings.extend(played.findings)


def state(path: str, at: str, options: Options | None = None) -> list[Held]:
    """The reservations of a recording after a line, a time or a marker, in the kernel's order: `points.state_at`."""
    _must_be_recorded(path, options)
    return state_at(path, at, options or Options())


def _must_be_recorded(path: str, options: Options | None) -> None:
    if is_scenario(path, options or Options()):
        raise TraceError("is a scenario and no recording; `replay`, `lint` and `compare` play it", path)


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as documented: `text` is its whole docstring in Markdown."""

    id: str
    family: str
    severity: Severity
    summary: str
    text: str
    violating: str
    clean: str
    invariants: tuple[int, ...]


def rules() -> list[RuleInfo]:
    """Every rule, by id."""
    found = []
    for rule in RULES:
        text = inspect.getdoc(rule) or ""
        found.append(
            RuleInfo(
                rule.rule_id(),
                rule.family(),
                rule.severity,
                text.split("\n", 1)[0],
                text,
                rule.violating,
                rule.clean,
                rule.invariants,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class EraInfo:
    """An era as documented."""

    name: str
    kernels: str
    summary: str
    text: str
    changes: list[str]


def eras() -> list[EraInfo]:
    """Every era, oldest first."""
    return [
        EraInfo(
            era.name,
            era.kernels,
            era.summary.split("\n", 1)[0],
            inspect.cleandoc(era.summary),
            [f"{change.what} ({change.source})" for change in era.changes],
        )
        for era in ERAS
    ]


def formats() -> list[tuple[str, str]]:
    """Name and title of every input format."""
    return [*((source.name, source.title) for source in SOURCES), SCENARIO]


def lint(paths: Iterable[str], names: Sequence[str]) -> Iterator[Sheet]:
    """Play every scenario below `paths` in each of the eras; raises TraceError for one that cannot be read."""
    chosen = [era_of(name) for name in names]
    for path in scenarios_below(paths):
        scenario = read_scenario(path)
        yield sheet_of(path, scenario.title, [play(scenario, era) for era in chosen])


def convert(path: str, options: Options | None = None) -> str:
    """What a recording does, as the text of a scenario that plays to the same state."""
    _must_be_recorded(path, options)
    made, _ = _convert(path, options or Options())
    return made.text()
