"""Definitions as the kernel's dynamic_events and kprobe_events read them."""

from __future__ import annotations

from pat_check.record.probes import Definition, Fetch, Field

_MAXACTIVE = 128  # calls of a function that may be inside at once; a return of more is missed


def kprobe(definition: Definition, group: str) -> str:
    """``p:GROUP/EVENT FUNCTION NAME=FETCH:TYPE ...``, or ``r128:`` for a return."""
    kind = f"r{_MAXACTIVE}" if definition.is_return else "p"
    return f"{kind}:{group}/{definition.event} {definition.function} {arguments(definition)}"


def fprobe(definition: Definition, group: str) -> str:
    """``f:GROUP/EVENT FUNCTION NAME=FETCH:TYPE ...``, with ``%return`` for a return."""
    place = f"{definition.function}%return" if definition.is_return else definition.function
    return f"f:{group}/{definition.event} {place} {arguments(definition)}"


def arguments(definition: Definition) -> str:
    """The fields of an event."""
    return " ".join(map(_argument, definition.fields))


def _argument(field: Field) -> str:
    return f"{field.name}={'$retval' if field.fetch is None else _fetch(field.fetch)}:{field.type}"


def _fetch(fetch: Fetch) -> str:
    text = f"$arg{fetch.slot}"
    for offset in fetch.offsets:
        text = f"+{offset}({text})"
    return text
