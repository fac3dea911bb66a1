"""Address spaces, their mappings, and the context that mappings share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final

from pat_check.model.memory import PAGE
from pat_check.model.page_table import PageTable

VM_READ: Final = 0x1
VM_WRITE: Final = 0x2
VM_SHARED: Final = 0x8
VM_MAYWRITE: Final = 0x20
VM_MAYEXEC: Final = 0x40
VM_MAYSHARE: Final = 0x80
VM_PFNMAP: Final = 0x400
VM_IO: Final = 0x4000
VM_DONTCOPY: Final = 0x20000
VM_DONTEXPAND: Final = 0x40000
VM_HUGETLB: Final = 0x400000
VM_WIPEONFORK: Final = 0x02000000
VM_PAT: Final = 0x01000000
VM_DONTDUMP: Final = 0x04000000
VM_MIXEDMAP: Final = 0x10000000
VM_SPECIAL: Final = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP
"""A mapping with any of these never merges."""
BEYOND_VMA: Final = "remap_pfn_range goes beyond its mapping"
"""What is told of entries that belong to no mapping."""


class PfnmapTrackCtx:
    """One memtype reservation, shared by every VMA cut or copied from its first.

    Born: a full remap_pfn_range(). Shared: vm_area_dup(). Dies: vm_area_free() of the last VMA.
    """

    __slots__ = ("born", "kref", "pfn", "size")

    def __init__(self, pfn: int, size: int, born: int) -> None:
        self.kref, self.pfn, self.size, self.born = 1, pfn, size, born  # size in bytes

    def get(self) -> PfnmapTrackCtx:
        """Take a reference."""
        self.kref += 1
        return self

    def put(self) -> bool:
        """Drop one reference; true when it was the last."""
        self.kref -= 1
        return self.kref == 0


class Vma:
    """One mapping of user virtual bytes [start, end).

    Born: mmap. Cut: a split gives the upper part to a new one. Copied: fork, mremap. Dies: munmap, exit.
    """

    __slots__ = (
        "born",
        "cachemode",
        "ctx",
        "end",
        "file",
        "file_pgoff",
        "flags",
        "full_mode",
        "full_pfn",
        "lineage",
        "mm",
        "pgoff",
        "start",
        "zapped_at",
        "zaps_on_open",
    )

    def __init__(
        self, mm: Mm, start: int, end: int, flags: int, pgoff: int, cachemode: int, file: str, born: int
    ) -> None:
        self.mm, self.start, self.end, self.flags, self.pgoff = mm, start, end, flags, pgoff
        self.cachemode = cachemode  # of vm_page_prot
        self.file, self.born = file, born
        self.ctx: PfnmapTrackCtx | None = None
        self.zaps_on_open = False  # vm_ops->open() of the driver zaps the mapping that it is given
        # For rules, the kernel does not know:
        self.full_pfn = -1  # the first pfn of its last full remap
        self.full_mode = -1  # the type that this remap was granted
        self.file_pgoff = pgoff  # the page of the file that it maps, whatever a driver makes of vm_pgoff
        self.zapped_at = 0  # the line where entries of it were cleared last
        self.lineage: Vma = self  # what mmap() or fork made, of which this was cut or moved

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start

    def is_cow(self) -> bool:
        """``is_cow_mapping()``: may become writable and is not shared."""
        return bool(self.flags & VM_MAYWRITE) and not self.flags & VM_SHARED

    def dup(self, mm: Mm, born: int) -> Vma:
        """``vm_area_dup()`` without its hook: a copy for `mm`."""
        copy = Vma(mm, self.start, self.end, self.flags, self.pgoff, self.cachemode, self.file, born)
        copy.full_pfn, copy.full_mode = self.full_pfn, self.full_mode
        copy.file_pgoff, copy.zapped_at = self.file_pgoff, self.zapped_at
        copy.zaps_on_open = self.zaps_on_open
        copy.lineage = self.lineage if mm is self.mm else copy
        return copy

    def cut(self, start: int, end: int) -> None:
        """Become [start, end) of what it is; ``vm_pgoff`` keeps in step."""
        pages = (start - self.start) // PAGE
        self.pgoff += pages
        self.file_pgoff += pages
        self.full_pfn += pages if self.full_pfn >= 0 else 0
        self.start, self.end = start, end

    def __str__(self) -> str:
        return f"[{self.start:#x}-{self.end:#x})"


class Changes:
    """What may have changed in address spaces since somebody last forgot it.

    Nobody changes a mapping that was not given out before: whoever wants to know looks at those alone.
    """

    __slots__ = ("entries", "vmas")

    def __init__(self) -> None:
        self.vmas: dict[Vma, None] = {}  # linked, unlinked, or given out
        self.entries: list[tuple[Mm, int, int]] = []  # ranges of page tables


class Mm:
    """One address space: its VMAs in order of address, and its page table.

    Born: fork or exec. Shared: CLONE_VM. Dies: exit_mmap() when the last user is gone.
    """

    __slots__ = ("_changes", "born", "id", "notifiers", "page_table", "sleeps", "users", "vmas")

    def __init__(self, id_: int, born: int, changes: Changes | None = None) -> None:
        self.id, self.born = id_, born
        self.vmas: list[Vma] = []  # to look at; what changes them asks a method
        self._changes = changes
        self.page_table = PageTable(self._tell if changes is not None else None)
        self.users = 1
        self.notifiers = False  # whether an MMU notifier is registered
        self.sleeps = False  # whether its invalidate_range_start() must sleep

    def add(self, vma: Vma) -> None:
        """Link a mapping; it must not overlap another."""
        insort(self.vmas, vma, key=lambda other: other.start)
        self._give(vma)

    def remove(self, vma: Vma) -> None:
        """Unlink a mapping."""
        self._give(vma)
        del self.vmas[bisect_left(self.vmas, vma.start, key=lambda other: other.start)]

    def find(self, addr: int) -> Vma | None:
        """The mapping that holds an address."""
        place = bisect_right(self.vmas, addr, key=lambda other: other.start) - 1
        vma = self.vmas[place] if place >= 0 else None
        if vma is None or addr >= vma.end:
            return None
        self._give(vma)
        return vma

    def overlapping(self, start: int, end: int) -> Iterator[Vma]:
        """The mappings that intersect [start, end), ascending."""
        found = self.seen(start, end)
        for vma in found:
            self._give(vma)
        return iter(found)

    def every(self) -> list[Vma]:
        """All mappings, ascending, for who may change them."""
        for vma in self.vmas:
            self._give(vma)
        return list(self.vmas)

    def seen(self, start: int, end: int) -> list[Vma]:
        """As `overlapping`, for who only looks."""
        first = max(bisect_right(self.vmas, start, key=lambda other: other.start) - 1, 0)
        last = bisect_left(self.vmas, end, key=lambda other: other.start)
        return [vma for vma in self.vmas[first:last] if vma.start < end and start < vma.end]

    def _give(self, vma: Vma) -> None:
        if self._changes is not None:
            self._changes.vmas[vma] = None

    def _tell(self, start: int, end: int) -> None:
        if self._changes is not None:
            self._changes.entries.append((self, start, end))


def validate_mm(mm: Mm) -> None:
    """Assert that mappings are in order and apart, and that entries lie in mappings."""
    for first, second in zip(mm.vmas, mm.vmas[1:], strict=False):
        assert first.start < first.end <= second.start < second.end
    for start, end, _ in mm.page_table:
        vma = mm.find(start)
        assert vma is not None
        assert end <= vma.end or any(other.start < end for other in mm.vmas)


def validate_contexts(mms: Iterable[Mm]) -> None:
    """Assert that every context is counted once for each mapping that points to it."""
    seen: dict[int, list[PfnmapTrackCtx]] = {}
    for vma in (vma for mm in mms for vma in mm.vmas):
        if vma.ctx is not None:
            seen.setdefault(id(vma.ctx), []).append(vma.ctx)
    for same in seen.values():
        assert same[0].kref == len(same)
