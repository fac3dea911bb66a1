"""The scene of one operation: who does it, to what, and which locks he holds."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pat_check.model.address_space import BUG
from pat_check.model.kernel import NOPAGE, SIGBUS
from pat_check.model.vma import VM_IO, VM_MIXEDMAP, VM_PFNMAP, Mm, Vma
from pat_check.model.walkers import NULL
from pat_check.scenario.arguments import Arguments
from pat_check.scenario.statements import Operation
from pat_check.scenario.world import Actor, World

if TYPE_CHECKING:
    from pat_check.scenario.stage import Stage

FLAGS: dict[str, int] = {"pfnmap": VM_PFNMAP, "mixedmap": VM_MIXEDMAP, "io": VM_IO}
"""The words for flags of a mapping that a driver sets."""

_WORDS = frozenset(
    (
        *FLAGS,
        *("shared", "private", "ro", "rw", "dontfork", "dofork", "cows", "null", "deferred", "dontunmap"),
        *("copy", "enomem", "test_walk", "nonblock", "sleeps", "retry"),
    )
)
_NAMES = {BUG: "BUG", SIGBUS: "SIGBUS", NOPAGE: "NOPAGE", NULL: "NULL"}


class Scene:
    """One operation on the stage."""

    __slots__ = ("actor", "args", "stage", "statement", "world")

    def __init__(self, stage: Stage, statement: Operation, actor: Actor) -> None:
        self.stage, self.statement, self.actor = stage, statement, actor
        self.world: World = stage.world
        self.args = Arguments(statement, stage.names, stage.scenario.path, _WORDS)

    @property
    def mm(self) -> Mm:
        """The address space of the task."""
        if self.actor.mm is None:
            raise self.args.wrong(f"{self.actor.name} has no address space")
        return self.actor.mm

    def here(self) -> tuple[int, None, int, int, str]:
        """The first fields of an event of now."""
        return self.world.at, None, 0, self.actor.pid, self.actor.name

    def locked(self, *locks: str) -> bool:
        """Whether one of these is held; without any block the kernel's own callers hold what they must."""
        return not self.actor.locks or any(lock in self.actor.locks for lock in locks)

    def vma(self, place: int = 0) -> tuple[Vma, int]:
        """The mapping and address that an argument names; a driver means that of whoever mapped it first."""
        if self.actor.mm is not None:
            return self.args.mapping(place, self.actor)
        addr = self.args.number(place, "a mapping")
        for mm in self.world.machine.mms.values():
            vma = mm.find(addr)
            if vma is not None:
                return vma, addr
        raise self.args.wrong("nothing is mapped there")

    def part(self, size_at: int = 1) -> tuple[Vma, int, int]:
        """A mapping and the range of it that the arguments name: to its end when no size is given."""
        vma, start = self.vma()
        return vma, start, start + self.args.count(size_at, vma.end - start)

    def note(self, what: str, start: int, end: int, pfn: int, detail: str, vma: Vma | None = None) -> None:
        """A fact, with where the mapping was made."""
        self.world.note(
            what, start, end, pfn, detail, [(vma.born, f"{vma} was mapped here")] if vma is not None else []
        )


Play: TypeAlias = Callable[[Scene], int]
"""What an operation does: its result is that of the kernel function."""


def result_name(ret: int) -> str:
    """A result as the kernel's sources write it."""
    if ret in _NAMES:
        return _NAMES[ret]
    return f"-{errno.errorcode[-ret]}" if -ret in errno.errorcode else str(ret)
