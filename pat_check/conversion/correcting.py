"""Reservations and RAM types of a checkpoint that what was played has not led to: the driver `lost` makes them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter

from pat_check.conversion.contexts import Contexts
from pat_check.conversion.tape import LOST, Checkpoint, listed, mode_word, typed
from pat_check.replay.snapshots import Listed
from pat_check.scenario.stage import Stage
from pat_check.scenario.words import size_text


class Corrector:
    """Goes on from the list of the recording. `say` writes and plays a line, `remark` writes a comment."""

    def __init__(
        self, stage: Stage, contexts: Contexts, say: Callable[[str], bool], remark: Callable[[str], None]
    ) -> None:
        self._stage, self._contexts, self._say, self._remark = stage, contexts, say, remark
        self._wrong = False  # at the last checkpoint not all could be made so, which was said
        self.count = 0  # reserves and frees by `lost`

    def correct(self, point: Checkpoint) -> bool:
        """Make the reservations those of a checkpoint; whether they were others.

        Entries with one start keep the order in which they came, so all with that start go and come again; where types
        differ, too, all that overlap them: a reserve gets the type of what is there.
        """
        machine = self._stage.world.machine
        before, after = listed(machine.memtypes), point.nodes
        pages = typed(machine.ram)
        if before == after and pages == point.ram:
            self._wrong = False
            return False
        self._remark("the reservations are others here: `lost` does what is not shown or not explained")
        if LOST not in self._stage.names.actors:
            self._say(f"driver {LOST}")
        for node in (node for node in pages if node not in point.ram):
            self._lose(node)
        for node in (node for node in point.ram if node not in pages and machine.ram.test(*node[:2]) > 0):
            self._find(node)
        starts = _changed(before, after)
        for node in (node for node in before + after if node[0] in starts):
            if machine.ram.test(*node[:2]):  # else it would not come into the list, nor go
                self._say(f"{LOST}: {_free(node)}, ram_pages")
        for node in (node for node in before if node[0] in starts):
            self._lose(node)
        for node in (node for node in after if node[0] in starts):
            self._find(node)
        for node in self._impossible(after):
            self._find(node, "listed")
        for node in (node for node in typed(machine.ram) if node not in point.ram):
            self._say(f"{LOST}: {_free(node)}, ram_pages")
        for node in (node for node in point.ram if node not in typed(machine.ram)):
            self._say(f"{LOST}: {reserve(node)}, ram_pages")
        wrong = listed(machine.memtypes) != after or typed(machine.ram) != point.ram
        if wrong and not self._wrong:
            self._remark("they are still others: what is recorded cannot have led to what it holds here")
        self._wrong = wrong
        return True

    def _impossible(self, after: list[Listed]) -> list[Listed]:
        """What must come although no kernel would let it in; what is there in its stead goes."""
        before = listed(self._stage.world.machine.memtypes)
        starts = {node[0] for node in (Counter(before) - Counter(after)) + (Counter(after) - Counter(before))}
        for node in before:
            if node[0] in starts:
                self._lose(node)
        return [node for node in after if node[0] in starts]

    def _lose(self, node: Listed) -> None:
        """An entry goes, with the context that has it."""
        context = self._contexts.freed(node[:2], 0)
        self.count += 1
        self._say(f"{LOST}: kref_put {context}" if context else f"{LOST}: {_free(node)}")

    def _find(self, node: Listed, *words: str) -> None:
        """An entry comes."""
        self.count += 1
        if self._say(", ".join((f"{LOST}: {reserve(node)}", *words))):
            self._contexts.reserved(node[:2])


def reserve(node: Listed) -> str:
    """The operation that reserves this."""
    start, end, mode = node
    return f"memtype_reserve {start:#x}, {size_text(end - start)}, {mode_word(mode)}"


def _free(node: Listed) -> str:
    return f"memtype_free {node[0]:#x}, {size_text(node[1] - node[0])}"


def _changed(before: list[Listed], after: list[Listed]) -> set[int]:
    """Where entries must go and come again, so that one list becomes the other."""
    by_start = [{start: list(nodes) for start, nodes in groupby(one, itemgetter(0))} for one in (before, after)]
    starts = {node[0] for node in before + after if by_start[0].get(node[0]) != by_start[1].get(node[0])}
    together: list[Listed] = []  # that overlap
    end = 0
    for node in [*sorted(before + after), (1 << 64, 1 << 64, 0)]:
        if node[0] >= end:
            if len({type_ for _, _, type_ in together}) > 1 and any(one[0] in starts for one in together):
                starts.update(one[0] for one in together)
            together.clear()
        together.append(node)
        end = max(end, node[1])
    return starts
