"""Which address space each task has, and which one its fork copies into."""

from __future__ import annotations

from pat_check.model.owner import Owner


class Spaces:
    """Address spaces by task. One whose number no event has shown yet has a negative number of its own."""

    __slots__ = ("_copying", "_forking", "_holding", "_nameless", "_reached", "_users", "of")

    def __init__(self) -> None:
        self.of: dict[int, int] = {}  # by pid
        self._users: dict[int, set[int]] = {}  # the pids that have it
        self._forking: dict[int, int] = {}  # by parent: the address space that is being copied into
        self._copying: dict[int, int] = {}  # by an address space without a number: the parent whose fork copies into it
        self._reached: dict[int, int] = {}  # by parent: the start of the last VMA that was copied, which ascend
        self._nameless = 0
        self._holding: dict[int, list[Owner]] = {}  # of what was reserved for an address space without a number

    def put(self, pid: int, mm: int) -> None:
        """A task has this address space; 0: it is not known which."""
        self.drop(pid)
        if mm:
            self.of[pid] = mm
            self._users.setdefault(mm, set()).add(pid)

    def drop(self, pid: int) -> int:
        """A task has its address space no more: which one that was, if nobody else is known to have it, or 0."""
        mm = self.of.pop(pid, 0)
        if not mm:
            return 0
        users = self._users[mm]
        users.discard(pid)
        if users:
            return 0
        del self._users[mm]
        return mm

    def is_used(self, mm: int) -> bool:
        """Whether a task is known to have this address space."""
        return mm in self._users

    def rename(self, old: int, new: int) -> list[Owner]:
        """An address space has got its number: the owners of what was reserved for it."""
        users = self._users.pop(old, None)
        if users is not None:
            for pid in users:
                self.of[pid] = new
            self._users.setdefault(new, set()).update(users)
        parent = self._copying.pop(old, 0)
        if self._forking.get(parent, 0) == old:
            self._forking[parent] = new
        return self._holding.pop(old, [])

    def copies(self, pid: int, mm: int) -> None:
        """The task's fork copies its address space into this one."""
        self.forked(pid)
        self._forking[pid] = mm
        self._reached[pid] = -1

    def copied(self, pid: int, start: int) -> int:
        """The task's fork has copied the VMA that starts there: the address space that the copy is in."""
        before = self._reached.get(pid, -1)
        self._reached[pid] = start
        if pid not in self._forking or 0 <= start <= before:  # or it is another fork, and the last one was over unseen
            self._copying.pop(self._forking.get(pid, 0), None)
            self._nameless -= 1
            self._forking[pid] = self._nameless
            self._copying[self._nameless] = pid
        return self._forking[pid]

    def reaches(self, pid: int, start: int) -> None:
        """The same of a further VMA above the last one."""
        self._reached[pid] = start

    def reserved(self, owner: Owner) -> None:
        """A fork reserves for its child: whose that is follows from the address space that it copies into."""
        mm = self._forking.get(owner.parent, 0)
        if mm < 0:
            self._holding.setdefault(mm, []).append(owner)
        elif not owner.mm:
            owner.mm = mm  # which no list knows it by yet

    def forked(self, pid: int) -> None:
        """The task's fork is over, or has failed, so that no child will have what was copied."""
        self._copying.pop(self._forking.pop(pid, 0), None)
        self._reached.pop(pid, None)

    def fork(self, pid: int, child: int) -> None:
        """The child has a pid; without a copied address space it is a thread."""
        self.put(child, self._forking.get(pid, self.of.get(pid, 0)))
        self.forked(pid)

    def ending(self, pid: int, mm: int) -> int:
        """A task tears an address space down: under which number it is known, if not this one, or 0.

        It is the task's own, or of a child that its fork has not brought about.
        """
        own, copy = self.of.get(pid, 0), self._forking.get(pid, 0)
        if own == mm:
            return 0
        if copy == mm or copy < 0:
            self.forked(pid)
            return min(copy, 0)
        return min(own, 0)

    def clear(self) -> None:
        """Nothing is known any more."""
        self.of.clear()
        self._users.clear()
        self._forking.clear()
        self._copying.clear()
        self._reached.clear()
        self._holding.clear()
