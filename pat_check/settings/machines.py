"""A machine of the configuration: what its traces do not say themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, NamedTuple

FIELDS = ("iomem", "mtrr", "era", "traces", "bars")
_RANGE = r"(?:0[xX])?([0-9a-fA-F]{1,16})-(?:0[xX])?([0-9a-fA-F]{1,16})"  # compiled where one is read


class Machine(NamedTuple):
    """The side facts of a machine, as ``[machines.NAME]`` says them."""

    name: str
    iomem: str | None = None  # paths
    mtrr: str | None = None
    era: str | None = None
    traces: tuple[str, ...] = ()  # globs of the traces that were recorded there
    bars: tuple[tuple[str, int, int], ...] = ()  # (name, start, end), half-open

    def recorded(self, trace: str) -> bool:
        """Whether a glob of `traces` matches the path of a trace, or its capture directory's, from its end.

        ``lab-7/*`` matches ``a/lab-7/x`` and ``a/lab-7/x/trace.txt``.
        """
        path = PurePath(trace)
        return any(one.match(pattern) for pattern in self.traces for one in (path, path.parent))


def machine_of(name: str, table: dict[str, Any], rooted: Callable[[str], str]) -> Machine:
    """The machine of a table; raises ValueError for a value of another kind."""
    for field in ("iomem", "mtrr", "era"):
        if not isinstance(table.get(field, ""), str):
            raise ValueError(f"{field} takes a string")
    traces = table.get("traces", [])
    traces = [traces] if isinstance(traces, str) else traces
    if not isinstance(traces, list) or not all(isinstance(one, str) and one for one in traces):
        raise ValueError("traces takes a list of globs")
    bars = table.get("bars", {})
    if not isinstance(bars, dict):
        raise ValueError("bars takes a table of ranges by name")
    return Machine(
        name,
        rooted(table["iomem"]) if "iomem" in table else None,
        rooted(table["mtrr"]) if "mtrr" in table else None,
        table.get("era"),
        tuple(traces),
        tuple((bar, *_range(bar, text)) for bar, text in bars.items()),
    )


def _range(name: str, text: Any) -> tuple[int, int]:
    """``fd000000-fdffffff`` as /proc/iomem writes it, the last byte included, as a half-open range."""
    found = re.fullmatch(_RANGE, text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'bars.{name} takes a range as in /proc/iomem: "fd000000-fdffffff"')
    start, last = int(found[1], 16), int(found[2], 16)
    if last < start:
        raise ValueError(f"bars.{name} ends before it begins")
    return start, last + 1
