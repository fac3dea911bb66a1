"""Whether the era is the right one: what speaks against it, and which eras would have done what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pat_check import incidents
from pat_check.eras.base import Era
from pat_check.events import Event
from pat_check.replay.context import Context

_ENOUGH: Final = 3
"""Contradictions after which the era is said to be wrong, once."""


class Doubts:
    """Counts contradictions, of every layer together."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._against: list[tuple[int, str]] = []
        self._fitting: Counter[str] = Counter()

    def against(self, event: Event, what: str, fitting: Iterable[Era]) -> None:
        """The era cannot have done `what`; the `fitting` ones can."""
        if len(self._against) >= _ENOUGH:
            return
        self._against.append((event.at, what))
        self._fitting.update(era.name for era in fitting)
        times = len(self._against)
        if times == _ENOUGH:
            fits = [name for name, count in self._fitting.items() if count == times]
            stamp = self.context.stamp(event)
            self.context.emit(
                incidents.EraContradicted(*stamp, self.context.era.name, times, fits, list(self._against))
            )
