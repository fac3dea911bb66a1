"""Which functions a recording has probes on: kprobe_events, dynamic_events or kprobe_profile of tracefs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pat_check.sources.catalogue import resolve
from pat_check.sources.specs import BY_FUNCTION

_DEFINITION = re.compile(
    r"(?P<kind>[prft])\d*:(?:[\w.-]+/)?(?P<event>\w+) (?:\S+:)?(?P<function>\w+)(?P<at_return>%return)?"
)
_PROFILE = re.compile(r" *(?P<event>\w+) +\d+ +\d+")


class Probes(NamedTuple):
    """Functions of the catalogue that are probed: at their entry, and at their return."""

    entries: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()

    def and_of(self, other: Probes) -> Probes:
        """These, and those of another file."""
        return Probes(self.entries | other.entries, self.returns | other.returns)


def read_probes(lines: Iterable[str]) -> Probes:
    """The functions of the catalogue that have a probe; lines of other kinds say nothing."""
    found: tuple[set[str], set[str]] = set(), set()
    for line in lines:
        if (match := _DEFINITION.match(line)) is not None and match["function"] in BY_FUNCTION:
            found[match["kind"] == "r" or bool(match["at_return"])].add(match["function"])
        elif match is not None or (match := _PROFILE.fullmatch(line.rstrip())) is not None:
            resolved = resolve(match["event"])
            if resolved is not None:
                found[resolved[1]].add(resolved[0].function)
    return Probes(frozenset(found[False]), frozenset(found[True]))
