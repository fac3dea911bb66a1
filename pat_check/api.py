"""The whole tool as a few functions: what the command line uses, and anybody else may."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pat_check import __version__
from pat_check.comparison import compare
from pat_check.conversion import convert as _convert
from pat_check.eras import ERAS, era_of
from pat_check.errors import TraceError
from pat_check.events import Event, Marker
from pat_check.findings import Comparison, Input, Report, Severity, Sheet
from pat_check.judge import RULES, Judge
from pat_check.plays import play, read_scenario, scenarios_below
from pat_check.quoting import quoted
from pat_check.scenario.formatter import formatted
from pat_check.session import Options, Session
from pat_check.sheets import sheet_of
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
    "eras",
    "formats",
    "formatted",
    "lint",
    "quoted",
    "rules",
    "scenarios_below",
    "state",
]


def check(
    paths: Sequence[str], options: Options | None = None, progress: Callable[[str, int], None] | None = None
) -> Report:
    """Replay recordings and judge them; `progress(path, lines)` is called now and then.

    An input that cannot be read has `Input.error` set, in a report that still holds the others. Raises UnknownEra and
    UnknownFormat before anything is read.
    """
    options = options or Options()
    if options.era != "auto":
        era_of(options.era)
    if options.input_format:
        source_named(options.input_format)
    report = Report(__version__)
    for path in paths:
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


@dataclass(frozen=True, slots=True)
class Held:
    """A live reservation of physical bytes [start, end): its type, its owner, the trace line where it was made.

    `since` is 0 for what is older than the trace.
    """

    start: int
    end: int
    type: int
    owner: str
    since: int


def state(path: str, at: str, options: Options | None = None) -> list[Held]:
    """The reservations after a line (``117``), a time (``44.17`` or ``time:44``) or a marker (its text or a part).

    In the kernel's order. Raises TraceError when the recording has no such point.
    """
    session = Session(path, options or Options(), lambda incident: None)
    point = _Point(at)
    replay = session.replay
    reached = False
    for event in session.events():
        if point.is_before(event):
            reached = True
            break
        replay.run((event,))
        if point.is_at(event):
            reached = True
            break
    if not reached and not point.is_reached_by(session.source.lines):
        raise TraceError(point.missing(session.source.lines), session.trace)
    return [
        Held(node.start, node.end, node.type, str(node.owner), node.born) for node in replay.context.machine.memtypes
    ]


class _Point:
    """A place in a trace: a line, a time or a marker."""

    def __init__(self, at: str) -> None:
        self.line, self.time, self.marker = -1, -1.0, ""
        self.markers: list[str] = []
        kind, colon, rest = at.partition(":")
        if colon and kind == "marker":
            self.marker = rest
        elif at.isdecimal():
            self.line = int(at)
        else:
            try:
                self.time = float(rest if colon and kind == "time" else at)
            except ValueError:
                self.marker = at

    def is_before(self, event: Event) -> bool:
        """Whether an event lies behind the point."""
        if self.line >= 0:
            return event.at > self.line
        return not self.marker and event.time is not None and event.time > self.time

    def is_at(self, event: Event) -> bool:
        """Whether an event is the point: a marker with the text."""
        if not self.marker or not isinstance(event, Marker):
            return False
        if len(self.markers) < 20:
            self.markers.append(event.text)
        return self.marker in event.text

    def is_reached_by(self, lines: int) -> bool:
        """Whether a trace of so many lines, read to its end, holds the point."""
        return 0 <= self.line <= lines or (self.line < 0 and not self.marker)

    def missing(self, lines: int) -> str:
        """Why there is no such point."""
        if self.line >= 0:
            return f"has {lines} lines, not {self.line}"
        there = ", ".join(repr(text) for text in self.markers)
        return f"has no marker {self.marker!r}" + (f"; there are {there}" if there else " and no marker at all")


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
    return [(source.name, source.title) for source in SOURCES]


def lint(paths: Iterable[str], names: Sequence[str]) -> Iterator[Sheet]:
    """Play every scenario below `paths` in each of the eras; raises TraceError for one that cannot be read."""
    chosen = [era_of(name) for name in names]
    for path in scenarios_below(paths):
        scenario = read_scenario(path)
        yield sheet_of(path, scenario.title, [play(scenario, era) for era in chosen])


def convert(path: str, options: Options | None = None) -> str:
    """What a recording does, as the text of a scenario that plays to the same state."""
    made, _ = _convert(path, options or Options())
    return made.text()
