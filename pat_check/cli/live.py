"""What is shown while a recording is made: a table on a terminal, else a line for each finding."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from pat_check.api import Live
from pat_check.cli import warn
from pat_check.findings import Finding, Severity, counted
from pat_check.reporters.base import escaped

if TYPE_CHECKING:
    import rich.live
    import rich.table

_SHOWN = 12  # findings


class View:
    """A context in which a recording is watched; `live` is its Watcher."""

    def __init__(self, *, until_finding: bool) -> None:
        self.live = Live(
            self._told, (lambda finding: finding.severity >= Severity.WARNING) if until_finding else _never
        )
        self._findings: list[Finding] = []
        self._seen = (time.monotonic(), 0)
        self._rate = 0.0
        self._shown: rich.live.Live | None = None

    def __enter__(self) -> View:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live as Shown

            self._shown = Shown(console=Console(stderr=True), get_renderable=self._table, refresh_per_second=4)
            self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()
        if self.live.error:
            warn(f"the live replay ended: {self.live.error}")
        elif kind is None:
            more = sum(1 for finding in self._findings for _ in finding.all()) - len(self._findings)
            led = f", which led to {more} more," if more else ""
            warn(f"{counted(len(self._findings), 'finding')}{led} in {self.live.events:,} events", "live")

    def say(self, line: str) -> None:
        """A line of the recorder."""
        if self._shown is None:
            warn(line, "note")
        else:
            from rich.text import Text

            self._shown.console.print(Text(f"pat-check: note: {escaped(line)}"))

    def _told(self, finding: Finding) -> None:
        self._findings.append(finding)
        if self._shown is None:
            where = f"{finding.severity.name.lower()}, line {finding.line}"
            warn(f"{where}: {finding.message} [{finding.rule}]", "live")

    def _table(self) -> rich.table.Table:
        from rich.table import Table
        from rich.text import Text

        now, events = time.monotonic(), self.live.events
        if now - self._seen[0] >= 1:
            self._rate = (events - self._seen[1]) / (now - self._seen[0])
            self._seen = (now, events)
        table = Table(
            title=f"{self.live.reservations} reservations   {events:,} events   {self._rate:,.0f} events/s"
            f"   {len(self._findings)} findings",
            title_justify="left",
            expand=True,
        )
        for name in ("line", "severity", "rule", "finding"):
            table.add_column(name, overflow="fold")
        for finding in self._findings[-_SHOWN:]:
            words = (str(finding.line), finding.severity.name.lower(), finding.rule, escaped(finding.message))
            table.add_row(*map(Text, words))
        return table


def _never(finding: Finding) -> bool:
    return False
