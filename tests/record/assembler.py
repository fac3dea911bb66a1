"""Writes raw BTF: by hand for tests, and excerpts of real kernels.

``python -m tests.record.assembler VMLINUX OUT.xz`` writes the excerpt of a kernel that the tests read: functions and
structures that the probes name, with every member at its own offset. Pointers to anything else point to void.
``python -m tests.record.assembler VMLINUX EXCERPT.xz MODULE.ko OUT.xz FUNCTION...`` writes functions of a module whose
types continue those of the kernel's excerpt.
"""

import lzma
import struct
import sys
from pathlib import Path

from pat_check.record import btf as reader
from pat_check.record.btf_file import read_btf
from pat_check.record.wanted import WANTED

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, FUNC, FUNC_PROTO = 1, 2, 3, 4, 5, 6, 7, 8, 12, 13
MARKS = ("probe_entry_arg", "trace_fprobe", "trace_kprobe", "pfnmap_track_ctx")


class Assembler:
    """Types get the ids 1, 2, 3 ... in the order in which they are added; those of a module go on from `first`."""

    def __init__(self, first=1, strings_before=0):
        self.types, self.strings, self.count = b"", b"\0", first - 1
        self.strings_before = strings_before
        self.known = {}

    def string(self, text):
        if text not in self.known:
            self.known[text] = self.strings_before + len(self.strings)
            self.strings += text.encode() + b"\0"
        return self.known[text] if text else 0

    def add(self, kind, name="", value=0, items=(), *, flag=0, vlen=None, extra=b""):
        """A type: `value` is its size or type, `items` are (name, ...) of members or parameters."""
        info = kind << 24 | flag << 31 | (len(items) if vlen is None else vlen)
        self.types += struct.pack("<III", self.string(name), info, value) + extra
        for named, *rest in items:
            self.types += struct.pack(f"<{1 + len(rest)}I", self.string(named), *rest)
        self.count += 1
        return self.count

    def integer(self, name, size):
        return self.add(INT, name, size, extra=struct.pack("<I", size * 8))

    def pointer(self, target=0):
        return self.add(PTR, value=target)

    def struct(self, name, size, *members):
        """`members` are (name, type, byte offset)."""
        items = [(named, typed, offset * 8) for named, typed, offset in members]
        return self.add(STRUCT, name, size, items)

    def function(self, name, *params, result=0):
        """`params` are (name, type)."""
        return self.add(FUNC, name, self.add(FUNC_PROTO, value=result, items=params))

    def blob(self):
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return head + self.types + self.strings


def excerpt(btf):
    """The blob of an excerpt."""
    out = Assembler()
    kept = {}  # id there: id here
    structs = {id for wanted in WANTED for id in pointed_to(btf, btf.function(wanted.function) or ())}
    structs |= {btf.struct(name) for name in MARKS} | {btf.struct("vm_area_struct")}
    pending = []

    def is_kept(target):
        """Whether what a pointer points to is worth having: a number, or another pointer to a structure we keep."""
        kind, _, value = btf._type(target)
        to_struct = kind == PTR and btf._plain(value) in structs
        return to_struct or kind in (INT, ENUM) or (kind == STRUCT and btf.size(target) <= 8)

    def copy(type_id):
        if type_id == 0:
            return 0
        if type_id in kept:
            return kept[type_id]
        plain = btf._plain(type_id)
        if plain in kept:
            return kept[plain]
        kind, count, value = btf._type(plain)
        name = btf.name(plain)
        if kind == PTR:
            target = btf._plain(value)
            if target in structs:
                made = out.add(PTR, value=0)
                pending.append((made, target))
            elif is_kept(target):
                made = out.add(PTR, value=copy(target))
            else:
                made = out.add(PTR, value=0)
        elif kind in (STRUCT, UNION):
            flag = btf._where(plain)[0]._data[btf._where(plain)[1] + 7] >> 7
            raw = list(reader._MEMBER.iter_unpack(btf._behind(plain, 12 * count)))
            items = [(btf._string(named), copy(typed), bits) for named, typed, bits in raw]
            made = out.add(kind, name, value, items, flag=flag)
        elif kind == ARRAY:
            element, _, number = reader._ARRAY.unpack(btf._behind(plain, 12))
            size = btf.size(element) * number
            made = out.add(STRUCT, "", size)
        else:
            made = out.integer(name, btf.size(plain) or 1)
        kept[plain] = made
        return made

    for wanted in WANTED:
        params = btf.function(wanted.function)
        if params is not None:
            out.function(wanted.function, *[(param.name, copy(param.type)) for param in params])
    for name in MARKS:
        if (found := btf.struct(name)) is not None:
            copy(found)
    done = 0
    while done < len(pending):
        copy(pending[done][1])
        done += 1
    types = bytearray(out.types)
    at = places(out)
    for pointer, target in pending:
        struct.pack_into("<I", types, at[pointer] + 8, kept[target])
    out.types = bytes(types)
    return out.blob()


def module_excerpt(btf, kernel, functions):
    """The blob of functions of a module, on top of the excerpt of its kernel."""
    out = Assembler(kernel._end, kernel._end_string)
    made = {}

    def copy(type_id):
        plain = btf._plain(type_id) if type_id else 0
        if plain and plain not in made:
            target = btf.pointee(plain)
            name = btf.name(target) if target else ""
            if target is not None:
                made[plain] = out.pointer(kernel.struct(name) or 0 if name in KEEP else 0)
            elif btf.is_struct(plain):
                made[plain] = out.add(STRUCT, btf.name(plain), btf.size(plain))
            else:
                sign = struct.pack("<I", btf.is_signed(plain) << 24 | btf.size(plain) * 8)
                made[plain] = out.add(INT, btf.name(plain), btf.size(plain), extra=sign)
        return made.get(plain, 0)

    for name in functions:
        params = [(param.name, copy(param.type)) for param in btf.function(name)]
        out.function(name, *params, result=copy(btf.result(name)))
    return out.blob()


def pointed_to(btf, params):
    for param in params:
        target = btf.pointee(param.type)
        if target is not None and btf.pointee(target) is not None:
            target = btf.pointee(target)
        if target is not None and btf._type(btf._plain(target))[0] == STRUCT and btf.size(target) > 8:
            name = btf.name(target)
            if name in KEEP:
                yield btf._plain(target)


KEEP = {
    "vm_area_struct",
    "memtype",
    "vm_fault",
    "mmap_action",
    "unmap_desc",
    "vma_remap_struct",
    "mmu_notifier_range",
    "vm_area_desc",
}


def places(out):
    blob = reader.Btf(out.blob(), "excerpt")
    return dict(enumerate((at - 24 for at in blob._at), 1))


if __name__ == "__main__":
    whole = read_btf(sys.argv[1])
    if len(sys.argv) == 3:
        Path(sys.argv[2]).write_bytes(lzma.compress(excerpt(whole), preset=9))
    else:
        small = reader.Btf(lzma.decompress(Path(sys.argv[2]).read_bytes()), sys.argv[2])
        made = module_excerpt(read_btf(sys.argv[3], whole), small, sys.argv[5:])
        Path(sys.argv[4]).write_bytes(lzma.compress(made, preset=9))
