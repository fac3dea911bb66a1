"""What events, incidents and findings have in common: they are compared and shown by their fields."""

from __future__ import annotations

from typing import ClassVar

from pat_check.compiling import mypyc_attr


@mypyc_attr(acyclic=True)
class Value:
    """The base of dataclasses of which there are many, made by ``dataclass(repr=False, eq=False)``.

    What dataclass() would make for each of them, whenever the program starts, is written here once.
    """

    __slots__ = ()

    __match_args__: ClassVar[tuple[str, ...]] = ()  # the names of the fields, as dataclass() sets it
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # their fields change, so they are no keys

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = type(self).__match_args__
        return [getattr(self, name) for name in names] == [getattr(other, name) for name in names]

    def __repr__(self) -> str:
        kind = type(self)
        return f"{kind.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in kind.__match_args__)})"
