"""What may look on while a recording is made."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol


class Watcher(Protocol):
    """Sees the trace as it comes; must not keep the recorder waiting."""

    def begin(self, capture: str, release: str, functions: Set[str]) -> None:
        """The first list is saved in the directory `capture`; these functions are probed, with their returns."""

    def feed(self, piece: bytes) -> None:
        """More of the trace."""

    def wants_end(self) -> bool:
        """Whether enough was seen."""

    def end(self) -> None:
        """No more comes."""
