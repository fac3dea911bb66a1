"""Calls that have not returned, and what was seen inside them."""

from __future__ import annotations

from pat_check.events import Call
from pat_check.model.memtype import Memtype
from pat_check.model.operations import Reserve


class Inside:
    """What was seen inside a call, and decides what it may return."""

    __slots__ = ("at", "differs", "failed", "made", "ret", "same")

    def __init__(self) -> None:
        self.failed = ""  # a function that failed
        self.same = ""  # a function whose result it must return
        self.at = self.ret = 0  # the line where either returned, and what
        self.made = 0  # a VMA
        self.differs: list[tuple[Call, str, str, str]] = []  # calls: what does not fit, predicted, observed


class Frame:
    """A call that has not returned, and what was seen inside it."""

    __slots__ = ("actual", "api", "call", "done", "how", "inside", "kind", "node", "reserve", "unacceptable")

    def __init__(self, call: Call, api: str) -> None:
        self.call, self.api = call, api
        self.kind: type[Call] = type(call)
        self.reserve: Reserve | None = None  # the model's outcome, once it was applied
        self.node: Memtype | None = None  # the reservation that was made inside
        self.actual = -1  # the mode that memtype_check_insert() was called with; -1 not recorded
        self.done = False  # the change was applied
        self.how = ""  # what memtype_erase() came to, as its return says; "" not recorded
        self.unacceptable: tuple[int, int] | None = None  # want, have: a caller must give this back
        self.inside: Inside | None = None

    def noted(self) -> Inside:
        """Where to note what is seen inside."""
        if self.inside is None:
            self.inside = Inside()
        return self.inside
