"""memtype_reserve() and memtype_free(): what the kernel decides, before anything is changed.

Source: arch/x86/mm/pat/memtype.c; the same in every era but for the search of `Free.victim`, which is the era's.
"""

from __future__ import annotations

import errno
from typing import Final

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE, PHYSICAL_MASK, is_untracked
from pat_check.model.memtype import Memtype
from pat_check.model.tree import MemtypeTree


class FindVictim:
    """An era's half of ``memtype_erase()``."""

    def of(self, tree: MemtypeTree, start: int, end: int) -> tuple[Memtype | None, bool]:
        """The entry that a free of [start, end) hits, and whether it is shrunk, not removed."""
        raise NotImplementedError


class Reserve:
    """The outcome of one memtype_reserve(): where it goes and what it returns.

    `path` is ``off`` (PAT disabled), ``range``, ``untracked``, ``ram``, ``mixed`` or ``tree``; `overlap` and `clash`
    are the entries that decided it.
    """

    __slots__ = ("actual", "assumed", "clash", "end", "first", "new", "overlap", "path", "ret", "second", "start")

    def __init__(self, start: int, end: int, path: str, ret: int, new: int) -> None:
        self.start, self.end, self.path, self.ret, self.new = start, end, path, ret, new
        self.actual = new  # after the MTRR was asked
        self.assumed = False  # `actual` depends on MTRRs that are not known
        self.first = self.second = -1  # the types of a conflict message
        self.overlap: Memtype | None = None
        self.clash: Memtype | None = None


class Free:
    """The outcome of one memtype_free(): `path` as of `Reserve`, and the entry that is hit."""

    __slots__ = ("end", "path", "ret", "shrinks", "start", "victim")

    def __init__(self, start: int, end: int, path: str, ret: int) -> None:
        self.start, self.end, self.path, self.ret = start, end, path, ret
        self.victim: Memtype | None = None
        self.shrinks = False


def memtype_reserve(machine: Machine, start: int, end: int, req: int, *, strict: bool) -> Reserve:
    """Decide memtype_reserve(start, end, req, new); `strict` is ``new == NULL``. Changes nothing."""
    start &= PHYSICAL_MASK
    end = ((end - 1) & PHYSICAL_MASK) + 1
    if start >= end:
        return Reserve(start, end, "range", -errno.EINVAL, req)
    if not machine.pat_enabled:
        return Reserve(start, end, "off", 0, req)
    if is_untracked(start, end):
        return Reserve(start, end, "untracked", 0, WB)
    test = machine.ram.test(start, end)
    if test > 0:
        return reserve_ram_pages_type(machine, start, end, req)
    actual = UC_MINUS if req == WB and not machine.mtrr.is_write_back(start, end) else req
    if test < 0:
        return Reserve(start, end, "mixed", -errno.EINVAL, actual)
    return check_insert(machine, start, end, actual, strict=strict)


def check_insert(machine: Machine, start: int, end: int, actual: int, *, strict: bool) -> Reserve:
    """Decide memtype_check_insert(): conflict, adoption or plain insertion of type `actual`."""
    ret, granted, overlap, clash = machine.memtypes.check_conflict(start, end, actual, strict=strict)
    outcome = Reserve(start, end, "tree", ret, granted)
    outcome.actual, outcome.overlap, outcome.clash = actual, overlap, clash
    if clash is not None:
        outcome.first, outcome.second = granted, clash.type
    return outcome


def reserve_ram_pages_type(machine: Machine, start: int, end: int, req: int) -> Reserve:
    """Decide the RAM path: exclusive, without WP, with strong UC taken as UC-."""
    if req == WP:
        return Reserve(start, end, "ram", -errno.EINVAL, UC_MINUS)
    wanted = UC_MINUS if req == UC else req
    busy = machine.ram.first_busy(start, end)
    if busy is not None:
        outcome = Reserve(start, end, "ram", -errno.EBUSY, busy[0])
        outcome.first, outcome.second = wanted, busy[0]
        return outcome
    return Reserve(start, end, "ram", 0, wanted)


def memtype_free(machine: Machine, start: int, end: int, find: FindVictim) -> Free:
    """Decide memtype_free(start, end). Changes nothing. The end is masked too, unlike in memtype_reserve()."""
    start &= PHYSICAL_MASK
    end &= PHYSICAL_MASK
    if not machine.pat_enabled:
        return Free(start, end, "off", 0)
    if is_untracked(start, end):
        return Free(start, end, "untracked", 0)
    test = machine.ram.test(start, end)
    if test > 0:
        return Free(start, end, "ram", 0)
    if test < 0:
        return Free(start, end, "mixed", -errno.EINVAL)
    return erase(machine, start, end, find)


def erase(machine: Machine, start: int, end: int, find: FindVictim) -> Free:
    """Decide memtype_erase(): which entry, by the rule of the era."""
    victim, shrinks = find.of(machine.memtypes, start, end)
    outcome = Free(start, end, "tree", 0 if victim is not None else -errno.EINVAL)
    outcome.victim, outcome.shrinks = victim, shrinks
    return outcome


class _Exact(FindVictim):
    """The first entry with these very bounds."""

    def of(self, tree: MemtypeTree, start: int, end: int) -> tuple[Memtype | None, bool]:
        return tree.first_exact(start, end), False


class _ExactOrEnd(FindVictim):
    """The first entry with these bounds, else the first with this end that begins earlier: it is shrunk.

    Only entries that overlap [start, end) are looked at, so that an empty range hits none.
    """

    def of(self, tree: MemtypeTree, start: int, end: int) -> tuple[Memtype | None, bool]:
        node = tree.first_exact(start, end)
        if node is not None or start >= end:
            return node, False
        node = tree.first_ending_at(end, start)
        return node, node is not None


FIND_EXACT: Final[FindVictim] = _Exact()
FIND_EXACT_OR_END: Final[FindVictim] = _ExactOrEnd()


def lookup_memtype(machine: Machine, paddr: int) -> int:
    """``lookup_memtype()``: the type that a fault insert or a partial mapping of this page gets."""
    start = paddr & ~(PAGE - 1)
    if is_untracked(start, start + PAGE):
        return WB
    if machine.ram.test(start, start + PAGE):
        busy = machine.ram.first_busy(start, start + PAGE)
        return busy[0] if busy else WB
    return machine.memtypes.lookup(start)


def is_new_memtype_allowed(start: int, end: int, req: int, got: int) -> bool:
    """Whether a caller that asked for `req` may keep `got`."""
    if is_untracked(start, end) or req == got:
        return True
    if got == WB:
        return req not in (WC, UC_MINUS, WT)
    return not (got == WC and req == WT)
