"""Events from the parse trees of ftrace text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lark import Token, Tree

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, klog, specs
from pat_check.sources.catalogue import FieldError
from pat_check.sources.trees.base import FieldErrorAt, Where, arguments_of, call_or_return, fields_of


def ftrace(at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
    """The event of a line of ftrace text."""
    *context, event = tree.children
    if isinstance(event, Token):
        return
    where: Where = at, None, -1, NO_PID, ""
    for columns in context:
        assert isinstance(columns, Tree)
        time, cpu, pid, comm = _CONTEXTS[columns.data](*columns.children)
        where = at, time, cpu, pid, comm
    try:
        found = _EVENTS[event.data](where, *event.children)
    except FieldError as error:
        first = next(event.scan_values(lambda _: True))
        raise FieldErrorAt(str(error), first.column or 1) from None
    if found is not None:
        yield found


_Columns = tuple[float, int, int, str]


def _standard(task: str, tgid: str | None, cpu: str, flags: str | None, time: str) -> _Columns:
    comm, _, pid = task.rpartition("-")
    return _seconds(time), int(cpu[1:-1]), int(pid), comm.strip()


def _latency(task: str, cpu_and_flags: str, time: str) -> _Columns:
    comm, _, pid = task.rpartition("-")
    cpu = re.split("[^0-9]", cpu_and_flags, maxsplit=1)[0]
    return _seconds(time), int(cpu), int(pid), comm.strip()


def _verbose(task: str, cpu: str, state: str, stamp: str, time: str, since: str) -> _Columns:
    comm, _, pid = task.rpartition(" ")
    return _seconds(time), int(cpu), int(pid), comm.strip()


def _seconds(time: str) -> float:
    number, unit = re.fullmatch("([0-9.]+)(us|ms|).*", time).groups()  # type: ignore[union-attr]
    return round(float(number) * {"us": 1e-6, "ms": 1e-3}[unit], 6) if unit else float(number)


_CONTEXTS: dict[str, Callable[..., _Columns]] = {"standard": _standard, "latency": _latency, "verbose": _verbose}


def _symbol(text: str) -> str:
    """A name without what options sym-offset and sym-addr add."""
    return text.partition("+")[0].partition(" ")[0]


def _probe(where: Where, event: str, caller: str | None, symbol: str, *tokens: Token) -> Event | None:
    found = catalogue.resolve(_symbol(event))
    if found is not None:
        spec, is_return = found
        if caller is not None and 8 <= len(caller) <= 16 and not caller.strip("0123456789abcdef"):
            caller = symbol  # trace-cmd
        return call_or_return(spec, is_return, str(caller or ""), fields_of(tokens), where)
    named = specs.BY_FUNCTION.get(_symbol(symbol))
    _, inside, offset = symbol.partition("+")
    if named is None or (caller is None and inside and not re.match("0x[0-9a-f]/", offset)):
        return None
    return call_or_return(named, caller is not None, str(caller or ""), fields_of(tokens), where)


def _record(where: Where, event: str, *tokens: Token) -> Event | None:
    found = catalogue.resolve(_symbol(event))
    return None if found is None else call_or_return(*found, "", fields_of(tokens), where)


def _tracepoint(where: Where, event: str, text: str | None) -> Event | None:
    payload = text or ""
    if payload.startswith("parent_comm="):  # trace-cmd report -R
        payload = " pid=".join(payload.removeprefix("parent_").split(" parent_pid=", 1))
    return catalogue.tracepoint(event, payload.strip(), *where)


def _marker(where: Where, event: str, marked_by: str | None, text: str | None) -> Event:
    return Marker(*where, (text or "").strip())


def _console(where: Where, event: str, text: str | None) -> Event | None:
    return klog.message(text or "", *where)


def _call(where: Where, event: str, *tokens: Token | None) -> Event | None:
    spec = specs.BY_FUNCTION.get(_symbol(event))
    fields = arguments_of(tokens[:-1])
    if spec is None or not fields or ("arg1" in fields and not any("arg1" in field.names for field in spec.fields)):
        return None
    return catalogue.entry_of(spec, fields, *where)


def _lost(where: Where, text: str) -> Event:
    cpu, *count = re.findall("[0-9]+", text)
    return LostEvents(where[0], None, int(cpu), NO_PID, "", int(count[0]) if count else -1)


def _written(where: Where, header: str, kept: str, written: str, rest: str | None) -> Event | None:
    count = int(written) - int(kept)
    return LostEvents(where[0], None, -1, NO_PID, "", count) if count > 0 else None


def _nothing(where: Where, *tokens: Token) -> None:
    return None


_EVENTS: dict[str, Callable[..., Event | None]] = {
    "probe": _probe,
    "record": _record,
    "other": _record,
    "tracepoint": _tracepoint,
    "marker": _marker,
    "console": _console,
    "call": _call,
    "syscall": _nothing,
    "stack_trace": _nothing,
    "lost": _lost,
    "started": _lost,
    "written": _written,
}
