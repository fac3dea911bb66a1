"""Definitions as the kernel's dynamic_events and kprobe_events read them."""

from __future__ import annotations

from pat_check.record.probes import Definition, Fetch, Field

_MAXACTIVE = 128  # calls of a function that may be inside at once; a return of more is missed


def kprobe(definition: Definition, group: str) -> str:
    """``p:GROUP/EVENT FUNCTION NAME=FETCH:TYPE ...``, or ``r128:`` for a return; a module's is MODULE:FUNCTION."""
    kind = f"r{_MAXACTIVE}" if definition.is_return else "p"
    place = f"{definition.module}:{definition.function}" if definition.module else definition.function
    return f"{kind}:{group}/{definition.event} {place} {arguments(definition)}".rstrip()


def fprobe(definition: Definition, group: str) -> str:
    """``f:GROUP/EVENT FUNCTION NAME=FETCH:TYPE ...``, with ``%return`` for a return."""
    place = f"{definition.function}%return" if definition.is_return else definition.function
    return f"f:{group}/{definition.event} {place} {arguments(definition)}".rstrip()


def forms(definition: Definition, group: str, *, fprobes: bool) -> list[str]:
    """The ways to write a definition, the best first.

    An fprobe misses no return where many calls are open, but names no module; a kernel before 6.9 reads no arguments at
    a return.
    """
    lines = [fprobe(definition, group)] if fprobes and not definition.module else []
    lines.append(kprobe(definition, group))
    if definition.reads_arguments_at_return:
        lines.append(kprobe(definition.without_arguments(), group))
    return lines


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
