"""Who holds a reservation: an address space, a driver, or somebody the trace does not show."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Final

from pat_check.events import NO_PID

if TYPE_CHECKING:
    from pat_check.model.holdings import Holder
    from pat_check.model.memtype import Memtype

MAPPINGS: Final[frozenset[str]] = frozenset(("remap_pfn_range", "fork"))
"""The ways in which a reservation belongs to an address space."""


_NOBODY: Final[Set[int]] = set()
"""Who shares most reservations; a set for each of them would be larger than all the rest of its owner."""


class Owner:
    """The holder of one reservation.

    A user mapping belongs to its address space (`mm`, or the task where the recording shows no mm); an ioremap
    or an explicit reservation belongs to a driver (`module`, where it is known).
    """

    __slots__ = (
        "_said",
        "_said_of",
        "_said_parent",
        "_said_pid",
        "api",
        "comm",
        "entry",
        "gone",
        "mm",
        "module",
        "of_mm",
        "of_pid",
        "parent",
        "pid",
        "place_in_mm",
        "place_in_pid",
        "sharers",
        "symbol",
    )

    def __init__(self, api: str, comm: str = "", pid: int = NO_PID, mm: int = 0, symbol: str = "") -> None:
        self.api, self.comm, self.pid, self.mm, self.symbol = api, comm, pid, mm, symbol
        self.module = module_of(symbol) if symbol else ""
        self.parent = NO_PID  # of a fork whose child is not known yet
        self.gone = False  # its end was seen, and that it left this behind was told
        self.sharers: Set[int] = _NOBODY  # other address spaces that share it since a fork
        self.entry: Memtype | None = None  # what it owns of the tree, and where `Holdings` keep it
        self.of_mm: Holder | None = None
        self.of_pid: Holder | None = None
        self.place_in_mm = self.place_in_pid = 0
        self._said = self._said_of = ""  # what was told of it last, while it was this task
        self._said_pid = self._said_parent = NO_PID

    @property
    def is_mapping(self) -> bool:
        """Whether an address space holds it."""
        return self.api in MAPPINGS

    def share(self, mm: int) -> None:
        """Another address space shares it, from now on."""
        self.sharers = {*self.sharers, mm}

    def leave(self, mm: int) -> None:
        """An address space shares it no longer, if it ever did."""
        if mm in self.sharers:
            self.sharers = self.sharers - {mm}

    def end(self) -> None:
        """Its end was seen. It may be there for ever, beside many others."""
        self.gone = True
        self._said = self._said_of = ""
        self._said_pid = self._said_parent = NO_PID

    def holds(self, pid: int, mm: int) -> bool:
        """Whether the task `pid` with address space `mm` is this owner, by what is known of both."""
        if self.mm and mm:
            return self.mm == mm
        return self.pid == pid != NO_PID

    @property
    def is_task(self) -> bool:
        """Whether all that it says of itself is which task it is, or of which a child, and what that has called."""
        return (self.pid != NO_PID or self.parent != NO_PID) and not self.symbol and not self.module

    def __str__(self) -> str:
        return self.told()

    def told(self) -> str:
        """For people: ``patlab:880 (remap_pfn_range)``."""
        if self.is_task:
            if self.gone:
                return named(self.api, self.comm, self.pid, self.parent)
            if self._said_pid != self.pid or self._said_parent != self.parent or self._said_of != self.comm:
                self._said_pid, self._said_parent, self._said_of = self.pid, self.parent, self.comm
                self._said = named(self.api, self.comm, self.pid, self.parent)
            return self._said
        if self.api == "before":
            return "somebody before the trace"
        who = f"{self.comm}:{self.pid}" if self.pid != NO_PID else self.comm
        if self.parent != NO_PID:
            who = f"a child of {self.comm}:{self.parent}"
        if self.module:
            who = f"driver {self.module}"
        how = self.api
        if self.symbol and not self.symbol.startswith("0x"):
            how += f", called from {self.symbol.partition('+')[0]}"
        return f"{who} ({how})" if who else f"({how})"


def named(api: str, comm: str, pid: int, parent: int) -> str:
    """A task, or the child of one, that has called a function."""
    return f"{comm}:{pid} ({api})" if parent == NO_PID else f"a child of {comm}:{parent} ({api})"


def module_of(symbol: str) -> str:
    """``e1000_probe+0x1f/0x900 [e1000e]`` -> ``e1000e``; empty for the kernel itself."""
    head, bracket, rest = symbol.rpartition("[")
    return rest.rstrip("] ") if bracket and head and " " not in rest.rstrip("] ") else ""


BEFORE: Final[Owner] = Owner("before")
"""The owner of what was reserved before the trace began."""
