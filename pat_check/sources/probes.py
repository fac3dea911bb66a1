"""Which functions a recording has probes on: kprobe_events, dynamic_events or kprobe_profile of tracefs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pat_check.sources.catalogue import resolve
from pat_check.sources.specs import BY_FUNCTION

_DEFINITION = re.compile(r"[prft]\d*:(?:[\w.-]+/)?(?P<event>\w+) (?:\S+:)?(?P<function>\w+)")
_PROFILE = re.compile(r" *(?P<event>\w+) +\d+ +\d+")


def read_probes(lines: Iterable[str]) -> frozenset[str]:
    """The functions of the catalogue that have a probe; lines of other kinds say nothing."""
    found: set[str] = set()
    for line in lines:
        if (match := _DEFINITION.match(line)) is not None and match["function"] in BY_FUNCTION:
            found.add(match["function"])
        elif match is not None or (match := _PROFILE.fullmatch(line.rstrip())) is not None:
            resolved = resolve(match["event"])
            if resolved is not None:
                found.add(resolved[0].function)
    return frozenset(found)
