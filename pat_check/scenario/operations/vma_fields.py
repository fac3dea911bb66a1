"""Operations of drivers on the fields of a mapping: bounds, flags, vm_pgoff, vm_page_prot."""

from __future__ import annotations

from pat_check.cachemode import UC, short_name
from pat_check.model import pgprot
from pat_check.model.memory import PAGE
from pat_check.scenario.operations.scene import FLAGS, Scene
from pat_check.scenario.verbs import Verb


def _bounds(scene: Scene) -> int:
    """A driver edits vm_start and vm_end of the mapping that is being made (never do that)."""
    start = scene.args.number(0, "a mapping")
    place = scene.stage.names.mappings.get(scene.args.name(0))
    inside = scene.mm.overlapping(place.start, place.start + place.size) if place is not None else iter(())
    vma = next(inside, None)
    if vma is None:
        raise scene.args.wrong("nothing is mapped there", 0)
    scene.mm.remove(vma)
    vma.start, vma.end = start, start + scene.args.number(1, "a size")
    scene.mm.add(vma)
    return 0


def _flags(scene: Scene, *, on: bool) -> int:
    vma, _ = scene.vma()
    bits = sum(bit for word, bit in FLAGS.items() if scene.args.has(word))
    if not scene.locked("W"):
        detail = "the flags of the mapping change without the mmap write lock"
        scene.note("vm-flags-need-write-lock", vma.start, vma.end, -1, detail, vma)
        if scene.world.era.flags_checked:
            scene.world.said.append("WARNING: include/linux/rwsem.h")
    vma.flags = vma.flags | bits if on else vma.flags & ~bits
    return 0


def _pgoff(scene: Scene) -> int:
    """A driver overwrites vm_pgoff with a frame number."""
    vma, _ = scene.vma()
    vma.pgoff = scene.args.number(1, "a physical address or an offset") // PAGE
    return 0


def _page_prot(scene: Scene) -> int:
    vma, _ = scene.vma()
    replaces = scene.world.era.prot_replaces
    before = vma.cachemode
    match scene.statement.op:
        case "pgprot_noncached":
            vma.cachemode = pgprot.pgprot_noncached(before)
        case "pgprot_writecombine":
            vma.cachemode = pgprot.pgprot_writecombine(before, replaces=replaces)
        case "pgprot_writethrough":
            vma.cachemode = pgprot.pgprot_writethrough(before, replaces=replaces)
        case _:
            vma.cachemode = scene.args.type(before)
    if scene.statement.op != "vm_page_prot" and UC == vma.cachemode != before:
        detail = f"{scene.statement.op}() makes {short_name(before)} strong UC: the helpers add bits"
        scene.note("prot-strong-uc", vma.start, vma.end, -1, detail, vma)
    if not scene.locked("W"):
        detail = "vm_page_prot changes without the mmap write lock"
        scene.note("prot-needs-write-lock", vma.start, vma.end, -1, detail, vma)
    return 0


OPERATIONS: dict[str, Verb] = {
    "vma_bounds": Verb(_bounds, "MAPPING, SIZE"),
    "vm_flags_set": Verb(lambda scene: _flags(scene, on=True), "MAPPING", "pfnmap mixedmap io dontexpand dontdump pat"),
    "vm_flags_clear": Verb(
        lambda scene: _flags(scene, on=False), "MAPPING", "pfnmap mixedmap io dontexpand dontdump pat"
    ),
    "vm_pgoff": Verb(_pgoff, "MAPPING, PHYSICAL"),
    "vm_page_prot": Verb(_page_prot, "MAPPING", "TYPE"),
    "pgprot_noncached": Verb(_page_prot, "MAPPING"),
    "pgprot_writecombine": Verb(_page_prot, "MAPPING"),
    "pgprot_writethrough": Verb(_page_prot, "MAPPING"),
}
