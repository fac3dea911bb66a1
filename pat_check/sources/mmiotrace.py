"""Text of ftrace's mmiotrace tracer: which driver mapped which device memory, and every access to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pat_check.events import NO_PID, Event, IoremapCaller, Iounmap, LostEvents, Marker, Return
from pat_check.sources.base import Source
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern

UNKNOWN_MODE = -1
"""mmiotrace does not record which cache mode was asked for."""

# Version 20070824 of the format: Documentation/trace/mmiotrace.rst and kernel/trace/trace_mmiotrace.c of Linux.
_TIME = r"(?P<time>[0-9]{1,12}\.[0-9]{1,9})"
_ID = r"(?P<id>-?[0-9]{1,10})"
_END = r" 0x[0-9a-f]{1,16} [0-9]{1,10}"  # the program counter and the pid, both 0 where a mapping is made or removed
_MAP = Pattern(
    rf"MAP {_TIME} {_ID} 0x(?P<phys>[0-9a-f]{{1,16}}) 0x(?P<virt>[0-9a-f]{{1,16}}) 0x(?P<len>[0-9a-f]{{1,16}}){_END}"
)
_UNMAP = Pattern(rf"UNMAP {_TIME} {_ID}{_END}")
_MARK = Pattern(rf"MARK {_TIME} (?P<text>.*)")
_ACCESS = Pattern(rf"[RW] [0-9]{{1,2}} {_TIME} {_ID} 0x[0-9a-f]{{1,16}} 0x[0-9a-f]{{1,16}}{_END}")
_UNKNOWN = Pattern(rf"UNKNOWN {_TIME} {_ID} 0x[0-9a-f]{{1,16}} [0-9a-f]{{2}}(?:,[0-9a-f]{{2}}){{2}}{_END}")
_LOST = Pattern(r"Lost (?P<count>[0-9]{1,19}) events\.")
_HEADINGS = ("VERSION ", "PCIDEV ", "LSPCI ", "#")
_VERSION = "VERSION 20070824"
_TRACER = "# tracer: mmiotrace"


class Mmiotrace(Source):
    """The mmiotrace tracer: its ioremaps and iounmaps; it knows no reservations and no cache modes."""

    name = "mmiotrace"
    title = "ftrace text of the mmiotrace tracer"
    shows_reservations = False

    def __init__(self) -> None:
        super().__init__()
        self._addresses: dict[int, int] = {}  # by map id
        self._explain = Explainer("mmiotrace")

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        for line in head:
            if line.startswith("# tracer:"):
                return line.startswith(_TRACER)
        return any(line.startswith(_VERSION) or _MAP.fullmatch(line) or _ACCESS.fullmatch(line) for line in head)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "addresses": [[*known] for known in self._addresses.items()]}

    def resume(self, state: dict[str, Any]) -> None:
        super().resume(state)
        self._addresses = {int(number): int(address) for number, address in state["addresses"]}

    def events(self, lines: Lines) -> Iterator[Event]:
        for at, line in enumerate(lines, self.lines + 1):
            self.lines = at
            if _ACCESS.fullmatch(line) is not None or _UNKNOWN.fullmatch(line) is not None:
                self.ignored[line.partition(" ")[0]] += 1
            elif (made := _MAP.fullmatch(line)) is not None:
                yield from self._map(at, made)
            elif (removed := _UNMAP.fullmatch(line)) is not None:
                yield from self._unmap(at, removed)
            elif (mark := _MARK.fullmatch(line)) is not None:
                yield _marked(at, mark)
            elif line and not line.isspace() and not line.startswith(_HEADINGS):
                yield self.malformed(at, line, *self._explain(line), cut=lines.cut)

    def _map(self, at: int, made: re.Match[str]) -> Iterator[Event]:
        """The tracer is told when the mapping is there: the call and its return are one line."""
        context = at, float(made["time"]), -1, NO_PID, ""
        address = int(made["virt"], 16)
        self._addresses[int(made["id"])] = address
        yield IoremapCaller(*context, int(made["phys"], 16), int(made["len"], 16), UNKNOWN_MODE)
        yield Return(*context, IoremapCaller, "__ioremap_caller", address)

    def _unmap(self, at: int, removed: re.Match[str]) -> Iterator[Event]:
        address = self._addresses.get(int(removed["id"]))
        if address is None:  # of a mapping from before the trace; the line does not tell which
            self.ignored["UNMAP"] += 1
        else:
            yield Iounmap(at, float(removed["time"]), -1, NO_PID, "", address)


def _marked(at: int, mark: re.Match[str]) -> Event:
    """A line of trace_marker, or the tracer's own word on what it lost."""
    if (lost := _LOST.fullmatch(mark["text"])) is not None:
        return LostEvents(at, None, -1, NO_PID, "", int(lost["count"]))
    return Marker(at, float(mark["time"]), -1, NO_PID, "", mark["text"])
