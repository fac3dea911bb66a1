"""Text of ftrace's function_graph tracer, with arguments and return values where the kernel has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, ftrace, klog
from pat_check.sources.base import PREVIEW, Source
from pat_check.sources.catalogue import FieldError
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.specs import BY_FUNCTION, Spec

# Every column may be missing. The kernel cuts the comm to 7 characters here and centres it.
_LINE = Pattern(
    r"\s*(?:(?P<time>\d{1,20}\.\d{1,9}) \|\s+)?(?:\d{1,20} us \|\s+)?(?:(?P<cpu>\d{1,5})\))?"
    r"(?: *(?P<comm>[^|\s].{0,27}?)-(?P<pid>\d{1,10}) +\|)?"
    r"(?: *[.\dA-Za-z#]{4,8} \|)?"
    r"(?P<bar> {0,30}(?:[+!#*@$] {0,30})?(?:[\d.]{1,30} us)? {0,30}(?:==========>|<==========)? {0,30}\|)?(?P<body>.*)"
)
_FUNCTION = Pattern(
    r"(?P<name>[A-Za-z_][\w.]*)(?: \[[\w-]+\])?\((?P<args>[^;{]*)\)(?P<end>;| \{)(?: /\*(?P<comment>.*)\*/)?\s*"
)
_END = Pattern(r"\}(?: /\* ?(?P<name>[A-Za-z_][\w.]*+)?+(?: \[[\w-]+\])?(?P<comment>.*)\*/)?(?: \(Overruns: \d+\))?\s*")
_COMMENT = Pattern(r"/\* ?(?P<text>.*?) ?\*/\s*")
_EVENT = Pattern(r"(?P<name>[A-Za-z_]\w*): (?P<payload>.*)")
_RET = Pattern(r"(?:^ ?|ret ?)= ?(?P<ret>-?(?:0x[0-9a-f]{1,16}|\d{1,20}))")
_CALLER = Pattern(r"<-(?P<caller>[^\s+]+)\S*(?P<module> \[[\w-]+\])?")
_SWITCH = Pattern(
    r"\s*(?P<cpu>\d{1,5})\) +(?P<prev>\S.{0,27}?)-(?P<prev_pid>\d{1,10}) +=> +(?P<next>\S.{0,27}?)-(?P<pid>\d{1,10}) *"
)
_LOST = Pattern(r"CPU:(?P<cpu>\d{1,5}) \[LOST (?:(?P<count>\d{1,19}) )?EVENTS\]")
_IRQ = Pattern(r"[\s|]*(?:==========>|<==========)?[\s|]*")
_RULE = " ------"

_Task = tuple[int, str]  # pid and comm
_Context = tuple[int, float | None, int, int, str]  # at, time, cpu, pid, comm: what every event begins with


class _UnreadableError(Exception):
    """A line that is none of function_graph; the grammar knows why."""


@dataclass(slots=True)
class _Open:
    """A function that has been entered; `spec` is None where its end is no event."""

    depth: int  # spaces before its name
    name: str
    spec: Spec | None


class FunctionGraph(Source):
    """Output of the function_graph tracer; arguments need option funcgraph-args."""

    name = "function_graph"
    title = "ftrace text of the function_graph tracer"

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[int, _Task] = {}  # by CPU, as the context switches tell
        self._explain = Explainer("fgraph")
        self._open: dict[tuple[int, int], list[_Open]] = {}  # by pid and, where that does not tell, CPU

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        for line in head:
            if line.startswith("# tracer:"):
                return line.startswith("# tracer: function_graph")
        matches = (_LINE.match(line) for line in head if not line.startswith("#"))
        return any(match is not None and match["cpu"] and match["bar"] and _is_body(match["body"]) for match in matches)

    def unusable(self, head: list[str]) -> str:
        shown = False
        for line in head:
            match = _LINE.match(line)
            function = None if match is None else _FUNCTION.fullmatch(match["body"].strip())
            if function is not None and function["name"] in BY_FUNCTION:
                if function["args"]:
                    return ""
                shown = True
        if not shown:
            return ""
        return (
            "is function_graph output without function arguments: set option funcgraph-args (Linux 6.15 and later) "
            "or record kprobe events"
        )

    def state(self) -> dict[str, Any]:
        tasks = [[cpu, *task] for cpu, task in self._tasks.items()]
        opened = [
            [pid, cpu, [[one.depth, one.name, one.spec is not None] for one in stack]]
            for (pid, cpu), stack in self._open.items()
        ]
        return {**super().state(), "tasks": tasks, "open": opened}

    def resume(self, state: dict[str, Any]) -> None:
        super().resume(state)
        self._tasks = {int(cpu): (int(pid), str(comm)) for cpu, pid, comm in state["tasks"]}
        self._open = {
            (int(pid), int(cpu)): [
                _Open(int(depth), str(name), BY_FUNCTION[name] if known else None) for depth, name, known in stack
            ]
            for pid, cpu, stack in state["open"]
        }

    def events(self, lines: Lines) -> Iterator[Event]:
        beginning = lines.preview(PREVIEW) if not self.lines else ()
        for line in beginning:  # the first switch on a CPU tells who ran there before it
            if "=>" in line and (switch := _SWITCH.fullmatch(line)) is not None:
                self._tasks.setdefault(int(switch["cpu"]), (int(switch["prev_pid"]), switch["prev"].strip()))
        for at, line in enumerate(lines, self.lines + 1):
            self.lines = at
            if not line or line.isspace() or line.startswith(("#", _RULE, " => ")):
                continue
            if "=>" in line and (switch := _SWITCH.fullmatch(line)) is not None:
                self._tasks[int(switch["cpu"])] = int(switch["pid"]), switch["next"].strip()
            elif (lost := _LOST.match(line)) is not None:
                yield LostEvents(at, None, int(lost["cpu"]), NO_PID, "", int(lost["count"] or -1))
            else:
                try:
                    yield from self._line(at, line)
                except _UnreadableError:
                    yield self.malformed(at, line, *self._explain(line), cut=lines.cut)
                except FieldError as error:
                    yield self.malformed(at, line, str(error), cut=lines.cut)

    def _line(self, at: int, line: str) -> Iterator[Event]:
        match = _LINE.match(line)
        if match is None:  # cannot be: every column is optional
            raise _UnreadableError
        cpu = -1 if match["cpu"] is None else int(match["cpu"])
        time = None if match["time"] is None else float(match["time"])
        if match["pid"] is None:
            pid, comm = self._tasks.get(cpu, (NO_PID, ""))
        else:
            pid, comm = int(match["pid"]), match["comm"].strip()
        body = match["body"].rstrip()
        depth = len(body) - len(body.lstrip())
        body = body[depth:]
        context = at, time, cpu, pid, comm
        if (function := _FUNCTION.fullmatch(body)) is not None:
            yield from self._function(function, depth, context)
        elif (end := _END.fullmatch(body)) is not None:
            yield from self._end(end, depth, context)
        elif (comment := _COMMENT.fullmatch(body)) is not None:
            yield from self._comment(comment["text"], context)
        elif _IRQ.fullmatch(body) is None:
            raise _UnreadableError

    def _function(self, function: re.Match[str], depth: int, context: _Context) -> Iterator[Event]:
        name, spec = function["name"], BY_FUNCTION.get(function["name"])
        if spec is not None:
            fields = ftrace.arguments(function["args"]) if function["args"] else {}
            if _shows(spec, fields):
                yield catalogue.entry_of(spec, fields, *context)
            else:
                spec = None
        if spec is None:
            self.ignored[name] += 1
        if function["end"] == ";":
            if spec is not None:
                yield _return(spec, function["comment"], context)
            return
        opened = self._stack(context)
        while opened and opened[-1].depth >= depth:  # its end was lost
            opened.pop()
        opened.append(_Open(depth, name, spec))

    def _end(self, end: re.Match[str], depth: int, context: _Context) -> Iterator[Event]:
        opened = self._stack(context)
        while opened and opened[-1].depth > depth:
            opened.pop()
        name = end["name"]
        if opened and opened[-1].depth == depth and name in (None, opened[-1].name):
            spec = opened.pop().spec
        else:  # its entry was not recorded
            spec = BY_FUNCTION.get(name) if name else None
        if spec is not None:
            yield _return(spec, end["comment"], context)

    def _comment(self, text: str, context: _Context) -> Iterator[Event]:
        """A line of trace_marker, or an event that was enabled besides the tracer."""
        event = _EVENT.fullmatch(text)
        if event is None:
            yield Marker(*context, text)
            return
        name, payload = event.groups()
        resolved = catalogue.resolve(name)
        if resolved is not None and payload.startswith("("):
            yield ftrace.probe(resolved, payload, *context)
        elif name in catalogue.TRACEPOINTS:
            if (found := catalogue.tracepoint(name, payload, *context)) is not None:
                yield found
        elif name == "console":
            if (message := klog.message(payload, *context)) is not None:
                yield message
        elif "=" in payload and "checkpoint" not in payload:
            self.ignored[name] += 1
        else:
            yield Marker(*context, text)

    def _stack(self, context: _Context) -> list[_Open]:
        """The open functions of a task; of a CPU where the task is unknown or idle (there is one on each)."""
        _, _, cpu, pid, _ = context
        return self._open.setdefault((pid, cpu if pid <= 0 else -1), [])


def _shows(spec: Spec, fields: dict[str, str]) -> bool:
    """Whether the arguments hold what the event needs; kernels without BTF print them unnamed."""
    needed = all(field.default is not None or any(name in fields for name in field.names) for field in spec.fields)
    return bool(fields) and needed and ("arg1" not in fields or any("arg1" in field.names for field in spec.fields))


def _return(spec: Spec, comment: str | None, context: _Context) -> Event:
    """The end of a function; `comment` may hold its result and the address it returns to."""
    fields: dict[str, str] = {}
    caller = ""
    if comment:
        if (ret := _RET.search(comment)) is not None:
            fields["ret"] = ret["ret"]
            if spec.pointer and ret["ret"].startswith("-"):  # an error pointer, printed as a number
                fields["ret"] = hex(catalogue.number(ret["ret"]) + (1 << 64))
        if (found := _CALLER.search(comment)) is not None:
            caller = found["caller"] + (found["module"] or "")
    return catalogue.return_of(spec, fields, caller, *context)


def _is_body(body: str) -> bool:
    body = body.strip()
    return any(pattern.fullmatch(body) is not None for pattern in (_FUNCTION, _END, _COMMENT))
