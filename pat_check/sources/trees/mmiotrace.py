"""Events from the parse trees of mmiotrace text."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token, Tree

from pat_check.events import NO_PID, Event, IoremapCaller, Iounmap, LostEvents, Marker, Return
from pat_check.sources.mmiotrace import UNKNOWN_MODE


class Mappings:
    """The decoder; knows the addresses of the mappings that it has seen."""

    def __init__(self) -> None:
        self._addresses: dict[str, int] = {}  # by map id

    def __call__(self, at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
        """The events of a line."""
        (shown,) = tree.children
        if isinstance(shown, Token):
            return
        words = [token for token in shown.children if isinstance(token, Token)]
        where = at, -1, NO_PID, ""
        if shown.data == "map":
            _, time, number, phys, address, length, *_ = words
            self._addresses[_plain(number)] = int(address, 16)
            context = at, float(time), *where[1:]
            yield IoremapCaller(*context, int(phys, 16), int(length, 16), UNKNOWN_MODE)
            yield Return(*context, IoremapCaller, "__ioremap_caller", int(address, 16))
        elif shown.data == "unmap" and _plain(words[2]) in self._addresses:
            yield Iounmap(at, float(words[1]), *where[1:], self._addresses[_plain(words[2])])
        elif shown.data == "mark":
            text = words[2] if len(words) > 2 else ""
            lost = text.split()
            if text.startswith("Lost ") and lost[1:2] and lost[1].isdecimal() and text == f"Lost {lost[1]} events.":
                yield LostEvents(at, None, *where[1:], int(lost[1]))
            else:
                yield Marker(at, float(words[1]), *where[1:], str(text))


def _plain(number: Token) -> str:
    return str(int(number))
