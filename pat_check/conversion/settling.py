"""Mappings that the recording shows at a checkpoint and that no operation has led to.

What comes in between is not recorded, or is just being done: the scenario then goes on from what is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from pat_check.conversion.areas import Shown
from pat_check.conversion.sightings import letters_of
from pat_check.conversion.tape import listed, mode_word
from pat_check.model.vma import VM_PAT, Mm, Vma
from pat_check.replay.maps import LETTERS
from pat_check.replay.snapshots import Listed
from pat_check.scenario.stage import Stage
from pat_check.scenario.words import size_text

_FLAGS = {"pf": "pfnmap", "mm": "mixedmap", "io": "io", "de": "dontexpand", "dd": "dontdump"}
"""Letters of VmFlags, and the words of a mapping that has them."""
_TRACKED = LETTERS[VM_PAT]
_TOLD = 4
"""Kinds of mappings in one comment: the operations behind it have them all."""


class Settler:
    """Makes the mappings of processes what is shown, by operations that are played while they are written.

    `say` writes and plays a line, `unused` gives a name like the wanted one that nothing has.
    """

    def __init__(self, stage: Stage, say: Callable[[str], bool], unused: Callable[[str], str]) -> None:
        self.stage, self._say, self._unused = stage, say, unused
        self._again: dict[str, str] = {}  # processes that have ended and are shown all the same, and who they are now
        self._named = 0
        self._known: set[str] = set()  # processes that had mappings which were shown
        self._flagged: dict[str, list[tuple[int, int]]] = {}  # by process: what is tracked without anything to show by

    def differences(self, name: str, shown: Iterable[Shown]) -> str:
        """What is shown of a process and not there, and the other way round; empty when its mappings are these."""
        mine = Counter(_kind(vma) for vma in self._vmas(self._again.get(name, name)))
        theirs = Counter(one.kind for one in shown)
        said = [f"new {_text(*one)}" for one in (theirs - mine).items()]
        said += [f"gone {_text(*one)}" for one in (mine - theirs).items()]
        more = [f"and {len(said) - _TOLD} more kinds"] if len(said) > _TOLD + 1 else said[_TOLD:]
        return ", ".join(said[:_TOLD] + more)

    def others(self, shown: Iterable[str], *, all_mapped: bool) -> list[str]:
        """The processes that are not shown and have mappings; unless all are shown those that were settled before."""
        known = self.stage.names.actors if all_mapped else self._known
        shown = {self._again.get(name, name) for name in shown}
        return [name for name in sorted(set(known).difference(shown)) if self._vmas(name)]

    def settle(self, name: str, shown: list[Shown], nodes: list[Listed]) -> list[tuple[int, int]]:
        """Make it so. Reservations of `nodes` that are missing from the list now may belong to what is made.

        Gives the physical ranges that stay reserved without the mapping that they were of.
        """
        name = self._again.get(name, name)
        actor = self.stage.names.actors.get(name)
        if actor is not None and (actor.ended or actor.mm is None):
            name = self._again[name] = self._unused(f"again_{name}")
            actor = None
        if actor is None:
            self._say(f"process {name}")
        self._known.add(name)
        for addr in self._cuts(shown):
            vma = self._mm(name).find(addr)
            if vma is not None and vma.start < addr:
                self._say(f"{name}: split_vma {self._place(addr)}")
        spare = list((Counter(nodes) - Counter(listed(self.stage.world.machine.memtypes))).elements())
        surplus, missing = self._matched(name, shown)
        there = {vma.start: vma for vma in surplus}
        for one in missing:
            vma = there.get(self._addr(one))
            if vma is not None and vma.size == one.size and letters_of(vma.flags) ^ one.letters <= {"wr", _TRACKED}:
                self._adjust(name, vma, one, spare)
        surplus, missing = self._matched(name, shown)
        kept = []
        for vma in surplus:
            self._forget(name, vma)
            start = self._kept(vma, nodes)
            if start >= 0:
                self._say(f"{name}: vm_flags_clear {self._place(vma.start)}, pat")
                kept.append((start, start + vma.size))
            self.unmap(name, vma)
        for one in missing:
            self._make(name, one, spare)
        return kept

    def unmap(self, name: str, vma: Vma) -> None:
        """A mapping goes."""
        self._say(f"{name}: munmap {self._place(vma.start)}, {size_text(vma.size)}")

    def leave(self, name: str) -> None:
        """A task is about to work on mappings. Those that are only shown as tracked must not be untracked then."""
        actor = self.stage.names.actors.get(name)
        names = [name] if actor is not None and actor.mm is not None else list(self._flagged)
        for process in names:
            flagged = self._flagged.get(process)
            for vma in self._vmas(process) if flagged else ():
                self._forget(process, vma)
            self._flagged.pop(process, None)

    # --- what is there, and what is not ------------------------------------------------------------------

    def _mm(self, name: str) -> Mm:
        mm = self.stage.names.actors[name].mm
        assert mm is not None
        return mm

    def _vmas(self, name: str) -> list[Vma]:
        actor = self.stage.names.actors.get(name)
        return actor.mm.vmas if actor is not None and actor.mm is not None else []

    def _addr(self, one: Shown) -> int:
        """Where it is in the scenario; -1 where its mapping has no place there."""
        place = self.stage.names.mappings.get(one.mapping)
        return place.start + one.offset if place is not None and one.offset + one.size <= place.size else -1

    def _cuts(self, shown: Iterable[Shown]) -> list[int]:
        """The addresses where mappings that are shown begin and end."""
        found = {addr: one.size for one in shown if (addr := self._addr(one)) >= 0}
        return sorted({*found, *(addr + size for addr, size in found.items())})

    def _matched(self, name: str, shown: Iterable[Shown]) -> tuple[list[Vma], list[Shown]]:
        """What is left of both where equals are taken away: first those in the same place."""
        left = {vma.start: vma for vma in self._vmas(name)}
        unplaced = []
        for one in shown:
            vma = left.get(self._addr(one))
            if vma is not None and _kind(vma) == one.kind:
                del left[vma.start]
            else:
                unplaced.append(one)
        missing = []
        for one in unplaced:
            same = next((vma for vma in left.values() if _kind(vma) == one.kind), None)
            if same is not None:
                del left[same.start]
            else:
                missing.append(one)
        return list(left.values()), missing

    # --- operations --------------------------------------------------------------------------------------

    def _place(self, addr: int) -> str:
        """An address of a mapping, by the name that it has."""
        for name, place in reversed(self.stage.names.mappings.items()):
            if place.start <= addr < place.start + place.size:
                return f"{name} + {size_text(addr - place.start)}" if addr > place.start else name
        return f"{addr:#x}"

    def _forget(self, name: str, vma: Vma) -> None:
        """A mapping that was shown as tracked, though nothing shows by what, is not tracked any more."""
        flagged = any(start <= vma.start < end for start, end in self._flagged.get(name, ()))
        if flagged and vma.flags & VM_PAT and vma.mm.page_table.get(vma.start) is None:
            self._say(f"{name}: vm_flags_clear {self._place(vma.start)}, pat")

    def _kept(self, vma: Vma, nodes: list[Listed]) -> int:
        """Where a mapping has its reservation which stays, for it is unmapped and not untracked yet; -1 nowhere."""
        pte = vma.mm.page_table.get(vma.start) if vma.flags & VM_PAT else None
        if pte is None:
            return -1
        start = pte.paddr(vma.start)
        now = [node[:2] for node in listed(self.stage.world.machine.memtypes)]
        reserved = (start, start + vma.size)
        return start if now.count(reserved) <= [node[:2] for node in nodes].count(reserved) else -1

    def _flag(self, name: str, start: int, size: int) -> None:
        self._flagged.setdefault(name, []).append((start, start + size))

    def _adjust(self, name: str, vma: Vma, one: Shown, spare: list[Listed]) -> None:
        """A mapping gets the flags that it is shown with."""
        place, changed = self._place(vma.start), letters_of(vma.flags) ^ one.letters
        if "wr" in changed:
            self._say(f"{name}: mprotect {place}, {size_text(one.size)}, {'rw' if 'wr' in one.letters else 'ro'}")
        if _TRACKED not in changed:
            return
        node = _take(spare, one.size) if vma.mm.page_table.get(vma.start) is None else None
        if _TRACKED not in one.letters:
            self._say(f"{name}: vm_flags_clear {place}, pat")
        elif node is not None:
            self._say(f"{name}: remap_pfn_range {place}, {node[0]:#x}, {size_text(one.size)}, {mode_word(node[2])}")
        if not vma.flags & VM_PAT and _TRACKED in one.letters:  # or what overlaps has refused it
            self._say(f"{name}: vm_flags_set {place}, pat")
            self._flag(name, vma.start, vma.size)

    def _make(self, name: str, one: Shown, spare: list[Listed]) -> None:
        """A mapping that is shown comes, with a reservation of its size where it must have one."""
        words = [size_text(one.size)]
        words += [word for letter, word in (("sh", "private"), ("wr", "ro")) if letter not in one.letters]
        words += [word for letter, word in _FLAGS.items() if letter in one.letters]
        node = _take(spare, one.size) if _TRACKED in one.letters else None
        if node is not None:
            words.append(mode_word(node[2]))
        elif _TRACKED in one.letters:
            words.append("pat")
        addr, where = self._addr(one), one.mapping
        if addr >= 0 and not self._mm(name).seen(addr, addr + one.size):
            where += f" + {size_text(one.offset)}" if one.offset else ""
            self._say(f"{name}: mmap {', '.join(words)}, at {where}")
        else:
            if not where or one.offset or where in self.stage.names.mappings:
                self._named += 1
                where = f"shown{self._named}"
            self._say(f"{name}: {where} = mmap {', '.join(words)}")
            place = self.stage.names.mappings.get(where)
            if place is None:
                return  # there is no room for it
            addr = place.start
        if node is not None:
            self._say(f"{name}: remap_pfn_range {where}, {node[0]:#x}, {size_text(one.size)}")
            vma = self._mm(name).find(addr)
            if vma is not None and not vma.flags & VM_PAT:  # what overlaps has refused it
                self._say(f"{name}: vm_flags_set {where}, pat")
                node = None
        if node is None and _TRACKED in one.letters:
            self._flag(name, addr, one.size)


def _take(spare: list[Listed], size: int) -> Listed | None:
    """A reservation of this size, which is spare no more."""
    node = next((node for node in spare if node[1] - node[0] == size), None)
    if node is not None:
        spare.remove(node)
    return node


def _kind(vma: Vma) -> tuple[int, frozenset[str]]:
    return vma.size, letters_of(vma.flags)


def _text(kind: tuple[int, frozenset[str]], times: int) -> str:
    size, letters = kind
    return f"{f'{times} of ' if times > 1 else ''}{size_text(size)} ({' '.join(sorted(letters))})"
