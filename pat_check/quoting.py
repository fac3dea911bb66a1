"""The trace lines that findings point at, read again: the story in the recording's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pat_check.errors import TraceError
from pat_check.findings import Report
from pat_check.sources.opening import open_lines

_LIMIT = 2_000  # lines; a report with more findings quotes its first ones
_WIDTH = 300


def quoted(report: Report) -> Callable[[str, int], str]:
    """A look-up of the lines of a report by file and number: "" for what was not kept, such as standard input."""
    wanted: dict[str, set[int]] = {}
    count = 0
    for finding in report.findings:
        if not finding.counts:
            continue  # it is told in a line, or not at all
        noted = [(note.file or finding.file, note.line) for note in finding.notes]
        for file, line in ((finding.file, finding.line), *noted):
            if line and file != "<stdin>" and count < _LIMIT:
                count += 1
                wanted.setdefault(file, set()).add(line)
    texts: dict[tuple[str, int], str] = {}
    for file, lines in wanted.items():
        _read(file, lines, texts)
    return lambda file, line: texts.get((file, line), "")


def line_of(file: str, at: int) -> str:
    """One line of a file, as a quotation; "" where it cannot be read again."""
    texts: dict[tuple[str, int], str] = {}
    _read(file, {at}, texts)
    return texts.get((file, at), "")


def _read(file: str, wanted: set[int], texts: dict[tuple[str, int], str]) -> None:
    if not Path(file).is_file():
        return  # a pipe is read only once
    last = max(wanted)
    try:
        for at, line in enumerate(open_lines(file), 1):
            if at in wanted:
                texts[file, at] = " ".join(line.split())[:_WIDTH]
            if at >= last:
                return
    except TraceError:
        return  # it was readable a moment ago; the findings stand without quotations
