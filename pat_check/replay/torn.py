"""Calls that never return although their task goes on, and returns of calls that never came.

In a recording that is whole each is a difference. It is one only where the same half of the function comes again, or
where the kernel has counted as many of both, for probes are not all set, and not all taken away, at once. Told at the
end of the recording, when it is known how many there are: a filter takes many, and clocks that differ between CPUs put
a return before its call.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import Call, Event, Return
from pat_check.replay.context import Context
from pat_check.replay.remarks import Surprise
from pat_check.replay.wanted import seen_in

_FEW: Final = 2
"""Where more halves of a function are lost, they were left out."""

Half = tuple[Event, str, str]
"""The call or the return that is there, its function, and what comes after the half that is not."""


class Torn:
    """Tells of each half that is lost."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._awaited: dict[str, list[Half]] = {}  # by "FUNCTION entries" or "FUNCTION returns": what is lost of it
        self._confirmed: list[tuple[str, Half]] = []  # with that; the same half of the function has come again
        self._lost: dict[str, int] = {}  # by the same: how many

    @property
    def is_busy(self) -> bool:
        """Whether each call and each return is to be heard."""
        return len(self._awaited) > 0 or len(self.context.tasks.torn) > 0

    def hear(self, function: str, half: str) -> None:
        """An entry or a return, as `half` says, of any task."""
        tasks = self.context.tasks
        if not self.is_busy:
            return
        if tasks.torn:
            for call, api, before in tasks.torn:
                if call.pid > 0 and api in tasks.paired:
                    self._add(f"{api} returns", (call, api, before))
            tasks.torn.clear()
        key = f"{function} {half}"
        for lost in self._awaited.pop(key, ()):
            self._confirmed.append((key, lost))

    def without_entry(self, event: Return) -> None:
        """A return comes, and its call did not."""
        key, task = f"{event.api} entries", self.context.tasks.of(event)
        if event.pid > 0 and event.api in self.context.tasks.paired and task.outside:
            if task.absent == event.api:
                self._lost[key] = self._lost.get(key, 0) + 1  # what it has called was told to have no caller
            else:
                self._add(key, (event, event.api, "its return"))
        else:
            self._lost[key] = self._lost.get(key, 0) + _FEW + 1  # it may have begun before the recording

    def finish(self) -> None:
        """The recording is over."""
        context = self.context
        if context.lost_any or context.one_cpu or context.entry_only:
            return
        self.hear("", "")
        for key, awaited in self._awaited.items():
            if key.partition(" ")[0] in context.balanced:  # no probe was set later, or taken away before
                self._confirmed.extend((key, one) for one in awaited)
        for key, (event, function, before) in self._confirmed:
            half, other = ("call", "returns") if key.endswith(" entries") else ("return", "entries")
            if self._lost[key] > _FEW or f"{function} {other}" in self._lost or function in context.halves:
                continue
            if key in context.missed:
                continue  # the kernel says so
            start = end = 0
            if isinstance(event, Call):
                seen = seen_in(event)
                start, end = (seen.start, seen.start + max(seen.size, 0)) if seen.start >= 0 else (0, 0)
            about = "half" if key in context.counted else "half, perhaps"
            surprise = Surprise(context, event, function, start, end, about)
            surprise.tell("", f"one before {before}", f"has no {half} in the recording", [])

    def _add(self, key: str, lost: Half) -> None:
        self._lost[key] = self._lost.get(key, 0) + 1
        if self._lost[key] <= _FEW:
            self._awaited.setdefault(key, []).append(lost)
