"""Operations on address spaces: their mappings, and accesses."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.cachemode import UC_MINUS
from pat_check.model.memory import PAGE
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE
from pat_check.model.vma import VM_DONTCOPY, VM_MAYWRITE, VM_READ, VM_SHARED, VM_WRITE
from pat_check.scenario.operations.scene import FLAGS, Scene
from pat_check.scenario.verbs import Verb
from pat_check.scenario.words import near
from pat_check.scenario.world import Place


def _mmap(scene: Scene) -> int:
    args, names = scene.args, scene.stage.names
    name = scene.statement.result
    size = _aligned(args.size(0, "a size"))
    if not 0 < size <= names.user_end:
        raise args.wrong(f"{size:#x} bytes cannot be mapped", 0)
    start, pgoff, file, frames = args.address("at", size), args.announced("offset", 0) // PAGE, "", -1
    memory = 0  # where the physical address stands
    for place in range(1, len(args)):
        what = args.name(place)
        if what in names.physical and args.has("deferred"):
            frames, memory = args.number(place, "a physical address") // PAGE, place
        elif what in names.files:
            file = what
        else:
            known = [*names.files, *scene.verb.words]
            raise args.wrong(f"{what or 'an argument'!r} is no file" + near(what, known), place)
    if start < 0:
        start = scene.room(size, PUD_SIZE if size >= PUD_SIZE else PMD_SIZE)
    if start < 0:
        return -errno.ENOMEM
    flags = VM_READ | (0 if args.has("ro") else VM_WRITE | VM_MAYWRITE)
    flags |= 0 if args.has("private") else VM_SHARED
    flags |= sum(bit for word, bit in FLAGS.items() if args.has(word))
    kernel = scene.world.kernel
    replaced = kernel.make_room(scene.mm, start, start + size)
    vma = kernel.mmap(scene.mm, start, start + size, flags, pgoff, args.type(UC_MINUS), file)
    vma.zaps_on_open = args.has("zap-on-open")
    if frames >= 0:  # mmap_action_complete(): the mapping is in the tree, mmap_lock is held for writing
        call = events.RemapPfnRange(
            *scene.here(), 1, scene.mm.id, start, start + size, start, frames, size, "remap_pfn_range"
        )
        with scene.world.inside(call, "remap_pfn_range"):
            ret = kernel.remap_pfn_range(vma, start, frames, size, vma.cachemode)
        if ret:
            kernel.munmap(scene.mm, start, start + size)
            kernel.free_vmas(replaced)
            return ret
        scene.within(memory, start, frames * PAGE, size, vma)
    if name:
        names.mappings[name] = Place(start, size, file)
    if scene.statement.body is not None:  # the handler
        scene.stage.locked(scene.statement, scene.actor)
        scene.world.turn(scene.statement.at, scene.actor)
    kernel.free_vmas(replaced)
    return 0


def _pages(scene: Scene) -> tuple[int, int] | None:
    """The whole pages of a range; None where it does not begin with one: -EINVAL."""
    start, end = scene.args.span(0, 1)
    return None if start % PAGE else (start, _aligned(end))


def _aligned(size: int) -> int:
    """``PAGE_ALIGN()``."""
    return -(-size // PAGE) * PAGE


def _munmap(scene: Scene) -> int:
    span = _pages(scene)
    return scene.world.kernel.munmap(scene.mm, *span) if span is not None and span[0] < span[1] else -errno.EINVAL


def _mprotect(scene: Scene) -> int:
    span = _pages(scene)
    if span is None:
        return -errno.EINVAL
    return scene.world.kernel.mprotect(scene.mm, *span, write=not scene.args.has("ro"))


def _madvise(scene: Scene) -> int:
    span = _pages(scene)
    if span is None:
        return -errno.EINVAL
    if not scene.args.has("dontfork") and not scene.args.has("dofork"):
        return -errno.EINVAL  # every advice that touches pages is refused on PFN mappings
    return scene.world.kernel.madvise_flag(scene.mm, *span, VM_DONTCOPY, on=scene.args.has("dontfork"))


def _split_vma(scene: Scene) -> int:
    vma, addr = scene.vma()
    if addr % PAGE:
        return -errno.EINVAL
    return scene.world.kernel.split(vma, addr, new_below=True) if vma.start < addr else 0


def _mremap(scene: Scene) -> int:
    args = scene.args
    start = args.number(0, "a mapping")
    old, new = _aligned(args.size(1, "the old size")), _aligned(args.size(2, "the new size"))
    if start % PAGE or not new:
        return -errno.EINVAL
    name = scene.statement.result
    to: int | None = None
    if len(args) > 3:
        to = args.number(3, "an address")
        args.user(to, to + new, args.column(3))
        if to % PAGE:
            return -errno.EINVAL
    elif name:
        place = scene.stage.names.mappings.get(name)
        to = place.start if place is not None else scene.room(new, PMD_SIZE)
        if to < 0:
            return -errno.ENOMEM
    ret = scene.world.kernel.mremap(scene.mm, start, old, new, to, dontunmap=args.has("dontunmap"))
    if ret >= 0 and name:
        scene.stage.names.mappings[name] = Place(ret, new, "")
    return 0 if ret >= 0 else ret


def _read(scene: Scene) -> int:
    return scene.world.kernel.touch(*scene.vma())


def _write(scene: Scene) -> int:
    return scene.world.kernel.write(*scene.vma())


OPERATIONS: dict[str, Verb] = {
    "mmap": Verb(
        _mmap,
        "SIZE[, FILE][, PHYSICAL]",
        "private/shared ro/rw pfnmap mixedmap io dontexpand dontdump pat deferred zap-on-open TYPE at offset",
        gives=True,
    ),
    "munmap": Verb(_munmap, "MAPPING[, SIZE]"),
    "mprotect": Verb(_mprotect, "MAPPING[, SIZE]", "ro/rw"),
    "madvise": Verb(_madvise, "MAPPING[, SIZE]", "dontfork/dofork"),
    "split_vma": Verb(_split_vma, "MAPPING"),
    "mremap": Verb(_mremap, "MAPPING, OLD, NEW[, ADDRESS]", "dontunmap", gives=True),
    "read": Verb(_read, "MAPPING"),
    "write": Verb(_write, "MAPPING"),
}
