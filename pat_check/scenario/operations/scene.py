"""The scene of one operation: who does it, to what, and which locks he holds."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from pat_check.model.address_space import BUG
from pat_check.model.kernel import FALLBACK, NOPAGE, SIGBUS
from pat_check.model.memory import PAGE
from pat_check.model.page_table import MAP_WINDOW
from pat_check.model.vma import VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_MIXEDMAP, VM_PAT, VM_PFNMAP, Mm, Vma
from pat_check.model.walkers import NULL
from pat_check.scenario.arguments import Arguments
from pat_check.scenario.statements import Operation
from pat_check.scenario.verbs import Verb
from pat_check.scenario.world import Actor, World

if TYPE_CHECKING:
    from pat_check.scenario.stage import Stage

FLAGS: dict[str, int] = {
    "pfnmap": VM_PFNMAP,
    "mixedmap": VM_MIXEDMAP,
    "io": VM_IO,
    "dontexpand": VM_DONTEXPAND,
    "dontdump": VM_DONTDUMP,
    "pat": VM_PAT,
}
"""The words for flags of a mapping that a driver sets; `pat` only says what a recording shows."""

_FIRST = 0x7F00_0000_0000
_NAMES = {BUG: "BUG", SIGBUS: "SIGBUS", NOPAGE: "NOPAGE", FALLBACK: "FALLBACK", NULL: "NULL"}

RESULTS: frozenset[str] = frozenset(_NAMES.values()) | {f"-{name}" for name in errno.errorcode.values()}
"""What `result_name` can say, but for numbers."""


class Scene:
    """One operation on the stage."""

    __slots__ = ("actor", "args", "stage", "statement", "verb", "world")

    def __init__(self, stage: Stage, statement: Operation, actor: Actor, verb: Verb) -> None:
        self.stage, self.statement, self.actor, self.verb = stage, statement, actor, verb
        self.world: World = stage.world
        self.args = Arguments(statement, stage.names, stage.scenario.path, verb)

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
        raise self.args.wrong("nothing is mapped there", place)

    def room(self, size: int, align: int) -> int:
        """Where nobody has anything mapped on `size` bytes: above all mappings, else the lowest; -1 when nowhere."""
        mms = self.world.machine.mms.values()
        tops = [next((vma.end for vma in reversed(mm.vmas) if vma.end <= MAP_WINDOW), 0) for mm in mms]
        start = (max((_FIRST, *tops)) + align) & ~(align - 1)
        if start + size <= MAP_WINDOW:
            return start
        taken = sorted((vma.start, vma.end) for mm in mms for vma in mm.vmas)
        start = align
        for low, high in taken:
            if start < high and low < start + size:
                start = (high + align - 1) & ~(align - 1)
        return start if start + size <= MAP_WINDOW else -1

    def part(self, size_at: int = 1) -> tuple[Vma, int, int]:
        """A mapping and the range of it that the arguments name: to its end when no size is given."""
        vma, start = self.vma()
        end = start + self.args.count(size_at, vma.end - start)
        self.args.user(start, end, self.args.column(0))
        return vma, start, end

    def within(self, place: int, addr: int, paddr: int, size: int, vma: Vma) -> None:
        """Tell where [paddr, paddr+size) goes beyond the physical memory that an argument names."""
        name = self.args.name(place)
        start, end = self.stage.names.physical.get(name, (paddr, paddr + size))
        if paddr < start or end < paddr + size:
            detail = f"[{paddr:#x}-{paddr + size:#x}) is mapped, and {name} is only [{start:#x}-{end:#x})"
            self.note("beyond-memory", addr, addr + size, paddr // PAGE, detail, vma)

    def note(self, what: str, start: int, end: int, pfn: int, detail: str, vma: Vma | None = None) -> None:
        """A fact, with where the mapping was made."""
        self.world.note(
            what, start, end, pfn, detail, [(vma.born, f"{vma} was mapped here")] if vma is not None else []
        )


def result_name(ret: int) -> str:
    """A result as the kernel's sources write it."""
    if ret in _NAMES:
        return _NAMES[ret]
    return f"-{errno.errorcode[-ret]}" if -ret in errno.errorcode else str(ret)
