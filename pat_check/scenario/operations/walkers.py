"""Operations that walk page tables."""

from __future__ import annotations

import errno

from pat_check.model.memory import PAGE
from pat_check.model.page_table import Pte
from pat_check.scenario.operations.drivers import ioremap, iounmap
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb
from pat_check.scenario.world import Followed


def _gup(scene: Scene, *, fast: bool) -> int:
    vma, start = scene.vma()
    end = start + scene.args.count(1, PAGE)
    walkers = scene.world.walkers
    return walkers.gup_fast(vma.mm, start, end) if fast else walkers.gup(vma.mm, start, end)


def _walk(scene: Scene) -> int:
    vma, start, end = scene.part()
    walkers, asks = scene.world.walkers, scene.args.has("test_walk")
    match scene.statement.op:
        case "walk_page_vma":
            return walkers.walk_page_vma(vma, test_walk=asks)
        case "walk_page_range_vma":
            return walkers.walk_page_range_vma(vma, start, end)
        case _:
            return walkers.walk_page_range(vma.mm, start, end, test_walk=asks)


def _folio_walk(scene: Scene) -> int:
    if not scene.world.era.folio_walk:
        return -errno.ENOSYS  # this kernel has no such function
    return scene.world.walkers.folio_walk(*scene.vma())


def _follow(scene: Scene, *, held: bool) -> int:
    vma, addr = scene.vma()
    pte = scene.world.walkers.follow(vma, addr)
    if pte is None:
        return -errno.EINVAL
    name = scene.statement.result
    if name:
        scene.stage.names.cookies[name] = pte.paddr(addr)
        sequence = scene.world.notifiers.sequence
        scene.world.followed[name] = Followed(vma.mm, addr, sequence, scene.world.at, held=held)
    return 0


def _follow_end(scene: Scene) -> int:
    followed = scene.world.followed.get(scene.args.name(0))
    if followed is None:
        raise scene.args.wrong("follow_pfnmap_end needs what a follow_pfnmap_start returned", 0)
    followed.held = False
    return 0


def _secondary_map(scene: Scene) -> int:
    """A device or KVM maps what was followed; with ``retry`` it looks at the sequence of invalidations first."""
    vma, addr = scene.vma()
    followed = scene.world.followed.get(scene.args.name(1))
    if followed is None:
        raise scene.args.wrong("secondary_map needs what a follow returned", 1)
    notifiers = scene.world.notifiers
    stale = notifiers.is_stale(vma.mm, addr, followed.sequence)
    if stale and scene.args.has("retry"):
        return -errno.EAGAIN
    story = [(followed.at, "followed here")]
    pfn = scene.args.number(1, "a frame") // PAGE
    bracket = notifiers.inside(vma.mm, addr)
    if bracket is not None:
        detail = f"a secondary entry is made inside {bracket}, which is being invalidated"
        scene.world.note("mn-secondary-inside", addr, addr + PAGE, pfn, detail, [*story, (bracket.at, "opened here")])
    elif not followed.held and (stale or not vma.mm.notifiers):
        detail = "the entry was changed since" if stale else "no notifier tells when the entry goes"
        detail = f"the frame is used after the walk that found it: {detail}"
        scene.world.note("follow-used-after", addr, addr + PAGE, pfn, detail, story)
    return 0


def _apply(scene: Scene) -> int:
    args = scene.args
    vma, start, end = scene.part()
    change = None
    if len(args) > 2:
        paddr = args.number(2, "a physical address")
        change = Pte(paddr - start, args.type(vma.cachemode), at=scene.world.at, tracked=False)
    mm, pid = vma.mm, scene.actor.pid
    return scene.world.walkers.apply(pid, mm, start, end, change, readonly=args.has("ro"))


def _access_phys(scene: Scene) -> int:
    """ptrace and /proc/PID/mem of a PFN mapping: the frame is mapped for a moment, with the type of the entry."""
    vma, addr = scene.vma()
    size = scene.args.count(1, 8)
    pte = scene.world.walkers.follow(vma, addr)
    if pte is None:
        return -errno.EINVAL
    mode = pte.decoded()
    if mode != pte.cachemode:
        detail = "the protection of a huge entry is read as one of a small one: PSE is taken for the PAT bit"
        story = [(pte.at, "the entry was made here")]
        scene.world.note("access-phys-mode", addr, addr + size, pte.paddr(addr) // PAGE, detail, story)
    paddr = pte.paddr(addr)
    cookie = 0 if pte.anon else ioremap(scene, paddr, paddr + size, mode)
    if not cookie:
        return -errno.ENOMEM
    iounmap(scene, cookie)
    return size


OPERATIONS: dict[str, Verb] = {
    "get_user_pages": Verb(lambda scene: _gup(scene, fast=False), "MAPPING[, SIZE]"),
    "get_user_pages_fast": Verb(lambda scene: _gup(scene, fast=True), "MAPPING[, SIZE]"),
    "walk_page_range": Verb(_walk, "MAPPING[, SIZE]", "test_walk"),
    "walk_page_vma": Verb(_walk, "MAPPING", "test_walk"),
    "walk_page_range_vma": Verb(_walk, "MAPPING[, SIZE]", "test_walk"),
    "folio_walk_start": Verb(_folio_walk, "MAPPING"),
    "follow_pfnmap_start": Verb(lambda scene: _follow(scene, held=True), "MAPPING", gives=True),
    "follow_pfnmap_end": Verb(_follow_end, "FOLLOWED"),
    "follow_pfn": Verb(lambda scene: _follow(scene, held=False), "MAPPING", gives=True),
    "secondary_map": Verb(_secondary_map, "MAPPING, FOLLOWED", "retry"),
    "apply_to_page_range": Verb(_apply, "MAPPING[, SIZE[, PHYSICAL]]", "ro TYPE"),
    "generic_access_phys": Verb(_access_phys, "MAPPING[, SIZE]"),
}
