"""Operations of MMU notifiers, and on single entries of page tables."""

from __future__ import annotations

import errno

from pat_check.model.memory import PAGE
from pat_check.model.notifiers import EVENTS
from pat_check.model.page_table import Pte
from pat_check.model.vma import Mm, Vma
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb


def _register(scene: Scene) -> int:
    """``mmu_notifier_register()`` for the address space of a process: `register_notifier app`, or one's own."""
    name = scene.args.name(0)
    actor = scene.stage.names.actors.get(name, scene.actor)
    if actor.mm is None:
        raise scene.args.wrong(f"{actor.name} has no address space", 0)
    scene.world.notifiers.register(actor.mm, sleeps=scene.args.has("sleeps"))
    return 0


def _checked(scene: Scene, start: int, end: int) -> None:
    """What both ends of a bracket want: nothing atomic, and a lock that keeps the tables."""
    locks, op = scene.actor.locks, scene.statement.op
    if "PTL" in locks:
        detail = f"{op} may sleep, and a page table lock or a spinlock is held"
        scene.note("mn-under-lock", start, end, -1, detail)
    elif not any(lock in locks for lock in ("W", "R", "V", "I", "fault")):
        scene.note("mn-no-lock", start, end, -1, f"{op} with neither mmap_lock nor a lock of the reverse map held")


def _start(scene: Scene) -> int:
    vma, start, end = scene.part()
    _checked(scene, start, end)
    notifiers, words = scene.world.notifiers, scene.args
    event = next((event for event in EVENTS if words.has(event.lower())), "CLEAR")
    return notifiers.start(scene.actor.pid, vma.mm, start, end, blockable=not words.has("nonblock"), event=event)


def _end(scene: Scene, *, only: bool) -> int:
    vma, start, end = scene.part()
    _checked(scene, start, end)
    scene.world.notifiers.end(scene.actor.pid, vma.mm, start, end, only=only)
    return 0


def _of(part: tuple[Vma, int, int]) -> tuple[Mm, int, int]:
    return part[0].mm, part[1], part[2]


def _secondary(scene: Scene) -> int:
    vma, start, end = scene.part()
    scene.world.notifiers.secondary(vma.mm, start, end)
    return 0


def _flush_tlb(scene: Scene) -> int:
    """flush_tlb_range(): invalidates secondary TLBs too, where the flush of the processor does."""
    scene.world.notifiers.flushed(*_of(scene.part()))
    return _secondary(scene) if scene.world.era.flush_invalidates else 0


def _change_pte(scene: Scene) -> int:
    """The ``change_pte`` callback of a notifier."""
    vma, start, end = scene.part()
    if scene.world.era.change_pte:
        return 0
    scene.note("mn-change-pte", start, end, -1, "this kernel has no change_pte callback", vma)
    return -errno.ENOSYS


def _clear(scene: Scene) -> int:
    vma, start = scene.vma()
    end = start + scene.args.count(1, PAGE)
    scene.world.notifiers.clear(scene.actor.pid, vma, start, end)
    if scene.statement.op == "ptep_clear_flush" and scene.world.era.flush_invalidates:
        scene.world.notifiers.secondary(vma.mm, start, end)
    return 0


def _clear_flush_notify(scene: Scene) -> int:
    """Clear, flush, and invalidate secondary TLBs, whoever does it."""
    vma, start = scene.vma()
    end = start + scene.args.count(1, PAGE)
    scene.world.notifiers.clear(scene.actor.pid, vma, start, end)
    scene.world.notifiers.secondary(vma.mm, start, end)
    return 0


def _wrprotect(scene: Scene) -> int:
    vma, start = scene.vma()
    scene.world.notifiers.wrprotect(scene.actor.pid, vma, start, start + scene.args.count(1, PAGE))
    return 0


def _set_pte(scene: Scene) -> int:
    vma, start = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    pte = Pte(paddr - start, scene.args.type(vma.cachemode), at=scene.world.at, tracked=False)
    scene.world.notifiers.set(scene.actor.pid, vma, start, start + scene.args.count(2, PAGE), pte)
    return 0


OPERATIONS: dict[str, Verb] = {
    "register_notifier": Verb(_register, "[PROCESS]", "sleeps"),
    "invalidate_range_start": Verb(_start, "MAPPING[, SIZE]", f"nonblock {'/'.join(map(str.lower, EVENTS))}"),
    "invalidate_range_end": Verb(lambda scene: _end(scene, only=False), "MAPPING[, SIZE]"),
    "invalidate_range_only_end": Verb(lambda scene: _end(scene, only=True), "MAPPING[, SIZE]"),
    "invalidate_secondary": Verb(_secondary, "MAPPING[, SIZE]"),
    "flush_tlb_range": Verb(_flush_tlb, "MAPPING[, SIZE]"),
    "change_pte": Verb(_change_pte, "MAPPING[, SIZE]"),
    "ptep_get_and_clear": Verb(_clear, "MAPPING[, SIZE]"),
    "ptep_clear_flush": Verb(_clear, "MAPPING[, SIZE]"),
    "ptep_clear_flush_notify": Verb(_clear_flush_notify, "MAPPING[, SIZE]"),
    "ptep_set_wrprotect": Verb(_wrprotect, "MAPPING[, SIZE]"),
    "set_pte_at": Verb(_set_pte, "MAPPING, PHYSICAL[, SIZE]", "TYPE"),
}
