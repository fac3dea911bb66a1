"""The BARs of PCI devices, as `pat-check record` saves them: which BAR of which device a range is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pat_check.errors import TraceError
from pat_check.sources.iomem import Resource
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

_LINE = Pattern(
    r"0x(?P<start>[0-9a-f]{1,16})-0x(?P<last>[0-9a-f]{1,16}) (?P<device>[0-9a-f:.]{5,16}) bar(?P<bar>[0-5])(?: .*)?"
)
_DEPTH = 900
"""Of a BAR that /proc/iomem does not tell of: inside of everything that it may tell."""

Bar = tuple[int, int, str, int]
"""Start, end (exclusive), device, number."""


def read_bars(lines: Lines) -> list[Bar]:
    """The BARs: ``0xSTART-0xLAST DEVICE barN ...``, a line each; raises TraceError for a bad line."""
    bars: list[Bar] = []
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise TraceError(f"is not a BAR: {line[:80]!r}", lines.path, at)
        start, end = int(match["start"], 16), int(match["last"], 16) + 1
        if start >= end:
            raise TraceError(f"the BAR {line[:40]!r} ends before it starts", lines.path, at)
        bars.append((start, end, match["device"], int(match["bar"])))
    return bars


def name_bars(resources: Iterable[Resource], bars: Iterable[Bar]) -> list[Resource]:
    """The resources of /proc/iomem, those that are a BAR with its number; BARs that it does not tell of are added."""
    named = {(start, end, device): f"{device} BAR {number}" for start, end, device, number in bars}
    told = []
    unseen = dict(named)
    for resource in resources:
        key = resource.start, resource.end, resource.name
        unseen.pop(key, None)
        told.append(replace(resource, name=named[key]) if key in named else resource)
    return [*told, *(Resource(start, end, name, _DEPTH) for (start, end, _), name in unseen.items())]
