"""docs/reference/events.md: which functions and tracepoints are read, with which fields, under which names."""

from __future__ import annotations

import inspect
import re

from pat_check.docs.markdown import code, page, table
from pat_check.sources.catalogue import TRACEPOINTS
from pat_check.sources.specs import SPECS, Field, Spec

_INTRO = """
A recording is replayed from the calls below. Each is a probe at the entry of the function and, where its result
matters, one at its return. Everything else in a trace is counted as ignored. Which of them to record is said in
[how to record](../how-to/record.md)."""

_NAMES = """
An event may be called as you like to define it, for a function `F`:

| Name | From |
|---|---|
| `F`, `F__ret` | probes as in [how to record](../how-to/record.md) |
| `F_ret` | bpftrace |
| `F__return` | `perf probe` |
| `F__entry`, `F__exit` | fprobe events without a name |
| `p_F_0`, `r_F_0` | kprobe events without a name |

A field may have any of the names in its row, and numbers may be decimal, hexadecimal or followed by a word:
`req=1`, `req_type=0x1`, `arg3=1 [_PAGE_CACHE_MODE_WC]`. The result is `ret` or `retval`. Fields in *italics* may be
missing: then the model takes what it knows itself, or leaves a check out."""

_TRACEPOINTS: dict[str, str] = {
    "sched_process_fork": "who has the child's reservations",
    "sched_process_exec": "the old address space goes",
    "sched_process_exit": "which tasks share an address space, and when its last one is gone",
    "module_load": "a module, and with it a driver, begins",
    "module_free": "a module goes: what it still holds is leaked",
}
"""What each tracepoint is good for."""


_API = re.compile(r"(?:[;:] `api` is the function's name)?\.$")


def events_page() -> str:
    """The page."""
    functions = table(("Function", "Fields", "Result", ""), map(_row, SPECS))
    points = table(("Tracepoint", "Tells"), ((code(name), _TRACEPOINTS[name]) for name in TRACEPOINTS))
    markers = (
        "A line of trace_marker that reads `checkpoint NN NAME` is the place of a snapshot: see "
        "[inputs](inputs.md). Kernel messages of the memtype layer are read wherever they are, in a kernel log or "
        "from the `console` tracepoint."
    )
    return page(
        "Events", _INTRO, "## Functions", functions, "## Names", _NAMES, "## Tracepoints", points, "## Markers", markers
    )


def _row(spec: Spec) -> tuple[str, str, str, str]:
    fields = "; ".join(map(_field, (*spec.fields, *spec.trailing)))
    result = "address" if spec.pointer else "number"
    if spec.got:
        result += ", with " + " or ".join(map(code, spec.got))
    return code(spec.function), fields, result, _API.sub("", inspect.getdoc(spec.call) or "")


def _field(field: Field) -> str:
    names = ", ".join(map(code, field.names))
    return names if field.default is None else f"*{names}*"
