"""Operations of processes: address spaces and their mappings."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.cachemode import UC_MINUS
from pat_check.events import Event
from pat_check.model.memory import PAGE
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE
from pat_check.model.vma import VM_DONTCOPY, VM_MAYWRITE, VM_READ, VM_SHARED, VM_WRITE
from pat_check.scenario.operations.scene import FLAGS, Play, Scene
from pat_check.scenario.words import near
from pat_check.scenario.world import Actor, Place

_FIRST = 0x7F00_0000_0000


def _mmap(scene: Scene) -> int:
    args, names = scene.args, scene.stage.names
    name = scene.statement.result
    size = -(-args.number(0, "a size") // PAGE) * PAGE
    if not 0 < size <= 1 << 46:
        raise args.wrong(f"{size:#x} bytes cannot be mapped")
    start, pgoff, file, frames = args.announced("at", -1), args.announced("offset", 0) // PAGE, "", -1
    for place in range(1, len(args)):
        what = args.name(place)
        if what in names.physical and args.has("deferred"):
            frames = args.number(place, "a physical address") // PAGE
        elif what in names.files:
            file = what
        else:
            raise args.wrong(f"{what or 'an argument'!r} is no file" + near(what, names.files))
    if start >= 0 and start % PAGE:
        raise args.wrong(f"{start:#x} is not the beginning of a page")
    if start < 0:
        align = PUD_SIZE if size >= PUD_SIZE else PMD_SIZE
        start = max([_FIRST, *(vma.end for mm in scene.world.machine.mms.values() for vma in mm.vmas)])
        start = (start + align) & ~(align - 1)
    flags = VM_READ | (0 if args.has("ro") else VM_WRITE | VM_MAYWRITE)
    flags |= 0 if args.has("private") else VM_SHARED
    flags |= sum(bit for word, bit in FLAGS.items() if args.has(word))
    kernel = scene.world.kernel
    vma = kernel.mmap(scene.mm, start, start + size, flags, pgoff, args.type(UC_MINUS), file)
    if frames >= 0:  # mmap_action_complete(): the mapping is in the tree, mmap_lock is held for writing
        call = events.RemapPfnRange(
            *scene.here(), 1, scene.mm.id, start, start + size, start, frames, size, "remap_pfn_range"
        )
        with scene.world.inside(call, "remap_pfn_range"):
            ret = kernel.remap_pfn_range(vma, start, frames, size, vma.cachemode)
        if ret:
            kernel.munmap(scene.mm, start, start + size)
            return ret
    if name:
        names.mappings[name] = Place(start, size, file)
    return 0


def _munmap(scene: Scene) -> int:
    return scene.world.kernel.munmap(scene.mm, *scene.args.span(0, 1))


def _mprotect(scene: Scene) -> int:
    return scene.world.kernel.mprotect(scene.mm, *scene.args.span(0, 1), write=not scene.args.has("ro"))


def _madvise(scene: Scene) -> int:
    span = scene.args.span(0, 1)
    if not scene.args.has("dontfork") and not scene.args.has("dofork"):
        return -errno.EINVAL  # every advice that touches pages is refused on PFN mappings
    return scene.world.kernel.madvise_flag(scene.mm, *span, VM_DONTCOPY, on=scene.args.has("dontfork"))


def _mremap(scene: Scene) -> int:
    args = scene.args
    start = args.number(0, "a mapping")
    old, new = args.number(1, "the old size"), args.number(2, "the new size")
    name = scene.statement.result
    to: int | None = None
    if name:
        place = scene.stage.names.mappings.get(name)
        ends = [vma.end for mm in scene.world.machine.mms.values() for vma in mm.vmas]
        to = place.start if place is not None else (max(ends) + PMD_SIZE) & ~(PMD_SIZE - 1)
    elif len(args) > 3:
        to = args.number(3, "an address")
    ret = scene.world.kernel.mremap(scene.mm, start, old, new, to, dontunmap=args.has("dontunmap"))
    if ret >= 0 and name:
        scene.stage.names.mappings[name] = Place(ret, new, "")
    return 0 if ret >= 0 else ret


def _fork(scene: Scene) -> int:
    name = scene.args.name(0) or scene.statement.result
    if not name:
        raise scene.args.wrong("fork needs a name for the child")
    world = scene.world
    child_id = world.new_mm_id()
    here = scene.here()
    processes = world.replay.processes
    processes.dup_mmap(events.DupMmap(*here, child_id, scene.mm.id))
    with world.inside(events.CopyPageRange(*here, 0, 0, scene.mm.id, "copy_page_range"), "copy_page_range"):
        ret, child = world.kernel.fork(scene.mm, child_id)
    actor = _new_task(scene, name)
    world.replay.context.tasks.of(world.event()).frames.clear()
    if child is None:
        del scene.stage.names.actors[name]
        return ret
    actor.mm = child
    processes.fork(events.SchedProcessFork(*here, name, actor.pid))
    return 0


def _new_task(scene: Scene, name: str) -> Actor:
    world = scene.world
    actor = scene.stage.add_actor(name, world.at, is_process=False)
    world.replay.context.tasks.of(Event(world.at, None, 0, actor.pid, name)).module = ""
    return actor


def _share(scene: Scene) -> int:
    """clone(CLONE_VM): a thread, or the child of a vfork until its exec, works on the same address space."""
    name = scene.args.name(0) or scene.statement.result
    if not name:
        raise scene.args.wrong(f"{scene.statement.op} needs a name for the task")
    mm = scene.mm
    _new_task(scene, name).mm = mm
    mm.users += 1
    return 0


def _exit(scene: Scene) -> int:
    world, mm = scene.world, scene.mm
    scene.actor.mm = None
    mm.users -= 1
    if mm.users:
        return 0
    processes = world.replay.processes
    processes.exit_mmap(events.ExitMmap(*scene.here(), mm.id))
    world.kernel.exit_mmap(mm)
    processes.finish(scene.actor.pid)
    return 0


def _exec(scene: Scene) -> int:
    _exit(scene)
    scene.actor.mm = scene.world.kernel.new_mm(scene.world.new_mm_id())
    return 0


def _read(scene: Scene) -> int:
    return scene.world.kernel.touch(*scene.vma())


def _write(scene: Scene) -> int:
    return scene.world.kernel.write(*scene.vma())


OPERATIONS: dict[str, Play] = {
    "mmap": _mmap,
    "munmap": _munmap,
    "mprotect": _mprotect,
    "madvise": _madvise,
    "mremap": _mremap,
    "fork": _fork,
    "thread": _share,
    "vfork": _share,
    "exit": _exit,
    "kill": _exit,
    "exec": _exec,
    "read": _read,
    "write": _write,
}
