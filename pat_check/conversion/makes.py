"""What makes, cuts, moves and fills PFN mappings: remap_pfn_range(), inserts, mprotect(), mremap()."""

from __future__ import annotations

import errno

from pat_check import events
from pat_check.conversion.areas import Area, Mapping, Space
from pat_check.conversion.current import Current, mode_of
from pat_check.conversion.replacing import Replacing
from pat_check.conversion.tape import Op, Physical
from pat_check.events import Event, Return
from pat_check.model.memory import PAGE, PHYSICAL_MASK
from pat_check.model.vma import (
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_IO,
    VM_MAYEXEC,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_SHARED,
    VM_WRITE,
)
from pat_check.scenario.words import size_text

_VIRTUAL = 1 << 46
"""The most bytes that a mapping can have."""
_WORDS = {
    VM_PFNMAP: "pfnmap",
    VM_MIXEDMAP: "mixedmap",
    VM_IO: "io",
    VM_DONTEXPAND: "dontexpand",
    VM_DONTDUMP: "dontdump",
}
"""Flags that a driver sets, and the words for them."""
_OF_THE_KERNEL = VM_SHARED | VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE
"""A mapping without VM_SHARED and without any VM_MAY* but read is the kernel's own [vvar]."""
_INSERTS = {PAGE: "vmf_insert_pfn", 1 << 21: "vmf_insert_pfn_pmd", 1 << 30: "vmf_insert_pfn_pud"}


class Makes:
    """Hears the calls that make and change PFN mappings."""

    def __init__(self, current: Current, *, placed: bool) -> None:
        self._placed = placed  # mappings are made where they were
        self.current, self.spaces, self.tape = current, current.spaces, current.tape
        current.before.moves = self.moves
        self.moving: dict[int, tuple[Op, Mapping]] = {}  # by pid: mremap() that has not unmapped yet
        self.replacing = Replacing(placed=placed)
        self._remapping: dict[int, tuple[Op, Op | None, str]] = {}  # by pid: the call, its mmap, and the function
        self._inserting: dict[int, tuple[int, int]] = {}  # by pid: address and size of an insert
        self._named = 0

    def forget(self) -> None:
        """Events are missing."""
        self.moving.clear()
        self.replacing.forget()
        self._remapping.clear()
        self._inserting.clear()

    def name(self, base: int, size: int) -> Mapping:
        """A name for a new mapping."""
        self._named += 1
        return Mapping(f"v{self._named}", base, size)

    # --- new mappings ----------------------------------------------------------------------------------

    def remap(self, call: events.RemapPfnRange) -> None:
        """Entry of remap_pfn_range(), or of what it is made of where only that is recorded."""
        if call.pid in self._remapping:
            return
        if not 0 < call.size <= call.vm_end - call.addr or not _is_sane(call):
            self.current.enter(call)
            return
        mode = mode_of(call.prot)
        space, area, made = self._vma(call, mode)
        size, paddr = -(-call.size // PAGE) * PAGE, call.pfn * PAGE
        op = Op(call.at, space.name, "remap_pfn_range", [area.mapping.at(call.addr), Physical(paddr, size)])
        op.physical = paddr, paddr + size
        if made is not None and self.replacing.by(call, made):
            made.body.append(op)
            self.current.enter(call, made)
        else:
            self.current.enter(call, self.tape.add(op))
        if (call.addr, size) == (area.mapping.base, area.mapping.size):
            area.mapping.reserved = op.physical
        if call.addr + size != call.vm_end or (made is None and area.end != call.vm_end):
            op.args.append(size_text(size))
        if made is None:
            op.mode = mode
        flags = call.flags if call.flags >= 0 else area.flags
        space.add(Area(area.mapping, call.addr, call.addr + size, paddr - call.addr, flags))
        self._remapping[call.pid] = (op, made, call.api)

    def reserve(self, prot: int, event: Event) -> None:
        """The type that a remap asks for, where its own call does not show it."""
        remapping = self._remapping.get(event.pid)
        if remapping is not None and mode_of(prot) >= 0:
            op, made, _ = remapping
            if (made or op).mode < 0:
                (made or op).mode = mode_of(prot)

    def remapped(self, event: Return) -> None:
        """Return of remap_pfn_range()."""
        remapping = self._remapping.get(event.pid)
        if remapping is not None and remapping[2] == event.api:
            if event.ret == -errno.ENOMEM:
                remapping[0].args.append("enomem")
            del self._remapping[event.pid]
            self.current.enter(event)

    def insert(self, call: events.InsertPfn) -> None:
        """Entry of vmf_insert_pfn_prot() and its like; one calls another."""
        if self._inserting.get(call.pid) == (call.addr, call.size):
            return
        space = self.spaces.get(call.mm, call.pid)
        area = space.find(call.addr) if space is not None else None
        if call.vm_start < 0 and space is not None and area is not None:
            self._insert_huge(call, space, area)
            return
        is_new = area is None
        if not _is_sane(call) or (is_new and not self._is_device(call)):
            return
        word = "vmf_insert_mixed" if call.api == "vmf_insert_mixed" else _INSERTS.get(call.size, "")
        if word:
            self._inserting[call.pid] = (call.addr, call.size)
            space, area, _ = self._vma(call, mode_of(call.prot))
            self.current.start(call, space.name, word, area.mapping.at(call.addr), Physical(call.pfn * PAGE, PAGE))

    def _insert_huge(self, call: events.InsertPfn, space: Space, area: Area) -> None:
        """A huge entry, of which the bounds of the VMA are not recorded. Mappings are made aligned to it."""
        start, low = call.pfn * PAGE & PHYSICAL_MASK & -call.size, call.addr & -call.size
        word = _INSERTS.get(call.size, "")
        self._inserting[call.pid] = (call.addr, call.size)
        if not word or start + call.size > PHYSICAL_MASK:
            return
        if low < area.mapping.base or area.mapping.base % call.size:
            self.tape.remark(
                call.at, f"{space.name}: {word} at {area.mapping.at(call.addr)}, which is not aligned here"
            )
            return
        self.current.start(call, space.name, word, area.mapping.at(low), Physical(start, call.size))

    def inserted(self, event: Return) -> None:
        """Return of an insert."""
        self._inserting.pop(event.pid, None)

    def _is_device(self, call: events.InsertPfn) -> bool:
        """Whether an insert is of device memory: the kernel's own [vvar] pages come the same way."""
        start = call.pfn * PAGE
        machine = self.current.context.machine
        if machine.ram.known:
            return machine.ram.test(start, start + PAGE) == 0
        return machine.memtypes.first_overlap(start, start + PAGE) is not None

    def _vma(self, call: events.RemapPfnRange | events.InsertPfn, mode: int) -> tuple[Space, Area, Op | None]:
        """What is mapped there, and the mmap that makes it where it is seen for the first time."""
        space = self.space(call, call.mm)
        area = space.find(call.addr)
        if area is not None:
            if area.mapping.made is not None and area.mapping.made.mode < 0:
                area.mapping.made.mode = mode
            return space, area, None
        mapping = self.name(call.vm_start, call.vm_end - call.vm_start)
        flags = call.flags if call.flags >= 0 else VM_SHARED | VM_WRITE
        if isinstance(call, events.InsertPfn) and not flags & (VM_MIXEDMAP | VM_PFNMAP):
            flags |= VM_MIXEDMAP if call.api == "vmf_insert_mixed" else VM_PFNMAP
        op = self.tape.add(self.mapped(call.at, space, mapping, flags))
        self.current.enter(call, op)
        op.mode = mode
        area = Area(mapping, call.vm_start, call.vm_end, flags=call.flags)
        space.add(area)
        return space, area, op

    def space(self, event: Event, mm: int) -> Space:
        """The address space that a task works on as its own."""
        space = self.spaces.get(mm, event.pid)
        if space is None:
            space = self.spaces.add(Space(self.tape.named(event.comm, event.pid)), mm, event.pid)
        self.spaces.by_pid.setdefault(event.pid, space)  # of a thread whose birth was not recorded
        return space

    def mapped(self, at: int, space: Space, mapping: Mapping, flags: int) -> Op:
        """The mmap that makes a mapping with these flags."""
        op = Op(at, space.name, "mmap", [size_text(mapping.size)], mapping.name)
        if not flags & VM_SHARED:
            op.args.append("private")
        if not flags & VM_WRITE and (flags & VM_SHARED or not flags & VM_MAYWRITE):
            op.args.append("ro")
        op.args += [word for bit, word in _WORDS.items() if flags & bit]
        if self._placed:
            op.args.append(f"at {mapping.base:#x}")
            self.tape.highest = max(self.tape.highest, mapping.base + mapping.size)
        return op

    # --- changes of mappings ---------------------------------------------------------------------------

    def split(self, call: events.SplitVma) -> None:
        """Entry of __split_vma() outside of mprotect(): an unmap or madvise() follows."""
        space = self.spaces.get(call.mm, call.pid)
        area = space.find(call.addr) if space is not None else None
        if space is None or area is None or self._is_inside(call, events.MprotectFixup):
            return
        op = self._cut(call, space, area, call.addr)
        self.current.cuts.setdefault(call.pid, []).append((op, call.addr))

    def _cut(self, event: Event, space: Space, area: Area, addr: int) -> Op:
        space.cuts.add(addr)
        op = self.tape.add(self.cut(event.at, space, area, addr))
        self.current.enter(event, op)
        return op

    def cut(self, at: int, space: Space, area: Area, addr: int) -> Op:
        """An operation that splits a VMA at an address, and nothing else."""
        return Op(at, space.name, "split_vma", [area.mapping.at(addr)])

    def bounds(
        self,
        event: Event,
        space: Space,
        areas: list[Area],
        start: int,
        end: int,
        explained: tuple[int, int] = (-1, -1),
    ) -> None:
        """A VMA is seen as [start, end): one whose split is not recorded was split before."""
        for addr in (start, end):
            area = next((area for area in areas if area.start < addr < area.end), None)
            if area is not None and addr not in space.cuts and addr not in explained:
                self._cut(event, space, area, addr)

    def _is_inside(self, call: Event, kind: type[events.Call]) -> bool:
        return self.current.context.tasks.of(call).innermost(kind) is not None

    def explained(self, pid: int, start: int, end: int) -> None:
        """The splits at the ends of [start, end) belong to what is done to it."""
        for op, addr in self.current.cuts.pop(pid, ()):
            if addr in (start, end):
                op.dropped = True

    def protect(self, call: events.MprotectFixup) -> None:
        """Entry of mprotect_fixup(): one VMA of an mprotect()."""
        space = self.spaces.get(call.mm, call.pid)
        if space is None or call.newflags < 0 or call.newflags == call.flags:
            return  # the same permission: nothing is split
        for area in space.within(call.start, call.end):
            word = "rw" if call.newflags & VM_WRITE else "ro"
            space.cuts.update((area.start, area.end))
            self.current.start(call, space.name, "mprotect", *area.span(), word)

    def protected(self, event: Return) -> None:
        """Return of mprotect_fixup()."""
        op = self.current.of(event)
        if op is not None and op.word == "mprotect":
            op.dropped = (event.ret or 0) != 0
            self.current.enter(event)

    def move(self, call: events.CopyVma) -> None:
        """Entry of copy_vma(): mremap() moves a mapping. What it moves is known when that is unmapped."""
        space = self.spaces.get(call.mm, call.pid)
        if space is None or not space.areas or call.addr < 0 or not 0 < call.len <= _VIRTUAL:
            return
        op = self.current.start(call, space.name, "mremap")
        op.dropped = True
        self.moving[call.pid] = (op, Mapping("", call.addr, call.len))

    def moved(self, event: Event, space: Space, area: Area) -> Op | None:
        """The unmap of the old place of an mremap(): gives the operation that it belongs to."""
        moving = self.moving.pop(event.pid, None)
        if moving is None:
            return None
        op, place = moving
        if place.base < area.end and area.start < place.base + place.size:
            return None
        mapping = self.name(place.base, place.size)
        self.moves(op, area, mapping)
        offset = area.offset + area.start - place.base if area.offset is not None else None
        space.add(Area(mapping, place.base, place.base + place.size, offset, area.flags))
        return op

    def moves(self, op: Op, area: Area, mapping: Mapping) -> None:
        """An operation is an mremap of this to a new place."""
        op.word, op.result, op.dropped = "mremap", mapping.name, False
        mapping.reserved = area.mapping.reserved
        op.args = [area.mapping.at(area.start), size_text(area.end - area.start), size_text(mapping.size)]
        if self._placed:
            op.args.append(f"{mapping.base:#x}")
            self.tape.highest = max(self.tape.highest, mapping.base + mapping.size)


def is_special(flags: int) -> bool:
    """Whether a VMA with these flags maps what a driver puts there: [vvar] is the kernel's own."""
    return flags >= 0 and bool(flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP) and flags & _OF_THE_KERNEL)


def _is_sane(call: events.RemapPfnRange | events.InsertPfn) -> bool:
    """Whether a call names a place in a mapping and physical memory: a trace can hold anything."""
    place = 0 <= call.vm_start <= call.addr < call.vm_end <= call.vm_start + _VIRTUAL
    return place and not (call.vm_start | call.vm_end) % PAGE and 0 <= call.pfn * PAGE <= PHYSICAL_MASK - call.size
