"""Text of a bpftrace script that prints ``time_ns cpu pid comm event name=value ...``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pat_check.events import NO_PID, Event, LostEvents
from pat_check.sources import catalogue, ftrace
from pat_check.sources.base import Source
from pat_check.sources.catalogue import FieldError
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines

# The comm may hold anything; the event is the last word before the values.
_LINE = re.compile(
    r"(?P<time>\d{1,20}) (?P<cpu>\d{1,5}) (?P<pid>\d{1,10}) (?P<comm>.{0,64}?) (?P<event>[A-Za-z_]\w*)"
    r"(?P<values>(?: \w+=\S*)*) *"
)
_ATTACH = re.compile(r"Attach(?:ing|ed) \d+ probes?")
_HEADER = "# time_ns cpu pid comm event"
_LOST = re.compile(r"Lost (?P<count>\d{1,19}) events")
_SAID = re.compile(r"(?:WARNING|ERROR|INFO|HINT)\b|stdin:\d|\S+\.bt:\d|@\w*(?:\[.*\])?:")


class Bpftrace(Source):
    """Lines that bpftrace printed with ``printf("%llu %d %d %s memtype_free start=0x%lx end=0x%lx\\n", ...)``."""

    name = "bpftrace"
    title = "bpftrace text: time_ns cpu pid comm event name=value ..."

    def __init__(self) -> None:
        super().__init__()
        self._explain = Explainer("bpftrace")

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        for line in head:
            if line.startswith("# tracer:"):
                return False
            if _ATTACH.match(line) or line.startswith(_HEADER):
                return True
            if (match := _LINE.fullmatch(line)) is not None and catalogue.resolve(match["event"]) is not None:
                return True
        return False

    def events(self, lines: Lines) -> Iterator[Event]:
        for at, line in enumerate(lines, self.lines + 1):
            self.lines = at
            if not line or line.isspace() or line.startswith("#"):
                continue
            if (match := _LINE.fullmatch(line)) is not None:
                resolved = catalogue.resolve(match["event"])
                if resolved is None:
                    self.ignored[match["event"]] += 1
                    continue
                time, cpu, pid = int(match["time"]) / 1e9, int(match["cpu"]), int(match["pid"])
                try:
                    yield ftrace.probe(resolved, match["values"], at, time, cpu, pid, match["comm"].strip())
                except FieldError as error:
                    yield self.malformed(at, line, str(error), match.start("event") + 1, cut=lines.cut)
            elif (lost := _LOST.match(line)) is not None:
                yield LostEvents(at, None, -1, NO_PID, "", int(lost["count"]))
            elif _ATTACH.match(line) is None and _SAID.match(line) is None:
                yield self.malformed(at, line, *self._explain(line), cut=lines.cut)
