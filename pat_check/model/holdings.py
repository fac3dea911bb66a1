"""Entries of a tree by those who hold or share them, so that nobody has to go through all of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import NO_PID
from pat_check.model.owner import BEFORE, Owner

if TYPE_CHECKING:
    from pat_check.model.memtype import Memtype

_NOBODY: Final = -(1 << 62)
"""The key of owners that are no task and no address space yet."""

_END: Final = 1 << 64
_ORDERS: Final = 40


class Holdings:
    """Keys are address spaces and the negatives of pids, as in `Owner.sharers`.

    An owner has one entry. Whoever changes what it is known as, takes it out before and puts it in again.
    """

    __slots__ = ("_gone", "_held")

    def __init__(self) -> None:
        self._held: dict[int, dict[Owner, Memtype]] = {}
        self._gone: dict[int, dict[Owner, Memtype]] = {}  # of owners whose end was seen

    def put(self, node: Memtype) -> None:
        """An entry is there, or whose it is has become another."""
        owner = node.owner
        if owner is BEFORE:
            return
        held = self._gone if owner.gone else self._held
        if owner.mm:
            _put(held, owner.mm, owner, node)
        if owner.pid != NO_PID:
            _put(held, -owner.pid, owner, node)
        elif not owner.mm:
            _put(held, _NOBODY, owner, node)
        if owner.sharers:
            for key in owner.sharers:
                _put(held, key, owner, node)

    def pull(self, owner: Owner) -> Memtype | None:
        """Forget the entry of an owner: which that was."""
        if owner is BEFORE:
            return None
        held = self._gone if owner.gone else self._held
        node: Memtype | None = None
        if owner.mm:
            node = _pull(held, owner.mm, owner)
        if owner.pid != NO_PID:
            node = _pull(held, -owner.pid, owner)
        elif not owner.mm:
            node = _pull(held, _NOBODY, owner)
        if owner.sharers:
            for key in owner.sharers:
                _pull(held, key, owner)
        return node

    def share(self, node: Memtype, key: int) -> None:
        """One more shares an entry that was put in."""
        if node.owner is not BEFORE:
            _put(self._gone if node.owner.gone else self._held, key, node.owner, node)

    def unshare(self, owner: Owner, key: int) -> None:
        """One of those that shared it does not any more."""
        is_own = key == owner.mm or (owner.pid != NO_PID and key == -owner.pid)
        if owner is not BEFORE and not is_own:
            _pull(self._gone if owner.gone else self._held, key, owner)

    def count(self, pid: int, mm: int) -> int:
        """How many entries are looked at to find those that a task holds."""
        own, of_pid = self._held.get(mm), self._held.get(-pid)
        return (0 if own is None else len(own)) + (0 if of_pid is None else len(of_pid))

    def of(self, pid: int, mm: int) -> list[Memtype]:
        """The entries that the task `pid` with address space `mm` holds, by what is known of both, in order."""
        return self.within(pid, mm, 0, _END)

    def within(self, pid: int, mm: int, start: int, end: int) -> list[Memtype]:
        """Those of them that intersect [start, end)."""
        found: list[Memtype] = []
        own = self._held.get(mm) if mm else None
        if own is not None:
            for owner, node in own.items():
                if owner.mm == mm and node.start < end and node.end > start:
                    found.append(node)
        of_pid = self._held.get(-pid) if pid != NO_PID else None
        if of_pid is not None:
            for owner, node in of_pid.items():
                if owner.pid == pid and not (mm and owner.mm) and node.start < end and node.end > start:
                    found.append(node)
        if len(found) > 1:
            found.sort(key=place_of)
        return found

    def left_by(self, key: int) -> list[Memtype]:
        """The entries that address spaces of this number, or tasks of which it is the negative, have left behind."""
        left = self._gone.get(key)
        return [] if left is None else sorted(left.values(), key=place_of)

    def under(self, key: int) -> list[Memtype]:
        """The entries that this address space, or the task of which it is the negative, holds or shares, in order."""
        held = self._held.get(key)
        return [] if held is None else sorted(held.values(), key=place_of)


def _put(held: dict[int, dict[Owner, Memtype]], key: int, owner: Owner, node: Memtype) -> None:
    of = held.get(key)
    if of is None:
        held[key] = {owner: node}
    else:
        of[owner] = node


def _pull(held: dict[int, dict[Owner, Memtype]], key: int, owner: Owner) -> Memtype | None:
    of = held.get(key)
    if of is None:
        return None
    node = of.pop(owner, None)
    if not of:
        del held[key]
    return node


def place_of(node: Memtype) -> int:
    """What ascends in the order of the tree."""
    return (node.start << _ORDERS) + node.order
