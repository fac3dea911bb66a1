"""Tracked mappings that are there before the recording: whose each reservation of the first list is.

That is known when the reservation is freed, or copied by fork. Then the scenario begins with the mapping that made it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pat_check.conversion.areas import Area, Mapping, Space
from pat_check.conversion.tape import Op, Physical, Tape
from pat_check.events import CopyPageRange, FreePfnRange
from pat_check.replay.context import Change, Context
from pat_check.replay.snapshots import Listed


@dataclass(slots=True, eq=False)
class _Waiting:
    """A mapping of which it is not known what it maps."""

    space: Space
    mapping: Mapping
    mmap: Op
    remap: Op  # dropped, until it is known


class Before:
    """The reservations of the first list, and the mappings that wait for theirs."""

    def __init__(self, context: Context, tape: Tape) -> None:
        self.context, self.tape = context, tape
        self._waiting: dict[str, _Waiting] = {}  # by the name of the mapping
        self._claimed: Counter[Listed] = Counter()

    @property
    def is_by_context(self) -> bool:
        """Whether VmFlags do not tell that a mapping is tracked."""
        return self.context.era.fork_shares

    def forget(self) -> None:
        """Everything that was seen is in a list."""
        self._waiting.clear()

    def waits(self, space: Space, area: Area, mmap: Op) -> Op:
        """A tracked mapping is seen for the first time; gives the remap that is to be played behind its mmap."""
        remap = Op(mmap.at, space.name, "remap_pfn_range", [area.mapping.name], dropped=True)
        if not space.forked and self.tape.begin:
            self._waiting[area.mapping.name] = _Waiting(space, area.mapping, mmap, remap)
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
            if start >= 0 and self.claim(one, start):
                return

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
        for one in self._waiting.values():
            if not self.is_by_context:
                self.tape.remark(
                    one.mmap.at,
                    f"{one.mapping.name} of {one.space.name} was mapped before; the recording does not show "
                    "which reservation it has",
                    before=one.mmap,
                )
        self._waiting.clear()
