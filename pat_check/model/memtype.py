"""One reservation: an entry of the memtype tree."""

from __future__ import annotations

from sys import intern
from typing import Final

from pat_check.cachemode import cachemode_name
from pat_check.events import NO_PID
from pat_check.incidents import Seen, Story
from pat_check.model.owner import Owner, named
from pat_check.model.ranges import Ranged

_STORY_LIMIT: Final = 12


class Memtype(Ranged):
    """One reservation of physical bytes [start, end).

    Born: memtype_reserve(). Adopts: the type of an entry it overlaps. Shrinks: a tail free, in the eras that
    have the end-match rule. Dies: memtype_free() with its exact bounds.
    """

    __slots__ = (
        "_api",
        "_at",
        "_comm",
        "_parent",
        "_pid",
        "_told",
        "_type",
        "assumed",
        "born",
        "ending",
        "owner",
        "type",
    )

    def __init__(self, start: int, end: int, type_: int, owner: Owner, born: int) -> None:
        super().__init__(start, end)  # the order is set by the tree, and grows with every insertion
        self.type, self.owner, self.born = type_, owner, born
        self.assumed = False  # its type was neither recorded nor could be computed
        self.ending: list[Memtype] | None = None  # of the tree that it is in: all that end where it does
        self._at = -1  # the line that reserved it; -1 what that says is in `_told`, if anything is
        self._type = type_  # what it was reserved as, and by whom: of many nobody asks for the words
        self._comm = self._api = ""
        self._pid = self._parent = NO_PID
        self._told: Story | None = None  # what came then

    @property
    def story(self) -> Story:
        """What happened to it, oldest first."""
        self._spell()
        return [] if self._told is None else list(self._told)

    def _spell(self) -> None:
        """Put what its birth says into words, which may be asked for again."""
        if self._at < 0:
            return
        what = _reserved(self._type, named(self._api, self._comm, self._pid, self._parent))
        birth = self._at, intern(what) if self.owner.gone else what
        self._told = [birth] if self._told is None else [birth, *self._told]
        self._at = -1

    def is_reserved(self, at: int) -> None:
        """Remember the line that reserves it, as what it is and for whom."""
        owner = self.owner
        if owner.is_task and self._told is None:
            self._at, self._type, self._api = at, self.type, owner.api
            self._comm, self._pid, self._parent = owner.comm, owner.pid, owner.parent
        else:
            self.tell(at, _reserved(self.type, owner.told()))

    def tell(self, at: int, what: str) -> None:
        """Remember a line that changed this reservation; a long story keeps its beginning and its end."""
        self._spell()
        if self._told is None:
            self._told = []
        if len(self._told) >= _STORY_LIMIT:
            del self._told[_STORY_LIMIT // 2]
        self._told.append((at, intern(what) if self.owner.gone else what))

    def stays(self) -> None:
        """Its owner is gone: it may be there for ever, beside many others whose stories have the same words."""
        if self._told is not None:
            self._told = [(at, intern(what)) for at, what in self._told]

    def swap(self, other: Memtype) -> None:
        """Exchange whose it is, and what has happened to it, with another."""
        self.owner, other.owner = other.owner, self.owner
        self.born, other.born = other.born, self.born
        self._at, other._at = other._at, self._at
        self._type, other._type = other._type, self._type
        self._comm, other._comm = other._comm, self._comm
        self._pid, other._pid = other._pid, self._pid
        self._parent, other._parent = other._parent, self._parent
        self._api, other._api = other._api, self._api
        self._told, other._told = other._told, self._told

    def seen(self) -> Seen:
        """A copy for an incident."""
        return Seen(self.start, self.end, self.type, self.born, self.owner.told(), self.story)


def _reserved(type_: int, owner: str) -> str:
    return f"reserved as {cachemode_name(type_)} by {owner}"
