"""What all events share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pat_check.compiling import mypyc_attr
from pat_check.values import Value

NO_PID: Final = -1
"""The pid of an event whose recording shows no task (option ``nocontext-info``, kernel log)."""


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Event(Value):
    """Anything that happened, at a line of the trace."""

    at: int  # 1-based line of the input
    time: float | None  # seconds, or ticks where the clock has no seconds; None where not shown
    cpu: int  # -1 where not shown
    pid: int  # the thread; NO_PID where not shown
    comm: str  # as recorded: may hold anything; "" where not shown


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Moment(Event):
    """When something happened, and nothing more: what makes this one is compiled."""

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm


@mypyc_attr(acyclic=True)
@dataclass(slots=True, repr=False, eq=False)
class Call(Event):
    """Entry of a kernel function."""

    def function(self) -> str:
        """The kernel function's name."""
        raise NotImplementedError


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Return(Event):
    """Return of a kernel function."""

    call: type[Call]  # which one
    api: str  # its name
    ret: int | None  # as a signed number or an address; None where the recording has no value
    got: int = -1  # the granted cache mode (``new=``, ``type=``); -1 not recorded
    caller: str = ""  # symbol that the function returned to, with its [module]
    entry: Call | None = None  # the arguments, where the return event records them

    def __init__(
        self,
        at: int,
        time: float | None,
        cpu: int,
        pid: int,
        comm: str,
        call: type[Call],
        api: str,
        ret: int | None,
        got: int = -1,
        caller: str = "",
        entry: Call | None = None,
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.call, self.api, self.ret, self.got = call, api, ret, got
        self.caller, self.entry = caller, entry
