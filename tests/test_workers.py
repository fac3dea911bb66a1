"""``--jobs``: several recordings at a time, with the report of one after the other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pat_check.reporters import reporters
from tests.corpus import KEPT, text_of
from tests.test_watch import Watched

ROOT = Path(__file__).resolve().parents[1]
GOOD = text_of(KEPT / "6.1" / "munmap-middle" / "trace.txt.xz")
_DEADLINE = 120


def line(start):
    """A recording of one free that finds nothing, at the physical address `start`."""
    free = f"drv-7 [000] 1.0: memtype_free: start={start:#x} end={start + 0x1000:#x}\n"
    return free + "drv-7 [000] 1.1: memtype_free__ret: ret=-22\n"


@pytest.fixture
def folder(tmp_path):
    """Where commands run, with `site`, where a package of rules may lie."""
    (tmp_path / "site").mkdir()
    return tmp_path


def environment(folder):
    return os.environ | {"PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}", "COLUMNS": "100"}


def run(folder, *args, stdin=b""):
    """The exit code and what is printed, by a process of its own: those that run tests have threads."""
    command = [sys.executable, "-m", "pat_check", *map(str, args)]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), input=stdin, capture_output=True, timeout=_DEADLINE, check=False
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr.decode()


def script(folder, text, *args):
    """What a program prints that has no threads, as JSON."""
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, args)]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, timeout=_DEADLINE, check=False
    )
    assert done.stderr == b""
    return json.loads(done.stdout)


def add_rule(folder, judge):
    """Install a package with one rule, which hears of frees that find nothing."""
    info = folder / "site" / "house-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pat_check.rules]\nhouse = house\n")
    text = f'''\
        import os, pathlib, signal, time
        from pat_check.findings import Severity
        from pat_check.incidents import MemtypeFreeMissed
        from pat_check.rules.base import Rule

        class House(Rule[MemtypeFreeMissed]):
            """A house rule."""
            id = "house-rule"
            severity = Severity.WARNING
            violating = clean = help = ""
            def judge(self, incident):
{textwrap.indent(textwrap.dedent(judge), " " * 16)}
                yield self.finding(incident, f"heard of {{incident.start:#x}}")
    '''
    (folder / "site" / "house.py").write_text(textwrap.dedent(text))


@pytest.fixture
def mixed(folder):
    """Inputs of every kind: good, damaged, unreadable, absent, scenarios, a directory, standard input."""
    names = []
    for capture in sorted(path.parent for path in KEPT.glob("*/*/trace.txt*")):
        names.append(f"capture-{capture.name}")
        shutil.copytree(capture, folder / names[-1])
    xz = (KEPT / "6.1" / "munmap-middle" / "trace.txt.xz").read_bytes()
    (folder / "cut.xz").write_bytes(xz[: len(xz) // 2])
    (folder / "torn.txt").write_text(GOOD[: len(GOOD) // 2])
    (folder / "damaged.txt").write_text(GOOD.replace("start=0x", "start=?"))
    (folder / "binary.txt").write_bytes(b"\0" * 5000)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "prose.txt").write_text("Dear diary,\n" * 10)
    (folder / "good.txt").write_text(GOOD)
    (folder / "nothing").mkdir()
    (folder / "wrong.pat").write_text("nonsense\n")
    shutil.copy(ROOT / "examples" / "fork-sharing.pat", folder / "fork.pat")
    (folder / "one.txt").write_text(line(0xFD000000))
    (folder / "two.txt").write_text(line(0xFD000000) * 3)
    mixed = ["cut.xz", "torn.txt", "absent.txt", "fork.pat", "damaged.txt", "-", "binary.txt", "one.txt", "empty.txt"]
    return [*mixed, *names, "prose.txt", "wrong.pat", "nothing", "two.txt", "good.txt", "a\nb.txt"]


def outcome(folder, inputs, *args, jobs):
    """All that a run leaves: exit code, both streams, and a file for each format."""
    files = {name: folder / f"out.{name}" for name in reporters() if name not in ("text", "concise")}
    outputs = [word for name, file in files.items() for word in ("--output", f"{name}={file.name}")]
    found = run(folder, "replay", "-j", jobs, *inputs, "--output", "text", *outputs, *args, stdin=GOOD.encode())
    return found, {name: file.read_bytes() for name, file in files.items() if file.exists()}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--statistics", "--fail-on", "fatal"),
        ("--strict", "--verbose", "--color", "always"),
        ("--deep", "--select", "memtype", "--gen-suppressions", "--min-severity", "error"),
        ("--baseline", "base.json", "--suppressions", "known.supp", "--quiet"),
    ],
    ids=lambda args: args[0] if args else "plain",
)
def test_no_output_depends_on_the_number_of_workers(folder, mixed, args):
    add_rule(folder, "")
    (folder / "known.supp").write_text(
        "{\n used\n rule: memtype-invalid-free\n trace: two.txt\n reason: known\n}\n"
        "{\n unused\n rule: memtype-leak\n comm: nobody\n reason: known\n}\n"
    )
    code, _, _ = run(folder, "baseline", "write", "-o", "base.json", "capture-fork-partial", "one.txt", "-j", 1)
    assert code == 0
    alone = outcome(folder, mixed, *args, jobs=1)
    assert alone[0][0] == 2
    assert len(alone[1]) >= 8
    assert outcome(folder, mixed, *args, jobs=2) == alone
    assert outcome(folder, mixed, *args, jobs=7) == alone


def test_without_bad_inputs_the_exit_code_says_what_was_found(folder):
    add_rule(folder, "")
    for number in range(5):
        (folder / f"{number}.txt").write_text(line(0xFD000000 + number * 0x1000))
    for args, code in (((), 1), (("--fail-on", "fatal"), 0), (("--exit-zero",), 0)):
        alone = run(folder, "replay", "-j1", *(f"{number}.txt" for number in range(5)), *args)
        assert alone[0] == code
        assert alone[1].count(b"[house-rule]") == 5
        assert run(folder, "replay", "-j3", *(f"{number}.txt" for number in range(5)), *args) == alone


def test_a_baseline_does_not_depend_on_the_number_of_workers(folder, mixed):
    good = [name for name in mixed if name.startswith("capture") and name != "capture-raw"]
    good[3:3] = ["one.txt", "two.txt", "-", "good.txt", "fork.pat"]
    written = [run(folder, "baseline", "write", "-o-", "-j", jobs, *good, stdin=GOOD.encode()) for jobs in (1, 2, 9)]
    assert written[0][0] == 0
    assert json.loads(written[0][1])["findings"]
    assert written == [written[0]] * 3


def test_what_can_be_read_only_once_is_read_here(folder):
    os.mkfifo(folder / "pipe")
    (folder / "other.txt").write_text(GOOD)
    found = []
    for jobs in (1, 2):
        with subprocess.Popen(["sh", "-c", "cat other.txt > pipe"], cwd=folder):
            found.append(run(folder, "replay", "-j", jobs, "other.txt", "pipe", "-", stdin=GOOD.encode()))
    assert found[0] == found[1]
    assert found[0][1].endswith(b"3 findings (3 errors) in 3 inputs\n")


# --- failures ----------------------------------------------------------------------------------------------


def test_the_first_input_whose_plug_in_fails_is_named_even_where_a_later_one_fails_before(folder):
    add_rule(folder, "time.sleep(incident.start == 0x2000)\nassert incident.start < 0x2000, hex(incident.start)")
    for name, start in (("a.txt", 0x1000), ("b.txt", 0x2000), ("c.txt", 0x3000)):
        (folder / name).write_text(line(start))
    alone = run(folder, "replay", "-j1", "a.txt", "b.txt", "c.txt")
    assert alone[0] == 2
    assert "house-rule failed at b.txt:2: AssertionError: 0x2000" in alone[2]
    assert run(folder, "replay", "-j3", "a.txt", "b.txt", "c.txt") == alone


def test_what_cannot_be_sent_is_found_here(folder):
    add_rule(folder, "found = self.finding(incident, 'odd')\nfound.help = type('S', (str,), {})('help')\nyield found")
    (folder / "a.txt").write_text(line(0x1000))
    (folder / "b.txt").write_text(line(0x2000))
    alone = run(folder, "replay", "-j1", "a.txt", "b.txt")
    assert (alone[0], alone[1].count(b"odd [house-rule]")) == (1, 2)
    assert run(folder, "replay", "-j2", "a.txt", "b.txt") == alone


@pytest.mark.parametrize(
    ("death", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL"),
        ("os._exit(3)", "its process ended with exit code 3"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 2)", "its process was killed by signal 36"),
    ],
)
def test_a_worker_that_dies_is_one_line_and_the_others_are_reported(folder, death, said):
    add_rule(folder, f"if incident.start == 0x2000: {death}")
    names = [f"{number}.txt" for number in range(1, 6)]
    for number, name in enumerate(names, 1):
        (folder / name).write_text(line(number * 0x1000))
    code, out, err = run(folder, "replay", "-j2", *names)
    assert code == 2
    assert err == (
        f"pat-check: error: 2.txt: was not replayed: {said}; where memory is short, --jobs 1 needs the least\n"
    )
    assert out.count(b"[house-rule]") == 4


def test_all_workers_may_die(folder):
    add_rule(folder, "os.kill(os.getpid(), signal.SIGKILL)")
    for name in "abcde":
        (folder / name).write_text(line(0x1000))
    code, out, err = run(folder, "replay", "-j2", *"abcde")
    assert (code, out) == (2, b"")
    assert [complaint.split(": ")[2] for complaint in err.splitlines()] == [*"abcde"]


# --- ends --------------------------------------------------------------------------------------------------

_SLEEPS = 'pathlib.Path("pids").open("a").write(f"{os.getpid()}\\n")\ntime.sleep(600)'


def pids(folder, count):
    """The processes of workers, as soon as so many are at work."""
    end = time.monotonic() + _DEADLINE
    while not (folder / "pids").exists() or (folder / "pids").read_text().count("\n") < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def runs(pid):
    """Whether a process is there, and no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("to_all", [True, False], ids=["as a terminal sends it", "to the command alone"])
def test_ctrl_c_ends_all_workers(folder, to_all):
    add_rule(folder, _SLEEPS)
    for name in "abc":
        (folder / name).write_text(line(0x1000))
    child = subprocess.Popen(
        [sys.executable, "-m", "pat_check", "replay", "-j2", *"abc"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    workers = pids(folder, 2)
    (os.killpg if to_all else os.kill)(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=_DEADLINE)
    assert (child.returncode, out, err) == (130, b"", b"")
    assert child.pid not in workers
    assert not any(map(runs, workers))


def test_workers_end_when_the_command_is_killed(folder):
    text = """
        import os, pathlib, time
        from pat_check.workers import Task, in_order

        def do(item, tick):
            with pathlib.Path("pids").open("a") as pids:
                pids.write(f"{os.getpid()}\\n")
            while True:
                tick(1)
                time.sleep(0.01)

        task = Task(do, lambda item: False, lambda item, how: how, lambda item, lines: None)
        list(in_order(task, "abc", 2))
    """
    command = [sys.executable, "-c", textwrap.dedent(text)]
    child = subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=subprocess.PIPE)
    workers = pids(folder, 2)
    child.kill()
    assert child.communicate(timeout=_DEADLINE)[1] == b""
    end = time.monotonic() + _DEADLINE
    while any(map(runs, workers)):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_left_undone_is_ended(folder):
    text = """
        import json, os, time
        from pat_check.workers import Task, in_order

        task = Task(lambda item, tick: time.sleep(item), lambda item: False, None, None)
        results = in_order(task, [0, 600, 600], 3)
        next(results)
        results.close()
        try:
            left = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            left = None
        print(json.dumps(left))
    """
    assert script(folder, text) is None


def test_watching_replays_all_of_them_again(folder):
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(line(0x1000))
    watch = Watched(folder, "replay", "-j2", "a.txt", "b.txt")
    try:
        watch.until(1, "2 findings")
        (folder / "b.txt").write_text(line(0x1000) + line(0x2000))
        watch.until(1, "3 findings")
        assert watch.end() == 130
        assert watch.log.read_text() == ""
    finally:
        watch.child.kill()
        watch.child.wait()


def test_what_no_process_can_be_had_for_is_done_here(folder):
    text = """
        import json, os, resource
        from pat_check.workers import Task, in_order

        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        task = Task(lambda item, tick: item, lambda item: False, None, None)
        print(json.dumps([*in_order(task, range(100), 50)]))
    """
    assert script(folder, text) == [*range(100)]


# --- who does what -----------------------------------------------------------------------------------------

_WHO = """
    import json, os, sys, threading, time
    from pat_check.workers import Task, in_order

    def do(item, tick):
        for lines in range(3):
            tick(lines)
            time.sleep(0.02 * (item == 0))
        return os.getpid()

    told = []
    task = Task(do, lambda item: item == 2, lambda item, how: how, lambda item, lines: told.append(item))
    jobs, items, thread = map(int, sys.argv[1:])
    if thread:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    pids = list(in_order(task, range(items), jobs))
    print(json.dumps({"here": [pid == os.getpid() for pid in pids], "pids": len({*pids}), "told": told,
                      "imported": "multiprocessing" in sys.modules}))
"""


def test_each_item_has_a_process_of_its_own_but_those_that_are_done_here(folder):
    found = script(folder, _WHO, 2, 5, 0)
    assert found["here"] == [False, False, True, False, False]
    assert found["pids"] == 5


@pytest.mark.parametrize(("jobs", "items", "thread"), [(1, 4, 0), (8, 1, 0), (4, 4, 1)])
def test_one_job_one_item_or_another_thread_means_no_worker(folder, jobs, items, thread):
    found = script(folder, _WHO, jobs, items, thread)
    assert (found["here"], found["pids"]) == ([True] * items, 1)
    assert not found["imported"]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_progress_is_of_one_item_after_the_other(folder, jobs):
    told = script(folder, _WHO, jobs, 5, 0)["told"]
    assert told == sorted(told)
    assert {0, 2} <= {*told}


def test_one_input_is_replayed_without_any_worker(folder):
    text = """
        import json, sys
        from pat_check import api
        api.check(sys.argv[1:], jobs=8)
        print(json.dumps("multiprocessing" in sys.modules))
    """
    (folder / "a.txt").write_text(GOOD)
    assert script(folder, text, "a.txt") is False
    assert script(folder, text, "a.txt", "a.txt") is True


# --- the setting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "²"])
def test_jobs_are_a_number_from_one_on(folder, value):
    (folder / "a.txt").write_text(GOOD)
    code, _, err = run(folder, "replay", "a.txt", "--jobs", value)
    assert code == 2
    assert f"{value!r} is neither a number from 1 on nor auto." in err


def test_a_file_may_say_the_number_as_a_number(folder):
    for written, shown in (("2", "2"), ('"2"', "2"), ('"auto"', "auto")):
        (folder / "pat-check.toml").write_text(f"jobs = {written}\n")
        found = json.loads(run(folder, "config", "--json")[1])
        assert found["settings"]["jobs"] == {"value": shown, "origin": "pat-check.toml"}
    (folder / "pat-check.toml").write_text("jobs = true\n")
    assert run(folder, "config")[2] == ("pat-check: error: pat-check.toml:1: jobs takes a whole number, or a word\n")
