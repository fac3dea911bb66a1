"""The printed recipes: what they define is what the recorder defines, and what they print replays."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from pat_check import api
from pat_check.errors import RecordError
from pat_check.record import bpftrace, events
from pat_check.record.btf import Btf
from pat_check.record.modules import Types
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
    return recipe_for(Types(Btf(FakeKernel.btf_of(name), name)), group)


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


COMMAND = [sys.executable, "-c", "print('worked')"]


def ran(kernel, tmp_path, tool, commands, command=COMMAND, name="capture", alone=False):
    """Run a script as if the directory of `kernel` were the machine, which may have no other programs."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir(exist_ok=True)
    for program, body in commands.items():
        (bin_folder / program).write_text(f"#!/bin/sh\n{body}\n")
        (bin_folder / program).chmod(0o755)
    for control in CONTROLS if tool == "tracefs" else ():
        kernel.put(f"{TRACING}/instances/pat-check-77/{control}", "")
    text = re.sub(r"(?<![\w.])/(?=sys/|proc/)", kernel.path("/"), script(tool, Request(), kernel))
    return subprocess.run(
        [shutil.which("sh"), "-s", str(tmp_path / name), *command],
        input=text.replace("$$", "77"),
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(bin_folder) if alone else f"{bin_folder}:{os.environ['PATH']}"},
        check=False,
        timeout=60,
    )


def run_script(kernel, tmp_path, tool, commands):
    """The same, to its good end: returns the capture."""
    run = ran(kernel, tmp_path, tool, commands)
    assert (run.stdout, run.returncode) == ("worked\n", 0)
    assert [line for line in run.stderr.splitlines() if "could not be removed: -:" not in line] == []  # see below
    out = tmp_path / "capture"
    assert (out / "snaps" / "snap-00-before.txt").read_text() == NODES
    assert (out / "snaps" / "snap-01-after.txt").read_text() == NODES
    assert (out / "iomem.txt").exists()
    assert read_probes(open_lines(str(out / "dynamic_events.txt"))).entries == recipe("6.12").functions()
    return out


def assert_that_all_is_removed(kernel):
    """A file only grows: what is removed stands in it, too."""
    taken = kernel.probes()
    added = {line.split()[0].partition(":")[2] for line in taken if not line.startswith("-:")}
    removed = {line.partition(":")[2] for line in taken if line.startswith("-:")}
    assert added == {f"pat_check_77/{definition.event}" for definition in recipe("6.12").definitions}
    assert removed == added


needs_shell = pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")


@needs_shell
def test_the_script_for_tracefs_saves_a_capture_and_removes_what_it_made(kernel, tmp_path):
    run_script(kernel, tmp_path, "tracefs", FAKE_COMMANDS)
    assert kernel.instances() == []
    assert_that_all_is_removed(kernel)


TRACE_CMD = """\
[ "$1" = report ] && exec cat "$3"
exec {python} -c '
import pathlib, signal, sys
tracing, words = pathlib.Path("{tracing}"), sys.argv
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in ("tracing_on", "events/pat_check_77/enable"):
    (tracing / name).write_text("1")
signal.sigwait([signal.SIGINT])
line = (tracing / "trace_marker").read_text()
head = "              sh-7     [000]     1.000000: print:                tracing_mark_write: "
pathlib.Path(words[words.index("-o") + 1]).write_text(head + line)
' "$@"
"""


@needs_shell
def test_the_script_for_trace_cmd_marks_the_lists(kernel, tmp_path):
    for name, text in {
        "trace_marker": "",
        "tracing_on": "0\n",
        "buffer_size_kb": "7 (expanded: 1408)\n",
        "events/pat_check_77/enable": "0\n",
    }.items():
        kernel.put(f"{TRACING}/{name}", text)
    tool = TRACE_CMD.format(tracing=kernel.path(TRACING), python=sys.executable)
    out = run_script(kernel, tmp_path, "trace-cmd", {**FAKE_COMMANDS, "sleep": "/bin/sleep 0.05", "trace-cmd": tool})
    assert_that_all_is_removed(kernel)
    assert "checkpoint 1 after" in (out / "trace-cmd-report.txt").read_text()  # a file keeps what was written last
    assert api.check([str(out)]).inputs[0].snapshots_unanchored == 1  # the other
    assert kernel.text(f"{TRACING}/buffer_size_kb") == "1408\n"


@needs_shell
def test_the_script_for_perf_has_it_run_the_command_and_print_what_was_lost(kernel, tmp_path):
    perf = """\
[ "$1" = script ] && { [ "$2" = --show-lost-events ] && exec cat "$4"; }
while [ "$1" != -- ]; do [ "$1" = -o ] && data=$2; shift; done
shift
echo '       perf-exec   144 [000]    46.269525: PERF_RECORD_LOST lost 430' > "$data"
exec "$@"
"""
    out = run_script(kernel, tmp_path, "perf", {**FAKE_COMMANDS, "perf": perf})
    assert_that_all_is_removed(kernel)
    assert "lost 430" in (out / "perf-script.txt").read_text()


BPFTRACE = """\
while [ $# -gt 1 ]; do case $1 in -o) out=$2;; -c) command=$2;; esac; shift 2; done
echo '1 0 7 x iounmap addr=0x1' > "$out"
exec $command
"""


@needs_shell
def test_the_script_for_bpftrace_probes_what_can_be_probed(kernel, tmp_path):
    functions = recipe("6.12").functions()
    lines = [*sorted(functions | {"iounmap_or_so"}), "snd_pcm_open [snd_pcm]"]
    kernel.put(f"{TRACING}/available_filter_functions", "".join(f"{name}\n" for name in lines))
    run_script(kernel, tmp_path, "bpftrace", {**FAKE_COMMANDS, "bpftrace": BPFTRACE})
    fewer = [name for name in lines if name not in ("iounmap", "memtype_free")]
    kernel.put(f"{TRACING}/available_filter_functions", "".join(f"{name}\n" for name in fewer))
    run = ran(kernel, tmp_path, "bpftrace", {**FAKE_COMMANDS, "bpftrace": BPFTRACE}, name="second")
    assert run.returncode == 0
    assert [line.rpartition(": ")[2] for line in run.stderr.splitlines()] == [
        "kprobe:memtype_free",
        "kretprobe:memtype_free",
        "kprobe:iounmap",
    ]
    text = (tmp_path / "second" / "pat-check.bt").read_text()
    assert "kprobe:memtype_free " not in text
    assert "kprobe:memtype_reserve " in text
    assert probed(tmp_path / "second") == functions - {"iounmap", "memtype_free"}


def probed(out):
    return read_probes(open_lines(str(out / "dynamic_events.txt"))).entries


@needs_shell
@pytest.mark.parametrize("words", [["a  b"], ["it's", '"so"'], ["$HOME", "`id`", "\\n", "*"], [""]])
def test_bpftrace_gets_the_command_as_it_was_given(kernel, tmp_path, words):
    tool = {**FAKE_COMMANDS, "bpftrace": BPFTRACE}
    run = ran(kernel, tmp_path, "bpftrace", tool, [sys.executable, "-c", "import sys; print(sys.argv[1:])", *words])
    assert run.stdout == f"{words}\n"


@needs_shell
@pytest.mark.parametrize("tool", ["trace-cmd", "perf", "bpftrace"])
def test_a_tool_that_is_not_there_is_told_before_anything_is_done(kernel, tmp_path, tool):
    run = ran(kernel, tmp_path, tool, FAKE_COMMANDS, alone=True)
    assert (run.returncode, run.stderr.partition(": ")[2]) == (2, f"{tool} is not installed\n")
    assert kernel.probes() == []


@needs_shell
@pytest.mark.parametrize(("tool", "says"), [("perf", "perf has recorded"), ("bpftrace", "bpftrace has recorded")])
def test_a_tool_that_fails_is_told(kernel, tmp_path, tool, says):
    run = ran(kernel, tmp_path, tool, {**FAKE_COMMANDS, tool: "exit 1", "grep": "[ $1 = -q ] && exit 1; cat"})
    assert run.returncode == 2
    assert f": {says} nothing\n" in run.stderr


@needs_shell
@pytest.mark.parametrize("tool", SCRIPTS)
def test_a_directory_that_holds_something_is_left_alone(kernel, tmp_path, tool):
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / "notes").write_text("mine")
    run = ran(kernel, tmp_path, tool, {**FAKE_COMMANDS, tool: "exit 1"})
    assert (run.returncode, run.stdout) == (2, "")
    assert "is not empty: choose another directory" in run.stderr
    assert os.listdir(tmp_path / "capture") == ["notes"]


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
