"""The life of tasks and drivers, and what the recording says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Event


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class SchedProcessFork(Event):
    """Tracepoint ``sched:sched_process_fork``: `pid` of the event is the parent's."""

    child_comm: str
    child_pid: int


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class SchedProcessExec(Event):
    """Tracepoint ``sched:sched_process_exec``: the task has a new address space."""

    filename: str


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class SchedProcessExit(Event):
    """Tracepoint ``sched:sched_process_exit``."""

    exit_pid: int
    group_dead: bool = False  # recorded as true: the last thread; older kernels do not say


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class ModuleLoad(Event):
    """Tracepoint ``module:module_load``: comes before the driver's init runs, in the same task."""

    module: str


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class ModuleFree(Event):
    """Tracepoint ``module:module_free``."""

    module: str


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Marker(Event):
    """A line written to trace_marker; ``checkpoint N NAME`` in it anchors a snapshot."""

    text: str


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Message(Event):
    """A line of the kernel log that memtype.md section 13 knows; `number` is its row there.

    Ranges are half-open: a source turns the printed inclusive end into an exclusive one.
    """

    number: int
    start: int
    end: int
    first: int  # first cache mode in the message; -1 none
    second: int  # second cache mode; -1 none
    third: int  # third cache mode (#14: ret); -1 none
    by_comm: str  # the task that the message names; "" none
    by_pid: int  # NO_PID none
    text: str  # the message itself, without prefixes


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class LostEvents(Event):
    """The recording misses `count` events of `cpu` here (-1: unknown how many)."""

    count: int
    rows: tuple[int, ...] = ()  # kernel messages of these rows of memtype.md section 13 only; () anything


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Malformed(Event):
    """A line that cannot be read; `cut` when it is the last line and ends in the middle."""

    column: int  # 1-based
    problem: str
    text: str  # excerpt
    cut: bool = False
