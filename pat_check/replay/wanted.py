"""A call that another one must make, and whether the call that came is the one."""

from __future__ import annotations

from typing import Final

from pat_check.cachemode import cachemode_name, pgprot2cachemode
from pat_check.events import (
    Call,
    CopyPageRange,
    CopyVma,
    FreePfnRange,
    GetPatInfo,
    IoremapCaller,
    MemremapPages,
    MemtypeCheckInsert,
    MemtypeErase,
    MemtypeFree,
    MemtypeFreeIo,
    MemtypeKernelMapSync,
    MemtypeReserve,
    MemtypeReserveIo,
    RemapPfnRange,
    ReservePfnRange,
    Return,
    VmAreaDup,
)
from pat_check.model.memory import PAGE

_NO_PROT: Final = 0x7FFF_FFFF_FFFF_F000
"""Protection bits are NX and the low twelve: with any of these a tracer shows the pointer to them."""

_POINTER: Final = (1 << 64) - 1
_ERROR_POINTER: Final = (1 << 64) - 4095
_GIVES_POINTER: Final[frozenset[type[Call]]] = frozenset((IoremapCaller, VmAreaDup, CopyVma, MemremapPages))
_MODES: Final[dict[int, int]] = {}
"""Of protection bits that were asked about, of which there are few."""
_REMEMBERED: Final = 4096


class Seen:
    """What the arguments of a call say, as far as they are recorded: -1 (0 for addresses of the kernel) is unknown."""

    __slots__ = ("addr", "mode", "size", "start", "strict", "vma")

    def __init__(
        self, start: int = -1, size: int = -1, mode: int = -1, addr: int = -1, vma: int = 0, strict: int = -1
    ) -> None:
        self.start, self.size = start, size  # physical bytes
        self.mode = mode  # cache mode asked for
        self.addr = addr  # user virtual bytes
        self.vma, self.strict = vma, strict


class Wanted:
    """One call of the functions of `chain`, outermost first: each makes the next, and not all are recorded.

    `must` is the first of them that is known to be recorded. `optional`: it may also be right that none comes.
    """

    __slots__ = ("at", "by", "call", "chain", "must", "optional", "seen")

    def __init__(self, call: Call, by: str, chain: tuple[str, ...], must: str, seen: Seen, *, optional: bool) -> None:
        self.call, self.by, self.chain, self.must = call, by, chain, must
        self.seen, self.optional = seen, optional
        self.at = call.at

    def passes_over(self, function: str) -> bool:
        """Whether a recorded function between the caller and this one is missing."""
        return self.chain.index(self.must) < self.chain.index(function)

    def differences(self, found: Seen) -> list[tuple[str, str, str]]:
        """What is not as wanted: as a phrase (with ``{}`` for the function), what was wanted, what was found."""
        want, told = self.seen, []
        elsewhere = found.size != want.size or (found.start != want.start and want.start >= 0)
        if found.size >= 0 <= want.size and elsewhere:
            wanted = f"[{want.start:#x}-{want.start + want.size:#x})" if want.start >= 0 else f"{want.size:#x} bytes"
            told.append(("called {}() with", wanted, f"[{found.start:#x}-{found.start + found.size:#x})"))
        elif found.mode >= 0 <= want.mode and found.mode != want.mode:
            told.append(("called {}() with", cachemode_name(want.mode), cachemode_name(found.mode)))
        if found.addr >= 0 <= want.addr and found.addr != want.addr:
            told.append(("called {}() at address", f"{want.addr:#x}", f"{found.addr:#x}"))
        if found.vma and want.vma and found.vma != want.vma:
            told.append(("called {}() of the VMA", f"{want.vma:#x}", f"{found.vma:#x}"))
        if found.strict >= 0 <= want.strict and found.strict != want.strict:
            told.append(("called {}() with strict", str(want.strict), str(found.strict)))
        return told


def has_failed(event: Return) -> bool:
    """Whether a call has failed, so that not all that it makes need have come."""
    if event.ret is None:
        return False
    if event.call in _GIVES_POINTER:
        return event.ret == 0 or event.ret & _POINTER >= _ERROR_POINTER
    return event.ret < 0 and event.call is not GetPatInfo


def mode_of(prot: int) -> int:
    """The cache mode of page protection bits; -1 where they are not recorded."""
    mode = _MODES.get(prot)
    if mode is None:
        mode = pgprot2cachemode(prot) if prot >= 0 and not prot & _NO_PROT else -1
        if len(_MODES) < _REMEMBERED:
            _MODES[prot] = mode
    return mode


def page_align(size: int) -> int:
    """``PAGE_ALIGN()``; -1 stays unknown."""
    return (size + PAGE - 1) & -PAGE if size >= 0 else -1


def seen_in(call: Call) -> Seen:
    """The arguments of a call that another one may want."""
    if isinstance(call, RemapPfnRange):
        if call.pfn < 0:
            return Seen()
        return Seen(call.pfn * PAGE, page_align(call.size), mode_of(call.prot), call.addr, call.vma)
    if isinstance(call, ReservePfnRange):
        return Seen(call.start, call.size, mode_of(call.prot), strict=call.strict)
    if isinstance(call, MemtypeReserve):
        return Seen(call.start, call.end - call.start, call.req)
    if isinstance(call, FreePfnRange):
        if call.api == "untrack_pfn" and (call.vma or call.pfn <= 0):
            return Seen(vma=call.vma)
        return Seen(call.pfn * PAGE, call.size) if call.pfn >= 0 else Seen()
    if isinstance(call, (MemtypeFree, MemtypeFreeIo, MemtypeReserveIo, MemtypeCheckInsert, MemtypeErase)):
        return Seen(call.start, call.end - call.start)
    if isinstance(call, (CopyPageRange, VmAreaDup, GetPatInfo)):
        return Seen(vma=call.vma)
    return Seen(call.base, call.size) if isinstance(call, MemtypeKernelMapSync) else Seen()
