"""How often each kind of event is in a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pat_check import events
from pat_check.events import Call, Event, Return

_NAMES: dict[type[Event], str] = {
    events.SchedProcessFork: "sched_process_fork",
    events.SchedProcessExec: "sched_process_exec",
    events.SchedProcessExit: "sched_process_exit",
    events.ModuleLoad: "module_load",
    events.ModuleFree: "module_free",
    events.Marker: "trace_marker",
    events.Message: "kernel message",
    events.LostEvents: "lost events",
    events.Malformed: "malformed line",
}


class Counts:
    """The kinds of events that the model hears: functions by their entries and returns, everything else by its name."""

    def __init__(self) -> None:
        self.entries: Counter[str] = Counter()
        self.returns: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def add(self, batch: Iterable[Event]) -> None:
        """Count events."""
        for event in batch:
            if isinstance(event, Call):
                self.entries[event.function()] += 1
            elif isinstance(event, Return):
                self.returns[event.api] += 1
            else:
                self.others[_NAMES.get(type(event), type(event).__name__)] += 1

    @property
    def total(self) -> int:
        """All that was counted."""
        return self.entries.total() + self.returns.total() + self.others.total()
