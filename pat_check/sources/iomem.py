"""The map of physical addresses: /proc/iomem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pat_check.errors import TraceError
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

_LINE = Pattern(r"(?P<indent> *)(?P<start>[0-9a-f]{1,16})-(?P<last>[0-9a-f]{1,16}) : (?P<name>.*)")
_RAM = "System RAM"


@dataclass(slots=True)
class Resource:
    """A line of /proc/iomem."""

    start: int
    end: int  # exclusive; the kernel prints the last byte
    name: str
    depth: int  # 0 at the top; the kernel stops indenting at 5


def read_iomem(lines: Lines) -> list[Resource]:
    """All resources, parents before their children.

    Raises TraceError for a bad line, and for what a user without privileges sees: every address 0.
    """
    resources: list[Resource] = []
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise TraceError(f"is not a line of /proc/iomem: {line[:80]!r}", lines.path, at)
        start, end = int(match["start"], 16), int(match["last"], 16) + 1
        if start >= end:
            raise TraceError(f"the range {match['start']}-{match['last']} ends before it starts", lines.path, at)
        resources.append(Resource(start, end, match["name"].rstrip(), len(match["indent"]) // 2))
    if resources and all(resource.start == 0 and resource.end == 1 for resource in resources):
        raise TraceError("all addresses are zero: /proc/iomem must be read as root", lines.path)
    return resources


def ram_of(resources: Iterable[Resource]) -> list[tuple[int, int]]:
    """The ranges of RAM, at any depth and with any suffix (``System RAM (kmem)``): sorted, merged."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((item.start, item.end) for item in resources if item.name.startswith(_RAM)):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
