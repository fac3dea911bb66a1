"""Events from the parse trees of perf script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lark import Token, Tree

from pat_check.events import NO_PID, Event, LostEvents, Marker, Return
from pat_check.sources import catalogue, klog
from pat_check.sources.catalogue import FieldError
from pat_check.sources.trees.base import FieldErrorAt, Where, call_or_return, fields_of


def perf(at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
    """The event of a line."""
    columns, *event = tree.children
    if isinstance(columns, Token):
        if columns.type == "LOST":
            yield LostEvents(at, None, -1, NO_PID, "", int(columns.rpartition("lost ")[2].split()[0]))
        return
    (kind,) = event
    assert isinstance(kind, Tree)
    children: list[Any] = kind.children
    name, *payload = children
    context: list[Any] = columns.children
    try:
        found = _event(_where(at, *context), str(kind.data), name, payload)
    except FieldError as error:
        raise FieldErrorAt(str(error), name.column) from None
    if found is not None:
        yield found


def _where(at: int, task: str, cpu: str | None, time: str, period: str | None) -> Where:
    comm, _, pids = task.rpartition(" ")
    pid = int(pids.rpartition("/")[2])
    comm = comm.strip()
    return at, float(time[:-1]), int(cpu[1:-1]) if cpu else -1, pid, "" if comm == f":{pid}" else comm


def _event(where: Where, kind: str, event: str, payload: list[Token | None]) -> Event | None:
    name = event.rpartition(":")[2]
    if kind == "probe":
        found = catalogue.resolve(name)
        _, *tokens = payload  # the place
        if found is None:
            return None
        called = call_or_return(*found, "", fields_of([token for token in tokens if token]), where)
        if isinstance(called, Return):
            called.caller = ""
        return called
    text = "".join(token or "" for token in payload).strip()
    if kind == "tracepoint":
        return catalogue.tracepoint(name, text, *where)
    if kind == "console":
        return klog.message(text, *where)
    return Marker(*where, text.partition(": ")[2].strip() or text)
