"""Scenarios judged: one play in one era, its findings held against what the scenario claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pat_check.eras import Era
from pat_check.errors import TraceError
from pat_check.events import NO_PID
from pat_check.findings import Finding
from pat_check.incidents import ExpectationFailed
from pat_check.judge import Judge
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Outcome, Stage, applies
from pat_check.scenario.statements import Ignore, Operation, Scenario, Statement
from pat_check.sources.opening import open_lines

EXPECTATION: str = "scenario-expectation"
"""The rule of an ``expect`` line that did not come true; `Outcome.unmet` says of those that nothing claims."""


@dataclass(slots=True)
class Mark:
    """A claim that no finding met, or a finding that nothing claims."""

    line: int
    rule: str
    message: str = ""


@dataclass(slots=True)
class Play:
    """A scenario played in one era."""

    path: str
    era: Era
    findings: list[Finding]
    outcome: Outcome
    unmet: list[Mark] = field(default_factory=list)
    unexpected: list[Mark] = field(default_factory=list)
    ignored: list[Finding] = field(default_factory=list)  # by a `# pat-check: ignore[...]` comment

    @property
    def is_as_claimed(self) -> bool:
        """Whether exactly what the scenario claims was found, and all it expects came true."""
        return not self.unmet and not self.unexpected and not self.outcome.unmet


def read_scenario(path: str) -> Scenario:
    """Read and parse a scenario; ``-`` is standard input. Raises TraceError."""
    lines = open_lines(path)
    return parse("\n".join(lines), lines.path)


def scenarios_below(paths: Iterable[str]) -> list[str]:
    """Files as they are, and every .pat file below directories, in order of name."""
    found: list[str] = []
    for path in paths:
        if Path(path).is_dir():
            below = sorted(str(file) for file in Path(path).rglob("*.pat"))
            if not below:
                raise TraceError("is a directory without .pat files", path)
            found.extend(below)
        else:
            found.append(path)
    return found


def play(scenario: Scenario, era: Era) -> Play:
    """Play a scenario in an era; raises TraceError for a statement that makes no sense."""
    judge = Judge(scenario.path)
    outcome = Stage(scenario, era, judge.hear).play()
    for unmet in outcome.unmet:
        judge.hear(ExpectationFailed(unmet.at, None, "", NO_PID, True, unmet.message))
    findings = judge.close()
    ignored = _ignored(scenario)
    kept = [finding for finding in findings if (finding.line, finding.rule) not in ignored]
    result = Play(scenario.path, era, kept, outcome)
    result.ignored = [finding for finding in findings if (finding.line, finding.rule) in ignored]
    claimed = claims(scenario.statements, era)
    found = Counter((finding.line, finding.rule) for finding in kept if "still held" not in finding.message)
    outcome.unmet = [
        unmet
        for unmet in outcome.unmet
        if (unmet.at, EXPECTATION) not in claimed and (unmet.at, EXPECTATION) not in ignored
    ]
    result.unmet = [Mark(line, rule) for line, rule in sorted((claimed - found).elements())]
    surplus = found - claimed
    for finding in kept:
        if surplus[finding.line, finding.rule] > 0 and finding.rule != EXPECTATION:
            surplus[finding.line, finding.rule] -= 1
            result.unexpected.append(Mark(finding.line, finding.rule, finding.message))
    return result


def claims(statements: Iterable[Statement], era: Era) -> Counter[tuple[int, str]]:
    """The findings that a scenario claims in an era."""
    claimed: Counter[tuple[int, str]] = Counter()
    for statement in statements:
        for claim in statement.claims:
            if applies(claim.eras, era.name):
                claimed[statement.at, claim.rule] += 1
        if isinstance(statement, Operation) and statement.body:
            claimed += claims(statement.body, era)
    return claimed


def _ignored(scenario: Scenario) -> set[tuple[int, str]]:
    """(line, rule) pairs that comments of the scenario silence: on their own line, or on the next statement."""
    silent: set[tuple[int, str]] = set()
    statements = scenario.statements
    for place, statement in enumerate(statements):
        if isinstance(statement, Ignore):
            after = next((other.at for other in statements[place + 1 :] if not isinstance(other, Ignore)), 0)
            for rule in statement.rules:
                silent.update(((statement.at, rule), (after, rule)))
    return silent
