"""Expectations: what a scenario believes about the state, held against the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pat_check.cachemode import short_name
from pat_check.model.memory import PAGE
from pat_check.model.page_table import LEVELS, Pte
from pat_check.model.vma import (
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_IO,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PAT,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    Mm,
)
from pat_check.scenario.arguments import Names, wrong
from pat_check.scenario.lists import list_text
from pat_check.scenario.operations import RESULTS, result_name
from pat_check.scenario.statements import Bit, Expect, Name, Scenario, Word, flattened
from pat_check.scenario.verbs import TYPES
from pat_check.scenario.words import near, size_text
from pat_check.scenario.world import World

FLAGS: dict[str, int] = {
    "read": VM_READ,
    "write": VM_WRITE,
    "maywrite": VM_MAYWRITE,
    "shared": VM_SHARED,
    "pfnmap": VM_PFNMAP,
    "mixedmap": VM_MIXEDMAP,
    "io": VM_IO,
    "dontcopy": VM_DONTCOPY,
    "dontexpand": VM_DONTEXPAND,
    "dontdump": VM_DONTDUMP,
    "pat": VM_PAT,
}
"""The words for flags of a mapping."""


def _is(type_: int) -> Callable[[Pte], bool]:
    return lambda pte: pte.cachemode == type_


def _spans(leaf: int) -> Callable[[Pte], bool]:
    return lambda pte: pte.leaf == leaf


BITS: dict[str, Callable[[Pte], bool]] = {
    "present": lambda pte: True,
    **{word: _is(type_) for word, type_ in TYPES.items()},
    "anon": lambda pte: pte.anon,
    "special": lambda pte: pte.special,
    "write": lambda pte: pte.write,
    **{level: _spans(leaf) for leaf, level in LEVELS.items()},
}
"""The words for what an entry is."""


def listed(world: World, start: int = 0, end: int = 1 << 52) -> str:
    """The reservations that touch a range, as an expectation writes them; offsets count from its start."""
    found = world.machine.memtypes.overlapping(start, end)
    return list_text([(node.start, node.end, node.type) for node in found], start)


class Expectations:
    """The expectations of one scenario; raises ScenarioError where one has a word that does not exist."""

    def __init__(self, scenario: Scenario, names: Names) -> None:
        self._path, self._names = scenario.path, names
        for statement in flattened(scenario.statements):
            if isinstance(statement, Expect):
                known = FLAGS if statement.what == "vm_flags" else BITS
                self._check(statement, (bit.word for bit in statement.bits), known)
                self._check(statement, (range_.type for range_ in statement.ranges), TYPES)
                if statement.what == "ret" and statement.word and statement.word not in RESULTS:
                    message = f"no result is called {str(statement.word)!r}{near(statement.word, RESULTS)}"
                    raise wrong(scenario.path, statement, message, statement.word.column)

    def _check(self, expect: Expect, words: Iterable[Word], known: Iterable[str]) -> None:
        for word in words:
            if word not in known:
                message = f"expected one of {', '.join(known)}, not {str(word)!r}{near(word, known)}"
                raise wrong(self._path, expect, message, word.column)

    def unmet(self, expect: Expect, world: World, ret: int) -> str:
        """What is otherwise than expected after an operation that returned `ret`; empty when nothing is."""
        match expect.what:
            case "memtypes":
                return self._memtypes(expect, world)
            case "pte":
                return self._pte(expect, world)
            case "vm_flags":
                return self._vm_flags(expect, world)
            case "ret":
                return self._ret(expect, ret)
            case "dmesg":
                return self._dmesg(expect, world)
            case _:
                return self._refs(expect, world)

    def _memtypes(self, expect: Expect, world: World) -> str:
        start, end, name = 0, 1 << 52, "the list"
        if expect.subject is not None:
            name = self._names.base(expect.subject)
            if name not in self._names.physical:
                message = f"{name!r} is no BAR and no RAM" + near(name, self._names.physical)
                raise wrong(self._path, expect, message, expect.subject.column)
            start = self._names.value(expect.subject, self._path, expect)
            base, end = self._names.physical[name]
            name += f" + {size_text(start - base)}" if start > base else ""
        text = size_text if start else hex
        wanted = ", ".join(
            f"[{text(self._names.value(item.start, self._path, expect))}, "
            f"{text(self._names.value(item.end, self._path, expect))}) {item.type}"
            for item in expect.ranges
        )
        found = listed(world, start, end)
        return "" if found == (wanted or "none") else f"memtypes of {name} are {found}, not {wanted or 'none'}"

    def _pte(self, expect: Expect, world: World) -> str:
        mm, addr = self._subject(expect, world)
        pte = mm.page_table.get(addr) if mm is not None else None
        found = "none" if pte is None else _shown(pte, addr)
        if expect.none:
            return "" if pte is None else f"the entry is {found}, not none"
        bits, value = expect.bits, expect.value
        if isinstance(value, Name) and value.text in BITS and not expect.pfn:
            bits = [Bit(Word.at(value.text, value.column)), *bits]
        elif value is not None:
            mask = ~(PAGE - 1) if expect.pfn else ~0
            paddr = self._names.value(value, self._path, expect, BITS)
            paddr = paddr * PAGE if expect.pfn and not self._names.base(value) else paddr & mask
            if pte is None or pte.anon or pte.paddr(addr) & mask != paddr:
                return f"the entry is {found}, not {paddr:#x}"
        for bit in bits:
            if pte is None or BITS[bit.word](pte) == bit.off:
                return f"the entry is {found}, {'and not expected to be' if bit.off else 'not'} {bit.word}"
        return ""

    def _vm_flags(self, expect: Expect, world: World) -> str:
        mm, addr = self._subject(expect, world)
        vma = mm.find(addr) if mm is not None else None
        if vma is None:
            return "nothing is mapped there"
        found = " ".join(word for word, bit in FLAGS.items() if vma.flags & bit) or "none"
        if expect.none and vma.flags & sum(FLAGS.values()):
            return f"the flags are {found}, not none"
        for bit in expect.bits:
            if bool(vma.flags & FLAGS[bit.word]) == bit.off:
                return f"the flags are {found}, {'and not expected with' if bit.off else 'without'} {bit.word}"
        return ""

    def _ret(self, expect: Expect, ret: int) -> str:
        found = result_name(ret)
        wanted = expect.word or (
            result_name(self._names.value(expect.value, self._path, expect)) if expect.value else "0"
        )
        return "" if found == wanted else f"the operation returned {found}, not {wanted}"

    @staticmethod
    def _dmesg(expect: Expect, world: World) -> str:
        said = "; ".join(world.said) or "nothing"
        if expect.none:
            return "" if not world.said else f"the kernel says {said}, not nothing"
        if any(expect.word in text for text in world.said):
            return ""
        known = next((text for text in world.said if text in expect.word), "")
        more = f'; only so much of a message is known here: expect dmesg "{known}"' if known else ""
        return f'the kernel says {said}, not "{expect.word}"{more}'

    def _refs(self, expect: Expect, world: World) -> str:
        assert expect.value is not None
        wanted = self._names.value(expect.value, self._path, expect)
        if isinstance(expect.subject, Name) and expect.subject.text in self._names.contexts:
            none, found = f"the context has no reference, not {wanted}", self._names.contexts[expect.subject.text].kref
        else:
            mm, addr = self._subject(expect, world)
            vma = mm.find(addr) if mm is not None else None
            none = f"the mapping has no context, not {wanted} references to one"
            found = vma.ctx.kref if vma is not None and vma.ctx is not None else 0
        if found == wanted:
            return ""
        if not found:
            return none
        return f"the context has {found} reference{'s' if found > 1 else ''}, not {wanted}"

    def _subject(self, expect: Expect, world: World) -> tuple[Mm | None, int]:
        """The address space and the address that are asked about: of the last task that has one, or of the first."""
        assert expect.subject is not None
        addr = self._names.value(expect.subject, self._path, expect)
        others = (actor.mm for actor in self._names.actors.values() if actor.mm is not None)
        return world.actor.mm or next(others, None), addr


def _shown(pte: Pte, addr: int) -> str:
    """An entry in the words of an expectation."""
    words = [short_name(pte.cachemode).lower()]
    words += [word for word in ("special", "write") if BITS[word](pte)]
    words += [LEVELS[pte.leaf]] if pte.leaf > PAGE else []
    return f"{'anon' if pte.anon else f'{pte.paddr(addr):#x}'} {' '.join(words)}"
