"""ioremap, iounmap, explicit reservations, and the life of modules: what a driver holds."""

from __future__ import annotations

from typing import Final

from pat_check import incidents
from pat_check.cachemode import pgprot2cachemode
from pat_check.events import (
    IoremapCaller,
    Iounmap,
    MemtypeFree,
    MemtypeReserveIo,
    Message,
    ModuleFree,
    ModuleLoad,
    ReservePfnRange,
    Return,
)
from pat_check.model import operations
from pat_check.model.machine import Iomap
from pat_check.model.memory import PAGE
from pat_check.model.owner import Owner, module_of
from pat_check.replay.context import Context
from pat_check.replay.expected import Expected
from pat_check.replay.frames import Frame

_MASK: Final = ~(PAGE - 1)
_NO_PROT: Final = 0x7FFF_FFFF_FFFF_F000
"""Protection bits are NX and the low twelve: with any of these a tracer shows the pointer to them."""


class Drivers:
    """The handlers of calls that drivers make."""

    def __init__(self, context: Context, expected: Expected) -> None:
        self.context, self.expected = context, expected
        self._unmapping: dict[int, Iomap] = {}  # pid -> what its iounmap must free

    # --- ioremap -----------------------------------------------------------------------------------------

    def ioremap_return(self, event: Return) -> None:
        """Return of __ioremap_caller(): an address, or 0."""
        task, frame = self.context.tasks.leave(event)
        if frame is None or event.ret is None or not isinstance(frame.call, IoremapCaller):
            return
        self.expected.ioremapped()
        call, node, addr = frame.call, frame.node, event.ret & ((1 << 64) - 1)
        start, end = call.phys & _MASK, (call.phys + call.size + PAGE - 1) & _MASK
        owner = node.owner if node is not None else Owner("ioremap", event.comm, event.pid)
        owner.symbol = event.caller
        owner.module = module_of(event.caller) or (task.module if _is_wrapper(event.caller) else "")
        if addr:
            self.context.machine.iomaps[addr & _MASK] = Iomap(addr & _MASK, call.phys, start, end, node, owner, call.at)
        elif frame.unacceptable is not None:
            self.expected.ioremap_refused(event, start, end)
        elif frame.reserve is not None and frame.reserve.ret < 0:
            self.expected.ioremap_failed(event)
        elif self.context.machine.ram.known and self.context.machine.ram.is_busy_ram(start, end):
            self.context.emit(incidents.IoremapOnRam(*self.context.stamp(event), start, end, event.caller))
        self._judge(frame, event, start, end, "ioremap", kept=bool(addr))

    def iounmap(self, call: Iounmap) -> None:
        """Entry of iounmap(): frees exactly what the ioremap of this address reserved."""
        self.context.tasks.enter(call, "iounmap")
        machine, addr = self.context.machine, call.addr & _MASK
        self._unmapping.pop(call.pid, None)
        iomap = machine.iomaps.pop(addr, None)
        if iomap is not None:
            machine.remember_unmapped(iomap, call.at)
            self._unmapping[call.pid] = iomap
        elif addr in machine.unmapped:
            mapped_at, unmapped_at = machine.unmapped[addr]
            self.context.emit(
                incidents.IounmapMismatched(
                    *self.context.stamp(call), call.addr, -1, -1, -1, -1, mapped_at, unmapped_at, ""
                )
            )

    def freed(self, pid: int) -> None:
        """A task has freed a range outside of any iounmap."""
        if self._unmapping:
            self._unmapping.pop(pid, None)

    def free_starts(self, call: MemtypeFree) -> None:
        """Entry of memtype_free(): inside an iounmap it must be of the range that was reserved."""
        iomap = self._unmapping.pop(call.pid, None)
        task = self.context.tasks.of(call)
        if iomap is None or not isinstance(task.scope, Iounmap):
            return
        if (call.start, call.end) != (iomap.start, iomap.end):
            self.context.emit(
                incidents.IounmapMismatched(
                    *self.context.stamp(call),
                    task.scope.addr,
                    call.start,
                    call.end,
                    iomap.start,
                    iomap.end,
                    iomap.born,
                    0,
                    "",
                )
            )

    def bad_address(self, message: Message) -> None:
        """The kernel says ``iounmap: bad address``: told already when the model saw the first iounmap."""
        scope = self.context.tasks.of(message).scope
        addr = scope.addr if isinstance(scope, Iounmap) else 0
        if not addr or addr & _MASK not in self.context.machine.unmapped:
            self.context.emit(
                incidents.IounmapMismatched(*self.context.stamp(message), addr, -1, -1, -1, -1, 0, 0, message.text)
            )

    # --- other callers ------------------------------------------------------------------------------------

    def reserve_pfn_range_return(self, event: Return) -> None:
        """Return of reserve_pfn_range() or pfnmap_track()."""
        _, frame = self.context.tasks.leave(event)
        if frame is None or not isinstance(frame.call, ReservePfnRange):
            return
        self.expected.mapped()
        call, machine = frame.call, self.context.machine
        start, end = call.start, call.start + call.size
        if frame.unacceptable is not None and (event.ret or 0) < 0:
            self.expected.map_refused(event, start, end)
        has_prot = call.prot >= 0 and not call.prot & _NO_PROT
        is_ram = has_prot and machine.ram.known and machine.pat_enabled and machine.ram.test(start, end)
        types_seen = self.context.answers_seen or "memtype_reserve" in self.context.recorded
        if is_ram and types_seen and operations.lookup_memtype(machine, start) != pgprot2cachemode(call.prot):
            self.expected.ram_range(event, start, end)
        self._judge(frame, event, start, end, call.api, kept=(event.ret or 0) == 0)

    def reserve_io_return(self, event: Return) -> None:
        """Return of memtype_reserve_io()."""
        _, frame = self.context.tasks.leave(event)
        if frame is not None and isinstance(frame.call, MemtypeReserveIo):
            call = frame.call
            self._judge(frame, event, call.start, call.end, "memtype_reserve_io", kept=(event.ret or 0) == 0)

    def explicit_return(self, event: Return) -> None:
        """Return of arch_io_reserve_memtype_wc() or set_memory_*(): the caller is the driver."""
        task, _ = self.context.tasks.leave(event)
        module = module_of(event.caller) or task.module
        if not module:
            return
        for owner in self.context.made.pop(event.pid, []):
            owner.symbol, owner.module = event.caller, module

    def _judge(self, frame: Frame, event: Return, start: int, end: int, api: str, *, kept: bool) -> None:
        if frame.unacceptable is None:
            return
        want, have = frame.unacceptable
        overlap = self.context.machine.memtypes.first_overlap(start, end)
        self.context.emit(
            incidents.FallbackJudged(
                *self.context.stamp(event),
                start,
                end,
                want,
                have,
                kept,
                api,
                event.caller,
                overlap.seen() if overlap is not None else None,
            )
        )

    # --- modules --------------------------------------------------------------------------------------------

    def module_load(self, event: ModuleLoad) -> None:
        """The task that loads a driver runs its init next."""
        self.context.tasks.of(event).module = event.module

    def module_free(self, event: ModuleFree) -> None:
        """A driver is gone: whatever it still holds is leaked."""
        machine = self.context.machine
        stamp = (*self.context.stamp(event)[:4], not (self.context.lossy or self.context.one_cpu))
        for iomap in [iomap for iomap in machine.iomaps.values() if iomap.owner.module == event.module]:
            del machine.iomaps[iomap.addr]
            unprobed = "iounmap" not in self.context.recorded
            if unprobed and not self._is_held(iomap):
                continue
            seen = incidents.Seen(iomap.start, iomap.end, -1, iomap.born, str(iomap.owner), [])
            if iomap.node is not None:
                machine.memtypes.leave(iomap.owner)
                seen = iomap.node.seen()
                seen.start, seen.end = iomap.start, iomap.end  # whatever thieves have left of the reservation
            leak = incidents.IoremapLeaked(*stamp, event.module, iomap.owner.symbol, iomap.addr, iomap.phys, seen)
            if unprobed:
                self.context.leaked(leak)
            else:
                self.context.emit(leak)
        left = [node.seen() for node in machine.memtypes if node.owner.module == event.module and not node.owner.gone]
        if left:
            self._leaked(event, left, ram=False)
        pages = [
            incidents.Seen(first * PAGE, last * PAGE, type_, at, str(owner), [(at, "these pages got their type here")])
            for first, last, (type_, at, owner) in machine.ram.types
            if owner.module == event.module
        ]
        if pages:
            self._leaked(event, pages, ram=True)
        for node in machine.memtypes:
            if node.owner.module == event.module:
                machine.memtypes.leave(node.owner)

    def _leaked(self, event: ModuleFree, left: list[incidents.Seen], *, ram: bool) -> None:
        known = self.context.shows_all and not (ram and self.context.lost_any)  # no list shows the types of pages
        stamp = (*self.context.stamp(event)[:4], known)
        self.context.leaked(incidents.MemtypeLeaked(*stamp, left[0], "module", f"driver {event.module}", ram, left[1:]))

    def _is_held(self, iomap: Iomap) -> bool:
        """Whether the reservation of an ioremap, whose iounmap would not be recorded, is still there."""
        node = iomap.node
        if node is None:
            return False
        return any(other.owner is iomap.owner for other in self.context.machine.memtypes.exact(node.start, node.end))


def _is_wrapper(caller: str) -> bool:
    """Whether an ioremap may come from a driver: by address only, or from a function that drivers call to map."""
    return not caller or caller.startswith(
        ("0x", "ioremap", "devm_", "pci_", "__pci_", "pcim_", "memremap", "of_iomap")
    )
