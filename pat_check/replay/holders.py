"""Who holds the entries that a free may consume: the kernel does not know, the model tells as far as it can."""

from __future__ import annotations

from typing import Final

from pat_check.events import NO_PID, Event, MemtypeFree
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

    def own(self, task: Task, event: Event, first: Memtype, api: str) -> Memtype | None:
        """Among the entries identical to `first` the one that the freer holds; None when all are surely another's.

        Identical entries have no identity: any owner's free may consume any of them. An entry of unknown origin is
        taken for the freer's own unless it has another that ends at the same place. What somebody has left behind is
        the freer's own only where nothing else is, for numbers of address spaces are used again.
        """
        mm, opened = mm_of(task, event), -1
        if task.frames and task.frames[0].kind is not MemtypeFree:
            opened = task.frames[0].call.at  # a call that fails gives back what it has reserved itself
        owner = first.owner
        if not owner.gone and owner.holds(event.pid, mm) and _suits(first, api) and (opened < 0 or first.born > opened):
            return first
        tree = self.context.machine.memtypes
        nodes = tree.exact(first.start, first.end)
        chosen: Memtype | None = None
        if len(nodes) <= tree.holdings.count(event.pid, mm):
            chosen = _held(nodes, event.pid, mm, opened, api, gone=False)
        else:
            near = tree.holdings.within(event.pid, mm, first.start, first.end)
            same = [node for node in near if node.start == first.start and node.end == first.end]
            chosen = _held(same, event.pid, mm, opened, api, gone=False)
        if chosen is None:
            chosen = _held(nodes, event.pid, mm, opened, api, gone=True)
        if chosen is not None:
            return chosen
        nodes = _best_first(nodes, api)
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
        tree = self.context.machine.memtypes
        near = _closest(tree.held_within(pid, mm, start, end), start, end)
        if near is None or _rank(near, start, end) > 0:
            around = tree.first_around(start, end) if start < end else None
            other = around if around is not None else _closest(tree.overlapping(start, end), start, end)
            if near is None or (other is not None and _rank(other, start, end) < _rank(near, start, end)):
                near = other
        if near is None:
            return None, "none"
        rank = _rank(near, start, end)
        if rank == 0:
            return near, "head" if near.start == start else "tail" if near.end == end else "middle"
        return near, "around" if rank == 1 else "overlap"


def _rank(node: Memtype, start: int, end: int) -> int:
    """How far a free of [start, end) is from an entry that it meets: inside of it, all around it, or neither."""
    if node.start <= start and end <= node.end:
        return 0
    return 1 if start <= node.start and node.end <= end else 2


def _closest(nodes: list[Memtype], start: int, end: int) -> Memtype | None:
    best: Memtype | None = None
    least = 3
    for node in nodes:
        rank = _rank(node, start, end)
        if rank < least:
            best, least = node, rank
            if not rank:
                break
    return best


def _held(nodes: list[Memtype], pid: int, mm: int, opened: int, api: str, *, gone: bool) -> Memtype | None:
    """Of identical entries that a task holds, or has left behind: the first of those that suit its free best."""
    best: Memtype | None = None
    least = 8
    for node in nodes:
        owner = node.owner
        if owner.gone is not gone or not owner.holds(pid, mm):
            continue
        rank = 0 if node.born > opened >= 0 else 4
        if owner.is_mapping != (api in _MAPPING):
            rank += 2
        if owner.sharers:
            rank += 1
        if rank < least:
            best, least = node, rank
            if rank == 0 or (rank == 4 and opened < 0):
                break
    return best


def _suits(node: Memtype, api: str) -> bool:
    """Whether an entry is of the kind that this function frees, and nobody shares it."""
    return not node.owner.sharers and node.owner.is_mapping == (api in _MAPPING)


def _best_first(nodes: list[Memtype], api: str) -> list[Memtype]:
    """Identical entries, those of the kind that this function frees first, and of them those that nobody shares."""
    for node in nodes:
        if not _suits(node, api):
            return sorted(
                nodes, key=lambda node: (node.owner.is_mapping != (api in _MAPPING), bool(node.owner.sharers))
            )
    return nodes


def _is_foreign(owner: Owner, task: Task, event: Event, mm: int, api: str) -> bool:
    """Whether an entry surely belongs to somebody else than the freeing task."""
    explicit = api in EXPLICIT
    if owner.is_mapping:
        other = owner.mm != mm if owner.mm else owner.api == "fork" and owner.pid != event.pid
        return explicit or (api in _MAPPING and bool(mm) and other and not owner.sharers)
    if owner.api in _HELD and api in _MAPPING:
        return True
    return explicit and owner.api in _HELD and bool(owner.module and task.module) and owner.module != task.module
