"""The reference decoders: events from the parse trees of the grammars.

They share the event catalogue with the fast lanes and nothing else, so that each can prove the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from lark import Token, Tree

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, klog
from pat_check.sources.catalogue import FieldError, Spec

Where = tuple[int, float | None, int, int, str]
"""What every event begins with: line, time, cpu, pid, comm."""


class FieldErrorAt(FieldError):
    """A field that is missing or no number, in the event that begins at a 1-based column."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


# --- ftrace ---------------------------------------------------------------------------------------------


def ftrace(at: int, tree: Tree[Token]) -> Iterator[Event]:
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
        return _call_or_return(spec, is_return, caller or "", tokens, where)
    named = catalogue.BY_FUNCTION.get(_symbol(symbol))
    _, inside, offset = symbol.partition("+")
    if named is None or (caller is None and inside and not re.match("0x[0-9a-f]/", offset)):
        return None
    return _call_or_return(named, caller is not None, caller or "", tokens, where)


def _record(where: Where, event: str, *tokens: Token) -> Event | None:
    found = catalogue.resolve(_symbol(event))
    return None if found is None else _call_or_return(*found, "", tokens, where)


def _call_or_return(spec: Spec, is_return: bool, caller: str, tokens: Sequence[Token], where: Where) -> Event:
    fields = {}
    for token in tokens:
        if token.type == "FIELD":
            name, _, fields[name] = token.partition("=")
    if is_return:
        return catalogue.return_of(spec, fields, str(caller) or fields.get("__probe_ret_ip", ""), *where)
    return catalogue.entry_of(spec, fields, *where)


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
    spec = catalogue.BY_FUNCTION.get(_symbol(event))
    fields = {}
    for index, token in enumerate(tokens[:-1], 1):
        if token is not None:
            name, equals, value = token.strip().partition("=")
            fields[name if equals else f"arg{index}"] = value if equals else name
    return catalogue.entry_of(spec, fields, *where) if spec is not None and fields else None


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
    "written": _written,
}

Decoder = Callable[[int, Tree[Token]], Iterable[Event]]

DECODERS: dict[str, Callable[[], Decoder]] = {"ftrace": lambda: ftrace}
"""By the name of the grammar: what makes a decoder for one input."""
