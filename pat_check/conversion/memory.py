"""The physical memory of a converted scenario: which RAM, BARs and MTRRs it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pat_check.conversion.tape import Op, Physical
from pat_check.model.memory import PAGE, Ram
from pat_check.scenario.words import size_text
from pat_check.sources.iomem import Resource, ram_of

_WORD = re.compile(r"[^A-Za-z0-9_.]+")
_DEVICE = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_LIMIT = 1 << 52
"""The first address that no physical memory has."""


class Bars:
    """Names for the device memory that operations use: of /proc/iomem, else of its address."""

    def __init__(self, resources: Iterable[Resource], ram: Ram, ops: Iterable[Op]) -> None:
        used = {arg for op in ops for arg in op.args if isinstance(arg, Physical)}
        used = {
            one
            for one in used
            if one.start + one.size <= _LIMIT - PAGE and not ram.test(one.start, one.start + one.size)
        }
        self._resources = [
            one for one in resources if one.end <= _LIMIT - PAGE and not one.name.startswith(("System RAM", "Reserved"))
        ]
        self.declared: dict[tuple[int, int], str] = {}
        ranges: list[tuple[int, int]] = []
        for start, size in sorted(used):
            low, high = start // PAGE * PAGE, -(-(start + size) // PAGE) * PAGE
            held = self._holding(low, high)
            if held is not None:
                self.declared.setdefault((held.start // PAGE * PAGE, -(-held.end // PAGE) * PAGE), held.name)
            elif ranges and low <= ranges[-1][1]:
                ranges[-1] = ranges[-1][0], max(high, ranges[-1][1])
            else:
                ranges.append((low, high))
        self.declared.update((one, "") for one in ranges)
        names: set[str] = set()
        for (start, end), name in sorted(self.declared.items()):
            tame = _WORD.sub("_", name).strip("_.")
            tame = f"pci_{tame}" if _DEVICE.fullmatch(name) else f"mem_{tame or f'{start:x}'}"
            unique, count = tame, 1
            while unique in names:
                count += 1
                unique = f"{tame}_{count}"
            names.add(unique)
            self.declared[start, end] = unique

    def lines(self) -> list[str]:
        """The declarations, ascending."""
        return [
            f"bar {name} = {start:#x} size {size_text(end - start)}"
            for (start, end), name in sorted(self.declared.items())
        ]

    def text(self, what: Physical) -> str:
        """An address, as an offset into what holds it."""
        for (start, end), name in sorted(self.declared.items(), key=lambda one: one[0][1] - one[0][0]):
            if start <= what.start and what.start + what.size <= end:
                return f"{name} + {size_text(what.start - start)}" if what.start > start else name
        return f"{what.start:#x}"

    def _holding(self, start: int, end: int) -> Resource | None:
        """The device's own resource: the innermost that is called like a PCI device, else the innermost."""
        holding = [
            one for one in self._resources if one.start // PAGE * PAGE <= start and end <= -(-one.end // PAGE) * PAGE
        ]
        holding.sort(key=lambda one: (_DEVICE.fullmatch(one.name) is not None, one.depth))
        return holding[-1] if holding else None


def ram_lines(
    resources: Iterable[Resource], ram: Ram, touched: Iterable[tuple[int, int]], inserted: Iterable[tuple[int, int]]
) -> list[str]:
    """Declarations of the RAM that is touched: whole resources.

    Where these are not known it is what was touched and not in the list at any time.
    """
    ranges = sorted({(low, high) for low, high in touched if low < high <= _LIMIT - PAGE})
    resources, inserted = list(resources), list(inserted)
    if resources:
        pages = [(-(-start // PAGE) * PAGE, min(end, _LIMIT) // PAGE * PAGE) for start, end in ram_of(resources)]
        shown = [(start, end) for start, end in pages if any(low < end and start < high for low, high in ranges)]
    else:
        shown = []
        for low, high in ranges:
            if ram.test(low, high) <= 0 or any(start < high and low < end for start, end in inserted):
                continue
            start, end = low // PAGE * PAGE, -(-high // PAGE) * PAGE
            if shown and start <= shown[-1][1]:
                start, end = shown[-1][0], max(end, shown.pop()[1])
            shown.append((start, end))
    return [f"ram ram_{start:x} = {start:#x} size {size_text(end - start)}" for start, end in shown]


def mtrr_lines(write_back: Iterable[tuple[int, int]]) -> list[str]:
    """Declarations of the MTRRs that let these ranges be reserved write-back."""
    return [
        f"mtrr {start:#x} size {size_text(end - start)} write-back"
        for start, end in sorted(write_back)
        if end > 0xA0000 and start < end <= _LIMIT
    ]
