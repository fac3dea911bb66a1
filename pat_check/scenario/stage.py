"""The stage: plays a scenario in one era and says what came of it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field

from pat_check import events
from pat_check.cachemode import short_name
from pat_check.eras.base import Era
from pat_check.incidents import Incident
from pat_check.model.memory import PAGE
from pat_check.scenario.arguments import TYPES, Names, wrong
from pat_check.scenario.checks import Checks
from pat_check.scenario.operations import LOCKS, OPERATIONS, Scene, end, result_name
from pat_check.scenario.statements import (
    Checkpoint,
    Declare,
    Expect,
    Ignore,
    Operation,
    Scenario,
    Statement,
)
from pat_check.scenario.words import near, size_text
from pat_check.scenario.world import Actor, World


@dataclass(slots=True)
class Unmet:
    """An expectation that did not come true."""

    at: int
    message: str


@dataclass(slots=True)
class Outcome:
    """What one play led to."""

    world: World
    unmet: list[Unmet] = field(default_factory=list)
    results: list[tuple[int, int]] = field(default_factory=list)  # (line, result) of every operation
    states: list[tuple[int, str]] = field(default_factory=list)  # (line, list) after every operation


def applies(eras: str, era: str) -> bool:
    """Whether ``vm-pat*`` or ``!pfnmap-ctx`` names an era; nothing names all."""
    return not eras or fnmatch.fnmatchcase(era, eras.removeprefix("!")) != eras.startswith("!")


class Stage:
    """Plays the statements of a scenario, one after another."""

    def __init__(self, scenario: Scenario, era: Era, hear: Callable[[Incident], None]) -> None:
        self.scenario, self.era = scenario, era
        self.names = Names()
        ram: list[tuple[int, int]] = []
        mtrr: list[tuple[int, int, str]] = []
        for statement in scenario.statements:
            if isinstance(statement, Declare):
                self._declare_physical(statement, ram, mtrr)
        self.world = World(era, ram, mtrr, hear)
        self.world.actors = self.names.actors
        self.checks = Checks(self.world)
        self.outcome = Outcome(self.world)
        self.ret = 0
        self._pid = 100

    def play(self) -> Outcome:
        """Play all of it; what nobody freed is judged at the end."""
        self._run(self.scenario.statements)
        last = self.scenario.statements[-1].at if self.scenario.statements else 0
        end(self.world, last)
        return self.outcome

    def _run(self, statements: list[Statement]) -> None:
        for statement in statements:
            match statement:
                case Operation():
                    self._operate(statement)
                case Declare():
                    self._declare(statement)
                case Expect():
                    if applies(statement.eras, self.era.name):
                        self._expect(statement)
                case Checkpoint() | Ignore():
                    pass
                case _:
                    raise wrong(self.scenario.path, statement, "is no statement")

    # --- declarations ---------------------------------------------------------------------------------------------

    def _declare_physical(
        self, statement: Declare, ram: list[tuple[int, int]], mtrr: list[tuple[int, int, str]]
    ) -> None:
        if statement.kind not in ("bar", "ram", "mtrr"):
            return
        path = self.scenario.path
        if statement.base is None or statement.size is None:
            raise wrong(path, statement, f"{statement.kind} needs a base and a size")
        start = self.names.value(statement.base, path, statement)
        end = start + self.names.value(statement.size, path, statement)
        if not 0 <= start < end <= 1 << 52:
            raise wrong(path, statement, f"[{start:#x}-{end:#x}) is no range of physical memory")
        if statement.kind == "mtrr":
            mtrr.append((start, end, statement.word or "uncachable"))
            return
        if (start | end) % PAGE:
            raise wrong(path, statement, f"[{start:#x}-{end:#x}) does not begin and end at pages")
        self.names.physical[statement.name] = (start, end)
        if statement.kind == "ram":
            ram.append((start, end))

    def _declare(self, statement: Declare) -> None:
        if statement.kind == "file":
            self.names.files.add(statement.name)
        elif statement.kind in ("process", "driver"):
            self.add_actor(statement.name, statement.at, is_process=statement.kind == "process")

    def add_actor(self, name: str, at: int, *, is_process: bool) -> Actor:
        """A new task."""
        self._pid += 1
        self.world.machine.now = at
        mm = self.world.kernel.new_mm(self.world.new_mm_id()) if is_process else None
        actor = self.names.actors[name] = Actor(name, self._pid, mm)
        if not is_process:
            task = self.world.replay.context.tasks.of(events.Event(at, None, 0, actor.pid, name))
            task.module = name
        return actor

    # --- operations -------------------------------------------------------------------------------------------------

    def _operate(self, statement: Operation) -> None:
        path = self.scenario.path
        actor = self.names.actors.get(statement.task)
        if actor is None:
            known = list(self.names.actors)
            who = f"{statement.task!r} is no process or driver" if statement.task else "an operation needs a task"
            raise wrong(path, statement, who + near(statement.task, known))
        if statement.body is not None and statement.op in LOCKS:
            self._block(statement, actor)
            return
        play = OPERATIONS.get(statement.op)
        if play is None:
            kind, known = ("block", [*LOCKS]) if statement.body is not None else ("operation", [*OPERATIONS])
            raise wrong(path, statement, f"no {kind} is called {statement.op!r}" + near(statement.op, known))
        self.world.turn(statement.at, actor)
        if statement.body is not None:
            self.world.kernel.meanwhile = lambda: self._meanwhile(statement, actor)
        ret = play(Scene(self, statement, actor))
        self.world.kernel.meanwhile = None
        self.ret = ret
        self.checks.after()
        self.outcome.results.append((statement.at, self.ret))
        self.outcome.states.append((statement.at, self.memtypes()))

    def _meanwhile(self, statement: Operation, actor: Actor) -> None:
        """What others do in the middle of an operation; then it goes on."""
        self._run(statement.body or [])
        self.world.turn(statement.at, actor)

    def _block(self, statement: Operation, actor: Actor) -> None:
        actor.locks.append(LOCKS[statement.op])
        try:
            for inner in statement.body or []:
                if isinstance(inner, Operation) and not inner.task:
                    inner.task = actor.name
                self._run([inner])
        finally:
            actor.locks.pop()

    def memtypes(self, start: int = 0, end: int = 1 << 52) -> str:
        """The reservations that touch a range, as an expectation writes them."""
        pieces = [
            f"[{size_text(max(node.start - start, 0))}, {size_text(node.end - start)}) {short_name(node.type).lower()}"
            for node in self.world.machine.memtypes
            if node.start < end and start < node.end
        ]
        return ", ".join(pieces) or "none"

    # --- expectations -----------------------------------------------------------------------------------------------

    def _expect(self, expect: Expect) -> None:
        check = {
            "memtypes": self._expect_memtypes,
            "pte": self._expect_pte,
            "ret": self._expect_ret,
            "dmesg": self._expect_dmesg,
            "refs": self._expect_refs,
        }.get(expect.what)
        if check is None:
            raise wrong(self.scenario.path, expect, f"nothing called {expect.what!r} can be expected")
        said = check(expect)
        if said:
            self.outcome.unmet.append(Unmet(expect.at, said))

    def _expect_memtypes(self, expect: Expect) -> str:
        path = self.scenario.path
        start, end, name = 0, 1 << 52, "the list"
        if expect.subject is not None:
            name = self.names.base(expect.subject)
            if name not in self.names.physical:
                raise wrong(path, expect, f"{name!r} is no BAR and no RAM" + near(name, self.names.physical))
            start = self.names.value(expect.subject, path, expect)
            end = self.names.physical[name][1]
        wanted = ", ".join(
            f"[{size_text(self.names.value(item.start, path, expect))}, "
            f"{size_text(self.names.value(item.end, path, expect))}) {item.type}"
            for item in expect.ranges
        )
        found = self.memtypes(start, end)
        return "" if found == (wanted or "none") else f"memtypes of {name} are {found}, not {wanted or 'none'}"

    def _expect_pte(self, expect: Expect) -> str:
        path = self.scenario.path
        assert expect.subject is not None
        addr = self.names.value(expect.subject, path, expect)
        mm = self.world.actor.mm or next(
            (actor.mm for actor in self.names.actors.values() if actor.mm is not None), None
        )
        pte = mm.page_table.get(addr) if mm is not None else None
        if pte is None:
            found = "none"
        else:
            what = "anon" if pte.anon else f"{pte.paddr(addr):#x}"
            found = f"{what} {short_name(pte.cachemode).lower()}"
        if expect.none or expect.value is None:
            return "" if (pte is None) == expect.none else f"the entry is {found}"
        value = self.names.value(expect.value, path, expect)
        if pte is None or pte.anon or pte.paddr(addr) != value:
            return f"the entry is {found}, not {value:#x}"
        if expect.word in TYPES and pte.cachemode != TYPES[expect.word]:
            return f"the entry is {found}, not {expect.word}"
        return ""

    def _expect_ret(self, expect: Expect) -> str:
        found = result_name(self.ret)
        wanted = expect.word or (
            result_name(self.names.value(expect.value, self.scenario.path, expect)) if expect.value else "0"
        )
        return "" if found == wanted else f"the operation returned {found}, not {wanted}"

    def _expect_dmesg(self, expect: Expect) -> str:
        said = "; ".join(self.world.said) or "nothing"
        if expect.none:
            return "" if not self.world.said else f"the kernel says {said}"
        return "" if any(expect.word in text for text in self.world.said) else f"the kernel says {said}"

    def _expect_refs(self, expect: Expect) -> str:
        path = self.scenario.path
        assert expect.subject is not None
        assert expect.value is not None
        addr, wanted = self.names.value(expect.subject, path, expect), self.names.value(expect.value, path, expect)
        mm = self.world.actor.mm
        vma = mm.find(addr) if mm is not None else None
        found = vma.ctx.kref if vma is not None and vma.ctx is not None else 0
        return "" if found == wanted else f"{found} mappings share the context, not {wanted}"
