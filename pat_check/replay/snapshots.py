"""The kernel's own list at checkpoints: the first gives the state, the others are compared with the model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from pat_check import incidents
from pat_check.events import Event, Marker
from pat_check.model.memtype import Memtype
from pat_check.model.owner import BEFORE
from pat_check.model.tree import MemtypeTree
from pat_check.replay.context import Context

Listed = tuple[int, int, int]
"""start, end (exclusive) and type of one line of pat_memtype_list."""

_CHECKPOINT: Final = re.compile(r"(?:^|[\s:])checkpoint (?P<number>\d{1,9})\b")


class Snapshot(NamedTuple):
    """One saved pat_memtype_list."""

    number: int
    name: str
    path: str
    nodes: list[Listed]


def checkpoint_number(text: str) -> int:
    """The N of a ``checkpoint N NAME`` marker; -1 for other markers."""
    match = _CHECKPOINT.search(text)
    return int(match["number"]) if match is not None else -1


class Snapshots:
    """Compares saved lists with the model, each at its own marker."""

    def __init__(self, context: Context, saved: dict[int, Snapshot]) -> None:
        self.context, self.saved = context, saved
        self.anchored = False
        self.on_anchor: Callable[[list[Listed]], None] | None = None  # hears the first list
        self.compared = 0
        self.equal = 0
        self._seen: set[int] = set()

    def begin(self, nodes: list[Listed]) -> None:
        """Start from a list that was taken before the trace."""
        machine = self.context.machine
        machine.memtypes = _tree(nodes)
        machine.origin_known = True

    def marker(self, event: Marker) -> None:
        """A checkpoint: anchor at the first, compare at the others."""
        number = checkpoint_number(event.text)
        if number in self.saved and number not in self._seen:
            self._seen.add(number)
            self._at(event, self.saved[number])

    @property
    def unanchored(self) -> int:
        """How many saved lists had no marker in the trace."""
        return len(self.saved) - len(self._seen)

    def without_markers(self, event: Event) -> None:
        """A recording that holds no checkpoint at all: its last list is the state at the end."""
        if not self._seen and len(self.saved) > 1:
            last = max(self.saved)
            self._seen.update((min(self.saved), last))
            self._compare(event, self.saved[last])

    def _at(self, event: Event, snapshot: Snapshot) -> None:
        if not self.anchored:
            self.anchored = True
            if not self.context.machine.origin_known:
                self._adopt(snapshot.nodes)
                if self.on_anchor is not None:
                    self.on_anchor(snapshot.nodes)
                self._check_types(event, snapshot)
                return
        self._compare(event, snapshot)
        self._check_types(event, snapshot)

    def _compare(self, event: Event, snapshot: Snapshot) -> None:
        self._correct(snapshot.nodes)
        model = [(node.start, node.end, node.type) for node in self.context.machine.memtypes]
        self._prove(Counter(model), Counter(snapshot.nodes))
        self.compared += 1
        if model == snapshot.nodes:
            self.equal += 1
        else:
            missing = list((Counter(model) - Counter(snapshot.nodes)).elements())
            extra = list((Counter(snapshot.nodes) - Counter(model)).elements())
            stamp = (*self.context.stamp(event)[:4], self.context.reliable and self.context.shows_changes)
            self.context.emit(incidents.SnapshotDiffered(*stamp, snapshot.name, snapshot.path, missing, extra))
            self._adopt(snapshot.nodes)
        self.context.lossy = False

    def _prove(self, model: Counter[Listed], listed: Counter[Listed]) -> None:
        """Leaks that were open are sure when the kernel still has all of it, and none when it has not."""
        for leak in self.context.unproven:
            nodes = [(seen.start, seen.end, seen.type) for seen in (leak.seen, *getattr(leak, "more", ()))]
            if all(listed[node] >= model[node] > 0 for node in nodes):
                leak.reliable = not self.context.one_cpu
                self.context.emit(leak)
        self.context.unproven.clear()

    def _correct(self, listed: list[Listed]) -> None:
        """Take the types of the snapshot for entries whose type was only assumed."""
        nodes = list(self.context.machine.memtypes)
        for node, (start, end, mode) in zip(nodes, listed, strict=False):
            if node.assumed and (node.start, node.end) == (start, end):
                self.context.machine.memtypes.retype(node, mode)
                node.assumed = False

    def _check_types(self, event: Event, snapshot: Snapshot) -> None:
        tree = self.context.machine.memtypes
        for node in tree:
            other = tree.first_other(node.start, node.end, node.type)
            if other is not None:
                stamp = self.context.stamp(event)
                self.context.emit(incidents.OverlapTypes(*stamp, node.seen(), other.seen(), snapshot.path))
                return

    def _adopt(self, nodes: list[Listed]) -> None:
        """Take the kernel's list as the state; reservations that it confirms keep their story."""
        machine = self.context.machine
        known: dict[Listed, list[Memtype]] = {}
        for node in machine.memtypes:
            machine.memtypes.remove(node)  # it may be in one tree at a time
            known.setdefault((node.start, node.end, node.type), []).append(node)
        tree = MemtypeTree()
        for listed in nodes:
            same = known.get(listed)
            tree.insert(same.pop(0) if same else Memtype(*listed, BEFORE, 0))
        machine.memtypes = tree
        machine.origin_known = True
        self.context.lossy = False


def _tree(nodes: list[Listed]) -> MemtypeTree:
    tree = MemtypeTree()
    for listed in nodes:
        tree.insert(Memtype(*listed, BEFORE, 0))
    return tree
