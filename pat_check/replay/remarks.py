"""Remarks that reserving and freeing share: an odd range, a surprise."""

from __future__ import annotations

from pat_check import incidents
from pat_check.events import Call, Event, MemtypeFree, MemtypeReserve
from pat_check.incidents import Story
from pat_check.model.memory import PAGE
from pat_check.replay.context import Context
from pat_check.replay.tasks import owner_of_reserve, who_frees


def odd_range(context: Context, call: MemtypeReserve | MemtypeFree) -> None:
    """Note a range that cannot be meant so: empty, not of pages, or too small for bytes."""
    start, end = call.start, call.end
    if start < end and not (start | end) & (PAGE - 1):
        return
    if start >= end:
        why = "empty"
    elif end - start < PAGE and end < 1 << 32:
        why = "units"
    else:
        why = "unaligned"
    task = context.tasks.of(call)
    is_free = isinstance(call, MemtypeFree)
    api = who_frees(task, "") if is_free else owner_of_reserve(task, call, "").api
    function = "memtype_free" if is_free else "memtype_reserve"
    context.emit(incidents.RangeOdd(*context.stamp(call), start, end, api, function, why))


def called_here(call: Call, event: Event) -> Story:
    """Where a call began, for a remark at `event` about it."""
    return [(call.at, "called here")] if call.at != event.at else []


class Surprise:
    """A difference between the recording and the model, about one range of one function."""

    __slots__ = ("_about", "_context", "_end", "_event", "_function", "_start")

    def __init__(
        self, context: Context, event: Event | Call, function: str, start: int, end: int, about: str = ""
    ) -> None:
        self._context, self._event, self._function = context, event, function
        self._start, self._end, self._about = start, end, about

    def tell(self, what: str, predicted: str, observed: str, story: Story) -> None:
        """Say ``function of [start-end) WHAT OBSERVED; the model predicts PREDICTED``."""
        stamp = self._context.stamp(self._event)
        self._context.emit(
            incidents.Diverged(
                *stamp, self._function, self._start, self._end, what, predicted, observed, story, self._about
            )
        )
