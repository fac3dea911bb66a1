"""What a replay holds, as JSON and back: values of the classes named here and plain containers, nothing else.

An index may come from anywhere, so nothing in it names code: a class is looked up in a table of classes whose instances
are data, and is built by its own constructor. Compiled and interpreted classes are alike in this.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, NamedTuple

from pat_check import events, incidents
from pat_check.model.machine import Iomap
from pat_check.model.memtype import Memtype
from pat_check.model.operations import Reserve
from pat_check.model.owner import BEFORE, Owner
from pat_check.model.ranges import RangeMap
from pat_check.model.tree import MemtypeTree
from pat_check.replay.copies import Copy
from pat_check.replay.frames import Frame, Inside
from pat_check.replay.goings import Going
from pat_check.replay.mapped import Mapped
from pat_check.replay.mappings import Entry
from pat_check.replay.processes import Ending
from pat_check.replay.shared_contexts import Shared, Showing
from pat_check.replay.tasks import Task
from pat_check.replay.teardowns import Within
from pat_check.replay.unmaps import Due
from pat_check.replay.wanted import Seen, Wanted

Json = Any
"""None, a truth value, a number, a text, or a list that begins with what it stands for."""


class Shape(NamedTuple):
    """How an instance is built: what its constructor takes, by place and by name, and what is set then."""

    kind: Callable[..., Any]
    taken: tuple[str, ...]
    named: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


def _data(kind: Any) -> Shape:
    return Shape(kind, tuple(field.name for field in fields(kind)))


EVENTS: dict[str, type[events.Event]] = {
    name: kind
    for name, kind in vars(events).items()
    if name in events.__all__ and isinstance(kind, type) and issubclass(kind, events.Event)
}
"""By name, not by ``__subclasses__()``: where a class is compiled, that may have another of the same name, too."""

SHAPES: dict[str, Shape] = {
    **{name: _data(kind) for name, kind in EVENTS.items()},
    "Owner": Shape(Owner, ("api", "comm", "pid", "mm", "symbol"), (), ("module", "parent", "gone", "sharers")),
    "Memtype": Shape(
        Memtype,
        ("start", "end", "type", "owner", "born"),
        (),
        ("assumed", "_at", "_type", "_comm", "_pid", "_parent", "_api", "_told"),
    ),
    "Iomap": Shape(Iomap, ("addr", "phys", "start", "end", "node", "owner", "born")),
    "Reserve": Shape(
        Reserve,
        ("start", "end", "path", "ret", "new"),
        (),
        ("actual", "assumed", "first", "second", "overlap", "clash"),
    ),
    "Frame": Shape(Frame, ("call", "api"), (), ("reserve", "node", "actual", "done", "how", "unacceptable", "inside")),
    "Inside": Shape(Inside, (), (), ("at", "differs", "failed", "made", "ret", "same")),
    "Task": Shape(Task, (), (), ("frames", "scope", "mm", "module", "outside", "absent")),
    "Mapped": Shape(Mapped, ("mm", "start", "end", "flags", "offset", "edited", "vma"), (), ("going",)),
    "Wanted": Shape(Wanted, ("call", "by", "chain", "must", "seen"), ("optional",)),
    "Arguments": Shape(Seen, ("start", "size", "mode", "addr", "vma", "strict")),
    "Due": Shape(Due, ("call", "must", "vma", "start", "size")),
    "Going": Shape(Going, ("start", "end", "whole"), (), ("zaps",)),
    "Within": Shape(Within, ("start", "end", "mm")),
    "Copy": Shape(Copy, ("call", "new", "by", "cleared")),
    "Entry": _data(Entry),
    "Ending": Shape(Ending, ("event", "mm", "by_exit", "one_thread"), (), ("judged",)),
    "Shared": Shape(Shared, ("vmas", "start", "size")),
    "Showing": Shape(Showing, ("at", "ctx")),
    "Seen": _data(incidents.Seen),
    "MemtypeLeaked": _data(incidents.MemtypeLeaked),
    "IoremapLeaked": _data(incidents.IoremapLeaked),
}
"""Every class whose instances a replay keeps. The tree sets `Memtype.order`; `Frame.kind` and `Wanted.at` follow."""

_NAMES: dict[Any, str] = {shape.kind: name for name, shape in SHAPES.items()}
_PLAIN = frozenset((type(None), bool, int, float, str))


class Writer:
    """Turns values into JSON; what is met again is referred to, so that it stays one and the same."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}  # objects by id: how many were met before
        self._kinds: dict[Any, Callable[[Any], Json]] = {
            tuple: lambda value: ["t", *map(self.of, value)],
            list: lambda value: ["l", *map(self.of, value)],
            set: lambda value: ["s", *sorted(map(self.of, value), key=repr)],
            dict: lambda value: ["d", *map(self.of, _flat(value))],
            OrderedDict: lambda value: ["o", *map(self.of, _flat(value))],
            Counter: lambda value: ["n", *map(self.of, _flat(value))],
            RangeMap: lambda value: ["ranges", *(self.of(part) for piece in value for part in piece)],
            MemtypeTree: lambda value: ["tree", *map(self.of, sorted(value, key=_order))],
        }

    def of(self, value: Any) -> Json:
        """The value as JSON; raises TypeError or KeyError for one of another class."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        known = self._kinds.get(kind)
        if known is not None:
            return known(value)
        if value is BEFORE:
            return ["before"]
        if isinstance(value, type):
            return ["kind", _NAMES[value]]
        name = _NAMES.get(kind)
        if name is None:
            raise TypeError(f"a {kind.__name__} cannot be saved")
        place = self._met.get(id(value))
        if place is not None:
            return ["again", place]
        self._met[id(value)] = len(self._met)
        shape = SHAPES[name]
        return [name, *(self.of(getattr(value, one)) for one in (*shape.taken, *shape.named, *shape.then))]


class Reader:
    """Turns JSON back into values.

    What no Writer has made raises KeyError, TypeError, ValueError, IndexError, AttributeError, or RecursionError.
    """

    def __init__(self) -> None:
        self._met: list[Any] = []
        self._kinds: dict[str, Callable[[list[Any]], Any]] = {
            "t": lambda parts: tuple(map(self.of, parts)),
            "l": lambda parts: list(map(self.of, parts)),
            "s": lambda parts: set(map(self.of, parts)),
            "d": lambda parts: dict(self._pairs(parts)),
            "o": lambda parts: OrderedDict(self._pairs(parts)),
            "n": lambda parts: Counter(dict(self._pairs(parts))),
            "ranges": self._ranges,
            "tree": self._tree,
            "before": lambda parts: BEFORE,
            "kind": lambda parts: EVENTS[parts[0]],
            "again": lambda parts: self._met[parts[0]],
        }

    def of(self, value: Json) -> Any:
        """The value that was written."""
        if type(value) is not list:
            if type(value) in _PLAIN:
                return value
            raise TypeError("not a value")
        tag = value[0]
        known = self._kinds.get(tag)
        return known(value[1:]) if known is not None else self._object(SHAPES[tag], value[1:])

    def _object(self, shape: Shape, parts: list[Json]) -> Any:
        place = len(self._met)
        self._met.append(None)
        names = (*shape.taken, *shape.named, *shape.then)
        values = dict(zip(names, map(self.of, parts), strict=True))
        made = shape.kind(*(values[name] for name in shape.taken), **{name: values[name] for name in shape.named})
        for name in shape.then:
            setattr(made, name, values[name])
        self._met[place] = made
        return made

    def _pairs(self, parts: list[Json]) -> Iterable[tuple[Any, Any]]:
        read = map(self.of, parts)
        return zip(read, read, strict=True)

    def _ranges(self, parts: list[Json]) -> RangeMap[Any]:
        read = map(self.of, parts)
        made: RangeMap[Any] = RangeMap()
        for start, end, value in zip(read, read, read, strict=True):
            made.set(start, end, value)
        return made

    def _tree(self, parts: list[Json]) -> MemtypeTree:
        made = MemtypeTree()
        for node in map(self.of, parts):
            made.insert(node)
        return made


def _flat(pairs: dict[Any, Any]) -> Iterable[Any]:
    return (part for pair in pairs.items() for part in pair)


def _order(node: Memtype) -> int:
    """When it came into the tree, which settles the order of equal starts."""
    return node.order
