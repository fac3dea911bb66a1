"""Where a physical range lies: the resource of /proc/iomem that holds it, a BAR most often."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pat_check.sources.iomem import Resource

if TYPE_CHECKING:
    from intervaltree import IntervalTree


class Places:
    """Resources by address; asked for findings only, never for every event."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._resources = [resource for resource in resources if resource.start < resource.end]
        self._tree: IntervalTree | None = None

    @property
    def known(self) -> bool:
        """Whether there is any resource."""
        return bool(self._resources)

    def name(self, start: int, end: int) -> str:
        """The name of the innermost resource that holds [start, end), with the one around it; empty when none does."""
        names = list(dict.fromkeys(resource.name for resource in self._holding(start, end)))
        return f"{names[-1]} ({names[-2]})" if len(names) > 1 else "".join(names)

    def base(self, start: int, end: int) -> int:
        """The start of the innermost resource that holds [start, end); -1 when none does."""
        holding = self._holding(start, end) if start < end else []
        return holding[-1].start if holding else -1

    def _holding(self, start: int, end: int) -> list[Resource]:
        """The resources that hold a range, the outermost first."""
        if not self._resources:
            return []
        if self._tree is None:
            from intervaltree import IntervalTree  # slow to import, and most reports name no place

            self._tree = IntervalTree.from_tuples((one.start, one.end, one) for one in self._resources)
        overlapping = (found.data for found in self._tree.overlap(start, end))
        holding = [resource for resource in overlapping if resource.start <= start and end <= resource.end]
        return sorted(holding, key=lambda resource: (resource.depth, resource.start - resource.end))
