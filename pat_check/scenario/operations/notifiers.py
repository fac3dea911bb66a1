"""Operations of MMU notifiers, and on single entries of page tables."""

from __future__ import annotations

import errno

from pat_check.model.memory import PAGE
from pat_check.model.page_table import Pte
from pat_check.scenario.operations.scene import Play, Scene


def _register(scene: Scene) -> int:
    """``mmu_notifier_register()`` for the address space of a process: `register_notifier app`, or one's own."""
    name = scene.args.name(0)
    actor = scene.stage.names.actors.get(name, scene.actor)
    if actor.mm is None:
        raise scene.args.wrong(f"{actor.name} has no address space")
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
    notifiers = scene.world.notifiers
    return notifiers.start(scene.actor.pid, vma.mm, start, end, blockable=not scene.args.has("nonblock"))


def _end(scene: Scene, *, only: bool) -> int:
    vma, start, end = scene.part()
    _checked(scene, start, end)
    scene.world.notifiers.end(scene.actor.pid, vma.mm, start, end, only=only)
    return 0


def _secondary(scene: Scene) -> int:
    vma, start, end = scene.part()
    scene.world.notifiers.secondary(vma.mm, start, end)
    return 0


def _flush_tlb(scene: Scene) -> int:
    """flush_tlb_range(): invalidates secondary TLBs too, where the flush of the processor does."""
    if scene.world.era.flush_invalidates:
        return _secondary(scene)
    scene.vma()
    return 0


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


OPERATIONS: dict[str, Play] = {
    "register_notifier": _register,
    "invalidate_range_start": _start,
    "invalidate_range_end": lambda scene: _end(scene, only=False),
    "invalidate_range_only_end": lambda scene: _end(scene, only=True),
    "invalidate_secondary": _secondary,
    "flush_tlb_range": _flush_tlb,
    "change_pte": _change_pte,
    "ptep_get_and_clear": _clear,
    "ptep_clear_flush": _clear,
    "ptep_clear_flush_notify": _clear_flush_notify,
    "ptep_set_wrprotect": _wrprotect,
    "set_pte_at": _set_pte,
}
