"""What the beginning of a recording tells of the rest: which events it holds, and which it leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pat_check.events import (
    NO_PID,
    Event,
    MemtypeFree,
    MemtypeReserve,
    Message,
    Return,
    VmAreaFree,
    ZapVma,
)
from pat_check.replay.context import Context
from pat_check.replay.halves import Halves
from pat_check.replay.loop import Replay
from pat_check.sources.probes import Probes

_HOLDS: Final = frozenset(("memtype_reserve", "memtype_free"))  # what is inserted and erased is inside them
_RESERVES: Final = frozenset(("memtype_reserve", "memtype_check_insert"))
_CHANGES: Final = frozenset((13, 14, 15))
"""Rows of memtype.md section 13 that debugpat prints of every change."""
_FREES: Final = frozenset(("memtype_free", "memtype_erase"))
_EXCERPT: Final = 50
"""Events: so few were cut out by hand, and are taken to show all that matters."""
_CPUS: Final = re.compile(r"#.*#P:(?P<tracefs>\d{1,6})|cpus=(?P<tracecmd>\d{1,6})$")
_BUFFER: Final = re.compile(r"(?:^|/)per_cpu/cpu(?P<cpu>\d{1,6})/")


class Foresight:
    """Looks at the first events, and tells the replay what it needs to know before it starts."""

    def __init__(self, path: str, head: Iterable[str], probes: Probes) -> None:
        self.probes = probes  # functions that are said to be probed
        self.of_cpus = 0  # that the machine has; 0 not told
        for line in head:
            if not line.startswith(("#", "cpus=", "version = ")):
                break
            if (match := _CPUS.match(line)) is not None:
                self.of_cpus = int(match["tracefs"] or match["tracecmd"])
        self.buffer = _BUFFER.search(path)  # of one CPU, by its name in tracefs
        self.cpus: set[int] = set()
        self._pids: set[int] = set()
        self._count = 0
        self._reserves: dict[int, int] = {}  # by pid: calls of memtype_reserve() that are open
        self._frees: dict[int, int] = {}  # and of memtype_free()
        self._orphans = 0
        self._driven = False  # messages tell of each change

    def learn(self, events: Iterable[Event], replay: Replay) -> None:
        """Read the first events."""
        context, halves = replay.context, Halves()
        calls = returns = 0
        cpu = pid = NO_PID - 1
        for event in events:
            self._count += 1
            if event.cpu != cpu and event.cpu >= 0:
                cpu = event.cpu
                self.cpus.add(cpu)
            if event.pid != pid:
                pid = event.pid
                self._pids.add(pid)
            halves.hear(event)
            if isinstance(event, Message):
                self._driven = self._driven or event.number in _CHANGES
            elif isinstance(event, (MemtypeReserve, MemtypeFree)):
                calls += 1
                opened = self._reserves if isinstance(event, MemtypeReserve) else self._frees
                opened[event.pid] = opened.get(event.pid, 0) + 1
            elif isinstance(event, Return):
                if event.call is MemtypeReserve:
                    returns += 1
                    self._close(event, self._reserves)
                elif event.call is MemtypeFree:
                    returns += 1
                    self._close(event, self._frees)
            elif isinstance(event, ZapVma):
                replay.mappings.zaps_seen = True
            elif isinstance(event, VmAreaFree):
                replay.vmas.complete = True
        context.answers_seen = halves.shows_result_of("memtype_reserve")
        context.insert_seen = halves.shows_result_of("memtype_check_insert")
        context.erase_seen = halves.shows_result_of("memtype_erase", "memtype_free")
        context.probes_seen = bool(calls or returns) or context.insert_seen or context.erase_seen
        context.entry_only = bool(calls) and not (returns or context.insert_seen or context.erase_seen)
        context.insert_seen = context.insert_seen or (bool(calls) and self._hit("memtype_check_insert"))
        context.erase_seen = context.erase_seen or (bool(calls) and self._hit("memtype_erase"))
        self._know(context, halves)
        zaps = [call.partition(" ") for call in halves.nested]
        replay.layers.unmaps.zaps.update(zap for caller, _, zap in zaps if caller == "unmap_vmas")
        context.changes_unseen = not context.probes_seen and not self._driven
        if context.probes_seen and self._is_whole(replay):
            context.reserves_unseen = not self._shows(halves, _RESERVES)
            context.frees_unseen = not self._shows(halves, _FREES)
        context.one_cpu = self._is_buffer_of_one()

    def _is_whole(self, replay: Replay) -> bool:
        """Whether what is not there was not recorded, rather than cut out by hand."""
        return self._count > _EXCERPT or bool(self.probes.entries) or len(replay.snapshots.saved) > 1

    def _know(self, context: Context, halves: Halves) -> None:
        """What is recorded as a whole, and what in halves."""
        context.halves.update(dict.fromkeys(halves.entries_only(self.probes.returns), "entries"))
        context.halves.update(dict.fromkeys(halves.returns_only(self.probes.entries), "returns"))
        context.nested |= halves.nested
        context.counted |= self.probes.hits.keys()
        context.balanced |= {probe.partition(" ")[0] for probe in self.probes.hits if self._is_balanced(probe)}
        context.missed |= {probe for probe, (_, missed) in self.probes.hits.items() if missed}
        context.recorded |= (halves.entered | self.probes.entries) - context.halves.keys()
        if not context.entry_only:
            context.tasks.endless |= {name for name, half in context.halves.items() if half == "entries"} - _HOLDS

    def _hit(self, function: str) -> bool:
        """Whether probes on both ends of a function are said to have been hit."""
        hits = self.probes.hits
        return all(hits.get(f"{function} {half}", (0, 0))[0] > 0 for half in ("entries", "returns"))

    def _is_balanced(self, probe: str) -> bool:
        """Whether every call of its function was hit at both ends."""
        function = probe.partition(" ")[0]
        entries, returns = (self.probes.hits.get(f"{function} {half}", (0, 0)) for half in ("entries", "returns"))
        return entries == returns and entries[0] > 0 == entries[1]

    def _shows(self, halves: Halves, functions: frozenset[str]) -> bool:
        probed = self.probes.entries | self.probes.returns
        return bool((halves.entered | halves.returned | probed) & functions)

    def _close(self, event: Return, opened: dict[int, int]) -> None:
        count = opened.get(event.pid, 0)
        if count:
            opened[event.pid] = count - 1
        elif event.entry is None:
            self._orphans += 1

    def _is_buffer_of_one(self) -> bool:
        """Whether one CPU's buffer is all there is: by its name, or because tasks come and go in the midst of calls."""
        if len(self.cpus) != 1 or self.of_cpus == 1:
            return False
        torn = self.of_cpus > 1 and self._orphans and any([*self._reserves.values(), *self._frees.values()])
        return bool(self.buffer or torn)

    @property
    def stays_on_one(self) -> bool:
        """Whether several tasks, recorded at length, stayed on one of several CPUs."""
        return len(self.cpus) == 1 and self.of_cpus > 1 and len(self._pids) > 1 and self._count > _EXCERPT
