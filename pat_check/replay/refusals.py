"""A memtype_reserve() that failed: why, and which messages the kernel must print."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.events import MemtypeReserve
from pat_check.incidents.memtype import MemtypeRefused
from pat_check.model.operations import Reserve
from pat_check.model.owner import Owner
from pat_check.replay.context import Context
from pat_check.replay.expected import Expected


class Refusals:
    """Tells of failures."""

    def __init__(self, context: Context, expected: Expected) -> None:
        self.context, self.expected = context, expected

    def tell(
        self, call: MemtypeReserve, event: events.Event, outcome: Reserve, ret: int, owner: Owner, caller: str
    ) -> None:
        """memtype_reserve() returned `ret`: name the cause, and predict what the kernel prints."""
        causes = {"mixed": "mixed-ram", "range": "range", "tree": "conflict"}
        cause = causes.get(outcome.path, "unknown")
        if outcome.path == "ram":
            cause = "ram-busy" if ret == -errno.EBUSY else "ram-type"
        if cause == "conflict" and outcome.clash is None:
            cause = "conflict" if ret == -errno.EBUSY else "unknown"
        if cause == "conflict":
            self.expected.conflict(event, outcome)
        elif cause == "ram-busy":
            self.expected.ram_failed(event, outcome)
        self.emit(call, event, outcome, ret, cause, owner, caller)

    def emit(
        self,
        call: MemtypeReserve,
        event: events.Event,
        outcome: Reserve,
        ret: int,
        cause: str,
        owner: Owner,
        caller: str,
    ) -> None:
        """Emit the incident, with the entries that decided it."""
        overlap, other = outcome.overlap, outcome.clash
        clash = [overlap.seen()] if overlap is not None else []
        if other is not None and other is not overlap:
            clash.append(other.seen())
        self.context.emit(
            MemtypeRefused(
                event.at,
                event.time,
                event.comm,
                event.pid,
                self.context.reliable,
                outcome.start,
                outcome.end,
                call.req,
                ret,
                cause,
                outcome.first,
                outcome.second,
                owner.api,
                owner.symbol or caller,
                clash,
            )
        )
