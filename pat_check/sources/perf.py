"""Text of ``perf script``: probes of ``perf probe`` or tracefs, and tracepoints."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pat_check.events import NO_PID, Event, LostEvents, Marker, Return
from pat_check.sources import catalogue, ftrace, klog, native, specs
from pat_check.sources.catalogue import FieldError
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.scanned import Scanned

if TYPE_CHECKING:
    from pat_check.sources.lane import Probed

# The comm is right-aligned in 16 columns and may hold anything; the second pattern reads narrower columns.
_REST = (
    r" {1,40}(?P<pid>-1|\d{1,10})(?:/(?P<tid>-1|\d{1,10}))? {1,40}(?:\[(?P<cpu>\d{1,5})\] {1,40})?"
    r"(?P<time>\d{1,12}\.\d{1,9}): {1,200}(?:\d{1,20} {1,200})?"
    r"(?P<event>[A-Za-z_][^\s:]{0,127}(?::[^\s:]{0,127})?):(?:\s(?P<payload>.*))?"
)
_LINES = (Pattern(r"(?P<comm>.{16})" + _REST), Pattern(r"(?P<comm>\S.{0,63}?)" + _REST))
_ADDRESSES = Pattern(r"\s*\([0-9a-f]+(?: <- [0-9a-f]+)?\)\s*")
_CHAIN = Pattern(r"\s+(?:[0-9a-f]{1,16} |[\w.$]+\+0x[0-9a-f]+ |\[unknown\]|\S+ \()")
_LOST = Pattern(r".{0,120}\bPERF_RECORD_LOST(?:_SAMPLES)?\b.{0,40}?lost (?P<count>\d{1,19})")
_CONSOLE, _PRINT = "printk:console", "ftrace:print"
_TOLD = frozenset((_CONSOLE, _PRINT))


class PerfScript(Scanned):
    """``perf script``, with its default fields or ``-F`` with at least pid or tid, time, event and trace."""

    name = "perf"
    title = "text of perf script"
    layout = native.PERF

    def __init__(self) -> None:
        super().__init__()
        self._explain = Explainer("perf")

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        if any(line.startswith("# tracer:") for line in head):
            return False
        return any((match := _match(line)) is not None and ":" in match["event"] for line in head)

    def read(self, at: int, line: str, lines: Lines) -> Event | None:
        if not line or line.isspace() or line.startswith("#"):
            return None
        match = _match(line)
        if match is not None:
            try:
                return self._event(at, match)
            except FieldError as error:
                return self.malformed(at, line, str(error), match.start("event") + 1, cut=lines.cut)
        if (lost := _LOST.match(line)) is not None:
            return LostEvents(at, None, -1, NO_PID, "", int(lost["count"]))
        return self.malformed(at, line, *self._explain(line), cut=lines.cut) if _CHAIN.match(line) is None else None

    def place(self, key: str) -> Probed | None:
        name = key.rpartition(":")[2]
        if (resolved := _resolve(name)) is not None:
            return *resolved, ""
        return None if name in catalogue.TRACEPOINTS or key in _TOLD else (None, False, name)

    def _event(self, at: int, match: re.Match[str]) -> Event | None:
        name = match["event"].rpartition(":")[2]
        payload = match["payload"] or ""
        pid = int(match["tid"] or match["pid"])
        cpu = -1 if match["cpu"] is None else int(match["cpu"])
        comm = match["comm"].strip()
        comm = "" if comm == f":{pid}" else comm  # what perf shows for a task whose name it does not know
        context = at, float(match["time"]), cpu, pid, comm
        resolved = _resolve(name)
        if resolved is not None:
            # (function) and (function <- where it returned to): addresses, and in another order than ftrace's
            addresses = _ADDRESSES.match(payload)
            event = ftrace.probe(resolved, payload if addresses is None else payload[addresses.end() :], *context)
            if isinstance(event, Return):
                event.caller = ""
            return event
        if name in catalogue.TRACEPOINTS:
            return catalogue.tracepoint(name, payload.strip(), *context)
        if match["event"] == _CONSOLE:
            return klog.message(payload.strip(), *context)
        if match["event"] == _PRINT:
            return Marker(*context, payload.partition(": ")[2].strip() or payload.strip())
        self.ignore(name or match["event"])
        return None


@lru_cache(maxsize=4096)
def _resolve(name: str) -> tuple[specs.Spec, bool] | None:
    return catalogue.resolve(name)


def _match(line: str) -> re.Match[str] | None:
    return _LINES[0].fullmatch(line) or _LINES[1].fullmatch(line)
