"""The same operations under several kernels: what they find, where they part, how they end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from pat_check.conversion import Converted, convert
from pat_check.eras import Era, era_of
from pat_check.findings import Comparison, Side
from pat_check.plays import Play, play, read_scenario
from pat_check.quoting import line_of
from pat_check.scenario.lists import first_other
from pat_check.scenario.parser import parse
from pat_check.scenario.statements import Scenario
from pat_check.session import Options
from pat_check.sources.memtype_list import format_memtype_list

_MOST = 5
"""Notes on lines of a recording."""
_SAID = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"#])*')


def compare(path: str, eras: Sequence[str], options: Options) -> Comparison:
    """Play a scenario, or what a recording does, in several eras. Raises TraceError and UnknownEra."""
    chosen = [era_of(name) for name in eras]
    scenario, made, file = _scenario(path, options)
    origin = made.origin if made is not None else {}
    plays = [play(scenario, era) for era in chosen]
    if made is not None:
        for one in plays:
            _as_recorded(one, made)
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
    result = Comparison(file, sides, origin.get(at, at), _lines(scenario).get(at, ""))
    if made is not None:
        result.notes = _notes(made)
        result.quotation = line_of(file, result.parts_at) if result.parts_at else ""
    return result


def _scenario(path: str, options: Options) -> tuple[Scenario, Converted | None, str]:
    """What is played, how it was made of a recording, and the file that its lines are of."""
    if path.endswith(".pat"):
        return read_scenario(path), None, path
    made, file = convert(path, options, placed=True)
    return parse(made.text(), path), made, file


def _notes(made: Converted) -> list[str]:
    """What of a recording is not played as it was done, and where."""
    notes = [made.plain] if made.plain else []
    notes += [f"line {line}: {text}" for line, text in made.remarks[:_MOST]]
    further = len(made.remarks) - _MOST
    return [*notes, f"{further} more of this kind; `convert` says all"] if further > 0 else notes


def _as_recorded(one: Play, made: Converted) -> None:
    """Findings name tasks as the recording does: the numbers that they have in the play are nobody's."""
    names = {
        f"{name}:{actor.pid}": f"{comm}:{pid}"
        for name, actor in one.outcome.world.actors.items()
        for comm, pid in [made.tasks.get(name, (name, actor.pid))]
    }
    if names:
        pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
        for finding in (*one.findings, *one.ignored):
            finding.message = pattern.sub(lambda match: names[match[0]], finding.message)


def _side(one: Play, era: Era) -> Side:
    nodes = [(node.start, node.end, node.type) for node in one.outcome.world.machine.memtypes]
    return Side(era.name, [*one.findings, *one.ignored], format_memtype_list(nodes))


def _parting(plays: list[Play]) -> int:
    """The first line where a result or the list after it is not the same everywhere; 0: none."""
    other_list = first_other([one.outcome.lists for one in plays])
    for number, step in enumerate(zip_longest(*(one.outcome.results for one in plays))):
        if number == other_list or any(other != step[0] for other in step):
            first = next(other for other in step if other is not None)
            at: int = first[0]
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
