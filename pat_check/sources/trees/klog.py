"""Events from the parse trees of the kernel log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lark import Token, Tree

from pat_check.cachemode import BY_NAME
from pat_check.events import NO_PID, Event, Message
from pat_check.sources.suppressed import lost_messages

NUMBERS = {
    "added": 14,
    "freed": 15,
    "overlap": 13,
    "conflict": 7,
    "failed": 8,
    "unfreed": 9,
    "unchanged": 10,
    "expected": 11,
    "ram": 12,
    "ram_failed": 5,
    "empty": 6,
    "bad_address": 16,
    "type_refused": 17,
    "on_ram": 18,
    "sanity": 20,
    "attributes": 25,
    "invalidated": 26,
    "CONFIGURATION": 1,
    "DISABLED": 2,
    "NOT_CONFIGURED": 3,
    "IMPOSSIBLE": 4,
    "NO_MEMTYPE": 19,
    "BARS": 21,
    "ISA": 22,
    "BAD_UNMAP": 23,
    "NO_MTRR": 24,
    "CPA": 25,
}
"""The row of a message, by its rule or terminal."""


def klog(at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
    """The event of a line."""
    time, caller = None, ""
    behind = 0  # the prefix
    for part in tree.children:
        if isinstance(part, Tree) and part.data == "prefix":
            tokens = _tokens(part)
            time, caller = _prefix(tokens)
            behind = tokens[-1].end_pos or 0
        elif isinstance(part, Tree):
            yield _message(
                part, Message(at, time, -1, NO_PID, "", 0, -1, -1, -1, -1, -1, "", NO_PID, line[behind:]), caller
            )
        elif part is not None and part.type == "LOST":
            lost = lost_messages(str(part), at, time)
            if lost is not None:
                yield lost


def _tokens(tree: Tree[Token]) -> list[Token]:
    return [token for token in tree.children if isinstance(token, Token)]


def _prefix(tokens: list[Token]) -> tuple[float | None, str]:
    """The time, and the caller column: T and the thread, or C and the CPU."""
    last = tokens[-1]
    if last.type == "RECORD":
        caller = re.search(r",caller=([TC][0-9]+)", last)
        return int(last.split(",")[2]) / 1e6, caller[1] if caller else ""
    caller = re.search(r"\[ *([TC][0-9]+)\]", last) if last.type in ("STAMP", "WALL") else None
    stamp = re.search(r"\[ *([0-9.]+)", last) if last.type == "STAMP" else None
    return float(stamp[1]) if stamp else None, caller[1] if caller else ""


def _message(tree: Tree[Token], event: Message, caller: str) -> Message:
    tokens = _tokens(tree)
    kind = str(tree.data)
    event.number = NUMBERS.get(kind) or NUMBERS[tokens[0].type]
    event.text = event.text.rstrip()
    if modes := [_mode(token) for token in tokens if token.type in ("MODE", "NUMBER")]:
        event.first, event.second, event.third = (*modes, -1, -1)[:3]
    if addresses := [int(token, 16) for token in tokens if token.type in ("ADDRESS", "PLAIN")]:
        event.start, event.end = addresses
    for token in tokens:
        if token.type == "TASK":
            event.by_comm, _, pid = token.removeprefix("x86/PAT: ").rpartition(":")
            event.pid = event.by_pid = int(pid)
            event.comm = event.by_comm
        elif token.type == "MEM":
            first, last = token[5:-1].split("-")
            event.start, event.end = int(first, 16), int(last, 16) + 1
    if kind == "empty":  # the end asked for may be 0
        event.end &= (1 << 64) - 1
    elif kind in RANGES:
        event.start, event.end = RANGES[kind](tokens[0])
    if event.by_pid == NO_PID and caller.startswith("T"):
        event.pid = int(caller[1:])
    if caller.startswith("C"):
        event.cpu = int(caller[1:])
    return event


def _mode(text: str) -> int:
    return int(text, 16) if text.startswith("0x") else BY_NAME.get(text, -1)


def _bad_address(text: str) -> tuple[int, int]:
    address = int(text.rsplit(maxsplit=1)[-1], 16)
    return address, address + 1


def _on_ram(text: str) -> tuple[int, int]:
    *_, first, _, last = text.split()
    return int(first, 16), int(last, 16) + 1


def _attributes(text: str) -> tuple[int, int]:
    first, _, last, _, pfn = text.rpartition(" req ")[0].split()[-5:]
    start = int(pfn, 16) << 12
    return start, start + int(last, 16) + 1 - int(first, 16)


def _invalidated(text: str) -> tuple[int, int]:
    start = int(text.partition("=")[2].split()[0], 16) << 12
    return start, start + (1 << 12)


RANGES: dict[str, Callable[[str], tuple[int, int]]] = {
    "bad_address": _bad_address,
    "on_ram": _on_ram,
    "attributes": _attributes,
    "invalidated": _invalidated,
}
"""How a message shows a range otherwise than as [mem first-last]."""
