"""Tracked mappings whose beginning is not recorded: what each maps, and how it came there.

That is known when its reservation is freed, or copied by fork. Then it is what an unmap took away that freed nothing,
by an mremap() that is not recorded, or it was there before: then the scenario begins with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pat_check.conversion.areas import Area, Mapping, Space
from pat_check.conversion.tape import Op, Physical, Tape
from pat_check.events import CopyPageRange, FreePfnRange
from pat_check.replay.context import Change, Context
from pat_check.replay.snapshots import Listed

_LIMIT = 100_000


@dataclass(slots=True, eq=False)
class _Waiting:
    """A mapping of which it is not known what it maps."""

    space: Space
    mapping: Mapping
    mmap: Op
    remap: Op  # dropped, until it is known
    moved: list[tuple[Op, Area]]  # the unmaps that may have been its mremap
    may_be_first: bool  # nothing else was there in this recording

    def origin(self, start: int, reserved: tuple[int, int]) -> tuple[Op, Area] | None:
        """The unmap of what has these frames, or this reservation."""
        for op, area in reversed(self.moved):
            if op.changes or op.dropped or op.word != "munmap" or area.end - area.start != self.mapping.size:
                continue
            if area.mapping.reserved == reserved or (area.offset is not None and area.start + area.offset == start):
                return op, area
        return None


class Before:
    """The reservations of the first list, and the mappings that wait for theirs."""

    def __init__(self, context: Context, tape: Tape) -> None:
        self.context, self.tape = context, tape
        self.moves: Callable[[Op, Area, Mapping], None]  # makes an operation an mremap
        self._alone: dict[tuple[str, int, int], Op] = {}  # reserves that nothing explains: by task and range
        self._waiting: dict[str, _Waiting] = {}  # by the name of the mapping
        self._claimed: Counter[Listed] = Counter()

    @property
    def is_by_context(self) -> bool:
        """Whether VmFlags do not tell that a mapping is tracked."""
        return self.context.era.fork_shares

    def forget(self) -> None:
        """Everything that was seen is in a list."""
        self._waiting.clear()
        self._alone.clear()

    def stands_alone(self, change: Change, op: Op) -> None:
        """A reserve or free that no operation explains: a reserve may be of a mapping that is seen later."""
        key = op.actor, change.start, change.end
        if change.mode < 0:
            self._alone.pop(key, None)
        elif len(self._alone) < _LIMIT:
            self._alone[key] = op

    def waits(self, space: Space, area: Area, mmap: Op, *, may_be_first: bool) -> Op:
        """A mapping is seen for the first time; gives the remap that is to be played behind its mmap."""
        remap = Op(mmap.at, space.name, "remap_pfn_range", [area.mapping.name], dropped=True)
        space.vanished = [(op, old) for op, old in space.vanished if not op.changes and op.word == "munmap"]
        moved = [one for one in space.vanished if one[1].end - one[1].start == area.mapping.size]
        may_be_first = may_be_first and not space.forked and bool(self.tape.begin)
        if moved or may_be_first or self._alone:
            waiting = _Waiting(space, area.mapping, mmap, remap, moved, may_be_first)
            self._waiting[area.mapping.name] = waiting
        return remap

    def heard(self, change: Change, areas: list[Area]) -> None:
        """A reserve or free of an operation on these."""
        waiting = [one for area in areas if (one := self._waiting.get(area.mapping.name)) is not None]
        if not waiting or change.start >= change.end:
            return
        scope = self.context.tasks.of(change.event).scope
        for one in waiting:
            base, start = one.mapping.base, -1
            if isinstance(scope, FreePfnRange | CopyPageRange) and scope.vm_start >= 0:
                if base <= scope.vm_start < base + one.mapping.size:
                    start = change.start - (scope.vm_start - base)
            elif change.end - change.start == one.mapping.size:
                start = change.start
            origin = one.origin(start, (change.start, change.end))
            if origin is not None:
                self._moved(one, *origin)
                return
            alone = self._alone.pop((one.space.name, start, start + one.mapping.size), None) if start >= 0 else None
            if alone is not None:
                self._remapped(one, alone, start)
                return
            if start >= 0 and one.may_be_first and self.claim(one, start):
                return

    def _moved(self, one: _Waiting, op: Op, area: Area) -> None:
        self.moves(op, area, one.mapping)
        one.mmap.dropped = "ro" not in one.mmap.args
        if not one.mmap.dropped:
            one.mmap.word, one.mmap.result, one.mmap.args, one.mmap.mode = "mprotect", "", [one.mapping.name, "ro"], -1
            one.mapping.made = None
        one.space.vanished = [known for known in one.space.vanished if known[0] is not op]
        del self._waiting[one.mapping.name]

    def _remapped(self, one: _Waiting, op: Op, start: int) -> None:
        """A reserve of its task was the mapping's own: remap_pfn_range() itself is not recorded."""
        mode = op.changes[0].mode
        op.ahead.append(Op(op.at, one.space.name, "mmap", one.mmap.args, one.mapping.name, mode))
        op.word, op.args, op.mode = "remap_pfn_range", [one.mapping.name, Physical(start, one.mapping.size)], mode
        op.physical = one.mapping.reserved = start, start + one.mapping.size
        one.mmap.dropped = True
        one.mapping.made = None
        del self._waiting[one.mapping.name]

    def claim(self, one: _Waiting, start: int) -> bool:
        """Whether the first list has a reservation for all of a mapping, from this physical address on."""
        size = one.mapping.size
        listed = [node for node in self.tape.begin or () if node[:2] == (start, start + size)]
        if len(listed) <= sum(self._claimed[node] for node in set(listed)):
            return False
        node = next(node for node in listed if self._claimed[node] < listed.count(node))
        self._claimed[node] += 1
        self.tape.claimed.setdefault(node, []).append((one.mmap, one.remap))
        one.remap.args.append(Physical(start, size))
        one.remap.mode, one.remap.physical, one.remap.dropped = node[2], (start, start + size), False
        one.mmap.mode = node[2]
        one.mmap.early = one.remap.early = True
        del self._waiting[one.mapping.name]
        return True

    def finish(self) -> None:
        """The recording is over: what is not known now never will be."""
        for one in list(self._waiting.values()):
            moved = [(op, area) for op, area in one.moved if not op.changes and not op.dropped and op.word == "munmap"]
            if len(moved) == 1:
                self._moved(one, *moved[0])
            elif not self.is_by_context:
                self.tape.remark(
                    one.mmap.at,
                    f"{one.mapping.name} of {one.space.name} was mapped before; the recording does not show "
                    "which reservation it has",
                    before=one.mmap,
                )
        self._waiting.clear()
