"""Contexts that mappings share, where a scenario has no mapping for them.

What was written as a reserve turns out to be that of a context when the replay has one of its range at a checkpoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from pat_check.conversion.tape import LOST, Checkpoint
from pat_check.model.memory import PAGE, is_untracked
from pat_check.model.vma import PfnmapTrackCtx, Vma
from pat_check.replay.shared_contexts import Alive
from pat_check.scenario.stage import Stage
from pat_check.scenario.words import size_text

Bounds = tuple[int, int]
"""Physical start and end, exclusive."""

_RESERVE, _ALLOC = ": memtype_reserve ", "pfnmap_track_ctx_alloc "


class Contexts:
    """Compares those of a stage with those of the recording.

    `lines` is what is written, which it may change; `say` writes and plays a line, `unused` gives a name like the
    wanted one that nothing has.
    """

    def __init__(
        self, stage: Stage, lines: list[str], say: Callable[[str], bool], unused: Callable[[str], str]
    ) -> None:
        self._stage, self._lines, self._say, self._unused = stage, lines, say, unused
        self._reserves: dict[Bounds, dict[int, int]] = {}  # since the last checkpoint: trace line to place in `lines`
        self._names: dict[Bounds, dict[str, int]] = {}  # each with the trace line that reserved it, 0 unknown
        self._numbered = 0

    def reserved(self, bounds: Bounds, at: int = 0) -> None:
        """The last line reserves this, as trace line `at` did; 0 where that is not known."""
        line = self._lines[-1]
        if line.endswith(", null"):
            return  # no mapping asks for just one type
        if line.endswith(", listed") or self._stage.world.machine.ram.test(*bounds) == 0:
            place = len(self._lines) - 1
            self._reserves.setdefault(bounds, {})[at or -place] = place

    def freed(self, bounds: Bounds, born: int) -> str:
        """What trace line `born` reserved is freed, or 0 if it is not known what.

        Gives the name of the context that goes with it, of which one reference is left; or nothing.
        """
        names = self._names.get(bounds, {})
        name = next((name for name, line in names.items() if not born or line in (born, 0)), "")
        if name:
            self._count(name, 1)
            del names[name]
        return name

    def others(self, point: Checkpoint) -> list[Vma]:
        """Mappings that cannot be there: their context is gone. None of a process whose mappings are shown."""
        if point.contexts is None or point.all_mapped:
            return []
        left = Counter((one.start, one.start + one.size) for one in point.contexts)
        left.subtract(_bounds(one) for one in self._named())
        gone = []
        for context, vmas in self._shared().values():
            left[_bounds(context)] -= 1
            if left[_bounds(context)] < 0:
                gone += vmas
        return gone

    def settle(self, point: Checkpoint) -> None:
        """Make them those of the recording, as far as what was reserved is what it should be."""
        self._end(point)
        for bounds, count, ones in self._missing(point):
            lines = self._reserves.get(bounds, {})
            for one in [one for one in ones if one.born in lines][:count]:
                self._rename(bounds, lines.pop(one.born), one.born)
        self._count_all(point)

    def finish(self, point: Checkpoint) -> None:
        """The same when the reservations are those of the recording, which stay as they are."""
        ram = self._stage.world.machine.ram
        for bounds, count, _ in self._missing(point):
            lines = self._reserves.get(bounds, {})
            unknown = [place for line, place in lines.items() if line < 0]
            for _ in range(count):
                if unknown:
                    self._rename(bounds, unknown.pop(), 0)
                elif is_untracked(*bounds) or ram.test(*bounds) > 0:
                    self._lost(f"{self._name(bounds)} = {_ALLOC}{bounds[0]:#x}, {size_text(bounds[1] - bounds[0])}")
        self._count_all(point)
        self._reserves.clear()
        self._names = {bounds: names for bounds, names in self._names.items() if names}

    def _wanted(self, point: Checkpoint) -> dict[Bounds, list[Alive]]:
        wanted: dict[Bounds, list[Alive]] = {}
        for one in point.contexts or ():
            wanted.setdefault((one.start, one.start + one.size), []).append(one)
        return wanted

    def _missing(self, point: Checkpoint) -> list[tuple[Bounds, int, list[Alive]]]:
        """By range how many contexts there should be besides those that are there, of which."""
        there = Counter(_bounds(context) for context in (*self._named(), *self._of_mappings()))
        wanted = sorted(self._wanted(point).items())
        return [(bounds, max(len(ones) - there[bounds], 0), ones) for bounds, ones in wanted]

    def _end(self, point: Checkpoint) -> None:
        """Those with a name that are too many go: nothing is freed of RAM or of the ISA hole."""
        if point.contexts is None:
            return
        wanted = self._wanted(point)
        of_mappings = Counter(map(_bounds, self._of_mappings()))
        for bounds, names in self._names.items():
            while names and of_mappings[bounds] + len(names) > len(wanted.get(bounds, ())):
                self._count(names.popitem()[0], 0)

    def _count_all(self, point: Checkpoint) -> None:
        """References, where there are no mappings that have them and all are known."""
        of_mappings = set(map(_bounds, self._of_mappings()))
        for bounds, ones in self._wanted(point).items():
            if bounds not in of_mappings:
                for name, one in zip(self._names.get(bounds, ()), sorted(ones, key=_vmas), strict=False):
                    if one.vmas:
                        self._count(name, one.vmas)

    def _name(self, bounds: Bounds, born: int = 0) -> str:
        """A name for another context."""
        self._numbered += 1
        name = self._unused(f"c{self._numbered}")
        self._names.setdefault(bounds, {})[name] = born
        return name

    def _rename(self, bounds: Bounds, place: int, born: int) -> None:
        """The line at this place made a context when it reserved its range."""
        name = self._name(bounds, born)
        self._lines[place] = self._lines[place].replace(_RESERVE, f": {name} = {_ALLOC}", 1)
        self._stage.names.contexts[name] = PfnmapTrackCtx(bounds[0] // PAGE, bounds[1] - bounds[0], place)

    def _count(self, name: str, wanted: int) -> None:
        """What makes it have so many references."""
        context = self._stage.names.contexts.get(name)
        more = wanted - context.kref if context is not None else 0
        for _ in range(abs(more)):
            self._lost(f"{'kref_get' if more > 0 else 'kref_put'} {name}")

    def _lost(self, what: str) -> None:
        if LOST not in self._stage.names.actors:
            self._say(f"driver {LOST}")
        self._say(f"{LOST}: {what}")

    def _named(self) -> Iterator[PfnmapTrackCtx]:
        return (context for context in self._stage.names.contexts.values() if context.kref)

    def _of_mappings(self) -> Iterator[PfnmapTrackCtx]:
        return (context for context, _ in self._shared().values())

    def _shared(self) -> dict[int, tuple[PfnmapTrackCtx, list[Vma]]]:
        """The contexts of mappings, each with these."""
        found: dict[int, tuple[PfnmapTrackCtx, list[Vma]]] = {}
        for mm in self._stage.world.machine.mms.values():
            for vma in mm.vmas:
                if vma.ctx is not None:
                    found.setdefault(id(vma.ctx), (vma.ctx, []))[1].append(vma)
        return found


def _bounds(context: PfnmapTrackCtx) -> Bounds:
    return context.pfn * PAGE, context.pfn * PAGE + context.size


def _vmas(one: Alive) -> int:
    return one.vmas
