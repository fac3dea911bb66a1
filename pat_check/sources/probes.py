"""Which functions a recording has probes on: kprobe_events, dynamic_events or kprobe_profile of tracefs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pat_check.sources.catalogue import resolve
from pat_check.sources.patterns import Pattern
from pat_check.sources.specs import BY_FUNCTION

_DEFINITION = Pattern(
    r"(?P<kind>[prft])\d*:(?:[\w.-]+/)?(?P<event>\w+) (?:\S+:)?(?P<function>\w+)(?P<at_return>%return)?"
)
_PROFILE = Pattern(r" *(?P<event>\w+) +(?P<hits>\d{1,18}) +(?P<missed>\d{1,18})")


class Probes(NamedTuple):
    """Functions of the catalogue that are probed: at their entry, and at their return."""

    entries: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    hits: Mapping[str, tuple[int, int]] = MappingProxyType({})  # by "FUNCTION entries" or "returns": hits and misses

    def and_of(self, other: Probes) -> Probes:
        """These, and those of another file."""
        return Probes(self.entries | other.entries, self.returns | other.returns, {**self.hits, **other.hits})


def read_probes(lines: Iterable[str]) -> Probes:
    """The functions of the catalogue that have a probe; lines of other kinds say nothing."""
    found: tuple[set[str], set[str]] = set(), set()
    hits: dict[str, tuple[int, int]] = {}
    for line in lines:
        if (match := _DEFINITION.match(line)) is not None and match["function"] in BY_FUNCTION:
            found[match["kind"] == "r" or bool(match["at_return"])].add(match["function"])
        elif match is not None or (match := _PROFILE.fullmatch(line.rstrip())) is not None:
            resolved = resolve(match["event"])
            if resolved is not None:
                function, half = resolved[0].function, "returns" if resolved[1] else "entries"
                found[resolved[1]].add(function)
                if "hits" in match.re.groupindex:
                    before = hits.get(f"{function} {half}", (0, 0))  # of a second probe on the same place
                    hits[f"{function} {half}"] = before[0] + int(match["hits"]), before[1] + int(match["missed"])
    return Probes(frozenset(found[False]), frozenset(found[True]), hits)
