"""A progress line for long inputs, on stderr and only where a person watches.

It is drawn when it is told something and not by a thread, for a process that has threads cannot be forked.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

_LONG = 100_000  # lines; shorter inputs are done before anyone wonders
_PAUSE = 0.1  # seconds between two drawings


class Progress:
    """Shows how many lines of which input have been read; appears once an input proves long."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._shown: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._drawn = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def update(self, path: str, lines: int) -> None:
        """Line number `lines` of `path` has been read."""
        if not self._watched or (self._shown is None and lines < _LONG):
            return
        from pat_check.reporters.base import escaped

        if self._shown is None:
            self._shown, self._task = _start()
        assert self._task is not None
        now = time.monotonic()
        if now - self._drawn >= _PAUSE:
            self._drawn = now
            self._shown.update(self._task, completed=lines, description=escaped(path), refresh=True)


def _start() -> tuple[rich.progress.Progress, rich.progress.TaskID]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.completed:,.0f} lines", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    progress.start()
    return progress, progress.add_task("", total=None)
