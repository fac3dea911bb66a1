"""The life of tasks and drivers, and what the recording says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Event


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class SchedProcessFork(Event):
    """Tracepoint ``sched:sched_process_fork``: `pid` of the event is the parent's."""

    child_comm: str
    child_pid: int

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        child_comm: str,
        child_pid: int,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.child_comm, self.child_pid = child_comm, child_pid


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class SchedProcessExec(Event):
    """Tracepoint ``sched:sched_process_exec``: the task has a new address space."""

    filename: str

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, filename: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.filename = filename


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class SchedProcessExit(Event):
    """Tracepoint ``sched:sched_process_exit``."""

    exit_pid: int
    group_dead: bool = False  # recorded as true: the last thread; older kernels do not say

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        exit_pid: int,
        group_dead: bool = False,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.exit_pid, self.group_dead = exit_pid, group_dead


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ModuleLoad(Event):
    """Tracepoint ``module:module_load``: comes before the driver's init runs, in the same task."""

    module: str

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, module: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.module = module


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class ModuleFree(Event):
    """Tracepoint ``module:module_free``."""

    module: str

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, module: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.module = module


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Marker(Event):
    """A line written to trace_marker; ``checkpoint N NAME`` in it anchors a snapshot."""

    text: str

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, text: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.text = text


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
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

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        number: int,
        start: int,
        end: int,
        first: int,
        second: int,
        third: int,
        by_comm: str,
        by_pid: int,
        text: str,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.number, self.start, self.end, self.first = number, start, end, first
        self.second, self.third, self.by_comm, self.by_pid = second, third, by_comm, by_pid
        self.text = text


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class LostEvents(Event):
    """The recording misses `count` events of `cpu` here (-1: unknown how many)."""

    count: int
    rows: tuple[int, ...] = ()  # kernel messages of these rows of memtype.md section 13 only; () anything

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        count: int,
        rows: tuple[int, ...] = (),
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.count, self.rows = count, rows


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Malformed(Event):
    """A line that cannot be read; `cut` when it is the last line and ends in the middle."""

    column: int  # 1-based
    problem: str
    text: str  # excerpt
    cut: bool = False

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        column: int,
        problem: str,
        text: str,
        cut: bool = False,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.column, self.problem, self.text, self.cut = column, problem, text, cut
