"""The printed recipes: what they define is what the recorder defines, and what they print replays."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pat_check import api
from pat_check.errors import RecordError
from pat_check.record import bpftrace, events
from pat_check.record.btf import Btf
from pat_check.record.probes import recipe_for
from pat_check.record.request import Request
from pat_check.record.scripts import SCRIPTS, script
from pat_check.sources import catalogue
from pat_check.sources.bpftrace import Bpftrace
from pat_check.sources.opening import Lines, open_lines
from pat_check.sources.probes import read_probes
from tests.record.fake import NODES, TRACING, FakeKernel

NAMES = ("6.1", "6.12", "6.16", "7.2")
PROBE = re.compile(r"probe ('.*')$", re.MULTILINE)
PROGRAM = re.compile(
    r'(?P<kind>kprobe|kretprobe):(?P<function>\w+) \{ printf\("(?P<format>[^"]*)\\n", (?P<values>.*?)\);.*\}$',
    re.MULTILINE,
)


@pytest.fixture
def kernel(tmp_path):
    return FakeKernel(tmp_path / "kernel")


def recipe(name, group="mm"):
    return recipe_for(Btf(FakeKernel.btf_of(name), name), group)


@pytest.mark.parametrize("tool", SCRIPTS)
def test_a_shell_takes_every_script(kernel, tool):
    text = script(tool, Request(probes="full"), kernel)
    for shell in ("sh", "bash"):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("tool", ["tracefs", "trace-cmd", "perf"])
@pytest.mark.parametrize("name", NAMES)
def test_a_script_defines_what_the_recorder_defines(kernel, tool, name):
    kernel.put("/sys/kernel/btf/vmlinux", FakeKernel.btf_of(name))
    lines = [forms.strip("'").split("' '") for forms in PROBE.findall(script(tool, Request(), kernel))]
    made = recipe(name)
    assert [forms[-1].split()[0].partition("@/")[2] for forms in lines] == [one.event for one in made.definitions]
    for forms, definition in zip(lines, made.definitions, strict=True):
        assert events.kprobe(definition, "@") in forms
        assert all(form.count("@") == 1 for form in forms)


def test_a_script_of_the_running_kernel_refuses_another(kernel):
    text = script("tracefs", Request(), kernel)
    assert '[ "$(uname -r)" = "6.12.107+deb13-amd64" ] ||' in text


def test_a_script_for_another_kernel(kernel, tmp_path):
    (tmp_path / "vmlinux").write_bytes(FakeKernel.btf_of("6.1"))
    kernel.remove("/sys/kernel/btf/vmlinux")
    text = script("tracefs", Request(kernel_btf=str(tmp_path / "vmlinux")), kernel)
    assert "uname -r" not in text.replace('"$(uname -r)" > "$D/meta.json"', "")
    assert "'p:@/track_pfn_remap track_pfn_remap vma=$arg1:x64 mm=+16($arg1):x64" in text
    with pytest.raises(RecordError, match="give --kernel-btf vmlinux"):
        script("tracefs", Request(), kernel)


def test_a_script_needs_a_kernel_with_such_functions(kernel, tmp_path):
    from tests.record.assembler import Assembler

    (tmp_path / "empty").write_bytes(Assembler().blob())
    with pytest.raises(RecordError, match="knows none of the functions"):
        script("perf", Request(kernel_btf=str(tmp_path / "empty")), kernel)


# --- the script for tracefs, run on a directory ----------------------------------------------------------

FAKE_COMMANDS = {
    "id": "echo 0",
    "uname": "echo 6.12.107+deb13-amd64",
    "dmesg": "echo '[    1.000000] x'",
    "sleep": ":",
    "mkdir": '/bin/mkdir -p "$@"',
    "rmdir": '/bin/rm -r "$@"',
}
CONTROLS = ("tracing_on", "trace_pipe", "per_cpu/cpu0/stats", "events/enable", "events/pat_check_77/enable")


def run_script(kernel, tmp_path, tool, commands):
    """Run a script as if the directory of `kernel` were the machine; returns the capture and what was printed."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, body in commands.items():
        (bin_folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (bin_folder / name).chmod(0o755)
    for name in CONTROLS if tool == "tracefs" else ():
        kernel.put(f"{TRACING}/instances/pat-check-77/{name}", "")
    text = re.sub(r"(?<![\w.])/(?=sys/|proc/)", kernel.path("/"), script(tool, Request(), kernel))
    out = tmp_path / "capture"
    run = subprocess.run(
        ["sh", "-s", str(out), sys.executable, "-c", "print('worked')"],
        input=text.replace("$$", "77"),
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        check=False,
    )
    assert (run.stdout, run.returncode) == ("worked\n", 0)
    assert (out / "snaps" / "snap-00-before.txt").read_text() == NODES
    assert (out / "snaps" / "snap-01-after.txt").read_text() == NODES
    assert (out / "iomem.txt").exists()
    assert read_probes(open_lines(str(out / "dynamic_events.txt"))).entries == recipe("6.12").functions()
    taken = kernel.probes()
    added = {line.split()[0].partition(":")[2] for line in taken if not line.startswith("-:")}
    removed = {line.partition(":")[2] for line in taken if line.startswith("-:")}
    assert added == {f"pat_check_77/{definition.event}" for definition in recipe("6.12").definitions}
    assert removed == added
    return out


needs_shell = pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")


@needs_shell
def test_the_script_for_tracefs_saves_a_capture_and_removes_what_it_made(kernel, tmp_path):
    run_script(kernel, tmp_path, "tracefs", FAKE_COMMANDS)
    assert kernel.instances() == []


TRACE_CMD = """\
[ "$1" = report ] && exec cat "$3"
shift
while :; do case $1 in -q) shift;; -C|-b|-e) shift 2;; -o) dat=$2; shift 2;; *) break;; esac; done
"$@"
while read -r line; do
    echo "              sh-7     [000]     1.000000: print:                tracing_mark_write: $line"
done < {marker} > "$dat"
"""


@needs_shell
def test_the_script_for_trace_cmd_marks_the_lists(kernel, tmp_path):
    kernel.put(f"{TRACING}/trace_marker", "")
    marker = kernel.path(f"{TRACING}/trace_marker")
    tool = TRACE_CMD.replace("{marker}", marker)
    out = run_script(kernel, tmp_path, "trace-cmd", {**FAKE_COMMANDS, "trace-cmd": tool})
    assert Path(marker).read_text() == "pat-check:checkpoint 1 after\n"  # a file keeps what was written last
    assert "checkpoint 1 after" in (out / "trace-cmd-report.txt").read_text()
    assert api.check([str(out)]).inputs[0].snapshots_unanchored == 1  # the other


# --- bpftrace ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_the_program_prints_is_read_as_the_events_that_it_probes(name):
    made = recipe(name)
    probes = list(PROGRAM.finditer(bpftrace.program(made)))
    assert len(probes) == len(made.definitions)
    for probe, definition in zip(probes, made.definitions, strict=True):
        text = probe["format"].replace("%llu", "1").replace("%s", "Xorg").replace("%d", "1").replace("0x%lx", "0x1000")
        assert "%" not in text
        (event,) = Bpftrace().events(Lines.of("x", [text]))
        spec, is_return = catalogue.resolve(definition.event)
        assert (event.call if is_return else type(event)) is spec.call
        assert probe["format"].count("%") == len(split_values(probe["values"]))


def split_values(text):
    depth, count = 0, 1
    for char in text:
        depth += (char in "([") - (char in ")]")
        count += char == "," and depth == 0
    return range(count)


def test_arguments_behind_the_sixth_are_read_from_the_stack():
    text = bpftrace.program(recipe("6.12"))
    (line,) = [line for line in text.splitlines() if line.startswith("kprobe:mprotect_fixup")]
    assert "newflags=0x%lx" in line
    assert '*(uint64*)(reg("sp") + 8)' in line


def test_what_no_pointer_points_to_is_no_cache_mode():
    (line,) = [
        line for line in bpftrace.program(recipe("6.12")).splitlines() if line.startswith("kretprobe:memtype_reserve {")
    ]
    assert "@memtype_reserve4[tid] ? *(uint32*)(@memtype_reserve4[tid] + 0) : 4294967295" in line
    assert "start=" not in line


def test_a_recording_of_the_program_replays(tmp_path):
    """The lines that the program would print for one ioremap and iounmap."""
    values = "start=0xfd000000 end=0xfd001000"
    lines = [
        "# time_ns cpu pid comm event args",
        "1 0 7 modprobe __ioremap_caller phys=0xfd000000 size=0x1000 pcm=0x2",
        f"2 0 7 modprobe memtype_reserve {values} req=0x2 newp=0xffff888000000000",
        f"3 0 7 modprobe memtype_check_insert {values} type=0x2",
        "4 0 7 modprobe memtype_check_insert_ret ret=0 type=0x2",
        "5 0 7 modprobe memtype_reserve_ret ret=0 new=0x2",
        "6 0 7 modprobe __ioremap_caller_ret ret=0xffffc90000000000",
    ]
    (tmp_path / "bpftrace.txt").write_text("\n".join(lines) + "\n")
    report = api.check([str(tmp_path)])
    assert report.inputs[0].error == ""
    assert (report.inputs[0].format, report.inputs[0].events) == ("bpftrace", 6)
