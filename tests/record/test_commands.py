"""The two ways in, ``pat-check record`` and ``python -m pat_check.record``, and doctor."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import pat_check
from pat_check.cli import cli
from pat_check.cli import record as shown
from pat_check.record import __main__ as bare
from pat_check.record.machine import examine
from pat_check.record.report import can_record, doctor_lines
from tests.record.fake import LIST, TRACING, FakeKernel


@pytest.fixture
def kernel(tmp_path):
    return FakeKernel(tmp_path / "kernel")


@pytest.fixture
def installed(kernel, monkeypatch):
    """Both ways in use the kernel that is a directory."""
    for module in ("pat_check.cli.record", "pat_check.cli.doctor", "pat_check.record.__main__"):
        monkeypatch.setattr(f"{module}.Files", lambda: kernel)
    return kernel


def run(*args):
    return CliRunner().invoke(cli, args, prog_name="pat-check")


def test_both_ways_in_have_the_same_options():
    ours = {option for param in shown.record.params if isinstance(param, click.Option) for option in param.opts}
    theirs = {option for action in bare.parser()._actions for option in action.option_strings}
    assert ours - {"--live", "--until-finding"} == theirs - {"-h", "--help", "--doctor"}


@pytest.mark.parametrize("way", ["cli", "bare"])
def test_a_recording(installed, tmp_path, way, capsys):
    out = str(tmp_path / "capture")
    args = ["-o", out, "--probes", "tracking", "--", sys.executable, "-c", "pass"]
    if way == "cli":
        result = run("record", *args)
        code, said = result.exit_code, result.stderr
    else:
        code, said = bare.main(args), capsys.readouterr().err
    assert code == 0
    assert re.search(rf"recorded 0\.\d s, \d+ bytes of trace and 2 lists of reservations in {out}\n", said)
    assert f"next: pat-check replay {out}" in said
    assert installed.instances() == installed.probes() == []


@pytest.mark.parametrize("way", ["cli", "bare"])
def test_a_refusal_is_one_line_and_exit_code_2(installed, tmp_path, way, capsys):
    installed.remove(TRACING)
    args = ["-o", str(tmp_path / "capture"), "--", "true"]
    if way == "cli":
        result = run("record", *args)
        code, said = result.exit_code, result.stderr
    else:
        code, said = bare.main(args), capsys.readouterr().err
    assert code == 2
    assert said == "pat-check: error: tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing\n"


@pytest.mark.parametrize(
    "args",
    [["--pid", "0"], ["--duration", "0"], ["--duration", "nan"], ["--buffer", "x"], ["--probes", "all"], ["--x"]],
)
def test_bad_options_exit_with_2(installed, args):
    assert run("record", *args, "--", "true").exit_code == 2
    with pytest.raises(SystemExit) as caught:
        bare.main([*args, "--", "true"])
    assert caught.value.code == 2
    assert installed.told == []


def test_options_of_the_command_are_its_own(installed, tmp_path):
    assert run("record", "-o", str(tmp_path / "capture"), sys.executable, "-c", "pass").exit_code == 0


ONLY_STDLIB = """
import sys
sys.path.insert(0, {root!r})
import pat_check.record.__main__
ours = {{name.partition(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {{"__main__", "pat_check"}}
wrong = {{name for name in sys.modules if name.startswith("pat_check.")}}
print(sorted(name for name in ours if not name.startswith("_")))
print(sorted(name for name in wrong if not name.startswith(("pat_check.record", "pat_check.errors"))))
"""


def test_the_recorder_needs_nothing_but_python():
    root = str(Path(pat_check.__file__).parents[1])
    code = ONLY_STDLIB.format(root=root)
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n[]\n"


# --- doctor -----------------------------------------------------------------------------------------------


def found(kernel, name):
    return next(check for check in examine(kernel) if check.name == name)


def test_doctor_on_a_machine_that_can_record(installed):
    result = run("doctor")
    assert result.exit_code == 0
    assert "MISS" not in result.output
    assert "ok   PAT          on (Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT  )" in result.output
    assert "ok   list         pat_memtype_list, 1 reservations" in result.output


def test_doctor_on_a_machine_that_cannot(installed, capsys):
    installed.remove(TRACING)
    result = run("doctor")
    assert result.exit_code == 2
    assert "MISS tracefs      tracefs is not mounted\n                  -> mount -t tracefs" in result.output
    assert bare.main(["--doctor"]) == 2
    assert capsys.readouterr().out == result.output


def test_doctor_shows_every_check_when_nothing_is_there(tmp_path):
    kernel = FakeKernel(tmp_path / "kernel")
    for name in ("proc", "sys", "dev"):
        kernel.remove(name)
    checks = examine(kernel)
    assert not can_record(checks)
    assert {check.name for check in checks} >= {"root", "PAT", "lockdown", "tracefs", "BTF", "list", "/proc/iomem"}
    assert all(line.strip() for line in doctor_lines(checks))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("/proc/cmdline", "quiet nopat\n"), "booted with nopat"),
        (("/proc/cpuinfo", "flags : fpu mmx\n"), "the hypervisor hides it"),
        (("/dev/kmsg", "6,1,1,-;x86/PAT: MTRRs disabled, skipping PAT initialization too.\n"), "off (MTRRs disabled"),
    ],
)
def test_doctor_says_why_pat_is_off(kernel, change, says):
    kernel.remove(LIST)
    kernel.put(*change)
    check = found(kernel, "PAT")
    assert check.state == "poor"
    assert says in check.says


def test_doctor_does_not_guess_where_debugfs_is_not_mounted(kernel):
    kernel.remove("/sys/kernel/debug")
    assert "debugfs cannot be read" in found(kernel, "PAT").says


@pytest.mark.parametrize(
    ("mode", "state"), [("[none] integrity", "ok"), ("none [integrity] x", "ok"), ("none [confidentiality]", "missing")]
)
def test_doctor_and_lockdown(kernel, mode, state):
    kernel.put("/sys/kernel/security/lockdown", mode)
    assert found(kernel, "lockdown").state == state


def test_doctor_tells_arguments_at_returns_by_what_the_kernel_says_of_itself(kernel):
    assert found(kernel, "arguments").state == "ok"
    kernel.put(f"{TRACING}/README", "kernel return probes support: $retval, $comm\n")
    assert found(kernel, "arguments").state == "poor"


def test_doctor_sees_other_recorders(kernel):
    assert found(kernel, "others").says == "no other recorder"
    os.makedirs(kernel.path(f"{TRACING}/instances/pat-check-77"))
    assert "was killed" in found(kernel, "others").says
    kernel.put("/proc/77/cmdline", "python3\0-m\0pat_check.record\0")
    assert found(kernel, "others").says == "a recorder is running as pid 77"
