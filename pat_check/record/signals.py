"""Signals while a recording is made: what ends it ends it in good order, SIGUSR1 asks for a checkpoint."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """A context in which signals only leave a note."""

    def __init__(self) -> None:
        self.ending = 0  # the signal that asks for an end; 0 none
        self.wanted = 0  # checkpoints asked for and not yet made
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        for number in _ENDING:
            self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._want)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ending = number

    def _want(self, number: int, frame: FrameType | None) -> None:
        self.wanted += 1
