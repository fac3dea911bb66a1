"""The reference decoders: events from the parse trees of the grammars.

They share the event catalogue with the fast lanes and nothing else, so that each can prove the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pat_check.sources.trees.base import Decoder, FieldErrorAt
from pat_check.sources.trees.bpftrace import bpftrace
from pat_check.sources.trees.fgraph import Graph
from pat_check.sources.trees.ftrace import ftrace
from pat_check.sources.trees.klog import klog
from pat_check.sources.trees.mmiotrace import Mappings
from pat_check.sources.trees.perf import perf

__all__ = ["DECODERS", "FieldErrorAt"]

DECODERS: dict[str, Callable[[Sequence[str]], Decoder]] = {
    "bpftrace": lambda lines: bpftrace,
    "fgraph": lambda lines: Graph(line for line in lines if " => " in line and not line.startswith((" => ", "#"))),
    "ftrace": lambda lines: ftrace,
    "klog": lambda lines: klog,
    "mmiotrace": lambda lines: Mappings(),
    "perf": lambda lines: perf,
}
"""By the name of the grammar: what makes a decoder for these lines."""
