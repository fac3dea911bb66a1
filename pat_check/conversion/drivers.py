"""What drivers reserve for themselves: ioremap(), arch_io_reserve_memtype_wc(), set_memory_*()."""

from __future__ import annotations

from pat_check import events
from pat_check.cachemode import UC, UC_MINUS, WB, WC, WT
from pat_check.conversion.current import Current
from pat_check.conversion.tape import Op, Physical
from pat_check.events import Return
from pat_check.model.memory import PAGE, PHYSICAL_MASK
from pat_check.scenario.words import size_text

_IOREMAP = {UC_MINUS: "ioremap", UC: "ioremap_uc", WC: "ioremap_wc", WT: "ioremap_wt", WB: "ioremap_cache"}
_MASK = ~(PAGE - 1)
_LIMIT = 100_000


class Drivers:
    """Hears the calls of drivers."""

    def __init__(self, current: Current) -> None:
        self.current = current
        self._cookies: dict[int, str] = {}  # by kernel virtual address: what an ioremap() made
        self._mapping: dict[int, Op] = {}  # by pid: an ioremap() that has not returned
        self._named = 0

    def forget(self) -> None:
        """Events are missing."""
        self._cookies.clear()
        self._mapping.clear()

    def ioremap(self, call: events.IoremapCaller) -> None:
        """Entry of __ioremap_caller()."""
        word = _IOREMAP.get(call.pcm)
        self.current.enter(call)
        if word is None or call.size <= 0 or call.phys < 0 or call.phys + call.size > PHYSICAL_MASK:
            return
        op = self.current.start(call, self.current.actor(call), word, *_range(call.phys, call.size))
        self._named += 1
        op.result = f"io{self._named}"
        self._mapping[call.pid] = op

    def ioremapped(self, event: Return) -> None:
        """Return of __ioremap_caller(): an address, or 0."""
        op = self._mapping.pop(event.pid, None)
        self.current.enter(event)
        if op is not None and event.ret and len(self._cookies) < _LIMIT:
            self._cookies[event.ret & ((1 << 64) - 1) & _MASK] = op.result

    def iounmap(self, call: events.Iounmap) -> None:
        """Entry of iounmap(): of what this recording has mapped, else its free stands alone."""
        name = self._cookies.pop(call.addr & _MASK, "")
        self.current.enter(call)
        if name:
            self.current.start(call, self.current.actor(call), "iounmap", name)

    def explicit(self, call: events.ArchIoReserveMemtypeWc | events.ArchIoFreeMemtypeWc) -> None:
        """Entry of arch_io_reserve_memtype_wc() or arch_io_free_memtype_wc()."""
        self.current.enter(call)
        if call.size > 0 and 0 <= call.start <= PHYSICAL_MASK - call.size:
            free = isinstance(call, events.ArchIoFreeMemtypeWc)
            word = "arch_io_free_memtype_wc" if free else "arch_io_reserve_memtype_wc"
            self.current.start(call, self.current.actor(call), word, *_range(call.start, call.size))

    def set_memory(self, call: events.SetMemory) -> None:
        """Entry of set_memory_*(): of a virtual address; its reserve shows the physical one."""
        self.current.start(call, self.current.actor(call), call.api).dropped = True

    def returned(self, event: Return) -> None:
        """Return of arch_io_reserve_memtype_wc() or set_memory_*()."""
        op = self.current.of(event)
        if op is not None and op.dropped and len(op.changes) == 1:
            start, end = op.changes[0].start, op.changes[0].end
            if 0 <= start < end <= PHYSICAL_MASK:
                op.args, op.dropped = [*_range(start, end - start)], False
        self.current.enter(event)


def _range(start: int, size: int) -> tuple[Physical, str]:
    return Physical(start, size), size_text(size)
