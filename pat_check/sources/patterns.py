"""Regular expressions that are compiled when they are first asked: few recordings need those of every format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Match = re.Match[str] | None


class Pattern:
    """As `re.Pattern`, with those of its methods that are used here; as quick, once it is compiled."""

    __slots__ = ("_flags", "_text", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")

    match: Callable[..., Match]
    fullmatch: Callable[..., Match]
    search: Callable[..., Match]
    findall: Callable[..., list[Any]]
    finditer: Callable[..., Iterator[re.Match[str]]]
    split: Callable[..., list[str | Any]]
    sub: Callable[..., str]

    def __init__(self, text: str, flags: int = 0) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        """Compile it: nothing else is looked for that is not there."""
        compiled = re.compile(self._text, self._flags)
        self.match, self.fullmatch, self.search = compiled.match, compiled.fullmatch, compiled.search
        self.findall, self.finditer = compiled.findall, compiled.finditer
        self.split, self.sub = compiled.split, compiled.sub
        return object.__getattribute__(self, name)
