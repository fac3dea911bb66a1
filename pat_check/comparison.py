"""The same operations under several kernels: what they find, where they part, how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from pat_check.conversion import convert
from pat_check.eras import Era, era_of
from pat_check.findings import Comparison, Side
from pat_check.plays import Play, play, read_scenario
from pat_check.scenario.parser import parse
from pat_check.scenario.statements import Scenario
from pat_check.session import Options
from pat_check.sources.memtype_list import format_memtype_list


def compare(path: str, eras: Sequence[str], options: Options) -> Comparison:
    """Play a scenario, or what a recording does, in several eras. Raises TraceError and UnknownEra."""
    chosen = [era_of(name) for name in eras]
    scenario, origin = _scenario(path, options)
    plays = [play(scenario, era) for era in chosen]
    for one in plays:
        for finding in (*one.findings, *one.ignored):
            finding.file = path
            finding.line = origin.get(finding.line, finding.line)
            for note in finding.notes:
                note.line = origin.get(note.line, note.line)
    sides = [_side(one, era) for one, era in zip(plays, chosen, strict=True)]
    counts = [Counter((finding.line, finding.rule) for finding in side.findings) for side in sides]
    for side, own in zip(sides, counts, strict=True):
        for finding in side.findings:
            key = (finding.line, finding.rule)
            if any(other[key] < own[key] for other in counts):
                side.only.append(finding)
    at = _parting(plays)
    text = next((line for number, line in enumerate(_lines(scenario), 1) if number == at), "")
    return Comparison(path, sides, origin.get(at, at), text)


def _scenario(path: str, options: Options) -> tuple[Scenario, dict[int, int]]:
    if path.endswith(".pat"):
        return read_scenario(path), {}
    made, _ = convert(path, options)
    return parse(made.text(), path), made.origin


def _side(one: Play, era: Era) -> Side:
    nodes = [(node.start, node.end, node.type) for node in one.outcome.world.machine.memtypes]
    return Side(era.name, [*one.findings, *one.ignored], format_memtype_list(nodes))


def _parting(plays: list[Play]) -> int:
    """The first line where a result or the list after it is not the same everywhere."""
    steps = [list(zip_longest(one.outcome.results, one.outcome.states)) for one in plays]
    for step in zip_longest(*steps):
        if any(other != step[0] for other in step):
            first = next(other for other in step if other is not None)
            at: int = first[0][0]
            return at
    return 0


def _lines(scenario: Scenario) -> list[str]:
    lines: dict[int, str] = {}
    waiting = list(scenario.statements)
    while waiting:
        statement = waiting.pop()
        lines[statement.at] = statement.text.strip()
        waiting.extend(getattr(statement, "body", None) or ())
    return [lines.get(number, "") for number in range(1, max(lines, default=0) + 1)]
