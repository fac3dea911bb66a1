"""Snapshots of the reservations: /sys/kernel/debug/x86/pat_memtype_list, read and written.

The ends that the kernel prints there are exclusive, unlike almost all of its messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pat_check.cachemode import BY_NAME, cachemode_name
from pat_check.errors import TraceError
from pat_check.sources.grammar import expected
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

_HEADER = "PAT memtype list:"
_RANGE = r"0x(?P<start>[0-9a-f]{1,16})-0x(?P<end>[0-9a-f]{1,16})"
_NODE = Pattern(rf"(?:PAT: )?\[mem {_RANGE}\] (?P<name>[a-z-]+)\s*")
_OLD_NODE = Pattern(rf"(?:PAT: )?(?P<name>[a-z-]+) @ {_RANGE}\s*")


def read_memtype_list(lines: Lines) -> list[tuple[int, int, int]]:
    """The nodes in tree order: start, end (exclusive) and cache mode; raises TraceError for a bad line."""
    nodes: list[tuple[int, int, int]] = []
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.strip() == _HEADER:
            continue
        match = _node(line)
        if match is None:
            problem, column = expected("memtype_list", line)
            raise TraceError(f"is not a line of pat_memtype_list: {problem} (column {column})", lines.path, at)
        mode = BY_NAME.get(match["name"])
        if mode is None:
            raise TraceError(f"{match['name'][:40]!r} is no cache mode", lines.path, at)
        start, end = int(match["start"], 16), int(match["end"], 16)
        if start >= end:
            raise TraceError(f"the range {start:#x}-{end:#x} is empty", lines.path, at)
        nodes.append((start, end, mode))
    return nodes


def format_memtype_list(nodes: Iterable[tuple[int, int, int]]) -> str:
    """The text that the kernel prints for these nodes, byte for byte."""
    body = (f"PAT: [mem 0x{start:016x}-0x{end:016x}] {cachemode_name(mode)}\n" for start, end, mode in nodes)
    return f"{_HEADER}\n{''.join(body)}"


def looks_like_memtype_list(head: list[str]) -> bool:
    """Whether a file that begins so is a snapshot: the first line with text is its header or a node."""
    first = next((line for line in head if line.strip()), "")
    return first.strip() == _HEADER or _node(first) is not None


def _node(line: str) -> re.Match[str] | None:
    return _NODE.fullmatch(line) or _OLD_NODE.fullmatch(line)
