"""Operations that make PFN mappings and remove their entries."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.cachemode import UC_MINUS
from pat_check.model.kernel import NOPAGE
from pat_check.model.memory import PAGE
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE
from pat_check.model.vma import VM_PAT, Vma
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb


def _remap(scene: Scene, api: str = "remap_pfn_range") -> int:
    vma, addr = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    return _remapped(scene, addr, paddr, scene.args.count(2, vma.end - addr), api)


def _iomap(scene: Scene) -> int:
    """``vm_iomap_memory()``: the whole mapping, from its vm_pgoff on, if the memory is long enough."""
    vma, _ = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    length = scene.args.count(2, vma.size) + paddr % PAGE
    pages = -(-length // PAGE) - vma.pgoff
    if pages < vma.size // PAGE:
        return -errno.EINVAL
    return _remapped(scene, vma.start, (paddr // PAGE + vma.pgoff) * PAGE, vma.size, "remap_pfn_range")


def _remapped(scene: Scene, addr: int, paddr: int, size: int, api: str) -> int:
    args, world = scene.args, scene.world
    vma, _ = scene.vma()
    mode = args.type(vma.cachemode)
    if not scene.locked("W"):
        what = "remap-in-fault" if "fault" in scene.actor.locks else "remap-needs-write-lock"
        scene.world.note(
            what,
            addr,
            addr + size,
            paddr // PAGE,
            f"{api} without the mmap write lock",
            [(vma.born, "mapped here")],
        )
        if world.era.locks_checked:
            world.said.append("WARNING: include/linux/rwsem.h")
    if (addr | size) % PAGE and addr % PAGE:
        return -errno.EINVAL
    real = (vma.flags, vma.pgoff, vma.ctx)
    call = events.RemapPfnRange(*scene.here(), 1, vma.mm.id, vma.start, vma.end, addr, paddr // PAGE, size, api)
    with world.inside(call, api):
        ret = world.kernel.remap_pfn_range(vma, addr, paddr // PAGE, size, mode, no_memory=args.has("enomem"))
    if args.has("copy"):  # the driver passed a copy of the mapping: what was set there is lost
        vma.flags, vma.pgoff, vma.ctx = real
    if ret == 0:
        scene.within(1, addr, paddr, size, vma)
    if ret == 0 and size != vma.size:
        _untracked(scene, vma, addr, paddr, size, mode)
    return ret


def _untracked(scene: Scene, vma: Vma, addr: int, paddr: int, size: int, wish: int) -> None:
    """Entries that reserve nothing: tell when their wish was not granted."""
    world = scene.world
    pte = vma.mm.page_table.get(addr)
    if pte is None or wish in (UC_MINUS, pte.cachemode) or world.machine.ram.test(paddr, paddr + PAGE):
        return
    frames = (addr, addr + size, paddr // PAGE)
    if world.machine.memtypes.first_overlap(paddr, paddr + size) is not None:
        scene.note("reserved-otherwise", *frames, "the range is reserved with another type than the mapping's", vma)
    elif vma.full_mode == wish and vma.full_pfn + (addr - vma.start) // PAGE == paddr // PAGE:
        scene.note(
            "refault-other-mode", *frames, "the zap freed the reservation that gave these frames their type", vma
        )
    else:
        detail = "nothing reserves the range: the wish for another type than UC- is lost"
        world.note("partial-without-reservation", *frames, detail, [(vma.born, "mapped here")])


def _insert(scene: Scene, leaf: int, *, mixed: bool = False) -> int:
    vma, addr = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    world = scene.world
    if not scene.locked("fault", "R", "V", "W"):
        what = "fault-without-lock" if scene.actor.mm is vma.mm else "insert-outside-fault"
        world.note(what, addr, addr + leaf, paddr // PAGE, "no lock is held and no fault is open", [])
    kernel = world.kernel
    before = vma.mm.page_table.get(addr)
    pfn = paddr // PAGE
    ret = kernel.vmf_insert_mixed(vma, addr, pfn) if mixed else kernel.vmf_insert_pfn(vma, addr, pfn, leaf)
    if ret == NOPAGE and before is None:
        low = addr & ~(leaf - 1)
        scene.within(1, low, paddr & ~(leaf - 1), leaf, vma)
        _untracked(scene, vma, low, paddr & ~(leaf - 1), leaf, vma.cachemode)
        owned = vma.full_pfn + (addr - vma.start) // PAGE
        if vma.full_pfn >= 0 and owned != pfn and (vma.flags & VM_PAT or vma.ctx is not None):
            detail = f"the mapping was made of pfn {owned:#x} here"
            world.note("refault-other-pfn", addr, addr + leaf, pfn, detail, [(vma.born, "mapped here")])
    return ret


def _insert_page(scene: Scene, *, many: bool) -> int:
    vma, addr = scene.vma()
    paddr = scene.args.number(1, "RAM")
    size = scene.args.count(2, vma.end - addr) if many else PAGE
    locked = scene.locked("W")
    ret = scene.world.kernel.vm_insert_page(vma, addr, paddr // PAGE, size, write_locked=locked, many=many)
    if ret == 0:
        scene.within(1, addr, paddr, size, vma)
    return ret


def _finish_fault(scene: Scene) -> int:
    vma, addr = scene.vma()
    return scene.world.kernel.finish_fault(vma, addr, scene.args.number(1, "RAM") // PAGE)


def _zap(scene: Scene) -> int:
    vma, start, end = scene.part()
    if not scene.locked("R", "W", "I", "V"):
        scene.world.note("zap-needs-stable-vma", start, end, -1, "no lock keeps the mapping alive", [])
    tracked = [vma] if vma.flags & VM_PAT else []
    partial = (start, end) != (vma.start, vma.end)
    scene.world.kernel.zap(vma, start, end)
    if tracked and not vma.flags & VM_PAT and partial:
        _partial(scene, vma, start, end)
    _flags_raced(scene, tracked)
    return 0


def _unmap_mapping(scene: Scene, unit: int) -> int:
    args, world = scene.args, scene.world
    file = args.name(0)
    if file not in scene.stage.names.files:
        raise args.wrong(f"{file!r} is no file; say `file {file or 'NAME'}` first", 0)
    if "PTL" in scene.actor.locks or "I" in scene.actor.locks:
        world.note("umr-lock-order", -1, -1, -1, "unmap_mapping_range takes the i_mmap lock itself", [])
    start = args.count(1, 0) * unit
    size = args.count(2, 0) * unit
    tracked = [
        vma for mm in world.machine.mms.values() for vma in mm.every() if vma.file == file and vma.flags & VM_PAT
    ]
    world.kernel.unmap_mapping_range(file, start, start + size if size else 0, even_cows=args.has("cows"))
    for vma in tracked:
        entries = vma.mm.page_table.walk(vma.start, vma.end)
        if not vma.flags & VM_PAT and any(not pte.anon for _, _, pte in entries):
            first = vma.start - vma.pgoff * PAGE + start
            _partial(scene, vma, max(vma.start, first), min(vma.end, first + size) if size else vma.end)
    _flags_raced(scene, tracked)
    return 0


def _partial(scene: Scene, vma: Vma, start: int, end: int) -> None:
    """A zap of [start, end) has untracked all of a mapping."""
    detail = "the whole mapping lost its reservation, the rest of it is still mapped"
    scene.world.note("partial-zap-untracks", start, end, -1, detail, [(vma.born, "mapped here")])


def _flags_raced(scene: Scene, tracked: list[Vma]) -> None:
    """A zap rewrote the flags of these mappings: tell where another task holds the lock that guards them."""
    if "W" in scene.actor.locks:
        return
    for vma in tracked:
        writers = [
            actor.name for actor in scene.stage.names.actors.values() if "W" in actor.locks and actor.mm is vma.mm
        ]
        if not vma.flags & VM_PAT and writers:
            detail = f"the zap clears VM_PAT while {writers[0]} holds mmap_lock for writing"
            scene.note("zap-flag-race", vma.start, vma.end, -1, detail, vma)


OPERATIONS: dict[str, Verb] = {
    "remap_pfn_range": Verb(_remap, "MAPPING, PHYSICAL[, SIZE]", "TYPE enomem copy"),
    "io_remap_pfn_range": Verb(_remap, "MAPPING, PHYSICAL[, SIZE]", "TYPE enomem copy"),
    "vm_iomap_memory": Verb(_iomap, "MAPPING, PHYSICAL[, SIZE]", "TYPE enomem copy"),
    "vmf_insert_pfn": Verb(lambda scene: _insert(scene, PAGE), "MAPPING, PHYSICAL"),
    "vmf_insert_pfn_prot": Verb(lambda scene: _insert(scene, PAGE), "MAPPING, PHYSICAL"),
    "vmf_insert_pfn_pmd": Verb(lambda scene: _insert(scene, PMD_SIZE), "MAPPING, PHYSICAL"),
    "vmf_insert_pfn_pud": Verb(lambda scene: _insert(scene, PUD_SIZE), "MAPPING, PHYSICAL"),
    "vmf_insert_mixed": Verb(lambda scene: _insert(scene, PAGE, mixed=True), "MAPPING, PHYSICAL"),
    "vm_insert_page": Verb(lambda scene: _insert_page(scene, many=False), "MAPPING, RAM"),
    "vm_insert_pages": Verb(lambda scene: _insert_page(scene, many=True), "MAPPING, RAM[, SIZE]"),
    "finish_fault": Verb(_finish_fault, "MAPPING, RAM"),
    "zap_vma_ptes": Verb(_zap, "MAPPING[, SIZE]"),
    "zap_page_range_single": Verb(_zap, "MAPPING[, SIZE]"),
    "unmap_mapping_range": Verb(lambda scene: _unmap_mapping(scene, 1), "FILE[, START[, SIZE]]", "cows"),
    "unmap_mapping_pages": Verb(lambda scene: _unmap_mapping(scene, PAGE), "FILE[, FIRST[, COUNT]]", "cows"),
}
