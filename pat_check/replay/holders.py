"""Who holds the entries that a free may consume: the kernel does not know, the model tells as far as it can."""

from __future__ import annotations

from typing import Final

from pat_check.events import NO_PID, Event
from pat_check.model.memtype import Memtype
from pat_check.model.owner import BEFORE, Owner
from pat_check.replay.context import Context
from pat_check.replay.tasks import Task, mm_of

_MAPPING: Final = frozenset(("untrack_pfn", "pfnmap_untrack", "pfnmap_track_ctx_release", "free_pfn_range"))
EXPLICIT: Final = frozenset(("arch_io_free_memtype_wc", "memtype_free_io", "iounmap"))
_HELD: Final = frozenset(("ioremap", "arch_io_reserve_memtype_wc", "memtype_reserve_io"))


class Holders:
    """Chooses among entries by their owners."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def own(self, task: Task, event: Event, nodes: list[Memtype], api: str) -> Memtype | None:
        """Among identical entries the one that the freeing task holds; None when all are surely another's.

        Identical entries have no identity: any owner's free may consume any of them. An entry of unknown origin is
        taken for the freer's own unless it has another that ends at the same place.
        """
        mm = mm_of(task, event)
        if len(nodes) > 1:
            nodes = sorted(
                nodes, key=lambda node: (node.owner.is_mapping != (api in _MAPPING), bool(node.owner.sharers))
            )
        held = [node for node in nodes if node.owner.holds(event.pid, mm)]
        if held:  # a call that fails gives back what it has reserved itself
            opened = task.frames[0].call.at if task.frames else event.at
            return next((node for node in held if node.born > opened), held[0])
        for node in nodes:
            unborn = node.owner.parent != NO_PID and not (mm and node.owner.mm)  # of a child that may be the freer
            if mm in node.owner.sharers or -event.pid in node.owner.sharers or unborn:
                return node
        unknown = next((node for node in nodes if node.owner is BEFORE), None)
        if unknown is not None:
            return None if self._ends_here(event, nodes[0], mm) else unknown
        return None if all(_is_foreign(node.owner, task, event, mm, api) for node in nodes) else nodes[0]

    def _ends_here(self, event: Event, victim: Memtype, mm: int) -> bool:
        """Whether the freer made a reservation in this trace that ends where the victim does."""
        ending = self.context.machine.memtypes.ending_at(victim.end, victim.end)
        return any(node is not victim and node.born > 0 and node.owner.holds(event.pid, mm) for node in ending)

    def nearest(self, start: int, end: int, pid: int, mm: int) -> tuple[Memtype | None, str]:
        """The reservation that a missed free came closest to, the freer's own first, and which part was meant."""
        best: tuple[tuple[int, bool], Memtype, str] | None = None
        for node in self.context.machine.memtypes.overlapping(start, end):
            if node.start <= start and end <= node.end:
                relation = "head" if node.start == start else "tail" if node.end == end else "middle"
                rank = 0
            elif start <= node.start and node.end <= end:
                relation, rank = "around", 1
            else:
                relation, rank = "overlap", 2
            order = (rank, not node.owner.holds(pid, mm))
            if best is None or order < best[0]:
                best = (order, node, relation)
        return (best[1], best[2]) if best is not None else (None, "none")


def swap(first: Memtype, second: Memtype) -> None:
    """Exchange whose two identical entries are; the tree keeps its order."""
    if first is not second:
        first.owner, second.owner = second.owner, first.owner
        first.born, second.born = second.born, first.born
        first.story, second.story = second.story, first.story


def _is_foreign(owner: Owner, task: Task, event: Event, mm: int, api: str) -> bool:
    """Whether an entry surely belongs to somebody else than the freeing task."""
    explicit = api in EXPLICIT
    if owner.is_mapping:
        other = owner.mm != mm if owner.mm else owner.api == "fork" and owner.pid != event.pid
        return explicit or (api in _MAPPING and bool(mm) and other and not owner.sharers)
    if owner.api in _HELD and api in _MAPPING:
        return True
    return explicit and owner.api in _HELD and bool(owner.module and task.module) and owner.module != task.module
