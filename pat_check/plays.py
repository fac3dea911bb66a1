"""Scenarios judged: one play in one era, its findings held against what the scenario claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pat_check.eras import ERAS, Era
from pat_check.errors import TraceError
from pat_check.events import NO_PID
from pat_check.findings import Finding, Severity, Suppression
from pat_check.incidents import ExpectationFailed, SuppressionUnused
from pat_check.judge import Judge
from pat_check.rulebook import Rulebook
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Outcome, Stage, applies
from pat_check.scenario.statements import Expect, Ignore, Scenario, Statement, Word, flattened
from pat_check.scenario.words import ScenarioError, near
from pat_check.sources.opening import open_lines

EXPECTATION: str = "scenario-expectation"
"""The rule of an ``expect`` line that did not come true; `Outcome.unmet` says of those that nothing claims."""


@dataclass(slots=True)
class Mark:
    """A claim that no finding met, or a finding that nothing claims."""

    line: int
    rule: str
    message: str = ""
    severity: Severity = Severity.ERROR


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
    check_names(scenario)
    judge, outcome = _played(scenario, era)
    ignored = _ignored(scenario)
    for at, said, rule in _unused(scenario, era, judge, ignored):
        judge.hear(SuppressionUnused(at, None, "", NO_PID, True, f"the comment in line {said.line} on {rule}"))
    findings = judge.close()
    for finding in findings:
        finding.era = era.name
        finding.suppression = ignored.get((finding.line, finding.rule))
    kept = [finding for finding in findings if finding.suppression is None]
    result = Play(scenario.path, era, kept, outcome)
    result.ignored = [finding for finding in findings if finding.suppression is not None]
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
            result.unexpected.append(Mark(finding.line, finding.rule, finding.message, finding.severity))
    return result


def check_names(scenario: Scenario) -> None:
    """Raise ScenarioError for the first rule that does not exist, or pattern that no era matches."""
    rules, eras = list(Rulebook()), [era.name for era in ERAS]
    for statement in flattened(scenario.statements):
        named = [claim.rule for claim in statement.claims]
        patterns = [claim.eras for claim in statement.claims]
        if isinstance(statement, Ignore):
            named += statement.rules
        elif isinstance(statement, Expect):
            patterns.append(statement.eras)
        for rule in named:
            if rule not in rules:
                raise _unknown(scenario, statement, rule, f"no rule is called {str(rule)!r}" + near(rule, rules))
        for pattern in patterns:
            if not any(applies(pattern.removeprefix("!"), era) for era in eras):
                meant = near(pattern.strip("!*?"), eras)
                raise _unknown(scenario, statement, pattern, f"no era is called {str(pattern)!r}{meant}")


def _unknown(scenario: Scenario, statement: Statement, word: Word, message: str) -> ScenarioError:
    return ScenarioError(message, scenario.path, statement.at, word.column, statement.text)


def claims(statements: Iterable[Statement], era: Era) -> Counter[tuple[int, str]]:
    """The findings that a scenario claims in an era."""
    claimed: Counter[tuple[int, str]] = Counter()
    for statement in flattened(statements):
        for claim in statement.claims:
            if applies(claim.eras, era.name):
                claimed[statement.at, str(claim.rule)] += 1
    return claimed


def _played(scenario: Scenario, era: Era) -> tuple[Judge, Outcome]:
    judge = Judge(scenario.path)
    outcome = Stage(scenario, era, judge.hear).play()
    for unmet in outcome.unmet:
        judge.hear(ExpectationFailed(unmet.at, None, "", NO_PID, True, unmet.message))
    return judge, outcome


_Ignored = dict[tuple[int, str], Suppression]


def _ignored(scenario: Scenario) -> _Ignored:
    """What comments of the scenario silence, by line and rule: on their own line, or on the next statement."""
    silent: _Ignored = {}
    statements = list(flattened(scenario.statements))
    for place, statement in enumerate(statements):
        if isinstance(statement, Ignore):
            after = next((other.at for other in statements[place + 1 :] if not isinstance(other, Ignore)), 0)
            said = Suppression(statement.reason, scenario.path, statement.at, in_source=True)
            for rule in statement.rules:
                silent.setdefault((statement.at, str(rule)), said)
                silent.setdefault((after, str(rule)), said)
    return silent


def _unused(scenario: Scenario, era: Era, judge: Judge, ignored: _Ignored) -> Iterator[tuple[int, Suppression, str]]:
    """Comments that silence nothing in any era: the statement meant, the comment, and the rule."""
    left = {(said.line, rule) for (_, rule), said in ignored.items()}
    for other in (era, *(one for one in ERAS if one is not era)):
        if not left:
            return
        own = judge if other is era else _played(scenario, other)[0]
        keys = [(finding.line, finding.rule) for finding in own.findings]
        left -= {(ignored[key].line, key[1]) for key in keys if key in ignored}
    for line, rule in sorted(left):
        at = max(at for (at, name), said in ignored.items() if name == rule and said.line == line)
        yield at, ignored[at, rule], rule
