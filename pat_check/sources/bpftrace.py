"""Text of a bpftrace script that prints ``time_ns cpu pid comm event name=value ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_check.events import NO_PID, Event, LostEvents
from pat_check.sources import catalogue, ftrace, native
from pat_check.sources.catalogue import FieldError
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.scanned import Scanned

if TYPE_CHECKING:
    from pat_check.sources.lane import Probed

# The comm may hold anything; the event is the last word before the values.
_LINE = Pattern(
    r"(?P<time>\d{1,20}) (?P<cpu>\d{1,5}) (?P<pid>\d{1,10}) (?P<comm>.{0,64}?) (?P<event>[A-Za-z_]\w*)"
    r"(?P<values>(?: \w+=\S*)*) *"
)
_ATTACH = Pattern(r"Attach(?:ing|ed) \d+ probes?")
_HEADER = "# time_ns cpu pid comm event"
_LOST = Pattern(r"Lost (?P<count>\d{1,19}) events")
_SAID = Pattern(r"(?:WARNING|ERROR|INFO|HINT)\b|stdin:\d|\S+\.bt:\d|@\w*(?:\[.*\])?:")


class Bpftrace(Scanned):
    """Lines that bpftrace printed with ``printf("%llu %d %d %s memtype_free start=0x%lx end=0x%lx\\n", ...)``."""

    name = "bpftrace"
    title = "bpftrace text: time_ns cpu pid comm event name=value ..."
    layout = native.BPFTRACE

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

    def read(self, at: int, line: str, lines: Lines) -> Event | None:
        if not line or line.isspace() or line.startswith("#"):
            return None
        if (match := _LINE.fullmatch(line)) is not None:
            resolved = catalogue.resolve(match["event"])
            if resolved is None:
                self.ignore(match["event"])
                return None
            time, cpu, pid = int(match["time"]) / 1e9, int(match["cpu"]), int(match["pid"])
            try:
                return ftrace.probe(resolved, match["values"], at, time, cpu, pid, match["comm"].strip())
            except FieldError as error:
                return self.malformed(at, line, str(error), match.start("event") + 1, cut=lines.cut)
        if (lost := _LOST.match(line)) is not None:
            return LostEvents(at, None, -1, NO_PID, "", int(lost["count"]))
        is_told = _ATTACH.match(line) is not None or _SAID.match(line) is not None
        return None if is_told else self.malformed(at, line, *self._explain(line), cut=lines.cut)

    def place(self, key: str) -> Probed:
        resolved = catalogue.resolve(key)
        return (None, False, key) if resolved is None else (*resolved, "")
