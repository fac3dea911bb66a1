"""The end of a scenario: what nobody has given back."""

from __future__ import annotations

from pat_check import incidents
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT
from pat_check.scenario.world import Actor, World


def end(world: World, at: int) -> None:
    """The scenario is over: what no mapping holds any more is leaked, and a bracket that is open stays open."""
    nobody = Actor("end", 1, None, 1)
    for bracket in world.notifiers.brackets:
        world.turn(bracket.at, next((it for it in world.actors.values() if it.pid == bracket.task), nobody))
        world.note("mn-unpaired", bracket.start, bracket.end, -1, "a range is started and never ended", [])
    world.turn(at, nobody)
    held: list[tuple[int, int, int]] = []
    for mm in world.machine.mms.values():
        for vma in mm.vmas:
            if vma.ctx is not None:
                held.append((mm.id, vma.ctx.pfn * PAGE, vma.ctx.pfn * PAGE + vma.ctx.size))
            elif vma.flags & VM_PAT:
                pte = mm.page_table.get(vma.start)
                paddr = pte.paddr(vma.start) if pte is not None and not pte.anon else vma.full_pfn * PAGE
                held.append((mm.id, paddr, paddr + vma.size))
                if vma.full_pfn >= 0:  # other frames are mapped now; its own may come back before it is unmapped
                    held.append((mm.id, vma.full_pfn * PAGE, vma.full_pfn * PAGE + vma.size))
    for node in world.machine.memtypes:
        owner = node.owner
        if not owner.is_mapping or owner.gone:
            continue
        if not any(low < node.end and node.start < high for mm, low, high in held):
            world.machine.memtypes.leave(owner)
            stamp = world.replay.context.stamp(world.event())
            world.emit(incidents.MemtypeLeaked(*stamp, node.seen(), "process", f"the mapping of {owner}"))
    world.replay.processes.still_held(world.event())
