"""The world of a scenario: its names, its tasks, and the memtype layer played by the model alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pat_check import events, incidents
from pat_check.cachemode import UC, UC_MINUS
from pat_check.eras.base import Era
from pat_check.events import Call, Event, Return
from pat_check.incidents import Incident
from pat_check.model import operations
from pat_check.model.kernel import Kernel
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE, Mtrr, Ram
from pat_check.model.notifiers import Notifiers
from pat_check.model.page_table import Paging, Pte
from pat_check.model.ranges import RangeMap
from pat_check.model.vma import Changes, Mm, Vma
from pat_check.model.walkers import Walkers
from pat_check.replay.expected import Expected
from pat_check.replay.loop import Replay
from pat_check.scenario.lineages import Lineages
from pat_check.scenario.reverse import Reverse

SAID: dict[int, str] = {
    5: "reserve_ram_pages_type failed",
    7: "conflicting memory types",
    8: "memtype_reserve failed",
    9: "freeing invalid memtype",
    11: "map pfn expected mapping type",
    12: "map pfn RAM range",
    17: "ioremap error for",
    19: "ioremap memtype_reserve failed",
}
"""How the predicted rows of memtype.md section 13 begin, after the task."""


_SAYS: dict[str, str] = {"bad-page-map": "BUG: Bad page map in process"}
"""Facts that the kernel complains about itself."""


@dataclass(slots=True)
class Actor:
    """A task of a process with its address space, or a driver without one."""

    name: str
    pid: int
    mm: Mm | None
    group: int  # the pid of the first thread
    ended: int = 0  # the line where it ended
    locks: list[str] = field(default_factory=list)  # held now, outermost first: W, R, V, I, PTL, fault


@dataclass(slots=True)
class Followed:
    """A frame that follow_pfnmap_start() or follow_pfn() found: good while `held`, or while a notifier would tell."""

    mm: Mm
    addr: int
    sequence: int  # of invalidations, then
    at: int
    held: bool


@dataclass(slots=True)
class Place:
    """A named mapping: where it was made. What is there now is the address space's to say."""

    start: int
    size: int
    file: str


class World:
    """One play of a scenario in one era."""

    def __init__(
        self,
        era: Era,
        ram: list[tuple[int, int]],
        mtrr: list[tuple[int, int, str]],
        paging: Paging,
        hear: Callable[[Incident], None],
    ) -> None:
        self.era, self._hear = era, hear
        self.machine = Machine(Ram(ram), Mtrr(mtrr) if mtrr else Mtrr(), paging)
        self.machine.origin_known = True
        self.replay = Replay(self.machine, era, self.emit)
        self.replay.context.forks_seen = self.replay.context.probes_seen = True
        self.lineages = Lineages()
        self._is_foreign = False  # what is freed just now is another mapping's
        self.replay.frees.thefts.is_foreign = lambda: self._is_foreign
        self.at = self.latest = 0  # the line of now, and the last one where anything happened
        self.actor = Actor("kernel", 1, None, 1)
        self.said: list[str] = []  # by the kernel, since the last operation
        self._counted = 0
        self.notifiers = Notifiers(self.machine, self.note, end_invalidates=era.end_invalidates)
        self.kernel = Kernel(
            self.machine,
            era.pfnmap(self.machine, self),
            self.note,
            self.notifiers,
            pud_looks_up=era.pud_looks_up,
            flags_before_track=era.flags_before_track,
            insert_pages_checked=era.insert_pages_checked,
            huge_pfnmap=era.huge_pfnmap,
            mixed_bugs=era.mixed_bugs,
        )
        self.changes = self.kernel.changes = Changes()
        self.reverse = Reverse(self.changes)
        self.walkers = Walkers(self.kernel, follows_leaves=era.huge_pfnmap, walk_vma_skips=era.walk_vma_skips)
        self.actors: dict[str, Actor] = {}
        self.iomaps: dict[int, tuple[int, int, int, int]] = {}  # by address: physical range, type, line
        self.pagemaps: list[tuple[int, int]] = []  # physical ranges of memremap_pages()
        self.followed: dict[str, Followed] = {}  # by name
        self.disabled: RangeMap[int] = RangeMap()  # physical memory that a device does not decode: since which line
        self.told = 0  # facts of the operation of now
        self._warned: set[str] = set()
        self._told: dict[int, Pte] = {}  # entries that were told of, by id; kept, so that no id is used again
        self._next_mm = 0x1000

    def emit(self, incident: Incident) -> None:
        """An incident of the memtype layer or of a mapping."""
        self.told += 1
        self._hear(incident)

    # --- the clock and the tasks -----------------------------------------------------------------------

    def turn(self, at: int, actor: Actor) -> None:
        """The operation of line `at` begins, by a task."""
        self.at = self.machine.now = at
        self.latest = max(self.latest, at)
        self.actor = actor
        self.said = []
        self.told = 0
        task = self.replay.context.tasks.of(self.event())
        task.mm = actor.mm.id if actor.mm is not None else 0
        task.scope = None

    def event(self) -> Event:
        """An event of now, for what needs one."""
        return Event(self.at, None, 0, self.actor.pid, self.actor.name)

    def new_mm_id(self) -> int:
        """A number for an address space."""
        self._next_mm += 0x100
        return self._next_mm

    @contextmanager
    def inside(self, call: Call, api: str) -> Iterator[None]:
        """A call is open while the body runs: it says for whom things are reserved."""
        context = self.replay.context
        _, frame = context.tasks.enter(call, api)
        yield
        frames = context.tasks.of(call).frames
        if frame in frames:
            del frames[frames.index(frame) :]

    def returned(self, call: type[Call], api: str, ret: int, caller: str = "") -> Return:
        """The return event of a call."""
        return Return(self.at, None, 0, self.actor.pid, self.actor.name, call, api, ret, -1, caller)

    # --- the memtype layer, as the tracking layer calls it ---------------------------------------------

    def memtype_reserve(self, start: int, end: int, req: int, vma: Vma | None) -> tuple[int, int]:
        """memtype_reserve() by the model."""
        call = events.MemtypeReserve(self.at, None, 0, self.actor.pid, self.actor.name, start, end, req)
        result = self.replay.reserves.predicted(call)
        if vma is not None and result[0] == 0:
            self.lineages.reserved(start, end, vma.lineage)
        self._listen()
        if start >= end:
            self.said.append(SAID[8])  # row 6, which the ledger does not predict, begins like it
        self.changed(start, end, "memtype_reserve")
        return result

    def memtype_free(self, start: int, end: int, api: str, vma: Vma | None) -> int:
        """memtype_free() by the model."""
        mm = vma.mm.id if vma is not None else 0
        whose = self.actor
        if vma is not None:  # whoever zaps it: the reservation is that of the process
            whose = next((actor for actor in self.actors.values() if actor.mm is vma.mm), self.actor)
        here = (self.at, None, 0, whose.pid, whose.name)
        if vma is not None:
            self.replay.context.tasks.enter(events.FreePfnRange(*here, id(vma) & 0xFFFF, mm, api), api)
        outcome = operations.memtype_free(self.machine, start, end, self.era.find_victim)
        lineage, victim = vma.lineage if vma is not None else None, outcome.victim
        self._is_foreign = False
        if victim is not None and outcome.shrinks:
            self._is_foreign = self.lineages.shrunk(victim.start, victim.end, outcome.start, lineage)
        elif victim is not None:
            self.lineages.freed(victim.start, victim.end, lineage)
        ret = self.replay.frees.predicted(events.MemtypeFree(*here, start, end), api)
        self._listen()
        return ret

    def changed(self, start: int, end: int, api: str) -> None:
        """A reservation of [start, end) came or went: tell of entries whose type a lookup does not find any more."""
        for run in self.reverse.mapping(start, end):
            mm, pte, low, high = run.mm, run.pte, max(run.start, start), min(run.end, end)
            gone = self.machine.mms.get(mm.id) is not mm
            if gone or low >= high or id(pte) in self._told or self.machine.ram.test(low, low + PAGE):
                continue
            now = operations.lookup_memtype(self.machine, low)
            if now == pte.cachemode or {now, pte.cachemode} == {UC, UC_MINUS}:
                continue
            self._told[id(pte)] = pte
            clearing = self.kernel.clearing
            if api == "memtype_reserve" and clearing is not None and clearing[0] is mm and clearing[1] <= run.low:
                detail = "the range is reserved with another type before the entries that map it are cleared"
                self.note("reserved-in-window", run.low, run.high, low // PAGE, detail, [(pte.at, "mapped here")])
                continue
            stamp = self.replay.context.stamp(self.event())
            who = next((actor for actor in self.actors.values() if actor.mm is mm), self.actor).name
            self.emit(incidents.TypeChangedUnderMapping(*stamp, low, high, pte.cachemode, now, api, pte.at, who, 0))

    def message(self, number: int, start: int, end: int, want: int, have: int) -> None:
        """The kernel complains about a mapping."""
        self.said.append(SAID[number])
        if number == 11:
            stamp = self.replay.context.stamp(self.event())
            overlap = self.machine.memtypes.first_overlap(start, end)
            seen = overlap.seen() if overlap is not None else None
            self.emit(incidents.FallbackJudged(*stamp, start, end, want, have, False, "remap_pfn_range", "", seen))
        else:
            self.note("ram-remap-mode", -1, -1, start >> 12, f"RAM {start:#x} is mapped with the type of its pages", [])

    def warn(self, function: str, vma: Vma) -> None:
        """WARN_ON_ONCE(): the kernel's log has it once, the fact is told every time."""
        if function not in self._warned:
            self._warned.add(function)
            self.said.append(f"WARNING: {function}")
        detail = f"{function}() finds no usable first entry: the range cannot be freed"
        story = [(vma.born, f"{vma} was mapped here")]
        self.note("first-pte-gone", vma.start, vma.end, vma.full_pfn, detail, story)

    def note(self, what: str, start: int, end: int, pfn: int, detail: str, story: list[tuple[int, str]]) -> None:
        """A fact about a mapping."""
        if what in _SAYS:
            self.said.append(_SAYS[what])
        stamp = self.replay.context.stamp(self.event())
        self.emit(incidents.MappingNoted(*stamp, what, start, end, pfn, detail, story))

    def _listen(self) -> None:
        """Take note of what the memtype layer has just said."""
        ledger = self.expected.console
        for missing in ledger.rest():
            if missing.at == self.at:
                self.said.append(SAID[missing.number])
        ledger.forget()

    @property
    def expected(self) -> Expected:
        """The complaints that the replay predicts."""
        return self.replay.expected
