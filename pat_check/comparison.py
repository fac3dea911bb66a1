"""The same operations under several kernels: what they find, where they part, how they end."""

from __future__ import annotations

import re
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

_SAID = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"#])*')


def compare(path: str, eras: Sequence[str], options: Options) -> Comparison:
    """Play a scenario, or what a recording does, in several eras. Raises TraceError and UnknownEra."""
    chosen = [era_of(name) for name in eras]
    scenario, file, origin, notes = _scenario(path, options)
    plays = [play(scenario, era) for era in chosen]
    sides = [_side(one, era) for one, era in zip(plays, chosen, strict=True)]
    for finding in (finding for side in sides for finding in side.findings):
        finding.file = file
        finding.line = origin.get(finding.line, finding.line)
        for note in finding.notes:
            note.line = origin.get(note.line, note.line)
    counts = [Counter((finding.line, finding.rule) for finding in side.findings) for side in sides]
    for side, own in zip(sides, counts, strict=True):
        for finding in side.findings:
            key = (finding.line, finding.rule)
            if any(other[key] < own[key] for other in counts):
                side.only.append(finding)
    places = {origin.get(at, at): at for at in _lines(scenario)}
    parting = [places.get(finding.line, 0) for side in sides for finding in side.only]
    at = min(filter(None, [_parting(plays), *parting]), default=0)
    return Comparison(file, sides, origin.get(at, at), _lines(scenario).get(at, ""), notes)


def _scenario(path: str, options: Options) -> tuple[Scenario, str, dict[int, int], list[str]]:
    """What is played, the file that its lines are of, which line of that file each comes from, and what is left out."""
    if path.endswith(".pat"):
        return read_scenario(path), path, {}, []
    made, file = convert(path, options)
    return parse(made.text(), path), file, made.origin, made.notes


def _side(one: Play, era: Era) -> Side:
    nodes = [(node.start, node.end, node.type) for node in one.outcome.world.machine.memtypes]
    return Side(era.name, [*one.findings, *one.ignored], format_memtype_list(nodes))


def _parting(plays: list[Play]) -> int:
    """The first line where a result or the list after it is not the same everywhere; 0: none."""
    steps = [list(zip_longest(one.outcome.results, one.outcome.states)) for one in plays]
    for step in zip_longest(*steps):
        if any(other != step[0] for other in step):
            first = next(other for other in step if other is not None)
            at: int = first[0][0]
            return at
    return 0


def _lines(scenario: Scenario) -> dict[int, str]:
    """What the lines say, without claims and comments."""
    lines: dict[int, str] = {}
    waiting = list(scenario.statements)
    while waiting:
        statement = waiting.pop()
        said = _SAID.match(statement.text)
        lines[statement.at] = said[0].strip() if said is not None else ""
        waiting.extend(getattr(statement, "body", None) or ())
    return lines
