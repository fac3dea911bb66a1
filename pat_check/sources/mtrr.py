"""The variable MTRRs: /proc/mtrr."""

from __future__ import annotations

from pat_check.errors import TraceError
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

KINDS: tuple[str, ...] = ("uncachable", "write-combining", "write-through", "write-protect", "write-back")
"""The names that the kernel prints (``mtrr_attrib_to_str()``)."""

# Kernels before 2.6.28 print the count after the kind.
_LINE = Pattern(
    r"reg\d{1,3}: base=0x(?P<base>[0-9a-f]{1,16}) \( *\d{1,20}[kKMG]B\), size= *(?P<size>\d{1,12})(?P<unit>[kKMG])B"
    r"(?:, count=\d{1,10})?: (?P<kind>[a-z?-]+)(?:, count=\d{1,10})?\s*"
)
_UNITS = {"K": 10, "M": 20, "G": 30}


def read_mtrr(lines: Lines) -> list[tuple[int, int, str]]:
    """The registers in use: start, end (exclusive) and one of KINDS; raises TraceError for a bad line."""
    registers: list[tuple[int, int, str]] = []
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise TraceError(f"is not a line of /proc/mtrr: {line[:80]!r}", lines.path, at)
        if match["kind"] not in KINDS:
            raise TraceError(f"{match['kind'][:40]!r} is no type of an MTRR", lines.path, at)
        start = int(match["base"], 16)
        registers.append((start, start + (int(match["size"]) << _UNITS[match["unit"].upper()]), match["kind"]))
    return registers
