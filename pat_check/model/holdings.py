"""Entries of a tree by those who hold or share them, so that nobody has to go through all of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import NO_PID
from pat_check.model.owner import BEFORE, Owner

if TYPE_CHECKING:
    from pat_check.model.memtype import Memtype

_END: Final = 1 << 64
_ORDERS: Final = 40
_FEW: Final = 24
"""Entries that are put in order one by one: no key is made for them."""


class Holder:
    """An address space, or the task of which `key` is the negative: who of the owners is it, and what it shares.

    Where each owner is among them is known to it, so that none is looked for. They are in no order.
    """

    __slots__ = ("key", "owners", "shared")

    def __init__(self, key: int) -> None:
        self.key = key
        self.owners: list[Owner] = []
        self.shared: dict[Owner, Memtype] | None = None

    def entries(self) -> list[Memtype]:
        """What it holds or shares, in order."""
        found = [owner.entry for owner in self.owners]
        if self.shared is not None:
            found += [
                node for owner, node in self.shared.items() if owner.of_mm is not self and owner.of_pid is not self
            ]
        nodes = [node for node in found if node is not None]
        put_in_order(nodes)
        return nodes


class Holdings:
    """Keys are address spaces and the negatives of pids, as in `Owner.sharers`.

    An owner has one entry. Whoever changes what it is known as, takes it out before and puts it in again.
    """

    __slots__ = ("_gone", "_held")

    def __init__(self) -> None:
        self._held: dict[int, Holder] = {}
        self._gone: dict[int, Holder] = {}  # of owners whose end was seen

    def put(self, node: Memtype) -> None:
        """An entry is there, or whose it is has become another."""
        owner = node.owner
        if owner is BEFORE:
            return
        if owner.entry is not None:
            self.pull(owner)
        owner.entry = node
        held = self._gone if owner.gone else self._held
        if owner.mm:
            of = _holder(held, owner.mm)
            owner.of_mm, owner.place_in_mm = of, len(of.owners)
            of.owners.append(owner)
        if owner.pid != NO_PID:
            of = _holder(held, -owner.pid)
            owner.of_pid, owner.place_in_pid = of, len(of.owners)
            of.owners.append(owner)
        if owner.sharers:
            for key in owner.sharers:
                _share(held, key, owner, node)

    def pull(self, owner: Owner) -> Memtype | None:
        """Forget the entry of an owner: which that was."""
        node = owner.entry
        if node is None:
            return None
        owner.entry = None
        held = self._gone if owner.gone else self._held
        of = owner.of_mm
        if of is not None:
            owner.of_mm, place, last = None, owner.place_in_mm, of.owners.pop()
            if last is not owner:
                of.owners[place], last.place_in_mm = last, place
            if not of.owners:
                _drop(held, of)
        of = owner.of_pid
        if of is not None:
            owner.of_pid, place, last = None, owner.place_in_pid, of.owners.pop()
            if last is not owner:
                of.owners[place], last.place_in_pid = last, place
            if not of.owners:
                _drop(held, of)
        if owner.sharers:
            for key in owner.sharers:
                _unshare(held, key, owner)
        return node

    def share(self, node: Memtype, key: int) -> None:
        """One more shares an entry that was put in."""
        if node.owner is not BEFORE:
            _share(self._gone if node.owner.gone else self._held, key, node.owner, node)

    def unshare(self, owner: Owner, key: int) -> None:
        """One of those that shared it does not any more."""
        if owner is not BEFORE:
            _unshare(self._gone if owner.gone else self._held, key, owner)

    def count(self, pid: int, mm: int) -> int:
        """How many entries are looked at to find those that a task holds."""
        own, of_pid = self._held.get(mm), self._held.get(-pid)
        return (0 if own is None else len(own.owners)) + (0 if of_pid is None else len(of_pid.owners))

    def of(self, pid: int, mm: int) -> list[Memtype]:
        """The entries that the task `pid` with address space `mm` holds, by what is known of both, in order."""
        return self.within(pid, mm, 0, _END)

    def within(self, pid: int, mm: int, start: int, end: int) -> list[Memtype]:
        """Those of them that intersect [start, end)."""
        found: list[Memtype] = []
        own = self._held.get(mm) if mm else None
        if own is not None:
            for owner in own.owners:
                node = owner.entry
                if node is not None and node.start < end and node.end > start:
                    found.append(node)
        of_pid = self._held.get(-pid) if pid != NO_PID else None
        if of_pid is not None:
            for owner in of_pid.owners:
                node = owner.entry
                if node is not None and not (mm and owner.mm) and node.start < end and node.end > start:
                    found.append(node)
        put_in_order(found)
        return found

    def left_by(self, key: int) -> list[Memtype]:
        """The entries that address spaces of this number, or tasks of which it is the negative, have left behind."""
        left = self._gone.get(key)
        return [] if left is None else left.entries()

    def under(self, key: int) -> list[Memtype]:
        """The entries that this address space, or the task of which it is the negative, holds or shares, in order."""
        held = self._held.get(key)
        return [] if held is None else held.entries()


def _holder(held: dict[int, Holder], key: int) -> Holder:
    of = held.get(key)
    if of is None:
        of = held[key] = Holder(key)
    return of


def _share(held: dict[int, Holder], key: int, owner: Owner, node: Memtype) -> None:
    of = _holder(held, key)
    if of.shared is None:
        of.shared = {}
    of.shared[owner] = node


def _unshare(held: dict[int, Holder], key: int, owner: Owner) -> None:
    of = held.get(key)
    if of is None or of.shared is None:
        return
    of.shared.pop(owner, None)
    if not of.shared:
        of.shared = None
        _drop(held, of)


def _drop(held: dict[int, Holder], of: Holder) -> None:
    """Forget a holder of nothing."""
    if not of.owners and of.shared is None:
        del held[of.key]


def place_of(node: Memtype) -> int:
    """What ascends in the order of the tree."""
    return (node.start << _ORDERS) + node.order


def is_before(node: Memtype, other: Memtype) -> bool:
    """Whether an entry comes before another in the tree."""
    return node.start < other.start or (node.start == other.start and node.order < other.order)


def put_in_order(nodes: list[Memtype]) -> None:
    """Sort entries as the tree has them."""
    if len(nodes) > _FEW:
        nodes.sort(key=place_of)
        return
    for done in range(1, len(nodes)):
        node, place = nodes[done], done
        while place and is_before(node, nodes[place - 1]):
            nodes[place] = nodes[place - 1]
            place -= 1
        nodes[place] = node
