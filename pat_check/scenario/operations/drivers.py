"""Operations of drivers on physical memory: ioremap, explicit reservations, page types, device memory."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.cachemode import UC, UC_MINUS, WB, WC, WT
from pat_check.model import operations as decisions
from pat_check.model.memory import PAGE
from pat_check.model.memtype import Memtype
from pat_check.model.owner import Owner
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb
from pat_check.scenario.words import near


def may_sleep(scene: Scene, paddr: int) -> None:
    """Tell of an operation on a physical address that may sleep, while a spinlock is held."""
    if "PTL" in scene.actor.locks:
        detail = f"{scene.statement.op} may sleep, and a spinlock is held"
        scene.note("memtype-may-sleep", -1, -1, paddr // PAGE, detail)


def _ioremap(scene: Scene, mode: int) -> int:
    start, end = scene.args.physical(0, 1)
    may_sleep(scene, start)
    cookie = ioremap(scene, start, end, mode)
    if scene.statement.result:
        scene.stage.names.cookies[scene.statement.result] = cookie
    return 0 if cookie else -errno.ENOMEM


def ioremap(scene: Scene, start: int, end: int, mode: int) -> int:
    """``__ioremap_caller()``: a kernel virtual address, or 0."""
    world = scene.world
    low, high = start & ~(PAGE - 1), -(-end // PAGE) * PAGE
    call = events.IoremapCaller(*scene.here(), start, end - start, mode)
    world.replay.context.tasks.enter(call, "__ioremap_caller")
    cookie = 0
    if start < end and not world.machine.ram.is_busy_ram(low, high):
        ret, got = world.memtype_reserve(low, high, mode, None)
        if ret == 0 and decisions.is_new_memtype_allowed(low, high, mode, got):
            cookie = 0xFFA0_0000_0000_0000 + world.at * 0x100_0000
            world.iomaps[cookie] = (low, high, got, world.at)
        elif ret == 0:
            world.memtype_free(low, high, "__ioremap_caller", None)
            world.said.append("ioremap error for")
    module = scene.actor.name if scene.actor.mm is None else ""
    caller = f"probe+0x0/0x100 [{module}]" if module else ""
    world.replay.drivers.ioremap_return(world.returned(events.IoremapCaller, "__ioremap_caller", cookie, caller))
    return cookie


def _iounmap(scene: Scene) -> int:
    addr = scene.args.number(0, "what an ioremap returned")
    names, name = scene.stage.names, scene.args.name(0)
    if name in names.physical or name in names.mappings:
        raise scene.args.wrong(f"{name!r} is nothing that an ioremap returned" + near(name, names.cookies), 0)
    may_sleep(scene, scene.world.iomaps.get(addr, (0,))[0])
    iounmap(scene, addr)
    return 0


def iounmap(scene: Scene, addr: int) -> None:
    """``iounmap()``."""
    world = scene.world
    iomap = world.machine.iomaps.get(addr)
    world.iomaps.pop(addr, None)
    world.replay.drivers.iounmap(events.Iounmap(*scene.here(), addr))
    if iomap is None:
        world.said.append("iounmap: bad address")
        return
    world.memtype_free(iomap.start, iomap.end, "iounmap", None)
    world.changed(iomap.start, iomap.end, "iounmap")


def _arch_io(scene: Scene, *, free: bool) -> int:
    start, end = scene.args.physical(0, 1)
    may_sleep(scene, start)
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
    may_sleep(scene, start)
    mode, world = scene.args.type(UC_MINUS), scene.world
    if scene.args.has("listed"):
        return listed(scene, start, end, mode)
    if scene.args.has("ram_pages"):
        world.machine.ram.learn(start, end)
        world.machine.ram.set_type(start, end, mode, world.at, Owner("memtype_reserve", scene.actor.name))
        return 0
    if not scene.args.has("null"):
        return world.memtype_reserve(start, end, mode, None)[0]
    with world.inside(events.SetMemory(*scene.here(), start, (end - start) // PAGE, "set_memory_wc"), "set_memory_wc"):
        return world.memtype_reserve(start, end, mode, None)[0]


def listed(scene: Scene, start: int, end: int, mode: int) -> int:
    """An entry is in the list, whatever else is: a recording can lack what let it in."""
    if not 0 <= start < end:
        return -errno.EINVAL
    actor, world = scene.actor, scene.world
    node = Memtype(start, end, mode, Owner("memtype_reserve", actor.name, actor.pid), world.at)
    node.tell(world.at, "found in the list")
    world.machine.memtypes.insert(node)
    return 0


def _free(scene: Scene) -> int:
    start, end = scene.args.physical(0, 1)
    if scene.args.has("ram_pages"):
        scene.world.machine.ram.unlearn(start, end)
        return 0
    ret = scene.world.memtype_free(start, end, "memtype_free", None)
    scene.world.changed(start, end, "memtype_free")
    return ret


def _memremap_pages(scene: Scene) -> int:
    """Memory of a device gets struct pages: its range is tracked without any mapping."""
    start, end = scene.args.physical(0, 1)
    world = scene.world
    if world.machine.ram.test(start, end):
        return -errno.ENXIO
    with world.inside(events.MemtypeReserveIo(*scene.here(), start, end, WB), "memremap_pages"):
        ret, _ = world.kernel.tracking.reserve_pfn_range(None, start, end - start, scene.args.type(WB), strict=False)
    if ret == 0:
        world.pagemaps.append((start, end))
    return ret


def _memunmap_pages(scene: Scene) -> int:
    start, end = scene.args.physical(0, 1)
    world = scene.world
    if (start, end) in world.pagemaps:
        world.pagemaps.remove((start, end))
    else:
        scene.note("untrack-never-tracked", -1, -1, start // PAGE, "memunmap_pages of what no memremap_pages tracked")
    world.kernel.tracking.free_pfn_range(None, start, end - start, "memunmap_pages")
    return 0


def _memory_enable(scene: Scene, *, on: bool) -> int:
    """The driver lets the device decode its memory, or forbids it: then nobody may have it mapped."""
    start, end = scene.args.physical(0, 1)
    if on:
        scene.world.disabled.clear(start, end)
    else:
        scene.world.disabled.set(start, end, scene.world.at)
    return 0


def _unload(scene: Scene) -> int:
    scene.world.replay.drivers.module_free(events.ModuleFree(*scene.here(), scene.actor.name))
    return 0


OPERATIONS: dict[str, Verb] = {
    "ioremap": Verb(lambda scene: _ioremap(scene, UC_MINUS), "PHYSICAL[, SIZE]", gives=True),
    "ioremap_uc": Verb(lambda scene: _ioremap(scene, UC), "PHYSICAL[, SIZE]", gives=True),
    "ioremap_wc": Verb(lambda scene: _ioremap(scene, WC), "PHYSICAL[, SIZE]", gives=True),
    "ioremap_wt": Verb(lambda scene: _ioremap(scene, WT), "PHYSICAL[, SIZE]", gives=True),
    "ioremap_cache": Verb(lambda scene: _ioremap(scene, WB), "PHYSICAL[, SIZE]", gives=True),
    "iounmap": Verb(_iounmap, "ADDRESS"),
    "arch_io_reserve_memtype_wc": Verb(lambda scene: _arch_io(scene, free=False), "PHYSICAL[, SIZE]"),
    "arch_io_free_memtype_wc": Verb(lambda scene: _arch_io(scene, free=True), "PHYSICAL[, SIZE]"),
    "set_memory_uc": Verb(lambda scene: _set_memory(scene, "set_memory_uc", UC_MINUS), "RAM[, SIZE]"),
    "set_memory_wc": Verb(lambda scene: _set_memory(scene, "set_memory_wc", WC), "RAM[, SIZE]"),
    "set_memory_wb": Verb(lambda scene: _set_memory(scene, "set_memory_wb", WB), "RAM[, SIZE]"),
    "memtype_reserve": Verb(_reserve, "PHYSICAL[, SIZE]", "TYPE null/listed/ram_pages"),
    "memtype_free": Verb(_free, "PHYSICAL[, SIZE]", "ram_pages"),
    "memremap_pages": Verb(_memremap_pages, "PHYSICAL[, SIZE]", "TYPE"),
    "memunmap_pages": Verb(_memunmap_pages, "PHYSICAL[, SIZE]"),
    "memory_disable": Verb(lambda scene: _memory_enable(scene, on=False), "PHYSICAL[, SIZE]"),
    "memory_enable": Verb(lambda scene: _memory_enable(scene, on=True), "PHYSICAL[, SIZE]"),
    "unload": Verb(_unload),
}
