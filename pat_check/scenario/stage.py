"""The stage: plays a scenario in one era and says what came of it."""

from __future__ import annotations

import errno
import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field

from pat_check import events
from pat_check.eras.base import Era
from pat_check.incidents import Incident
from pat_check.model.memory import PAGE
from pat_check.model.page_table import FIVE_LEVELS, FOUR_LEVELS
from pat_check.model.tree import Change
from pat_check.scenario.arguments import Absent, Arguments, Names, wrong
from pat_check.scenario.checks import Checks
from pat_check.scenario.expectations import Expectations
from pat_check.scenario.lists import Lists
from pat_check.scenario.operations import BLOCK, LOCKS, OPERATIONS, Scene, end
from pat_check.scenario.statements import (
    Checkpoint,
    Declare,
    Expect,
    Ignore,
    Operation,
    Scenario,
    Statement,
)
from pat_check.scenario.verbs import check, is_block_of
from pat_check.scenario.words import near
from pat_check.scenario.world import Actor, World
from pat_check.sources.mtrr import KINDS

_PAGING = {"": FOUR_LEVELS, "4-level": FOUR_LEVELS, "5-level": FIVE_LEVELS}


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
    lists: Lists = field(default_factory=Lists)  # of reservations, after every operation
    skipped: list[tuple[int, str]] = field(default_factory=list)  # (line, why) of operations that were not played

    @property
    def states(self) -> list[tuple[int, str]]:
        """(line, list of reservations) after every operation, written now."""
        return self.lists.texts()


def applies(eras: str, era: str) -> bool:
    """Whether ``vm-pat*`` or ``!pfnmap-ctx`` names an era; nothing names all."""
    return not eras or fnmatch.fnmatchcase(era, eras.removeprefix("!")) != eras.startswith("!")


class Stage:
    """Plays the statements of a scenario, one after another.

    Unless it is `judged`, what it leads to is not looked at after every operation, and the outcome stays empty.
    """

    def __init__(self, scenario: Scenario, era: Era, hear: Callable[[Incident], None], *, judged: bool = True) -> None:
        self.scenario, self.era, self.judged = scenario, era, judged
        check(scenario.statements, OPERATIONS, LOCKS, BLOCK, scenario.path)
        self.names = Names()
        self.expectations = Expectations(scenario, self.names)
        ram: list[tuple[int, int]] = []
        mtrr: list[tuple[int, int, str]] = []
        paging = ""
        for statement in scenario.statements:
            if isinstance(statement, Declare):
                self._declare_physical(statement, ram, mtrr)
                if statement.kind == "paging" and paging:
                    raise wrong(scenario.path, statement, f"paging is {paging} already")
                paging = statement.word if statement.kind == "paging" else paging
        self.names.user_end = _PAGING[paging].user_end
        self.world = World(era, ram, mtrr, _PAGING[paging], hear)
        self.world.actors = self.names.actors
        self.checks = Checks(self.world)
        self.outcome = Outcome(self.world)
        self.ret = 0
        self._journal: list[Change] = []  # of the reservations, since the last operation
        if judged:
            self.world.machine.memtypes.journal = self._journal
        self._depth = 0  # operations that are not over yet
        self._pid = 100

    def play(self) -> Outcome:
        """Play all of it; what nobody freed is judged at the end."""
        self.run(self.scenario.statements)
        last = self.scenario.statements[-1].at if self.scenario.statements else 0
        end(self.world, last)
        return self.outcome

    def run(self, statements: list[Statement]) -> None:
        """Play these now."""
        for statement in statements:
            match statement:
                case Operation():
                    self._operate(statement)
                case Declare():
                    self._declare(statement)
                case Expect():
                    try:
                        said = self.expectations.unmet(statement, self.world, self.ret)
                    except Absent as absent:
                        said = str(absent)
                    if said and applies(statement.eras, self.era.name):
                        self.outcome.unmet.append(Unmet(statement.at, said))
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
            if statement.word not in KINDS:
                message = f"no MTRR is {str(statement.word)!r}{near(statement.word, KINDS)}"
                raise wrong(path, statement, message, statement.word.column)
            mtrr.append((start, end, statement.word))
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
        self.names.absent.pop(name, None)
        self.world.machine.now = at
        mm = self.world.kernel.new_mm(self.world.new_mm_id()) if is_process else None
        actor = self.names.actors[name] = Actor(name, self._pid, mm, self._pid)
        if not is_process:
            task = self.world.replay.context.tasks.of(events.Event(at, None, 0, actor.pid, name))
            task.module = name
        return actor

    # --- operations -------------------------------------------------------------------------------------------------

    def _operate(self, statement: Operation) -> None:
        """Play one operation; not where it is about what was not made in this era."""
        try:
            self._play(statement)
        except Absent as absent:
            if statement.result and not self.names.has(statement.result):
                self.names.absent.setdefault(statement.result, statement.at)
            self.outcome.skipped.append((statement.at, str(absent)))
            if self.judged:
                self._keep(statement.at, -errno.ESRCH)

    def _play(self, statement: Operation) -> None:
        path = self.scenario.path
        actor = self.names.actors.get(statement.task)
        if (actor is None or actor.ended) and statement.task in self.names.absent:
            raise Absent(statement.task, self.names.absent[statement.task])
        if actor is None:
            known = list(self.names.actors)
            who = f"{statement.task!r} is no process or driver" if statement.task else "an operation needs a task"
            raise wrong(path, statement, who + near(statement.task, known))
        if actor.ended:
            raise wrong(path, statement, f"{actor.name} ended in line {actor.ended}")
        if is_block_of(statement, LOCKS):
            self._block(statement, actor)
            return
        verb = OPERATIONS[statement.op]
        self.world.turn(statement.at, actor)
        if statement.body is not None and statement.op not in LOCKS:
            self.world.kernel.meanwhile = lambda: self._meanwhile(statement, actor)
        self._depth += 1
        try:
            ret = verb.play(Scene(self, statement, actor, verb))
        finally:
            self._depth -= 1
            self.world.kernel.meanwhile = None
        if ret < 0 and statement.result:
            self.names.absent[statement.result] = statement.at
        self.ret = ret
        if self.judged:
            self._keep(statement.at, self.ret)
            self.checks.after()
        if not self._depth:
            self.checks.forget()

    def _keep(self, at: int, ret: int) -> None:
        """The operation of a line returned this: keep it, and the list of reservations."""
        self.outcome.results.append((at, ret))
        self.outcome.lists.steps.append((at, tuple(self._journal)))
        self.checks.freed += [(start, end) for start, _, end, type_ in self._journal if type_ < 0]
        self._journal.clear()

    def _meanwhile(self, statement: Operation, actor: Actor) -> None:
        """What others do in the middle of an operation; then it goes on."""
        self.run(statement.body or [])
        self.world.turn(statement.at, actor)

    def _block(self, statement: Operation, actor: Actor) -> None:
        args = Arguments(statement, self.names, self.scenario.path, BLOCK)
        if len(args):
            args.span(0, 1)
        self.locked(statement, actor)

    def locked(self, statement: Operation, actor: Actor) -> None:
        """What stands in a block, with its lock held; then the task goes on."""
        actor.locks.append(LOCKS[statement.op])
        try:
            for inner in statement.body or []:
                if isinstance(inner, Operation) and not inner.task:
                    inner.task = actor.name
                self.run([inner])
        finally:
            actor.locks.pop()
