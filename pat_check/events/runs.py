"""Events in a row that are told as one, for whoever has no use for each of them."""

from __future__ import annotations

from typing import Final

from pat_check.events.base import Event
from pat_check.events.mappings import FreePfnRange, RemapPfnRange
from pat_check.events.memtype import MemtypeCheckInsert, MemtypeFree, MemtypeReserve


class Rows:
    """Where the events of a run come from."""

    def between(self, place: int, end: int) -> list[Event]:
        """The events of the rows in [place, end), bytes."""
        raise NotImplementedError


FOLLOWED: Final = 0x400 | 0x4000 | 0x10000000
"""VM_PFNMAP, VM_IO and VM_MIXEDMAP: a VMA with any of these is followed, all others are ordinary."""


class Run(Event):
    """Events of one task, nothing between them. Line, time and the rest are those of the last."""

    __slots__ = ("count", "end", "place", "rows")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.rows, self.place, self.end = rows, place, end
        self.count = count  # of events

    def events(self) -> list[Event]:
        """Each of them."""
        return self.rows.between(self.place, self.end)


class OrdinaryVmas(Run):
    """Calls on VMAs that are not followed, or whose flags are not recorded.

    A copy comes with its return and right after the vm_area_dup() that made its target.
    """

    __slots__ = ("callers", "copied", "copy", "freed", "inner", "is_zap", "mm", "pends", "scope", "vmas", "zap")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.vmas: list[int] = []  # that they are about, but for those that are only freed
        self.zap = ""  # the function that cleared entries
        self.inner = ""  # and the one that it called for that
        self.is_zap = False  # there is no other
        self.mm = 0  # of what it cleared
        self.copied = self.copy = 0  # the last VMA that was duplicated, and the new one; 0 none was
        self.pends = False  # its page tables were not copied
        self.callers: list[str] = []  # where the returns go
        self.freed: list[int] = []  # VMAs that vm_area_free() was called for; these may be followed
        self.scope = -1  # where the last row begins, if what comes may be inside that call


class Mapping(Run):
    """remap_pfn_range() of a whole VMA, from its call to its return.

    It made nothing but one memtype_reserve() of its range, which went into the tree, and the calls between the two;
    all succeeded, with the same range.
    """

    __slots__ = (
        "caller",
        "callers",
        "functions",
        "got",
        "granted",
        "inner",
        "inserted_at",
        "outer",
        "pcm",
        "prot",
        "req",
        "returned_at",
        "returned_time",
        "type",
    )

    outer: RemapPfnRange
    inner: RemapPfnRange | None  # track_pfn_remap() or the like
    prot: int  # of reserve_pfn_range() or pfnmap_track()
    req: int  # what was asked for
    type: int  # what memtype_check_insert() was called with
    inserted_at: int  # line of that call
    got: int  # the cache mode that it granted; -1 not recorded
    granted: int  # and memtype_reserve()
    returned_at: int  # line of the return of memtype_reserve()
    returned_time: float  # and its time
    caller: str  # and to where
    pcm: int  # the cache mode that memtype_kernel_map_sync() was called with
    functions: list[str]  # that were called
    callers: list[str]  # where returns go that go to none of them that is open


class Untracking(Run):
    """The release of a context, from pfnmap_track_ctx_release() to the return of memtype_free().

    One entry of the tree was removed; all calls have the same range.
    """

    __slots__ = ("callers", "erased_at", "erased_time", "free_at", "functions", "release", "untrack")

    release: FreePfnRange
    untrack: FreePfnRange
    free_at: int  # line of the call of memtype_free()
    erased_at: int  # line of the return of memtype_erase()
    erased_time: float  # and its time
    functions: list[str]  # that were called
    callers: list[str]  # where returns go that go to none of them that is open


class Reserving(Run):
    """memtype_reserve() from its call to its return, both that of a range that went into the tree."""

    __slots__ = ("caller", "got", "granted", "insert", "inserted", "reserve")

    reserve: MemtypeReserve
    insert: MemtypeCheckInsert
    inserted: Event  # where memtype_check_insert() returns
    got: int  # the cache mode that it granted; -1 not recorded
    granted: int  # and memtype_reserve()
    caller: str  # where that returns to


class Freeing(Run):
    """memtype_free() from its call to its return, both that of a range that was looked for in the tree."""

    __slots__ = ("call", "caller", "erased", "how")

    call: MemtypeFree
    erased: Event  # where memtype_erase() returns
    how: str  # an entry was "removed" or "shrunk", or "missed"
    caller: str  # where memtype_free() returns to
