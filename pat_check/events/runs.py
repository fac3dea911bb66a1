"""Events in a row that are told as one, for whoever has no use for each of them."""

from __future__ import annotations

from typing import Final

from pat_check.compiling import mypyc_attr
from pat_check.events.areas import UnmapVmas, VmAreaFree, ZapVma
from pat_check.events.base import Event
from pat_check.events.mappings import CopyPageRange, FreePfnRange, RemapPfnRange
from pat_check.events.memtype import MemtypeCheckInsert, MemtypeFree, MemtypeReserve


class Rows:
    """Where the events of a run come from."""

    def between(self, place: int, end: int) -> list[Event]:
        """The events of the rows in [place, end), bytes."""
        raise NotImplementedError

    def refused(self, kind: type[Event]) -> None:
        """A run of this kind was of no use: each of its events is asked for."""
        raise NotImplementedError


FOLLOWED: Final = 0x400 | 0x4000 | 0x10000000
"""VM_PFNMAP, VM_IO and VM_MIXEDMAP: a VMA with any of these is followed, all others are ordinary."""
TRACKED: Final = 0x1000000
"""VM_PAT: calls on a VMA with it reserve and free."""


@mypyc_attr(acyclic=True)
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
        """Each of them, where they cannot be applied as one."""
        self.rows.refused(type(self))
        return self.rows.between(self.place, self.end)


class Shape:
    """Which functions a run calls, and how its calls are nested: the same for many runs of a recording."""

    __slots__ = ("callers", "functions")

    def __init__(self, functions: list[str], callers: list[str]) -> None:
        self.functions = functions  # that were called
        self.callers = callers  # where returns go that go to none of them that is open


@mypyc_attr(acyclic=True)
class OrdinaryVmas(Run):
    """Calls on VMAs that are not followed, or whose flags are not recorded.

    A fork makes vm_area_dup() and right after it copy_page_range(), each with its return.
    """

    __slots__ = ("callers", "copied", "copy", "freed", "inner", "is_zap", "mm", "own", "scope", "vmas", "zap")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.vmas: list[int] = []  # that they are about, but for those that are only freed
        self.zap = ""  # the function that cleared entries
        self.inner = ""  # and the one that it called for that
        self.is_zap = False  # there is no other
        self.mm = 0  # of what it cleared
        self.own = 0  # of what was duplicated
        self.copied = self.copy = 0  # the last VMA that was duplicated, and the new one; 0 none was
        self.callers: list[str] = []  # where the returns go
        self.freed: list[int] = []  # VMAs that vm_area_free() was called for; these may be followed
        self.scope = -1  # where the last row begins, if what comes may be inside that call


@mypyc_attr(acyclic=True)
class CopiedVmas(Run):
    """Followed VMAs that a fork copies: vm_area_dup() and copy_page_range() of each, with their returns.

    All are of one address space, nothing fails, and nothing is called inside.
    """

    __slots__ = ("callers", "mm", "of")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.mm = 0
        self.of: list[tuple[int, int, int, int, int, int, int]] = []
        """Line, VMA, vm_start, vm_end, flags, context, the copy."""
        self.callers: list[str] = []  # where the returns go, that of vm_area_dup() first


@mypyc_attr(acyclic=True)
class ZappedVmas(Run):
    """Entries of followed VMAs are cleared from end to end, by calls of one function in one address space."""

    __slots__ = ("mm", "of", "zap")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.mm = 0
        self.of: list[ZapVma] = []
        self.zap = ""  # the function


@mypyc_attr(acyclic=True)
class SplitOff(Run):
    """__split_vma() of a followed VMA, from its call to its return: it makes vm_area_dup(), and both succeed."""

    __slots__ = (
        "addr",
        "callers",
        "ctx",
        "dup",
        "flags",
        "made",
        "mm",
        "new",
        "new_below",
        "vm_end",
        "vm_start",
        "vma",
    )

    vma: int
    mm: int
    vm_start: int  # the bounds before
    vm_end: int
    flags: int
    ctx: int
    addr: int  # where it is split
    new_below: int  # whether the new VMA is the lower one
    new: int
    callers: list[str]  # where the returns go, that of vm_area_dup() first
    dup: int  # where the row of vm_area_dup() begins
    made: int  # and where it ends


@mypyc_attr(acyclic=True)
class UnmappedVma(Run):
    """unmap_vmas() of one followed VMA, its zap, and its vm_area_free(); the first two have the same bounds."""

    __slots__ = ("flags", "free", "mm", "unmap", "zap")

    unmap: UnmapVmas
    zap: str  # the function that cleared its entries
    mm: int
    flags: int
    free: VmAreaFree


@mypyc_attr(acyclic=True)
class FreedVmas(Run):
    """Calls of vm_area_free(), of whatever VMAs; in a row."""

    __slots__ = ("last", "of")

    def __init__(
        self, at: int, time: float | None, cpu: int, pid: int, comm: str, rows: Rows, place: int, end: int, count: int
    ) -> None:
        super().__init__(at, time, cpu, pid, comm, rows, place, end, count)
        self.of: list[tuple[int, int]] = []  # VMA, context
        self.last = 0  # where the last row begins


@mypyc_attr(acyclic=True)
class Mapping(Run):
    """remap_pfn_range() of a whole VMA, from its call to its return.

    It made nothing but one memtype_reserve() of its range, and that one memtype_check_insert(). Where this went into
    the tree all calls succeeded, and the direct map was told; else all failed with it. All have the same range.
    """

    __slots__ = (
        "caller",
        "got",
        "granted",
        "inner_api",
        "inner_ctx",
        "inner_flags",
        "inner_prot",
        "inserted_at",
        "outer",
        "pcm",
        "prot",
        "req",
        "reserved_at",
        "ret",
        "returned_at",
        "returned_time",
        "shape",
        "type",
    )

    shape: Shape
    outer: RemapPfnRange
    inner_api: str  # track_pfn_remap() or the like, which has the arguments of `outer`; "" is not recorded
    inner_flags: int  # what that was called with
    inner_ctx: int
    inner_prot: int
    prot: int  # of reserve_pfn_range() or pfnmap_track()
    req: int  # what was asked for
    reserved_at: int  # line of the call of memtype_reserve()
    type: int  # what memtype_check_insert() was called with
    inserted_at: int  # line of that call
    ret: int  # what memtype_check_insert() and memtype_reserve() returned
    got: int  # the cache mode that it granted; -1 not recorded
    granted: int  # and memtype_reserve()
    returned_at: int  # line of the return of memtype_reserve()
    returned_time: float  # and its time
    caller: str  # and to where
    pcm: int  # the cache mode that memtype_kernel_map_sync() was called with; -1 it was not


@mypyc_attr(acyclic=True)
class Untracking(Run):
    """The release of a context, from pfnmap_track_ctx_release() to the return of memtype_free().

    One entry of the tree was removed; all calls have the same range.
    """

    __slots__ = ("erased_at", "erased_time", "free_at", "release", "shape", "untrack")

    shape: Shape
    release: FreePfnRange
    untrack: FreePfnRange
    free_at: int  # line of the call of memtype_free()
    erased_at: int  # line of the return of memtype_erase()
    erased_time: float  # and its time


@mypyc_attr(acyclic=True)
class Reserving(Run):
    """memtype_reserve() from its call to its return, both that of a range that went into the tree."""

    __slots__ = ("caller", "got", "granted", "insert", "inserted", "reserve")

    reserve: MemtypeReserve
    insert: MemtypeCheckInsert
    inserted: Event  # where memtype_check_insert() returns
    got: int  # the cache mode that it granted; -1 not recorded
    granted: int  # and memtype_reserve()
    caller: str  # where that returns to


@mypyc_attr(acyclic=True)
class Freeing(Run):
    """memtype_free() from its call to its return, both that of a range that was looked for in the tree."""

    __slots__ = ("call", "caller", "erased", "how")

    call: MemtypeFree
    erased: Event  # where memtype_erase() returns
    how: str  # an entry was "removed" or "shrunk", or "missed"
    caller: str  # where memtype_free() returns to


@mypyc_attr(acyclic=True)
class UntrackedVma(Run):
    """unmap_single_vma() of a whole VMA with VM_PAT: untrack_pfn(), which makes a free, and unmap_page_range().

    All show the same VMA, and the free is of its length. untrack_pfn() may be seen to make a get_pat_info(), too.
    """

    __slots__ = ("clear", "free", "looked_up", "untrack", "zap")

    zap: ZapVma
    untrack: FreePfnRange
    looked_up: str  # where get_pat_info(), which found something, returned to; "" is not recorded
    free: Freeing
    clear: ZapVma


@mypyc_attr(acyclic=True)
class TrackedCopy(Run):
    """What a fork does with one VMA with VM_PAT, from vm_area_dup() to the return of copy_page_range(); nothing fails.

    The copy is cleared by untrack_pfn_clear(), and track_pfn_copy() reserves its length.
    """

    __slots__ = ("copy", "looked_up", "pcm", "prot", "reserving", "shape")

    shape: Shape
    copy: CopyPageRange  # which shows the VMA as all others do
    looked_up: bool  # whether track_pfn_copy() was seen to call get_pat_info()
    prot: int  # of reserve_pfn_range()
    reserving: Reserving
    pcm: int  # the cache mode that memtype_kernel_map_sync() was called with
