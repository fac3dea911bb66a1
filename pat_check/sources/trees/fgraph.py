"""Events from the parse trees of function_graph text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lark import Token, Tree

from pat_check.events import NO_PID, Event, LostEvents, Marker
from pat_check.sources import catalogue, klog, specs
from pat_check.sources.catalogue import FieldError
from pat_check.sources.specs import Spec
from pat_check.sources.trees.base import FieldErrorAt, Where, arguments_of, call_or_return

Task = tuple[int, str]
Open = tuple[int, str, Spec | None]
"""A function that has been entered: its depth, name and, where its end is an event, what it is."""


class Graph:
    """The decoder of one recording: which task a CPU runs, and which functions are open, comes from earlier lines."""

    def __init__(self, switches: Iterable[str]) -> None:
        self._tasks: dict[int, Task] = {}
        self._open: dict[object, list[Open]] = {}
        for switch in switches:  # the first on a CPU tells who ran there before
            cpu, before, _ = _switch(switch)
            self._tasks.setdefault(cpu, before)

    def __call__(self, at: int, line: str, tree: Tree[Token]) -> Iterator[Event]:
        """The events of a line: a leaf is two."""
        first, *rest = tree.children
        if isinstance(first, Tree):
            where = self._where(at, *(str(column) if column else None for column in first.children))
            for body in rest:
                try:
                    yield from self._body(where, body)
                except FieldError as error:
                    raise FieldErrorAt(str(error), 1) from None
        elif first.type == "SWITCH":
            cpu, _, after = _switch(first)
            self._tasks[cpu] = after
        elif first.type == "LOST":
            cpu, *count = (int(number) for number in re.findall("[0-9]+", first))
            yield LostEvents(at, None, cpu, NO_PID, "", count[0] if count else -1)

    def _where(
        self, at: int, time: str | None, since: str | None, cpu: str | None, task: str | None, *_: object
    ) -> Where:
        number = int(cpu.strip(" )")) if cpu else -1
        pid, comm = self._tasks.get(number, (NO_PID, "")) if task is None else _task(task.rstrip(" |"))
        return at, float(time.strip(" |")) if time else None, number, pid, comm

    def _body(self, where: Where, body: Tree[Token] | Token) -> Iterator[Event]:
        if isinstance(body, Token):
            if body.type == "COMMENT_LINE":
                yield from _comment(where, _inside(body.strip()))
            return
        children: list[Any] = body.children
        first = children[0]
        depth = len(first) - len(first.lstrip())
        opened = self._open.setdefault((where[3], where[2] if where[3] <= 0 else None), [])
        if body.data == "function":
            yield from _function(where, first.strip(), depth, children[2:], opened)
        else:
            yield from _end(where, depth, _inside(children[1]), opened)


def _switch(text: str) -> tuple[int, Task, Task]:
    cpu, _, tasks = text.partition(")")
    before, _, after = tasks.partition(" => ")
    return int(cpu), _task(before), _task(after)


def _task(text: str) -> Task:
    comm, _, pid = text.strip().rpartition("-")
    return int(pid), comm.strip()


def _inside(comment: str | None) -> str | None:
    return None if comment is None else comment[2:-2]


def _function(where: Where, name: str, depth: int, tokens: list[Token], opened: list[Open]) -> Iterator[Event]:
    spec = specs.BY_FUNCTION.get(name)
    *arguments, kind, comment = tokens
    fields = arguments_of(arguments)
    call = None if spec is None or not _complete(spec, fields) else catalogue.entry_of(spec, fields, *where)
    if call is not None:
        yield call
    if kind.type == "LEAF":
        if call is not None and spec is not None:
            yield _return(where, spec, _inside(comment))
    else:
        while opened and opened[-1][0] >= depth:
            opened.pop()
        opened.append((depth, name, None if call is None else spec))


def _complete(spec: Spec, fields: dict[str, str]) -> bool:
    known = {name for field in spec.fields for name in field.names}
    if not fields or ("arg1" in fields and "arg1" not in known):
        return False
    return all(field.default is not None or fields.keys() & set(field.names) for field in spec.fields)


def _end(where: Where, depth: int, comment: str | None, opened: list[Open]) -> Iterator[Event]:
    while opened and opened[-1][0] > depth:
        opened.pop()
    words = re.match(r" ?([A-Za-z_][\w.]*)?(?: \[[\w-]+\])?(.*)", comment or "")
    name, said = words.groups() if words else (None, "")
    if opened and opened[-1][0] == depth and name in (None, opened[-1][1]):
        spec = opened.pop()[2]
    else:
        spec = specs.BY_FUNCTION.get(name or "")
    if spec is not None:
        yield _return(where, spec, said)


def _return(where: Where, spec: Spec, comment: str | None) -> Event:
    """The end of a function; the comment may hold ``= -16``, ``ret=0x0`` and ``<-caller+0x1/0x2 [module]``."""
    fields = {}
    before, equals, value = (comment or "").partition("=")
    if equals and before.split()[-1:] in ([], ["ret"]):
        for ret in re.findall(r"^ ?(-?(?:0x[0-9a-f]{1,16}|[0-9]{1,20}))", value):
            fields["ret"] = hex(int(ret, 0) + (1 << 64)) if spec.pointer and ret.startswith("-") else ret
    _, arrow, caller = (comment or "").partition("<-")
    symbol, *module = caller.split() if arrow else [""]
    name = symbol.partition("+")[0]
    if module and module[0].startswith("["):
        name += f" {module[0]}"
    return call_or_return(spec, True, name, fields, where)


def _comment(where: Where, comment: str | None) -> Iterator[Event]:
    text = (comment or "").removeprefix(" ").removesuffix(" ")
    name, colon, payload = text.partition(": ")
    found: Event | None = None
    resolved = catalogue.resolve(name) if colon else None
    if resolved is not None and payload.startswith("("):
        place, _, values = payload.partition(")")
        caller, arrow, _ = place[1:].partition(" <- ")
        fields = dict(re.findall(r"(?<!\S)([^\s=]+)=(\S*)", values))
        found = call_or_return(*resolved, caller if arrow else "", fields, where)
    elif colon and name in catalogue.TRACEPOINTS:
        found = catalogue.tracepoint(name, payload, *where)
    elif colon and name == "console":
        found = klog.message(payload, *where)
    elif not re.fullmatch(r"[A-Za-z_]\w*", name) or not colon or "=" not in payload or "checkpoint" in payload:
        found = Marker(*where, text)
    if found is not None:
        yield found
