"""Functions of modules: found in split BTF of real kernels, probed with all their arguments, refused in words."""

import errno
import lzma
import shutil
import sys

import pytest
from click.testing import CliRunner

from pat_check.cli import cli
from pat_check.errors import RecordError
from pat_check.record import bpftrace, events
from pat_check.record.__main__ import main
from pat_check.record.btf import Btf
from pat_check.record.modules import Types
from pat_check.record.probes import recipe_for
from pat_check.record.recorder import record
from pat_check.record.request import Request
from pat_check.record.scripts import script
from pat_check.record.signature import arguments_of, result_of
from pat_check.sources.opening import open_lines
from tests.record.assembler import INT, Assembler
from tests.record.fake import KERNELS, FakeKernel

MODULE = "vfio_pci_core"
FOLDER = "/sys/kernel/btf"
VMA = {  # as the recordings of the corpus were made
    "6.1": "vma={} mm=+16({}) vm_start=+0({}) vm_end=+8({}) vm_flags=+32({}) vm_pgoff=+104({})",
    "6.12": "vma={} mm=+16({}) vm_start=+0({}) vm_end=+8({}) vm_flags=+32({}) vm_pgoff=+120({})",
}
TRUE = [sys.executable, "-c", "pass"]


@pytest.fixture(params=["6.1", "6.12"])
def name(request):
    return request.param


@pytest.fixture
def kernel(tmp_path, name):
    return with_module(tmp_path, name)


def with_module(tmp_path, name):
    kernel = FakeKernel(tmp_path / "kernel", name)
    kernel.put(f"{FOLDER}/{MODULE}", lzma.decompress((KERNELS / name / f"{MODULE}.btf.xz").read_bytes()))
    return kernel


def types(kernel):
    folder = kernel.path(FOLDER)
    return Types(Btf(kernel.read(f"{FOLDER}/vmlinux"), "vmlinux"), folder)


def lines(kernel, *functions, group="memtype"):
    """The definitions that functions add to a group."""
    recipe = recipe_for(types(kernel), group, functions)
    return [events.kprobe(made, "g") for made in recipe.definitions if made.module or made.function in functions]


def vma(name, argument):
    return " ".join(f"{field}:x64" for field in VMA[name].replace("{}", argument).split())


@pytest.mark.parametrize("asked", ["vfio_pci_core_mmap", "vfio_pci_core:vfio_pci_core_mmap"])
def test_the_mmap_handler_of_a_driver_is_probed_with_its_vma(kernel, name, asked):
    assert lines(kernel, asked) == [
        f"p:g/vfio_pci_core_mmap vfio_pci_core:vfio_pci_core_mmap core_vdev=$arg1:x64 {vma(name, '$arg2')}",
        "r128:g/vfio_pci_core_mmap__ret vfio_pci_core:vfio_pci_core_mmap ret=$retval:s32",
    ]


def test_a_fault_handler_is_probed_with_the_vma_and_address_of_the_fault(kernel, name):
    handler, more = {"6.1": ("vfio_pci_mmap_fault", ""), "6.12": ("vfio_pci_mmap_huge_fault", " order=$arg2:x32")}[name]
    entry, back = lines(kernel, handler)
    assert f" {vma(name, '+0($arg1)')} addr=+" in entry
    assert entry.endswith(f"($arg1):x64{more}")
    assert back.endswith(" ret=$retval:x32")


def test_numbers_have_their_size_and_sign_and_void_has_no_return(kernel):
    entry, back = lines(kernel, "vfio_pci_core_read")
    assert entry.endswith(":vfio_pci_core_read core_vdev=$arg1:x64 buf=$arg2:x64 count=$arg3:x64 ppos=$arg4:x64")
    assert back.endswith(":vfio_pci_core_read ret=$retval:s64")
    (only,) = lines(kernel, "vfio_pci_core_close_device")
    assert only.startswith("p:")


def test_full_probes_the_handlers_of_the_modules_that_are_loaded(kernel, name):
    full = recipe_for(types(kernel), "full")
    handler = "vfio_pci_mmap_fault" if name == "6.1" else "vfio_pci_mmap_huge_fault"
    assert {made.function for made in full.definitions if made.module} == {"vfio_pci_core_mmap", handler}
    kernel.remove(f"{FOLDER}/{MODULE}")
    without = recipe_for(types(kernel), "full")
    assert not any(made.module for made in without.definitions)
    assert {left.function for left in without.left_out} >= {"vfio_pci_core_mmap", "uio_mmap"}


def test_what_replay_reads_is_not_looked_for_in_modules(kernel):
    module = Assembler(1_000_000)
    module.function("pfnmap_track")
    kernel.put(f"{FOLDER}/other", module.blob())
    assert "pfnmap_track" not in recipe_for(types(kernel), "mm").functions()


def test_a_function_that_replay_reads_is_recorded_as_replay_reads_it(kernel):
    entry, back = lines(kernel, "remap_pfn_range")
    assert " size=$arg4:x64 prot=$arg5:x64" in entry
    assert back.endswith("ret=$retval:s32")
    assert lines(kernel, "memtype_free") == lines(kernel, "memtype_free", "memtype_free")


def second_module(kernel, function="vfio_pci_core_mmap", times=1):
    base = Btf(kernel.read(f"{FOLDER}/vmlinux"), "vmlinux")
    module = Assembler(base._end, base._end_string)
    for _ in range(times):
        module.function(function)
    kernel.put(f"{FOLDER}/other", module.blob())


def test_a_name_that_several_modules_have_must_say_which(kernel):
    second_module(kernel)
    with pytest.raises(RecordError, match="is in other:vfio_pci_core_mmap and vfio_pci_core:vfio_pci_core_mmap: name"):
        lines(kernel, "vfio_pci_core_mmap")
    assert len(lines(kernel, "vfio_pci_core:vfio_pci_core_mmap")) == 2
    with pytest.raises(RecordError, match="another function of that name is recorded"):
        lines(kernel, "other:vfio_pci_core_mmap", "vfio_pci_core:vfio_pci_core_mmap")
    full = {left.function: left.why for left in recipe_for(types(kernel), "full").left_out}
    assert full["vfio_pci_core_mmap"] == "is in several modules: other, vfio_pci_core"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("nowhere", "nowhere: not in the BTF of the kernel and of its loaded modules"),
        ("twice", "twice: not in the BTF of the kernel and of its loaded modules, or several times"),
        ("nvme:nvme_probe", "nvme:nvme_probe: not in the BTF of nvme (is it loaded?)"),
        ("a b", "'a b' is the name of no function"),
        ("vfio_pci_core:", "is the name of no function"),
        ("x;rm", "is the name of no function"),
        ("", "is the name of no function"),
    ],
)
def test_a_function_that_cannot_be_found_is_refused_before_anything_is_done(kernel, tmp_path, asked, problem):
    second_module(kernel, "twice", 2)
    with pytest.raises(RecordError) as caught:
        record(Request(list(TRUE), str(tmp_path / "out"), functions=[asked]), kernel, print)
    assert problem in str(caught.value)
    assert kernel.told == []
    assert not (tmp_path / "out").exists()


def test_a_module_whose_types_are_damaged_is_left_out_with_the_reason(kernel):
    kernel.put(f"{FOLDER}/broken", b"vfio_pci_core_mmap\0 is no BTF, but long enough for a header")
    recipe = recipe_for(types(kernel), "memtype", ["vfio_pci_core_mmap"])
    assert "vfio_pci_core_mmap" in recipe.functions()
    assert [left.function for left in recipe.left_out if "is no BTF" in left.why] == ["broken:*"]


def test_a_recording_defines_them_and_says_what_the_kernel_refuses(kernel, tmp_path):
    kernel.fail("append", "core_read", errno.ENOENT)
    said = []
    asked = ["vfio_pci_core_mmap", "vfio_pci_core:vfio_pci_core_read"]
    record(Request(list(TRUE), str(tmp_path / "out"), functions=asked), kernel, said.append)
    written = "".join(open_lines(str(tmp_path / "out" / "dynamic_events.txt")))
    assert "/vfio_pci_core_mmap vfio_pci_core:vfio_pci_core_mmap core_vdev=" in written
    assert said == ["the kernel refuses the probe vfio_pci_core_read: No such file or directory"]
    assert kernel.probes() == []


@pytest.mark.parametrize("tool", ["tracefs", "trace-cmd", "perf"])
def test_a_script_defines_them(kernel, tool):
    text = script(tool, Request(functions=["vfio_pci_core_mmap"]), kernel)
    assert "probe 'p:@/vfio_pci_core_mmap vfio_pci_core:vfio_pci_core_mmap core_vdev=$arg1:x64 " in text


def test_bpftrace_finds_them_by_their_name(kernel):
    text = bpftrace.program(recipe_for(types(kernel), "memtype", ["vfio_pci_core_read"]))
    assert "kprobe:vfio_pci_core_read { printf(" in text
    assert 'vfio_pci_core_read_ret ret=%d\\n", nsecs, cpu, tid, comm, (int64)retval)' in text


def test_the_types_of_another_kernel_and_its_modules_come_from_a_copy_of_the_directory(tmp_path):
    kernel = with_module(tmp_path, "6.1")
    shutil.copytree(kernel.path(FOLDER), tmp_path / "btf")
    other = FakeKernel(tmp_path / "other", "7.2")
    text = script("tracefs", Request(kernel_btf=str(tmp_path / "btf"), functions=["vfio_pci_core_mmap"]), other)
    assert "vfio_pci_core:vfio_pci_core_mmap" in text
    (tmp_path / "btf" / "vmlinux").unlink()
    with pytest.raises(RecordError, match="vmlinux: No such file"):
        script("tracefs", Request(kernel_btf=str(tmp_path / "btf")), other)


@pytest.mark.parametrize("folder", ["btf", "btf/vmlinux"])
def test_both_commands_take_functions(tmp_path, capsys, folder):
    kernel = with_module(tmp_path, "6.1")
    shutil.copytree(kernel.path(FOLDER), tmp_path / "btf")
    options = ["--print", "tracefs", "--kernel-btf", str(tmp_path / folder), "--function", "iounmap"]
    more = ["--function", "vfio_pci_core_mmap"] if folder == "btf" else []
    shown = CliRunner().invoke(cli, ["record", *options, *more])
    assert (shown.exit_code, main([*options, *more])) == (0, 0)
    assert capsys.readouterr().out == shown.stdout
    assert ("vfio_pci_core_mmap" in shown.stdout) == bool(more)
    refused = CliRunner().invoke(cli, ["record", *options, "--function", "nowhere"])
    assert refused.exit_code == 2
    assert "nowhere: not in the BTF" in refused.stderr


def test_arguments_are_told_apart_and_end_where_their_place_is_not_known():
    out = Assembler()
    long, short = out.integer("long", 8), out.add(INT, "short", 2, extra=b"\x10\0\0\x01")
    wide, small = out.struct("wide", 16, ("a", long, 0)), out.struct("small", 8, ("a", long, 0))
    area = out.struct("vm_area_struct", 8, ("vm_start", long, 0))
    vma, void = out.pointer(area), out.pointer()
    params = [("a", vma), ("vma", vma), ("", long), ("x" * 40, short), ("s", small), ("w", wide), ("b", long)]
    out.function("f", *params, result=short)
    out.function("g", ("mm", void), result=void)
    out.function("h", result=wide)
    btf = Btf(out.blob(), "made")
    assert arguments_of(btf, btf.function("f")) == f"VMA(a) vma_2=vma:x64 {'x' * 31}={'x' * 40}:x16 s=s:x64"
    assert (arguments_of(btf, btf.function("g")), arguments_of(btf, btf.function("h"))) == ("mm=mm:x64", "")
    assert [result_of(btf, name) for name in "fgh"] == ["s16", "x64", ""]
