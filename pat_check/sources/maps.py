"""Saved mappings of processes: what ``maps-NN-NAME.txt`` of a capture holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pat_check.errors import TraceError
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

_PID = Pattern(r"== pid (?P<pid>\d{1,10})\s*$")
_RANGE = Pattern(r"(?P<start>[0-9a-f]{1,16})-(?P<end>[0-9a-f]{1,16}) (?P<prot>\S{4}) (?P<offset>[0-9a-f]+) ")
_FLAGS = Pattern(r"VmFlags:(?P<flags>(?: \S\S)*)\s*$")


@dataclass(slots=True)
class Area:
    """One mapping of user virtual bytes [start, end) with the letters of its VmFlags."""

    start: int
    end: int
    flags: frozenset[str]


def read_maps(lines: Lines) -> dict[int, list[Area]]:
    """Mappings by pid; raises TraceError for a line that cannot be read."""
    found: dict[int, list[Area]] = {}
    pid = -1
    for at, line in enumerate(lines, 1):
        if head := _PID.match(line):
            pid = int(head["pid"])
            found[pid] = []
        elif bounds := _RANGE.match(line):
            if pid < 0:
                raise TraceError("a mapping comes before any `== pid N` line", lines.path, at)
            found[pid].append(Area(int(bounds["start"], 16), int(bounds["end"], 16), frozenset()))
        elif flags := _FLAGS.match(line):
            if pid < 0 or not found[pid]:
                raise TraceError("VmFlags belong to no mapping", lines.path, at)
            found[pid][-1].flags = frozenset(flags["flags"].split())
        elif line.strip() and not re.match(r"\w+:", line):
            raise TraceError(f"is no line of smaps: {line[:60]!r}", lines.path, at)
    return found
