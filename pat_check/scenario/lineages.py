"""Which mapping each reservation is of. Equal entries have no identity: whoever frees one frees his own, if he can."""

from __future__ import annotations

from pat_check.model.vma import Vma


class Lineages:
    """What mmap() or fork made, of which mappings are cut and moved, by the physical range [start, end) it reserved.

    Each entry with all that it may be of: which of its equals somebody else has shrunk nobody can tell.
    """

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], list[frozenset[Vma]]] = {}

    def reserved(self, start: int, end: int, lineage: Vma) -> None:
        """A mapping has reserved this."""
        self._add(start, end, frozenset((lineage,)))

    def freed(self, start: int, end: int, lineage: Vma | None) -> None:
        """An entry is gone."""
        self._take(start, end, lineage)

    def shrunk(self, start: int, end: int, new_end: int, lineage: Vma | None) -> bool:
        """An entry [start, end) was shrunk: whether it is that of another mapping."""
        taken = self._take(start, end, lineage)
        if taken:
            self._add(start, new_end, taken)
        return bool(taken) and lineage is not None and lineage not in taken

    def _add(self, start: int, end: int, of: frozenset[Vma]) -> None:
        self._of.setdefault((start, end), []).append(of)

    def _take(self, start: int, end: int, lineage: Vma | None) -> frozenset[Vma]:
        """Forget one of these entries, the freer's own if there is one; gives what it may be of, if of mappings."""
        known = self._of.pop((start, end), [])
        if not known:
            return frozenset()
        mine = [of for of in known if lineage in of]
        if not mine:  # of any of those in the same address space, else anywhere
            mm = lineage.mm if lineage is not None else None
            near = [of for of in known if any(one.mm is mm for one in of)] or known
            either = frozenset().union(*near)
            known = [either if of in near else of for of in known]
            mine = [either]
        known.remove(mine[0])
        if known:
            self._of[start, end] = known
        return mine[0]
