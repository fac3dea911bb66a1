"""The page map below a finding: its range against its neighbours, a column for a page or for many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pat_check.findings import Extent

_PAGE = 4096
_COLUMNS = 56  # at most, without the bars: with label and indent a row fits 80
_ROWS = 12  # a map with more is no picture any more
_LETTERS = {"WB": "B", "WC": "W", "UC-": "u", "UC": "U", "WT": "T", "WP": "P"}
_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def page_map(extents: Sequence[Extent]) -> Iterator[str]:
    """The rows of the map in plain ASCII; extents that lie far apart get a map each.

    A column is a page, or a power of two of them; a row has a column wherever it holds a byte of it. The letter is the
    cache mode's (B, W, u for UC-, U, T, P), or ``x`` for a row without a mode.
    """
    drawn = [extent for extent in extents if 0 <= extent.start < extent.end]
    width = max((len(_label(extent)) for extent in drawn), default=0)
    left = len(drawn) - _ROWS
    for near in _neighbours(drawn[:_ROWS]):
        yield from _one_map(near, width)
    if left > 0:
        yield f"and {left} more"


def _neighbours(extents: Sequence[Extent]) -> list[list[Extent]]:
    """Extents in groups: a gap longer than all extents together parts two."""
    together = sum(extent.end - extent.start for extent in extents)
    groups: list[list[Extent]] = []
    reached = 0
    for extent in sorted(extents, key=lambda extent: (extent.start, extent.end)):
        if not groups or extent.start - reached > together:
            groups.append([])
        groups[-1].append(extent)
        reached = max(reached, extent.end)
    order = {id(extent): at for at, extent in enumerate(extents)}
    return [sorted(group, key=lambda extent: order[id(extent)]) for group in groups]


def _one_map(extents: Sequence[Extent], width: int) -> Iterator[str]:
    start, end = min(extent.start for extent in extents), max(extent.end for extent in extents)
    each = _PAGE
    while -(-end // each) - start // each > _COLUMNS:
        each *= 2
    origin = start // each
    title = f"each {_size(each)}"
    width = max(width, len(title))
    yield f"{title:<{width}}  {start:#x}-{end:#x}"
    for extent in extents:
        first, last = extent.start // each - origin, -(-extent.end // each) - origin
        letter = _LETTERS.get(extent.mode, "?" if extent.mode else "x")
        yield f"{_label(extent):<{width}}  {' ' * first}|{letter * (last - first)}|"


def _label(extent: Extent) -> str:
    return f"{extent.label} {extent.mode}" if extent.mode else extent.label


def _size(number: int) -> str:
    unit, name = next((unit, name) for unit, name in _UNITS if number >= unit)
    return f"{number // unit} {name}"
