"""Whether the era is the right one: what speaks against it, and which eras would have done what was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pat_check import incidents
from pat_check.eras import ERAS
from pat_check.eras.base import Era
from pat_check.events import Event
from pat_check.replay.context import Context, Stamp

_ENOUGH: Final = 3
"""Contradictions after which the era is said to be wrong, once."""


class Doubts:
    """Counts contradictions, of every layer together, and remembers which eras any of them rules out."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._against: list[tuple[int, str]] = []
        self._known: set[str] = set()  # what this era does as well, and rules nothing out any more
        self._sure = True  # none of them may be a matter of how the kernel was built
        self._stamp: Stamp | None = None  # of the last of them
        self._out: set[str] = set()  # eras that cannot have done all that was seen

    def shows(self, function: str) -> None:
        """A function was called that perhaps not every era has."""
        self._out.update(era.name for era in ERAS if function in era.lacks or function in era.hides)

    def called(self, event: Event, function: str) -> None:
        """A function was called that the era lacks, or that its builds hide."""
        self._count(event, f"{function}() is called", sure=function in self.context.era.lacks)

    def seen(self, event: Event, what: str, fitting: Iterable[Era], *, of_state: bool = False) -> None:
        """Something that only the `fitting` eras do.

        `of_state`: they were asked what they do in the state of the model, which a wrong era may have spoiled.
        """
        if what in self._known:
            return
        names = [era.name for era in fitting]
        if not (of_state and self._against):
            for era in ERAS:
                if era.name not in names:
                    self._out.add(era.name)
        if self.context.era.name not in names:
            self._count(event, what)
        elif not of_state and len(self._known) < _ENOUGH:
            self._known.add(what)

    def _count(self, event: Event, what: str, *, sure: bool = True) -> None:
        if len(self._against) >= _ENOUGH or (self._against and self._against[-1][0] == event.at):
            return
        self._sure = self._sure and sure
        self._against.append((event.at, what))
        if len(self._against) == _ENOUGH:
            self._stamp = self.context.stamp(event)

    def finish(self) -> None:
        """The recording is over: tell, now that all is known that any era can be ruled out by."""
        if self._stamp is not None:
            fits = [era.name for era in ERAS if era.name not in self._out]
            era, times = self.context.era.name, len(self._against)
            told = incidents.EraContradicted(*self._stamp, era, times, fits, self._against, sure=self._sure)
            self.context.emit(told)
