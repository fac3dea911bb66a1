"""``--watch``: again after every change, until Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from pat_check.cli import cli

LEAK = """\
drv-7 [000] 1.0: memtype_free: start=0xfd000000 end=0xfd001000
drv-7 [000] 1.1: memtype_free__ret: ret=-22
"""
FINE = "drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd001000 req=1\n"
SCENARIO = "file card\nprocess app\n\napp: v = mmap 32K, card, shared\n"
_DEADLINE = 60


class Watched:
    """A command that watches; what it prints goes to a file, which is read until something is there."""

    def __init__(self, folder, *args):
        self.out = folder / "out.txt"
        self.log = folder / "err.txt"
        command = [sys.executable, "-m", "pat_check", *args, "--watch"]
        env = os.environ | {"PYTHONPATH": os.getcwd()}
        with self.out.open("w") as out, self.log.open("w") as err:
            self.child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=env)

    def until(self, count, text="findings", file=None):
        end = time.monotonic() + _DEADLINE
        while (file or self.out).read_text().count(text) < count:
            assert time.monotonic() < end, self.out.read_text() + self.log.read_text()
            assert self.child.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def end(self):
        self.child.send_signal(signal.SIGINT)
        return self.child.wait(_DEADLINE)


@pytest.fixture
def watched(tmp_path):
    started = []

    def start(*args):
        started.append(Watched(tmp_path, *args))
        return started[-1]

    yield start
    for one in started:
        one.child.kill()
        one.child.wait()


def test_a_changed_trace_is_replayed_again_and_ctrl_c_ends_quietly(watched, tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(LEAK)
    watch = watched("replay", "trace.txt")
    watch.until(1, "memtype-invalid-free]")
    before = watch.out.read_text()
    trace.write_text(FINE)
    watch.until(1, "still held")
    assert watch.end() == 130
    assert watch.log.read_text() == ""
    assert "memtype-invalid-free]" not in watch.out.read_text().removeprefix(before)
    assert "\x1b" not in watch.out.read_text()


def test_a_trace_that_vanishes_is_told_and_may_come_back(watched, tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(LEAK)
    watch = watched("replay", "trace.txt")
    watch.until(1, "memtype-invalid-free]")
    trace.unlink()
    watch.until(1, "No such file", watch.log)
    (tmp_path / "new.txt").write_text(LEAK)
    (tmp_path / "new.txt").rename(trace)
    watch.until(2, "memtype-invalid-free]")


def test_a_changed_configuration_counts(watched, tmp_path):
    (tmp_path / "trace.txt").write_text(LEAK)
    config = tmp_path / "pat-check.toml"
    watch = watched("replay", "trace.txt")
    watch.until(1, "memtype-invalid-free]")
    config.write_text("select = [")
    watch.until(1, "pat-check.toml", watch.log)
    config.write_text("select = ['ioremap']")
    watch.until(1, "no finding")
    assert watch.out.read_text().count("memtype-invalid-free]") == 1


def test_a_report_inside_of_what_is_watched_starts_nothing(watched, tmp_path):
    capture = tmp_path / "capture"
    capture.mkdir()
    (capture / "trace.txt").write_text(LEAK)
    watch = watched("replay", "capture", "--output", "text", "--output", "json=capture/report.json")
    watch.until(1, "memtype-invalid-free]")
    time.sleep(1.5)
    assert watch.out.read_text().count("memtype-invalid-free]") == 1
    assert json.loads((capture / "report.json").read_text())["findings"]
    (capture / "iomem.txt").write_text("00000000-00000fff : Reserved\n")
    watch.until(2, "memtype-invalid-free]")


def test_lint_sees_new_scenarios_in_a_directory(watched, tmp_path):
    (tmp_path / "pat").mkdir()
    (tmp_path / "pat" / "a.pat").write_text(SCENARIO)
    watch = watched("lint", "pat", "--era", "vm-pat")
    watch.until(1, "a.pat")
    (tmp_path / "pat" / "b.pat").write_text(SCENARIO)
    watch.until(1, "b.pat")
    assert watch.end() == 130


@pytest.mark.parametrize("command", ["replay", "lint"])
def test_standard_input_cannot_be_watched(command):
    result = CliRunner().invoke(cli, [command, "-", "--watch"], prog_name="pat-check")
    assert result.exit_code == 2
    assert "standard input is read only once" in " ".join(result.stderr.split())


def test_a_bad_option_ends_at_once():
    result = CliRunner().invoke(cli, ["replay", "t", "--watch", "--era", "nonsense"], prog_name="pat-check")
    assert result.exit_code == 2


def test_a_terminal_is_cleared_for_each_run(tmp_path):
    (tmp_path / "trace.txt").write_text(LEAK)
    main, side = pty.openpty()
    command = [sys.executable, "-m", "pat_check", "replay", str(tmp_path / "trace.txt"), "--watch"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "3", "PAGER": "false"}
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=env) as child:
        os.close(side)
        shown = b""
        while b"watching; Ctrl-C ends" not in shown:
            shown += os.read(main, 65536)
        child.send_signal(signal.SIGINT)
        assert child.wait(_DEADLINE) == 130
    os.close(main)
    assert shown.startswith(b"\x1b[H\x1b[2J")
