"""Functions of which a recording shows only the entries, or only the returns: what was not probed at its other end."""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    Event,
    ExitMmap,
    Marker,
    Return,
    SchedProcessExec,
    SchedProcessExit,
    SchedProcessFork,
    UnmapVmas,
    ZapVma,
)
from pat_check.replay.tasks import SCOPES

_OUTSIDE: Final[frozenset[type[Event]]] = frozenset(
    (
        ExitMmap,
        Marker,
        SchedProcessExec,
        SchedProcessExit,
        SchedProcessFork,
        UnmapVmas,
    )
)
"""Events that are never inside a call whose return is awaited."""


def nested_in(event: Return) -> str:
    """Who called whom: both names, the caller's first."""
    caller = event.caller
    plus = caller.find("+")
    return f"{caller if plus < 0 else caller[:plus]} {event.api}"


def _place(opened: list[str], function: str) -> int:
    """Where a function is in a list, first; -1 nowhere."""
    for place in range(len(opened)):
        if opened[place] == function:
            return place
    return -1


class Halves:
    """Listens to the first events, and tells of which functions one half is missing."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self.returned: set[str] = set()
        self.nested: set[str] = set()  # "caller function": what returns, and zaps, say of who calls whom
        self._inside: dict[str, set[str]] = {}  # by caller: functions that are in `nested`
        self._last: dict[int, Call] = {}  # by pid: the last call, where it is part of an unmap
        self._with_arguments: set[str] = set()  # functions whose returns show them
        self._unanswered: set[str] = set()  # the task went on, but no return came
        self._open: dict[int, list[str]] = {}  # by pid, innermost last

    def hear(self, event: Event) -> None:
        """One of the first events."""
        if isinstance(event, Return):
            self._leave(event)
        elif isinstance(event, Call) and (function := event.function()):
            self._enter(event, function)
        if type(event) in _OUTSIDE and event.pid in self._open:
            self._unanswered.update(self._open.pop(event.pid))

    def _enter(self, call: Call, function: str) -> None:
        if function not in self.entered:
            self.entered.add(function)
        pid = call.pid
        if isinstance(call, (UnmapVmas, ZapVma)):
            if isinstance(call, ZapVma) and (last := self._last.get(pid)) is not None:
                self.nested.add(f"{last.function()} {function}")
            self._last[pid] = call
        elif pid in self._last:
            del self._last[pid]
        if type(call) not in SCOPES:
            opened = self._open.get(pid)
            if opened is None:
                opened = self._open[pid] = []
            place = _place(opened, function)
            if place >= 0:
                self._unanswered.update(opened[place:])
                del opened[place:]
            opened.append(function)

    def _leave(self, event: Return) -> None:
        api = event.api
        if api not in self.returned:
            self.returned.add(api)
        if event.caller:
            self._nest(event)
        if event.entry is not None:
            self._with_arguments.add(api)
        opened = self._open.get(event.pid)
        if not opened:
            return
        if opened[-1] == api:  # a function is open but once
            opened.pop()
            return
        place = _place(opened, api)
        if place >= 0:
            self._unanswered.update(opened[place + 1 :])
            del opened[place:]

    def _nest(self, event: Return) -> None:
        inside = self._inside.get(event.caller)
        if inside is None:
            inside = self._inside[event.caller] = set()
        if event.api not in inside:
            inside.add(event.api)
            self.nested.add(nested_in(event))

    def shows_result_of(self, function: str, caller: str = "") -> bool:
        """Whether it is seen what a function did to what, by its own arguments or by those of its `caller`."""
        known = self._with_arguments | self.entered
        return function in self.returned and bool({function, caller} & known)

    def entries_only(self, probed: frozenset[str]) -> set[str]:
        """Functions that were entered and never left; `probed` are those whose return is said to be probed."""
        return self._unanswered - self.returned - probed

    def returns_only(self, probed: frozenset[str]) -> set[str]:
        """Functions that were left and never entered; `probed` are those whose entry is said to be probed."""
        return self.returned - self.entered - probed
