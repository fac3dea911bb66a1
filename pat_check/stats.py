"""What is in a recording: how often each kind of event, without replaying it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pat_check.errors import TraceError
from pat_check.sources.base import PREVIEW
from pat_check.sources.capture import is_capture, open_capture
from pat_check.sources.formats import source_named, source_of
from pat_check.sources.opening import open_lines


@dataclass(slots=True)
class Stats:
    """The kinds of events of one recording, each as a name and a number, the most frequent first."""

    path: str
    format: str
    lines: int
    entries: dict[str, int]  # of kernel functions that the model hears
    returns: dict[str, int]
    others: dict[str, int]  # tracepoints, markers, kernel messages, lost events, malformed lines
    ignored: dict[str, int]  # what the model has no use for
    broken: str = ""  # why the rest of a compressed file could not be read

    @property
    def events(self) -> int:
        """How many events the model hears."""
        return sum((*self.entries.values(), *self.returns.values(), *self.others.values()))


def stats(path: str, input_format: str | None = None, progress: Callable[[str, int], None] | None = None) -> Stats:
    """Count the events of a recording or a capture; raises TraceError when there is none, UnknownFormat."""
    trace = open_capture(path).trace if is_capture(path) else path
    lines = open_lines(trace, tolerant=True)
    if progress is not None:
        lines.tick = lambda count: progress(path, count)
    head = lines.preview(PREVIEW)
    source = (source_named(input_format) if input_format else source_of(head, lines.path))()
    counts = source.count(lines)
    if lines.broken and not source.lines:
        raise TraceError(lines.broken, lines.path)
    return Stats(
        path,
        source.name,
        source.lines,
        _sorted(counts.entries),
        _sorted(counts.returns),
        _sorted(counts.others),
        _sorted(source.ignored),
        lines.broken,
    )


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
