"""Frees that take what is another's: of another task, of a driver, or of another mapping of the same process."""

from __future__ import annotations

from collections.abc import Callable

from pat_check import incidents
from pat_check.events import Event, FreePfnRange
from pat_check.model.memtype import Memtype
from pat_check.model.operations import Free
from pat_check.replay.context import Context
from pat_check.replay.tasks import Task, mm_of

Tracked = Callable[[int, int, int, FreePfnRange, int], int]


def _none(mm: int, start: int, end: int, untracked: FreePfnRange, freed: int) -> int:
    return 0


class Thefts:
    """Tells whose entry was removed or shrunk by somebody who does not own it.

    `tracked` counts the mappings of an address space that surely have all of a physical range [start, end) mapped, and
    its reservation; none where what is untracked, which maps the address `freed`, may be a part of one of these.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tracked: Tracked = _none
        self.is_foreign: Callable[[], bool] | None = (
            None  # where it is known whose each entry is: of what is freed just now
        )
        self._robbed: dict[tuple[int, int], int] = {}  # by start and line of birth: where an entry ended before

    def stolen(self, task: Task, event: Event, outcome: Free, victim: Memtype, api: str, *, shrunk: bool) -> None:
        """The entry is of another owner."""
        tree, mm, start, end = self.context.machine.memtypes, mm_of(task, event), outcome.start, outcome.end
        near = tree.held_within(event.pid, mm, start, end)
        if not near or near == [victim]:
            near = [node for node in tree.holdings.left_by(mm or -event.pid) if node.start < end and start < node.end]
        own = next((node for node in near if node is not victim), None)
        if shrunk and own is None and victim.owner.is_mapping:
            return  # nothing of the freer's own is near: it frees a piece of what it inherited
        freer = f"{event.comm}:{event.pid}"
        victim.tell(event.at, f"{'shrunk' if shrunk else 'removed'} by {freer} ({api}), who does not own it")
        surely = own is not None or not self.context.lost_any  # else the freer may have it from a fork
        self._tell(event, outcome, victim, own, api, shrunk=shrunk, surely=surely, itself=False)

    def from_another(self, task: Task, event: Event, outcome: Free, victim: Memtype, api: str) -> None:
        """The entry that is shrunk is the freer's own: it may be that of another mapping, which still has all of it."""
        tree, mm, start, end = self.context.machine.memtypes, mm_of(task, event), outcome.start, outcome.end
        scope = task.scope
        if not mm or not isinstance(scope, FreePfnRange) or self.context.lost_any:
            return
        if not victim.owner.is_mapping or not victim.owner.holds(event.pid, mm):
            return  # by a child that may be the freer
        own = next((node for node in tree.held_within(event.pid, mm, start, end) if node is not victim), None)
        if self.is_foreign is not None:
            if not self.is_foreign():
                return
        elif own is None or not self._is_anothers(event, mm, victim, scope, start):
            return  # what is unmapped may be of the mapping that has this one
        self._robbed.setdefault((victim.start, victim.born), victim.end)
        victim.tell(event.at, f"shrunk by {api} of another mapping of {event.comm}:{event.pid}")
        self._tell(event, outcome, victim, own, api, shrunk=True, surely=True, itself=True)

    def _is_anothers(self, event: Event, mm: int, victim: Memtype, scope: FreePfnRange, freed: int) -> bool:
        """Whether each entry of the freer that has the first page of this one is that of such a mapping."""
        around: dict[tuple[int, int], int] = {}
        for node in self.context.machine.memtypes.held_within(event.pid, mm, victim.start, victim.start + 1):
            bounds = node.start, self._robbed.get((node.start, node.born), node.end)
            around[bounds] = around.get(bounds, 0) + 1
        return all(self.tracked(mm, *bounds, scope, freed) >= count for bounds, count in around.items())

    def _tell(
        self,
        event: Event,
        outcome: Free,
        victim: Memtype,
        own: Memtype | None,
        api: str,
        *,
        shrunk: bool,
        surely: bool,
        itself: bool,
    ) -> None:
        freer, seen = f"{event.comm}:{event.pid}", own.seen() if own is not None else None
        self.context.emit(
            incidents.MemtypeStolen(
                event.at,
                event.time,
                event.comm,
                event.pid,
                surely and self.context.reliable,
                outcome.start,
                outcome.end,
                api,
                shrunk,
                freer,
                victim.seen(),
                seen,
                itself,
            )
        )
