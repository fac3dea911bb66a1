"""ftrace text: what tracefs and ``trace-cmd report`` print, in all their column layouts.

The formats are defined by ``grammars/ftrace.lark``; the regular expressions here are its fast lane, and a
test proves that both read every line alike.
"""

from __future__ import annotations

import re
from typing import Any

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, klog, native, specs
from pat_check.sources.catalogue import FieldError
from pat_check.sources.columns import Context, Layout, context_of, latency, standard, verbose
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.scanned import Scanned

_OFFSET = r"(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?(?: <[0-9a-f]+>)?"  # options sym-offset and sym-addr
_NAMED = Pattern(rf"(?P<name>[A-Za-z_][\w.]*){_OFFSET}: *(?P<payload>.*)", re.ASCII)
_PLACE = Pattern(r" *\((?! )(?:(?P<caller>[^()]{0,300}?[^() ]) +<- +)?(?P<symbol>[^()]{0,300}[^() ])\) *")
_UNCLOSED = Pattern(r"\([^()]*")
_ADDRESS = Pattern(r"[0-9a-f]{8,16}")
_SYMBOL = Pattern(r"[+ ]")
_INSIDE = Pattern(r"[^+]*\+(?!0x[0-9a-f]/)")  # an entry is probed at +0x0, or behind its endbr64
_PROBED = Pattern(r"\([^()]*\+0x[0-9a-f]+/0x[0-9a-f]+[^()]*\)")
_FIELD = Pattern(r'(?<!\S)([^\s="]+)=("[^"]*"(?!\S)|\S*)')
_CALLED = Pattern(rf"(?P<name>[A-Za-z_][\w.]*){_OFFSET}(?:\((?P<args>.*)\))? <-(?P<caller>\S.*)", re.ASCII)
_SYSCALL = Pattern(r"(?P<name>sys_\w+)(?:\(| -> )", re.ASCII)
_STACK = Pattern(r"<(?:user )?stack trace>")
_MARK = Pattern(r"^(?:tracing_mark_write: |ip=\S+ \(0x[0-9a-f]+\) buf=)")
_RAW_FORK = Pattern(r"^parent_comm=(.{0,64}) parent_pid=")  # trace-cmd report -R
_BARE = Pattern(r"\((?:(?! )[^()]*[^() ]\)|[^()]*$)|\w+=", re.ASCII)
_LOST = Pattern(
    r"(?:##### CPU |CPU:)(?P<cpu>[0-9]{1,6}) "
    r"(?:buffer started ####|\[(?:LOST )?(?:(?P<count>[0-9]{1,20}) )?EVENTS(?: DROPPED)?\])\s*$"
)
_WRITTEN = Pattern(r"# entries-in-buffer/entries-written: (?P<kept>[0-9]{1,20})/(?P<written>[0-9]{1,20})(?:\s|$)")
_SKIP = ("#", " => ", "=> ", "cpus=", "version = ")
_RAW = Pattern(r"(?:\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) (?:type: \d+|# )")
_MARKERS = frozenset(("tracing_mark_write", "print", "bprint"))

_REMEMBERED = 10_000  # names and places that are looked up once; bounded, since a trace may hold any


class Ftrace(Scanned):
    """The trace file of tracefs, trace_pipe, ``trace-cmd report`` (also ``-l`` and ``-R``)."""

    name = "ftrace"
    title = "ftrace text of tracefs, trace_pipe or trace-cmd report"
    layout = native.FTRACE

    def __init__(self) -> None:
        super().__init__()
        self._layout: Layout = LAYOUTS[0]  # of the last line
        self._probes: dict[str, _Probe] = {}  # by what stands before the closing bracket
        self._explain = Explainer("ftrace")

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        for line in head:
            if line.startswith(("# tracer: function_graph", "# tracer: mmiotrace")):
                return False
            if line.startswith(("# tracer:", "# entries-in-buffer")) or _LOST.match(line):
                return True
        return any(context_of(line) is not None or _is_event(line) for line in head)

    def unusable(self, head: list[str]) -> str:
        body = [line for line in head if line[:1] not in "#"]  # nor empty ones
        if any(line[:1] in "0123456789abcdef" and _RAW.match(line) for line in body):
            return "is raw or hex ftrace output, which shows no field names: record without options raw and hex"
        shows_values = any("(" in line and "=" in line for line in body)
        if not shows_values and any(_is_function(line) for line in body):
            return "is function tracer output without arguments: set option func-args or record kprobe events"
        return ""

    def state(self) -> dict[str, Any]:
        return {**super().state(), "layout": LAYOUTS.index(self._layout)}

    def resume(self, state: dict[str, Any]) -> None:
        super().resume(state)
        self._layout = LAYOUTS[state["layout"]]

    def passed(self) -> None:
        self._layout = standard

    def read(self, at: int, line: str, lines: Lines) -> Event | None:
        context = self._layout(line)
        if context is None:
            if not line or line.isspace():
                return None
            event, found = self._note(at, line, lines)
            if found is None or (context := found(line)) is None:
                return event
            if found is not bare:  # which would take the rest of a comm for an event
                self._layout = found
        comm, pid, cpu, time, rest = context
        where = at, time, cpu, pid, comm
        head, closed, payload = rest.partition(")")
        known = self._probes.get(head) if closed else None
        try:
            if known is None:
                return self._event(line, rest, where, lines)
            if known[0] is None:
                self.ignored[known[2]] += 1
                return None
            return _decoded(known[0], known[1], known[2], payload, *where)
        except FieldError as error:
            return self.malformed(at, line, str(error), len(line) - len(rest) + 1, cut=lines.cut)

    def _note(self, at: int, line: str, lines: Lines) -> tuple[Event | None, Layout | None]:
        """A line that the current layout cannot read: an event of its own, or another layout."""
        for layout in LAYOUTS:
            if layout(line) is not None:
                return None, layout
        if written := _WRITTEN.match(line):
            count = int(written["written"]) - int(written["kept"])
            return (LostEvents(at, None, -1, NO_PID, "", count) if count > 0 else None), None
        if lost := _LOST.match(line):
            return LostEvents(at, None, int(lost["cpu"]), NO_PID, "", int(lost["count"] or -1)), None
        return (None if line.startswith(_SKIP) else self._unreadable(at, line, lines)), None

    def _event(self, line: str, rest: str, where: _Where, lines: Lines) -> Event | None:
        """An event that is not a probe seen before."""
        named = _NAMED.match(rest)
        if named is None:
            return self._unnamed(line, rest, where, lines)
        name, payload = named.groups()
        if name in _MARKERS:
            return Marker(*where, _MARK.sub("", payload).strip())
        if name == "console":
            return klog.message(payload, *where)
        if name in catalogue.TRACEPOINTS:
            return catalogue.tracepoint(name, _RAW_FORK.sub(r"comm=\1 pid=", payload).strip(), *where)
        if (place := _PLACE.match(payload)) is not None:
            known = _probed(name, place)
            if len(self._probes) < _REMEMBERED:
                self._probes[rest.partition(")")[0]] = known
            spec, is_return, caller = known
            if spec is not None:
                return _decoded(spec, is_return, caller, payload[place.end() :], *where)
        elif _UNCLOSED.fullmatch(payload):
            return self._unreadable(where[0], line, lines)
        elif (resolved := catalogue.resolve(name)) is not None:
            return _decoded(resolved[0], resolved[1], "", payload, *where)
        self.ignore(name)
        return None

    def _unnamed(self, line: str, rest: str, where: _Where, lines: Lines) -> Event | None:
        """A system call, a line of the function tracer or the head of a stack trace: no colon follows a name."""
        if (syscall := _SYSCALL.match(rest)) is not None:
            self.ignore(syscall["name"])
        elif (called := _CALLED.match(rest)) is not None:
            spec = specs.BY_FUNCTION.get(called["name"])
            if spec is not None and called["args"]:
                fields = arguments(called["args"])
                if "arg1" not in fields or any("arg1" in field.names for field in spec.fields):
                    return catalogue.entry_of(spec, fields, *where)
            self.ignore(called["name"])
        elif _STACK.match(rest):
            self.ignore("stack trace")
        else:
            return self._unreadable(where[0], line, lines)
        return None

    def ignore(self, name: str, count: int = 1) -> None:
        if name in self.ignored or len(self.ignored) < _REMEMBERED:
            self.ignored[name] += count

    # --- what the compiled scanner is told, once for each place and name ----------------------------------------

    def place(self, key: str) -> _Probe | None:
        """A probed place, without its closing bracket; None for the event of another kind."""
        named = _NAMED.match(f"{key})")
        if named is None or _is_read_apart(named["name"]) or (place := _PLACE.match(named["payload"])) is None:
            return None
        return _probed(named["name"], place)

    def named(self, key: str) -> str | None:
        """The name that counts as ignored: of an event without a place, or of a function with what follows it."""
        if key.endswith(("(", " ")):
            return key[:-1]
        return None if _is_read_apart(key) or catalogue.resolve(key) is not None else key

    def _unreadable(self, at: int, line: str, lines: Lines) -> Event:
        return self.malformed(at, line, *self._explain(line), cut=lines.cut)


_Where = tuple[int, float | None, int, int, str]
"""What every event begins with: line, time, cpu, pid, comm."""

_Probe = tuple[specs.Spec | None, bool, str]
"""A probed place: its function, whether it is a return, and to where; with no function, the name to ignore."""


def bare(line: str) -> Context | None:
    """Option nocontext-info: the event alone, of a kind that nothing else looks like."""
    named = _NAMED.match(line)
    if named is None:
        found = _SYSCALL.match(line) or _CALLED.match(line) or _STACK.match(line)
    else:
        name, payload = named.groups()
        found = named if _is_read_apart(name) or _BARE.match(payload) else None
    return ("", NO_PID, -1, None, line) if found else None


LAYOUTS: tuple[Layout, ...] = (verbose, standard, latency, bare)
"""In this order, a comm with fake columns of one layout does not look like another layout."""


def _is_read_apart(name: str) -> bool:
    """Whether an event of this name is no probe and counts."""
    return name in _MARKERS or name == "console" or name in catalogue.TRACEPOINTS


def _is_event(line: str) -> bool:
    """Whether a line is an event without context, and surely no line of a kernel log: that has names, too."""
    if (named := _NAMED.match(line)) is None:
        return False
    name, payload = named.groups()
    known = catalogue.resolve(name) is not None and _BARE.match(payload)
    return bool(known or name == "tracing_mark_write" or _PROBED.match(payload))


def _is_function(line: str) -> bool:
    context = context_of(line) if " <-" in line else None
    return context is not None and _CALLED.match(context[4]) is not None


def _probed(name: str, place: re.Match[str]) -> _Probe:
    """What is probed: by the event's name or, where a user chose that, by the symbol."""
    caller, symbol = place["caller"], place["symbol"]
    resolved = catalogue.resolve(name)
    if resolved is not None:
        if caller and _ADDRESS.fullmatch(caller):
            caller = symbol  # trace-cmd shows (function <- caller), addresses only
        return *resolved, caller or ""
    spec = specs.BY_FUNCTION.get(_SYMBOL.split(symbol, maxsplit=1)[0])
    if spec is None or (caller is None and _INSIDE.match(symbol)):
        return None, False, name
    return spec, caller is not None, caller or ""


def probe(
    resolved: tuple[specs.Spec, bool], payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str
) -> Event:
    """The event of a kprobe, kretprobe or fprobe line: ``(symbol+0x0/0x10) name=value ...``."""
    spec, is_return = resolved
    caller = ""
    if (place := _PLACE.match(payload)) is not None:
        caller = place["caller"] or ""
        payload = payload[place.end() :]
    return _decoded(spec, is_return, caller, payload, at, time, cpu, pid, comm)


def _decoded(spec: specs.Spec, is_return: bool, caller: str, payload: str, *where: *_Where) -> Event:
    fields = dict(_FIELD.findall(payload))
    if is_return:
        caller = caller or fields.get("__probe_ret_ip", "")
        return catalogue.return_of(spec, fields, caller, *where)
    return catalogue.entry_of(spec, fields, *where)


def arguments(text: str) -> dict[str, str]:
    """``start=0x1000, req_type=1 [_PAGE_CACHE_MODE_WC]`` as names and values; numbered where unnamed."""
    fields: dict[str, str] = {}
    for index, word in enumerate(text.split(","), 1):
        name, equals, value = word.strip().partition("=")
        fields[name if equals else f"arg{index}"] = value if equals else name
    return fields
