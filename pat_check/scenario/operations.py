"""The operations of scenarios: one function for each word that a task may say, in a table."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from pat_check import events, incidents
from pat_check.cachemode import UC, UC_MINUS, WB, WC, WT
from pat_check.events import Event
from pat_check.model import operations as decisions
from pat_check.model.kernel import BUG, NOPAGE, SIGBUS
from pat_check.model.memory import PAGE
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE
from pat_check.model.vma import (
    VM_DONTCOPY,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PAT,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    Mm,
    Vma,
)
from pat_check.scenario.arguments import Arguments
from pat_check.scenario.statements import Operation
from pat_check.scenario.words import near
from pat_check.scenario.world import Actor, Place, World

if TYPE_CHECKING:
    from pat_check.scenario.stage import Stage

LOCKS: dict[str, str] = {
    "mmap_write_lock": "W",
    "mmap_read_lock": "R",
    "vma_read_lock": "V",
    "i_mmap_lock": "I",
    "page_table_lock": "PTL",
    "spin_lock": "PTL",
    "fault": "fault",
    "mmap": "W",
}
"""Blocks, and what they hold."""

_WORDS = frozenset(("shared", "private", "ro", "rw", "pfnmap", "mixedmap", "dontfork", "dofork", "cows", "null"))
_FIRST = 0x7F00_0000_0000
_MIB2 = 1 << 21


class Scene:
    """One operation on the stage."""

    __slots__ = ("actor", "args", "stage", "statement", "world")

    def __init__(self, stage: Stage, statement: Operation, actor: Actor) -> None:
        self.stage, self.statement, self.actor = stage, statement, actor
        self.world: World = stage.world
        self.args = Arguments(statement, stage.names, stage.scenario.path, _WORDS)

    @property
    def mm(self) -> Mm:
        """The address space of the task."""
        if self.actor.mm is None:
            raise self.args.wrong(f"{self.actor.name} has no address space")
        return self.actor.mm

    def here(self) -> tuple[int, None, int, int, str]:
        """The first fields of an event of now."""
        return self.world.at, None, 0, self.actor.pid, self.actor.name

    def locked(self, *locks: str) -> bool:
        """Whether one of these is held; without any block the kernel's own callers hold what they must."""
        return not self.actor.locks or any(lock in self.actor.locks for lock in locks)

    def vma(self, place: int = 0) -> tuple[Vma, int]:
        """The mapping and address that an argument names; a driver means that of whoever mapped it first."""
        if self.actor.mm is not None:
            return self.args.mapping(place, self.actor)
        addr = self.args.number(place, "a mapping")
        for mm in self.world.machine.mms.values():
            vma = mm.find(addr)
            if vma is not None:
                return vma, addr
        raise self.args.wrong("nothing is mapped there")


def result_name(ret: int) -> str:
    """A result as the kernel's sources write it."""
    names = {BUG: "BUG", SIGBUS: "SIGBUS", NOPAGE: "NOPAGE"}
    if ret in names:
        return names[ret]
    return f"-{errno.errorcode[-ret]}" if -ret in errno.errorcode else str(ret)


# --- address spaces ------------------------------------------------------------------------------------


def _mmap(scene: Scene) -> int:
    args = scene.args
    name = scene.statement.result
    size = -(-args.number(0, "a size") // PAGE) * PAGE
    if not 0 < size <= 1 << 46:
        raise args.wrong(f"{size:#x} bytes cannot be mapped")
    start, pgoff, file = args.announced("at", -1), args.announced("offset", 0) // PAGE, ""
    for place in range(1, len(args)):
        file = args.name(place)
        if file not in scene.stage.names.files:
            raise args.wrong(f"{file or 'an argument'!r} is no file" + near(file, scene.stage.names.files))
    if start >= 0 and start % PAGE:
        raise args.wrong(f"{start:#x} is not the beginning of a page")
    if start < 0:
        align = PUD_SIZE if size >= PUD_SIZE else _MIB2
        start = max([_FIRST, *(vma.end for mm in scene.world.machine.mms.values() for vma in mm.vmas)])
        start = (start + align) & ~(align - 1)
    flags = VM_READ | (0 if args.has("ro") else VM_WRITE | VM_MAYWRITE)
    flags |= 0 if args.has("private") else VM_SHARED
    flags |= VM_PFNMAP if args.has("pfnmap") else 0
    flags |= VM_MIXEDMAP if args.has("mixedmap") else 0
    scene.world.kernel.mmap(scene.mm, start, start + size, flags, pgoff, args.type(UC_MINUS), file)
    if name:
        scene.stage.names.mappings[name] = Place(start, size, file)
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
        to = place.start if place is not None else (max(ends) + _MIB2) & ~(_MIB2 - 1)
    elif len(args) > 3:
        to = args.number(3, "an address")
    ret = scene.world.kernel.mremap(scene.mm, start, old, new, to)
    if ret >= 0 and name:
        scene.stage.names.mappings[name] = Place(ret, new, "")
    return 0 if ret >= 0 else ret


def _bounds(scene: Scene) -> int:
    """A driver edits vm_start and vm_end of the mapping that is being made (never do that)."""
    start = scene.args.number(0, "a mapping")
    place = scene.stage.names.mappings.get(scene.args.name(0))
    inside = scene.mm.overlapping(place.start, place.start + place.size) if place is not None else iter(())
    vma = next(inside, None)
    if vma is None:
        raise scene.args.wrong("nothing is mapped there")
    scene.mm.remove(vma)
    vma.start, vma.end = start, start + scene.args.number(1, "a size")
    scene.mm.add(vma)
    return 0


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
    actor = scene.stage.add_actor(name, world.at, is_process=False)
    task = world.replay.context.tasks.of(Event(world.at, None, 0, actor.pid, name))
    task.module = ""
    world.replay.context.tasks.of(world.event()).frames.clear()
    if child is None:
        del scene.stage.names.actors[name]
        return ret
    actor.mm = child
    processes.fork(events.SchedProcessFork(*here, name, actor.pid))
    return 0


def _exit(scene: Scene) -> int:
    world, mm = scene.world, scene.mm
    processes = world.replay.processes
    processes.exit_mmap(events.ExitMmap(*scene.here(), mm.id))
    world.kernel.exit_mmap(mm)
    processes.finish(scene.actor.pid)
    scene.actor.mm = None
    return 0


def _exec(scene: Scene) -> int:
    _exit(scene)
    scene.actor.mm = scene.world.kernel.new_mm(scene.world.new_mm_id())
    return 0


def _write(scene: Scene) -> int:
    vma, addr = scene.vma()
    return scene.world.kernel.write(vma, addr)


# --- PFN mappings --------------------------------------------------------------------------------------


def _remap(scene: Scene, api: str, default: int = UC_MINUS) -> int:
    vma, addr = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    size = scene.args.count(2, vma.end - addr)
    mode = scene.args.type(vma.cachemode if scene.args.words else default if default != UC_MINUS else vma.cachemode)
    world = scene.world
    if not scene.locked("W"):
        detail = f"{api} without the mmap write lock"
        what = "remap-in-fault" if "fault" in scene.actor.locks else "remap-needs-write-lock"
        world.note(what, addr, addr + size, paddr // PAGE, detail, [(vma.born, "mapped here")])
        if world.era.locks_checked:
            world.said.append("WARNING: include/linux/rwsem.h")
    if (addr | size) % PAGE and addr % PAGE:
        return -errno.EINVAL
    call = events.RemapPfnRange(*scene.here(), 1, vma.mm.id, vma.start, vma.end, addr, paddr // PAGE, size, api)
    with world.inside(call, api):
        ret = world.kernel.remap_pfn_range(vma, addr, paddr // PAGE, size, mode)
    if ret == 0 and size != vma.size:
        _untracked(scene, vma, addr, paddr, size, mode)
    return ret


def _untracked(scene: Scene, vma: Vma, addr: int, paddr: int, size: int, wish: int) -> None:
    """Entries that reserve nothing: remember them, and tell when their wish was not granted."""
    world = scene.world
    pte = vma.mm.page_table.get(addr)
    covered = next(iter(world.machine.memtypes.overlapping(paddr, paddr + size)), None)
    is_ram = world.machine.ram.test(paddr, paddr + PAGE)
    if pte is not None and wish not in (UC_MINUS, pte.cachemode) and covered is None and not is_ram:
        detail = "nothing reserves the range: the wish for another type than UC- is lost"
        world.note("partial-without-reservation", addr, addr + size, paddr // PAGE, detail, [(vma.born, "mapped here")])


def _insert(scene: Scene, leaf: int, *, mixed: bool = False) -> int:
    vma, addr = scene.vma()
    paddr = scene.args.number(1, "a physical address")
    world = scene.world
    if not scene.locked("fault", "R", "V", "W"):
        world.note("insert-outside-fault", addr, addr + leaf, paddr // PAGE, "no lock is held and no fault is open", [])
    kernel = world.kernel
    before = vma.mm.page_table.get(addr)
    pfn = paddr // PAGE
    ret = kernel.vmf_insert_mixed(vma, addr, pfn) if mixed else kernel.vmf_insert_pfn(vma, addr, pfn, leaf)
    if ret == NOPAGE and before is None:
        low = addr & ~(leaf - 1)
        _untracked(scene, vma, low, paddr & ~(leaf - 1), leaf, vma.cachemode)
        owned = vma.full_pfn + (addr - vma.start) // PAGE
        if vma.full_pfn >= 0 and owned != paddr // PAGE and (vma.flags & VM_PAT or vma.ctx is not None):
            detail = f"the mapping was made of pfn {owned:#x} here"
            world.note("refault-other-pfn", addr, addr + leaf, paddr // PAGE, detail, [(vma.born, "mapped here")])
    return ret


def _zap(scene: Scene) -> int:
    vma, start = scene.vma()
    end = start + scene.args.count(1, vma.end - start)
    if not scene.locked("R", "W", "I", "V"):
        scene.world.note("zap-needs-stable-vma", start, end, -1, "no lock keeps the mapping alive", [])
    tracked = vma.flags & VM_PAT
    partial = (start, end) != (vma.start, vma.end)
    scene.world.kernel.zap(vma, start, end)
    if tracked and not vma.flags & VM_PAT and partial:
        detail = "the whole mapping lost its reservation, the rest of it is still mapped"
        scene.world.note("partial-zap-untracks", start, end, -1, detail, [(vma.born, "mapped here")])
    return 0


def _unmap_mapping(scene: Scene, unit: int) -> int:
    args = scene.args
    file = args.name(0)
    if file not in scene.stage.names.files:
        raise args.wrong(f"{file!r} is no file; say `file {file or 'NAME'}` first")
    if "PTL" in scene.actor.locks or "I" in scene.actor.locks:
        scene.world.note("umr-lock-order", -1, -1, -1, "unmap_mapping_range takes the i_mmap lock itself", [])
    start = args.count(1, 0) * unit
    size = args.count(2, 0) * unit
    scene.world.kernel.unmap_mapping_range(file, start, start + size if size else 0, even_cows=args.has("cows"))
    return 0


# --- drivers -------------------------------------------------------------------------------------------


def _ioremap(scene: Scene, mode: int) -> int:
    start, end = scene.args.physical(0, 1)
    world = scene.world
    low, high = start & ~(PAGE - 1), -(-end // PAGE) * PAGE
    if "PTL" in scene.actor.locks:
        world.note("memtype-may-sleep", -1, -1, low // PAGE, "ioremap may sleep, and a spinlock is held", [])
    call = events.IoremapCaller(*scene.here(), start, end - start, mode)
    tasks = world.replay.context.tasks
    tasks.enter(call, "__ioremap_caller")
    cookie = 0
    if not world.machine.ram.is_busy_ram(low, high):
        ret, got = world.memtype_reserve(low, high, mode, None)
        if ret == 0 and decisions.is_new_memtype_allowed(low, high, mode, got):
            cookie = 0xFFA0_0000_0000_0000 + world.at * 0x100_0000
        elif ret == 0:
            world.memtype_free(low, high, "__ioremap_caller", None)
            world.said.append("ioremap error for")
    module = scene.actor.name if scene.actor.mm is None else ""
    caller = f"probe+0x0/0x100 [{module}]" if module else ""
    world.replay.drivers.ioremap_return(world.returned(events.IoremapCaller, "__ioremap_caller", cookie, caller))
    if scene.statement.result:
        scene.stage.names.cookies[scene.statement.result] = cookie
    return 0 if cookie else -errno.ENOMEM


def _iounmap(scene: Scene) -> int:
    addr = scene.args.number(0, "what an ioremap returned")
    world = scene.world
    iomap = world.machine.iomaps.get(addr)
    world.replay.drivers.iounmap(events.Iounmap(*scene.here(), addr))
    if iomap is None:
        world.said.append("iounmap: bad address")
        return 0
    world.memtype_free(iomap.start, iomap.end, "iounmap", None)
    world.changed(iomap.start, iomap.end, "iounmap")
    return 0


def _arch_io(scene: Scene, *, free: bool) -> int:
    start, end = scene.args.physical(0, 1)
    world = scene.world
    here = scene.here()
    if free:
        world.memtype_free(start, end, "arch_io_free_memtype_wc", None)
        world.changed(start, end, "arch_io_free_memtype_wc")
        return 0
    call = events.ArchIoReserveMemtypeWc(*here, start, end - start)
    with world.inside(call, "arch_io_reserve_memtype_wc"):
        ret, got = world.memtype_reserve(start, end, WC, None)
        if ret == 0 and not decisions.is_new_memtype_allowed(start, end, WC, got):
            world.memtype_free(start, end, "memtype_reserve_io", None)
            ret = -errno.EBUSY
    return ret


def _set_memory(scene: Scene, api: str, mode: int) -> int:
    start = scene.args.number(0, "RAM")
    size = scene.args.count(1, PAGE)
    world = scene.world
    if mode == WB:
        return world.memtype_free(start, start + size, api, None)
    with world.inside(events.SetMemory(*scene.here(), start, size // PAGE, api), api):
        ret, _ = world.memtype_reserve(start, start + size, mode, None)
    return ret


def _reserve(scene: Scene) -> int:
    start, end = scene.args.physical(0, 1)
    mode, world = scene.args.type(UC_MINUS), scene.world
    if not scene.args.has("null"):
        return world.memtype_reserve(start, end, mode, None)[0]
    with world.inside(events.SetMemory(*scene.here(), start, (end - start) // PAGE, "set_memory_wc"), "set_memory_wc"):
        return world.memtype_reserve(start, end, mode, None)[0]


def _free(scene: Scene) -> int:
    start, end = scene.args.physical(0, 1)
    ret = scene.world.memtype_free(start, end, "memtype_free", None)
    scene.world.changed(start, end, "memtype_free")
    return ret


def _unload(scene: Scene) -> int:
    scene.world.replay.drivers.module_free(events.ModuleFree(*scene.here(), scene.actor.name))
    return 0


def end(world: World, at: int) -> None:
    """The scenario is over: a mapping's reservation that no mapping holds any more is leaked."""
    world.turn(at, Actor("end", 1, None))
    held: list[tuple[int, int, int]] = []
    for mm in world.machine.mms.values():
        for vma in mm.vmas:
            if vma.ctx is not None:
                held.append((mm.id, vma.ctx.pfn * PAGE, vma.ctx.pfn * PAGE + vma.ctx.size))
            elif vma.flags & VM_PAT:
                pte = mm.page_table.get(vma.start)
                paddr = pte.paddr(vma.start) if pte is not None and not pte.anon else vma.full_pfn * PAGE
                held.append((mm.id, paddr, paddr + vma.size))
    for node in world.machine.memtypes:
        owner = node.owner
        if not owner.is_mapping or owner.gone:
            continue
        if not any(low < node.end and node.start < high for mm, low, high in held):
            owner.gone = True
            stamp = world.replay.context.stamp(world.event())
            world.emit(incidents.MemtypeLeaked(*stamp, node.seen(), "process", f"the mapping of {owner}"))
    world.replay.processes.still_held(world.event())


OPERATIONS: dict[str, Callable[[Scene], int]] = {
    "mmap": _mmap,
    "munmap": _munmap,
    "mprotect": _mprotect,
    "madvise": _madvise,
    "mremap": _mremap,
    "vma_bounds": _bounds,
    "fork": _fork,
    "exit": _exit,
    "kill": _exit,
    "exec": _exec,
    "write": _write,
    "remap_pfn_range": lambda scene: _remap(scene, "remap_pfn_range"),
    "io_remap_pfn_range": lambda scene: _remap(scene, "remap_pfn_range"),
    "vm_iomap_memory": lambda scene: _remap(scene, "remap_pfn_range"),
    "vmf_insert_pfn": lambda scene: _insert(scene, PAGE),
    "vmf_insert_pfn_prot": lambda scene: _insert(scene, PAGE),
    "vmf_insert_pfn_pmd": lambda scene: _insert(scene, PMD_SIZE),
    "vmf_insert_pfn_pud": lambda scene: _insert(scene, PUD_SIZE),
    "vmf_insert_mixed": lambda scene: _insert(scene, PAGE, mixed=True),
    "zap_vma_ptes": _zap,
    "zap_page_range_single": _zap,
    "unmap_mapping_range": lambda scene: _unmap_mapping(scene, 1),
    "unmap_mapping_pages": lambda scene: _unmap_mapping(scene, PAGE),
    "ioremap": lambda scene: _ioremap(scene, UC_MINUS),
    "ioremap_uc": lambda scene: _ioremap(scene, UC),
    "ioremap_wc": lambda scene: _ioremap(scene, WC),
    "ioremap_wt": lambda scene: _ioremap(scene, WT),
    "ioremap_cache": lambda scene: _ioremap(scene, WB),
    "iounmap": _iounmap,
    "arch_io_reserve_memtype_wc": lambda scene: _arch_io(scene, free=False),
    "arch_io_free_memtype_wc": lambda scene: _arch_io(scene, free=True),
    "set_memory_uc": lambda scene: _set_memory(scene, "set_memory_uc", UC_MINUS),
    "set_memory_wc": lambda scene: _set_memory(scene, "set_memory_wc", WC),
    "set_memory_wb": lambda scene: _set_memory(scene, "set_memory_wb", WB),
    "memtype_reserve": _reserve,
    "memtype_free": _free,
    "unload": _unload,
}
"""What a task can do."""
