import lzma
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pat_check.errors import RecordError
from pat_check.record.btf import Btf, Member, Parameter
from pat_check.record.btf_file import read_btf
from pat_check.record.modules import Types
from pat_check.record.probes import recipe_for
from tests.record.assembler import (
    ARRAY,
    ENUM,
    FUNC,
    FUNC_PROTO,
    STRUCT,
    TYPEDEF,
    UNION,
    Assembler,
)

KERNELS = Path(__file__).parent / "kernels"
REAL = lzma.decompress((KERNELS / "7.2" / "btf.xz").read_bytes())


def of(assembler, base=None):
    return Btf(assembler.blob(), "test", base)


def test_a_member_is_found_through_anonymous_structures_unions_and_typedefs():
    out = Assembler()
    word = out.integer("unsigned long", 8)
    inner = out.struct("", 16, ("vm_start", word, 0), ("vm_end", word, 8))
    union = out.add(UNION, "", 16, [("", inner, 0), ("rcu", word, 0)])
    vma = out.struct("vm_area_struct", 32, ("vm_mm", word, 0), ("", union, 16))
    named = out.add(TYPEDEF, "vma_t", vma)
    btf = of(out)
    assert btf.member(named, "vm_end") == Member(24, word)
    assert btf.member(named, "rcu") == Member(16, word)
    assert btf.member(named, "vm_file") is None
    assert (btf.size(named), btf.name(named), btf.is_struct(named)) == (32, "vm_area_struct", True)


def test_a_bit_field_has_no_byte_offset_and_its_neighbours_do():
    out = Assembler()
    word = out.integer("int", 4)
    items = [("plain", word, 0), ("bits", word, 4 << 24 | 32), ("after", word, 64)]
    made = out.add(STRUCT, "s", 12, items, flag=1)
    btf = of(out)
    assert [btf.member(made, name) for name in ("plain", "bits", "after")] == [Member(0, word), None, Member(8, word)]


def test_parameters_of_a_function_come_in_order_without_the_dots():
    out = Assembler()
    word = out.integer("int", 4)
    pointer = out.pointer(word)
    out.function("memtype_reserve", ("start", word), ("new_type", pointer), ("", 0))
    btf = of(out)
    assert btf.function("memtype_reserve") == (Parameter("start", word), Parameter("new_type", pointer))
    assert btf.pointee(pointer) == word
    assert btf.pointee(word) is None


def test_two_functions_of_one_name_are_none_that_could_be_probed():
    out = Assembler()
    out.function("do_fault")
    out.function("do_fault")
    assert of(out).function("do_fault") is None


def test_a_module_continues_the_types_and_names_of_the_kernel():
    kernel = Assembler()
    word = kernel.integer("int", 4)
    vma = kernel.struct("vm_area_struct", 8, ("vm_start", word, 4))
    kernel.function("remap", ("vma", vma))
    base = of(kernel)
    module = Assembler(kernel.count + 1, len(kernel.strings))
    pointer = module.pointer(vma)
    module.function("drm_mmap", ("vma", pointer))
    btf = of(module, base)
    assert btf.function("drm_mmap") == (Parameter("vma", pointer),)
    assert btf.function("remap") == (Parameter("vma", vma),)
    assert btf.member(btf.pointee(pointer), "vm_start") == Member(4, word)
    assert btf.struct("vm_area_struct") == vma
    assert base.function("drm_mmap") is None


def test_sizes_of_arrays_and_of_nothing():
    out = Assembler()
    word = out.integer("long", 8)
    array = out.add(ARRAY, extra=struct.pack("<III", word, word, 5))
    enum = out.add(ENUM, "e", 4)
    btf = of(out)
    assert [btf.size(typed) for typed in (array, enum, 0)] == [40, 4, 0]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "too few"),
        (b"\x9f\xeb", "too few"),
        (b"hello world, this is no BTF at all", "is no BTF"),
        (b"\xeb\x9f" + bytes(30), "big-endian"),
        (struct.pack("<HBBIIIII", 0xEB9F, 2, 0, 24, 0, 0, 0, 0), "version 2"),
        (struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 12, 12, 1), "beyond the end"),
        (
            struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 12, 12, 1) + struct.pack("<III", 0, 31 << 24, 0) + b"\0",
            "kind",
        ),
        (struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 12, 12, 1) + struct.pack("<III", 9, 4 << 24, 0) + b"\0", "name"),
    ],
)
def test_what_is_no_btf_is_told_with_its_file(data, problem):
    with pytest.raises(RecordError, match=rf"^/some/btf: .*{problem}"):
        Btf(data, "/some/btf")


def test_a_typedef_of_itself_and_a_function_without_prototype_are_damage():
    out = Assembler()
    out.add(TYPEDEF, "loop", 1)
    out.add(FUNC, "f", 1)
    btf = of(out)
    with pytest.raises(RecordError, match="defined by itself"):
        btf.size(1)
    with pytest.raises(RecordError, match="no prototype"):
        btf.function("f")


def test_a_structure_inside_itself_is_damage():
    out = Assembler()
    out.add(STRUCT, "s", 8, [("", 1, 0)])
    with pytest.raises(RecordError, match="holds itself"):
        of(out).member(1, "x")


@given(st.integers(0, len(REAL)))
@settings(max_examples=200, deadline=None)
def test_btf_cut_anywhere_is_refused(length):
    if length == len(REAL):
        assert recipe_for(Types(Btf(REAL, "whole")), "full").definitions
    else:
        with pytest.raises(RecordError):
            Btf(REAL[:length], "cut")


@given(st.lists(st.tuples(st.integers(0, len(REAL) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_damaged_btf_gives_a_recipe_or_a_record_error_and_nothing_else(changes):
    data = bytearray(REAL)
    for at, value in changes:
        data[at] = value
    try:
        recipe_for(Types(Btf(bytes(data), "damaged")), "full")
    except RecordError as error:
        assert str(error).startswith("damaged: ")


def elf(section, *, kind=1, flags=0):
    names = b"\0.shstrtab\0.BTF\0"
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 1, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 1)
    table = 64 + 3 * 64
    sections = [
        bytes(64),
        struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, table, len(names), 0, 0, 1, 0),
        struct.pack("<IIQQQQIIQQ", 11, kind, flags, 0, table + len(names), len(section), 0, 0, 1, 0),
    ]
    return head + b"".join(sections) + names + section


def test_btf_is_read_from_a_file_and_from_a_section_of_an_elf_file(tmp_path):
    out = Assembler()
    out.function("iounmap")
    (tmp_path / "raw").write_bytes(out.blob())
    (tmp_path / "vmlinux").write_bytes(elf(out.blob()))
    assert read_btf(str(tmp_path / "raw")).function("iounmap") == ()
    assert read_btf(str(tmp_path / "vmlinux")).function("iounmap") == ()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (elf(b"x" * 40), "is no BTF"),
        (elf(b"x", kind=8), "cannot be read"),
        (elf(b"x", flags=0x800), "cannot be read"),
        (elf(b"")[:100], "damaged ELF"),
        (elf(b"").replace(b".BTF", b".TEXT"), "no section .BTF"),
        (bytes(0x202) + b"HdrS" + bytes(100), "compressed kernel image"),
    ],
)
def test_files_without_btf_are_told(tmp_path, data, problem):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(RecordError, match=problem):
        read_btf(str(path))


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(RecordError, match="No such file"):
        read_btf(str(tmp_path / "none"))


def test_prototypes_without_names_are_read():
    out = Assembler()
    word = out.integer("int", 4)
    proto = out.add(FUNC_PROTO, items=[("", word)])
    out.add(FUNC, "f", proto)
    assert of(out).function("f") == (Parameter("", word),)
