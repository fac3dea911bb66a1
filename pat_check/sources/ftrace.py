"""ftrace text: what tracefs and ``trace-cmd report`` print, in all their column layouts.

The formats are defined by ``grammars/ftrace.lark``; the regular expressions here are its fast lane, and a
test proves that both read every line alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, klog
from pat_check.sources.base import Source
from pat_check.sources.catalogue import FieldError
from pat_check.sources.opening import Lines

# The task column is 16 characters wide and right-aligned (8 in latency format), so the dash before the pid
# is the last one within it: a comm may hold dashes, brackets and whole fake columns.
STANDARD = re.compile(
    r"(?P<comm>.{0,16})-(?P<pid>\d+)\s+(?:\(\s*(?:\d+|-+)\)\s+)?\[(?P<cpu>\d+)\]"
    r"(?:-0x[0-9a-f]+|\s+[^\s\d]\S{3,7})?\s+(?P<time>\d+(?:\.\d+)?): +(?P<rest>.*)"
)
LATENCY = re.compile(
    r"(?P<comm>.{0,16})-(?P<pid>\d+)\s+(?P<cpu>\d+)[^\s\d:]\S{2,7}\s+"
    r"(?:(?P<us>\d+)us.{0,3}?|(?P<time>\d+\.\d+)) ?: +(?P<rest>.*)"
)
VERBOSE = re.compile(
    r"(?P<comm>.{0,16}?) +(?P<pid>\d+) +(?P<cpu>\d+) \S+ [0-9a-f]{8} [0-9a-f]{8} \[[0-9a-f]+\] "
    r"(?P<ms>\d+\.\d+)ms \([^)]*\): (?P<rest>.*)"
)
_NAME = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:\+0x[0-9a-f]+/0x[0-9a-f]+(?: <[0-9a-f]+>)?)?: *(?P<payload>.*)")
_PROBE = re.compile(r"\((?:(?P<caller>.*?) <- )?(?P<symbol>[^()]*)\) *")
_CALLED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:\((?P<args>.*)\))? <-(?P<caller>\S+)")
_LOST = re.compile(r"CPU:(?P<cpu>\d+) \[(?:LOST )?(?:(?P<count>\d+) )?EVENTS(?: DROPPED)?\]")
_WRITTEN = re.compile(r"# entries-in-buffer/entries-written: (?P<kept>\d+)/(?P<written>\d+)")
_SYSCALL = re.compile(r"sys_\w+(?:\(| -> )")
_SKIP = ("#", " => ", "=> ", "cpus=")
_RAW = re.compile(r"(?:\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) (?:type: \d+|# )")
_MARKERS = frozenset(("tracing_mark_write", "print", "bprint"))


class Ftrace(Source):
    """The trace file of tracefs, trace_pipe, ``trace-cmd report`` (also ``-l`` and ``-R``)."""

    name = "ftrace"
    title = "ftrace text of tracefs, trace_pipe or trace-cmd report"

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        for line in head:
            if line.startswith(("# tracer: function_graph", "# tracer: mmiotrace")):
                return False
            if line.startswith(("# tracer:", "# entries-in-buffer")) or _LOST.match(line):
                return True
        return any(context_of(line) is not None or _is_bare(line) for line in head)

    def unusable(self, head: list[str]) -> str:
        body = [line for line in head if line.strip() and not line.startswith("#")]
        if any(_RAW.match(line) for line in body):
            return "is raw or hex ftrace output, which shows no field names: record without options raw and hex"
        if body and any(_is_function(line) for line in body) and not any("(" in line and "=" in line for line in body):
            return "is function tracer output without arguments: set option func-args or record kprobe events"
        return ""

    def events(self, lines: Lines) -> Iterator[Event]:
        layout: _Layout = standard
        for at, line in enumerate(lines, 1):
            self.lines = at
            context = layout(line)
            if context is None:
                if not line or line.isspace():
                    continue
                event, found = self._other(at, line, lines)
                if event is not None:
                    yield event
                    continue
                if found is None:
                    continue
                layout = found
                context = layout(line)
                if context is None:
                    continue
            event = self._event(at, line, context, lines)
            if event is not None:
                yield event

    def _other(self, at: int, line: str, lines: Lines) -> tuple[Event | None, _Layout | None]:
        """A line that the current layout cannot read: an event of its own, or another layout."""
        if line.startswith("#"):
            if written := _WRITTEN.match(line):
                count = int(written["written"]) - int(written["kept"])
                if count > 0:
                    return LostEvents(at, None, -1, NO_PID, "", count), None
            return None, None
        if lost := _LOST.match(line):
            return LostEvents(at, None, int(lost["cpu"]), NO_PID, "", int(lost["count"] or -1)), None
        if line.startswith(_SKIP):
            return None, None
        for layout in LAYOUTS:
            if layout(line) is not None:
                return None, layout
        return self.malformed(at, line, *explain(line), cut=lines.cut), None

    def _event(self, at: int, line: str, context: Context, lines: Lines) -> Event | None:
        comm, pid, cpu, time, rest = context
        name, _, payload = rest.partition(":")
        resolved = _resolve(name)
        try:
            if resolved is not None:
                return probe(resolved, payload, at, time, cpu, pid, comm)
            if name in catalogue.TRACEPOINTS:
                return catalogue.tracepoint(name, payload.strip(), at, time, cpu, pid, comm)
            return self._rare(at, rest, time, cpu, pid, comm)
        except FieldError as error:
            return self.malformed(at, line, str(error), line.find(rest) + 1, cut=lines.cut)

    def _rare(self, at: int, rest: str, time: float | None, cpu: int, pid: int, comm: str) -> Event | None:
        named = _NAME.match(rest)
        if named is None:
            return self._called(at, rest, time, cpu, pid, comm)
        name, payload = named["name"], named["payload"]
        if name in _MARKERS:
            return Marker(at, time, cpu, pid, comm, payload.removeprefix("tracing_mark_write: ").strip())
        if name == "console":
            return klog.message(payload, at, time, cpu, pid, comm)
        if (symbol := _PROBE.match(payload)) is not None:
            function = symbol["symbol"].partition("+")[0]
            spec = catalogue.BY_FUNCTION.get(function)
            if spec is not None:
                return probe((spec, symbol["caller"] is not None), payload, at, time, cpu, pid, comm)
        self.ignored[name] += 1
        return None

    def _called(self, at: int, rest: str, time: float | None, cpu: int, pid: int, comm: str) -> Event | None:
        """A line of the function tracer, a system call, a stack trace: named without a colon."""
        if (called := _CALLED.match(rest)) is not None:
            spec = catalogue.BY_FUNCTION.get(called["name"])
            if spec is not None and called["args"]:
                fields = arguments(called["args"])
                return catalogue.entry_of(spec, fields, at, time, cpu, pid, comm)
            self.ignored[called["name"]] += 1
        elif (syscall := _SYSCALL.match(rest)) is not None:
            self.ignored[syscall[0].rstrip("( ->")] += 1
        elif rest.startswith("<stack trace>"):
            self.ignored["stack trace"] += 1
        else:
            raise FieldError("expected an event name and a colon")
        return None


Context = tuple[str, int, int, float | None, str]
"""comm, pid, cpu, time, and the rest of the line: what stands before an event."""

_Layout = Callable[[str], Context | None]


def standard(line: str) -> Context | None:
    """``comm-pid (tgid) [cpu] flags time: event``, also trace-cmd's."""
    match = STANDARD.match(line)
    if match is None:
        return None
    comm, pid, cpu, time, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), float(time), rest


def latency(line: str) -> Context | None:
    """Option latency-format, and ``trace-cmd report -l``."""
    match = LATENCY.match(line)
    if match is None:
        return None
    comm, pid, cpu, us, time, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), float(time) if time else round(int(us) * 1e-6, 6), rest


def verbose(line: str) -> Context | None:
    """Options latency-format and verbose together."""
    match = VERBOSE.match(line)
    if match is None:
        return None
    comm, pid, cpu, ms, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), round(float(ms) * 1e-3, 6), rest


def bare(line: str) -> Context | None:
    """Option nocontext-info: the event alone."""
    return ("", NO_PID, -1, None, line) if _is_bare(line) else None


LAYOUTS: tuple[_Layout, ...] = (standard, latency, verbose, bare)


def context_of(line: str) -> Context | None:
    """The context of a line in whichever layout has task columns."""
    return standard(line) or latency(line) or verbose(line)


def _is_bare(line: str) -> bool:
    named = _NAME.match(line)
    return named is not None and (
        named["payload"].startswith("(")
        or named["name"] in _MARKERS
        or named["name"] in catalogue.TRACEPOINTS
        or _resolve(named["name"]) is not None
    )


def _is_function(line: str) -> bool:
    context = context_of(line)
    return context is not None and _CALLED.match(context[4]) is not None


_resolved: dict[str, tuple[catalogue.Spec, bool] | None] = {}


def _resolve(name: str) -> tuple[catalogue.Spec, bool] | None:
    """`catalogue.resolve`, remembered; only a bounded number of names, since a trace may hold any."""
    try:
        return _resolved[name]
    except KeyError:
        found = catalogue.resolve(name)
        if len(_resolved) < 10_000:
            _resolved[name] = found
        return found


def probe(
    resolved: tuple[catalogue.Spec, bool],
    payload: str,
    at: int,
    time: float | None,
    cpu: int,
    pid: int,
    comm: str,
) -> Event:
    """The event of a kprobe, kretprobe or fprobe line: ``(symbol+0x0/0x10) name=value ...``."""
    spec, is_return = resolved
    caller = ""
    if (symbol := _PROBE.match(payload.lstrip())) is not None:
        caller = symbol["caller"] or ""
        payload = payload.lstrip()[symbol.end() :]
    fields: dict[str, str] = {}
    for word in payload.split():
        name, equals, value = word.partition("=")
        if equals:
            fields[name] = value
    if is_return:
        caller = caller or fields.get("__probe_ret_ip", "")
        return catalogue.return_of(spec, fields, caller, at, time, cpu, pid, comm)
    return catalogue.entry_of(spec, fields, at, time, cpu, pid, comm)


def arguments(text: str) -> dict[str, str]:
    """``start=0x1000, req_type=1 [_PAGE_CACHE_MODE_WC]`` as names and values; numbered where unnamed."""
    fields: dict[str, str] = {}
    for index, word in enumerate(text.split(","), 1):
        name, equals, value = word.strip().partition("=")
        fields[name if equals else f"arg{index}"] = value if equals else name
    return fields


def explain(line: str) -> tuple[str, int]:
    """What the grammar expected in a line that no layout can read, and the 1-based column."""
    from pat_check.sources.grammar import expected

    return expected("ftrace", line)
