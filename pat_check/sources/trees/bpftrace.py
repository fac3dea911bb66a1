"""Events from the parse trees of bpftrace text."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token, Tree

from pat_check.events import NO_PID, Event, LostEvents
from pat_check.sources import catalogue
from pat_check.sources.catalogue import FieldError
from pat_check.sources.trees.base import FieldErrorAt, Where, call_or_return, fields_of


def bpftrace(at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
    """The event of a line."""
    (shown,) = tree.children
    if isinstance(shown, Token):
        if shown.type == "LOST":
            yield LostEvents(at, None, -1, NO_PID, "", int(shown.split()[1]))
        return
    time, cpu, task, event, *tokens = (token for token in shown.children if isinstance(token, Token))
    found = catalogue.resolve(event)
    if found is None:
        return
    pid, _, comm = task.partition(" ")
    where: Where = at, int(time) / 1e9, int(cpu), int(pid), comm.strip()
    try:
        yield call_or_return(*found, "", fields_of(tokens), where)
    except FieldError as error:
        raise FieldErrorAt(str(error), event.column or 1) from None
