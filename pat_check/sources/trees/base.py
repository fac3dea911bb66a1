"""What the reference decoders share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lark import Token, Tree

from pat_check.events import Event
from pat_check.sources import catalogue
from pat_check.sources.catalogue import FieldError
from pat_check.sources.specs import Spec

Where = tuple[int, float | None, int, int, str]
"""What every event begins with: line, time, cpu, pid, comm."""

Decoder = Callable[[int, str, Tree[Token]], Iterable[Event]]
"""The events of a line, from its number, the line and its parse tree."""


class FieldErrorAt(FieldError):
    """A field that is missing or no number, in the event that begins at a 1-based column."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


def fields_of(tokens: Sequence[Token]) -> dict[str, str]:
    """The name=value tokens as names and values."""
    fields = {}
    for token in tokens:
        if token.type == "FIELD":
            name, _, fields[name] = token.partition("=")
    return fields


def arguments_of(tokens: Sequence[Token | None]) -> dict[str, str]:
    """The arguments of a function as names and values; numbered where unnamed."""
    fields: dict[str, str] = {}
    if len(tokens) == 1 and tokens[0] is None:
        return fields
    for index, token in enumerate(tokens, 1):
        name, equals, value = (token or "").strip().partition("=")
        fields[name if equals else f"arg{index}"] = value if equals else name
    return fields


def call_or_return(spec: Spec, is_return: bool, caller: str, fields: dict[str, str], where: Where) -> Event:
    """The event of a probed function."""
    if is_return:
        return catalogue.return_of(spec, fields, caller or fields.get("__probe_ret_ip", ""), *where)
    return catalogue.entry_of(spec, fields, *where)
