"""Where a physical range lies: the resource of /proc/iomem that holds it, a BAR most often."""

from __future__ import annotations

from collections.abc import Iterable

from intervaltree import IntervalTree

from pat_check.sources.iomem import Resource


class Places:
    """Resources by address; asked for findings only, never for every event."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._tree = IntervalTree()
        for resource in resources:
            if resource.start < resource.end:
                self._tree.addi(resource.start, resource.end, resource)

    def name(self, start: int, end: int) -> str:
        """The name of the innermost resource that holds [start, end), with the one around it; empty when none does."""
        overlapping = (found.data for found in self._tree.overlap(start, end))
        holding = [resource for resource in overlapping if resource.start <= start and end <= resource.end]
        holding.sort(key=lambda resource: (resource.depth, resource.start - resource.end))
        names = list(dict.fromkeys(resource.name for resource in holding))
        return f"{names[-1]} ({names[-2]})" if len(names) > 1 else "".join(names)
