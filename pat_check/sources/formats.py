"""Which source reads an input: by content, or by name."""

from __future__ import annotations

from pat_check.errors import TraceError, UnknownFormat
from pat_check.sources.base import Source
from pat_check.sources.bpftrace import Bpftrace
from pat_check.sources.fgraph import FunctionGraph
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.klog import KernelLog
from pat_check.sources.memtype_list import looks_like_memtype_list
from pat_check.sources.mmiotrace import Mmiotrace
from pat_check.sources.perf import PerfScript

SOURCES: tuple[type[Source], ...] = (FunctionGraph, Mmiotrace, Bpftrace, PerfScript, Ftrace, KernelLog)
"""In the order in which they are asked; the kernel log last, for it takes almost any text with a prefix."""


def source_of(head: list[str], path: str) -> type[Source]:
    """The first source that recognises the first lines; raises TraceError when none does."""
    for source in SOURCES:
        if source.sniff(head):
            return source
    if looks_like_memtype_list(head):
        raise TraceError("is a list of reservations, no recording: give it beside one, with --memtypes", path)
    names = ", ".join(source.name for source in SOURCES)
    raise TraceError(f"is no recording that pat-check knows (one of {names}; --input-format overrides)", path)


def source_named(name: str) -> type[Source]:
    """The source with this name; raises UnknownFormat."""
    for source in SOURCES:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in SOURCES)
    raise UnknownFormat(f"no input format is called {name!r}: there are {names}")
