import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pat_check import __version__, api
from pat_check.cli import COMMANDS, cli
from pat_check.cli.progress import Progress
from pat_check.errors import TraceError
from pat_check.findings import Finding, Input, Report, Severity
from pat_check.gate.policy import apply_policy
from tests.sample_report import HOSTILE_COMM, SAMPLE

HOSTILE_TRACE = (
    "# tracer: nop\n"
    f"{HOSTILE_COMM:>16}-512     [000] .....     1.000000: memtype_free: (memtype_free+0x4/0x1b0)"
    " start=0xfd000000 end=0xfd001000\n"
    f"{HOSTILE_COMM:>16}-512     [000] .....     1.000001: memtype_free__ret:"
    " (iounmap+0x7d/0xd0 <- memtype_free) ret=-22 start=0xfd000000 end=0xfd001000\n"
    "\x1b[31mgarbage\x07\n"
)
CONTROL = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]}


def run(*args):
    return CliRunner().invoke(cli, args, prog_name="pat-check")


def process(*args, **env):
    command = [sys.executable, "-m", "pat_check", *args]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | env, timeout=60, check=False)


def on_a_terminal(*args, **env):
    """What a command shows on a terminal of 80 columns, stdout and stderr together."""
    main, side = pty.openpty()
    environment = {"TERM": "xterm", **os.environ, "COLUMNS": "80", "PAGER": "cat", **env}
    with subprocess.Popen(
        [sys.executable, "-m", "pat_check", *args], stdin=side, stdout=side, stderr=side, env=environment
    ) as child:
        os.close(side)
        shown = b""
        while chunk := read_terminal(main):
            shown += chunk
    os.close(main)
    return child.returncode, shown.decode().replace("\r\n", "\n")


def read_terminal(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO when the other side has closed
        return b""


@pytest.fixture
def checked(monkeypatch):
    """Let api.check() return a report; the Options of the call are then in the list that comes back."""

    def install(report):
        calls = []

        def check(paths, options, progress=None, policy=None, jobs=1):
            calls.append(options(paths[0]))
            apply_policy(report, policy)
            return report

        monkeypatch.setattr(api, "check", check)
        return calls

    return install


def report_of(*severities, error=""):
    findings = [Finding(f"rule-{severity}", severity, "something", 1, file="t") for severity in severities]
    return Report("0.1.0", [Input("t", "ftrace", "vm-pat", "", error=error)], findings)


# --- exit codes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (report_of(), 0),
        (report_of(Severity.INFO), 0),
        (report_of(Severity.INFO, Severity.WARNING), 1),
        (report_of(Severity.ERROR), 1),
        (report_of(Severity.FATAL), 1),
        (report_of(error="t: is empty"), 2),
        (report_of(Severity.ERROR, error="t: is empty"), 2),
    ],
)
def test_the_exit_code_of_replay(checked, report, code):
    checked(report)
    assert run("replay", "t").exit_code == code


def test_what_is_less_severe_than_asked_is_not_shown_and_still_fails(checked):
    checked(report_of(Severity.WARNING))
    result = run("replay", "t", "--min-severity", "error")
    assert result.exit_code == 1
    assert "rule-" not in result.stdout


@pytest.mark.parametrize(("args", "code"), [((), 1), (("--fail-on", "error"), 0), (("--exit-zero",), 0)])
def test_what_fails_the_run_is_for_the_team_to_say(checked, args, code):
    checked(report_of(Severity.WARNING))
    result = run("replay", "t", *args)
    assert result.exit_code == code
    assert "rule-warning" in result.stdout


def test_an_unreadable_input_exits_with_2_even_where_findings_exit_with_0(checked):
    checked(report_of(Severity.ERROR, error="t: is empty"))
    assert run("replay", "t", "--exit-zero").exit_code == 2


def test_one_unreadable_input_does_not_silence_the_others(checked):
    checked(SAMPLE)
    result = run("replay", "a", "b")
    assert result.exit_code == 2
    assert "[memtype-leak]" in result.stdout
    assert result.stderr == "pat-check: error: other\\x0a.txt: is a JPEG image, not a trace\n"


@pytest.mark.parametrize(
    "args", [("replay",), ("state", "t"), ("explain",), ("nonsense",), ("replay", "t", "--nonsense")]
)
def test_a_request_that_makes_no_sense_exits_with_2(args):
    result = run(*args)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


# --- what the options do ----------------------------------------------------------------------------------


def test_options_reach_the_api(checked):
    calls = checked(report_of())
    run("replay", "t", "--era", "vm-pat", "--memtypes", "m", "--iomem", "i", "--mtrr", "r", "--strict")
    assert calls == [api.Options(era="vm-pat", memtypes="m", iomem="i", mtrr="r", strict=True)]


def test_a_recording_that_is_named_twice_is_replayed_once():
    trace = str(Path(__file__).parent / "captures" / "6.12" / "fork-partial")
    assert "1 finding (1 error) in 1 input\n" in run("replay", trace, trace, "--output", "concise").stdout


def test_an_empty_name_is_told_as_it_is():
    assert run("replay", "").stderr == "pat-check: error: '': is the name of no file\n"


def test_two_outputs_at_once(checked, tmp_path):
    checked(SAMPLE)
    file = tmp_path / "report.json"
    result = run("replay", "t", "--output", "text", "--output", f"json={file}")
    assert "[memtype-leak]" in result.stdout
    assert file.read_text().startswith('{\n  "version": 1,')


def test_two_outputs_cannot_share_a_place(checked):
    checked(report_of())
    result = run("replay", "t", "--output", "text", "--output", "json")
    assert result.exit_code == 2
    assert "--output json=FILE" in result.stderr


def test_a_report_is_not_written_over_its_trace(tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text("precious")
    assert run("replay", str(trace), "--output", f"text={trace}").exit_code == 2
    assert trace.read_text() == "precious"


RECORDED = ("lab/trace.txt", "lab/dmesg.txt", "lab/snaps/snap-01-a.txt", "lab/meta.json")
SIDES = ("a.supp", "io.txt")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with a capture and files for its gate."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab" / "snaps").mkdir(parents=True)
    for name in (*RECORDED, *SIDES):
        (tmp_path / name).write_text("")
    (tmp_path / "lab" / "trace.txt").write_text(HOSTILE_TRACE)
    (tmp_path / "lab" / "meta.json").write_text("{}")
    (tmp_path / "known.json").write_text('{"version": 1, "findings": []}')
    return tmp_path


GATE = ("--baseline", "known.json", "--suppressions", "a.supp", "--iomem", "io.txt")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        *((name, ("replay", "./lab", *GATE, "--output")) for name in (*RECORDED, *SIDES, "known.json")),
        *((name, ("baseline", "write", "lab", *GATE, "--to")) for name in (*RECORDED, *SIDES)),
    ],
)
def test_no_report_is_written_over_an_input(lab, name, args):
    before = (lab / name).read_bytes()
    result = run(*args, f"json={lab / name}" if args[0] == "replay" else str(lab / name))
    assert (result.exit_code, (lab / name).read_bytes()) == (2, before)
    assert "is both an input and an output" in result.stderr


def test_no_scenario_is_written_over_its_recording(lab):
    assert "is both an input and an output" in run("convert", "lab", "-o", "lab/trace.txt").stderr
    assert (lab / "lab" / "trace.txt").read_text() == HOSTILE_TRACE


def test_a_report_may_lie_beside_the_recording(lab):
    for _ in range(2):
        assert run("replay", "lab", "--output", "json=lab/report.json").exit_code == 1


def test_an_output_that_cannot_be_written_is_told_in_one_line(checked):
    checked(report_of())
    result = run("replay", "t", "--output", "json=/nonexistent/report.json")
    assert result.exit_code == 2
    assert result.stderr == "pat-check: error: /nonexistent/report.json: No such file or directory\n"


@pytest.mark.parametrize(
    ("args", "env", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_in_a_pipe(checked, monkeypatch, args, env, coloured):
    checked(SAMPLE)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, ["replay", "t", *args], color=True)
    assert ("\x1b[" in result.stdout) is coloured


def test_a_terminal_gets_colour_and_80_columns():
    code, shown = on_a_terminal("eras")
    assert code == 0
    assert "\x1b[1m" in shown


def test_no_color_is_respected_on_a_terminal():
    assert "\x1b" not in on_a_terminal("eras", NO_COLOR="1")[1]


def test_a_dumb_terminal_gets_no_colour():
    assert "\x1b" not in on_a_terminal("eras", TERM="dumb")[1]


@pytest.mark.parametrize("command", ["rules", "eras"])
def test_a_list_fits_80_columns(command):
    assert max(map(len, on_a_terminal(command, NO_COLOR="1")[1].splitlines())) <= 80


def test_state_prints_what_the_kernel_would(monkeypatch):
    held = [api.Held(0xFD000000, 0xFD002000, 1, HOSTILE_COMM, 77), api.Held(0xFED00000, 0xFED01000, 2, "", 0)]
    monkeypatch.setattr(api, "state", lambda path, at, options, indexing: held)
    assert run("state", "t", "--at", "80").stdout == (
        "PAT memtype list:\n"
        "PAT: [mem 0x00000000fd000000-0x00000000fd002000] write-combining\n"
        "PAT: [mem 0x00000000fed00000-0x00000000fed01000] uncached-minus\n"
    )
    assert run("state", "t", "--at", "80", "--owners").stdout == (
        "PAT memtype list:\n"
        "PAT: [mem 0x00000000fd000000-0x00000000fd002000] write-combining"
        "  # \\x1b[2J\\x1b]0;pwned\\x07[bold]x\\u202e, since line 77\n"
        "PAT: [mem 0x00000000fed00000-0x00000000fed01000] uncached-minus  # from before the trace\n"
    )


def test_state_prints_nothing_when_it_fails(monkeypatch):
    def fail(path, at, options, indexing):
        raise TraceError("no marker says 'x'", path)

    monkeypatch.setattr(api, "state", fail)
    result = run("state", "t", "--at", "x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "pat-check: error: t: no marker says 'x'\n"


def test_every_rule_is_listed_and_explained():
    listed = run("rules").stdout
    for rule in api.rules():
        assert f"{rule.id} " in listed
        explained = run("explain", rule.id)
        assert explained.exit_code == 0
        assert explained.stdout.startswith(f"{rule.id} ({rule.severity}")
        assert rule.summary in explained.stdout
        assert "A trace that keeps it:" in explained.stdout


def test_every_era_is_listed():
    listed = run("eras").stdout
    for era in api.eras():
        assert f"{era.name}  ({era.kernels})" in listed
        assert all(change in listed for change in era.changes)


@pytest.mark.parametrize(
    ("terminal", "lines", "shown"), [(True, 5_000_000, True), (True, 100, False), (False, 5_000_000, False)]
)
def test_progress_shows_on_a_terminal_for_a_long_input(monkeypatch, terminal, lines, shown):
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    with Progress() as progress:
        progress.update("[bold]\x1b[2J.txt", lines)
    assert (r"[bold]\x1b[2J.txt 5,000,000 lines" in stderr.getvalue()) is shown
    assert bool(stderr.getvalue()) is shown


# --- help and near misses -----------------------------------------------------------------------------------


def every_command(command=cli, path=()):
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from every_command(command.get_command(click.Context(command), name), (*path, name))


@pytest.mark.parametrize("args", list(every_command()), ids=" ".join)
def test_help_fits_80_columns(args):
    result = CliRunner().invoke(cli, [*args, "--help"], terminal_width=80, prog_name="pat-check")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.startswith(f"Usage: {' '.join(('pat-check', *args))}")


def test_the_options_of_replay_stand_in_sections_with_examples_below():
    shown = run("replay", "--help").stdout
    titles = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options:", "Input:", "What counts:", "Report:", "Configuration:", "Examples:"]
    command = cli.get_command(click.Context(cli), "replay")
    for option in command.params:
        if isinstance(option, click.Option):
            assert shown.count(f" {option.opts[0]} ") >= 1
    assert shown.index("Input:") < shown.index("--iomem FILE") < shown.index("What counts:")


@pytest.mark.parametrize("words", [("NO_COLOR", "FORCE_COLOR"), ("PAGER",), ("Exit codes",)], ids=str)
def test_the_help_says_what_the_environment_decides(words):
    assert all(word in run("--help").stdout for word in words)


@pytest.mark.parametrize("args", list(every_command()), ids=" ".join)
def test_every_example_names_a_command_with_options_that_it_has(args):
    command, path = cli, ()
    for name in args:
        command, path = command.get_command(click.Context(command), name), (*path, name)
    for _, line in getattr(command, "examples", ()):
        for part in re.split(r" \| | && ", line):
            words = part.split()
            if words[0] == "pat-check":
                shown = run(words[1], "--help").stdout
                assert all(word in shown for word in words if word.startswith("--"))


def test_help_names_every_command():
    commands = run("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in commands.splitlines()] == list(COMMANDS)


@pytest.mark.parametrize(
    ("args", "suggestion"),
    [
        (("reply", "t"), "Unknown command 'reply'. Did you mean 'replay'?"),
        (("replay", "t", "--era", "vm-pta"), "'vm-pat'"),
        (("replay", "t", "--era", "xxxxxxxx"), "Known: auto, "),
        (("replay", "t", "--input-format", "ftarce"), "'ftrace'"),
        (("replay", "t", "--output", "jsn"), "'json'"),
        (("replay", "t", "--mem-types", "m"), "--memtypes"),
        (("explain", "memtype-leek"), "'memtype-leak'"),
        (("explain", "leak"), "'memtype-leak'"),
    ],
)
def test_a_near_miss_is_suggested(args, suggestion):
    result = run(*args)
    assert result.exit_code == 2
    assert suggestion in " ".join(result.stderr.split())


def test_version_is_told_without_loading_the_tool():
    code = "import sys; from pat_check.cli import main\ntry: main()\nfinally: print('rich' in sys.modules)"
    command = [sys.executable, "-c", code, "--version"]
    assert subprocess.check_output(command, text=True) == f"pat-check {__version__}\nFalse\n"


# --- failures -----------------------------------------------------------------------------------------------


def test_a_bug_is_one_line_and_a_hint(monkeypatch):
    def fail(*args):
        raise KeyError("surprise\x1b[2J")

    monkeypatch.setattr(api, "check", fail)
    monkeypatch.delenv("PAT_CHECK_DEBUG", raising=False)
    result = run("replay", "t")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("pat-check: error: internal error: KeyError: ")
    assert "PAT_CHECK_DEBUG=1" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_bug_shows_its_traceback_when_asked(monkeypatch):
    def fail(*args):
        raise KeyError("surprise")

    monkeypatch.setattr(api, "check", fail)
    monkeypatch.setenv("PAT_CHECK_DEBUG", "1")
    assert isinstance(run("replay", "t").exception, KeyError)


def test_an_interrupt_exits_as_shells_expect(monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "check", interrupt)
    result = run("replay", "t")
    assert (result.exit_code, result.stderr) == (130, "")


def test_a_closed_pipe_is_no_failure_to_talk_about():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pat_check", "eras"]
    result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told_in_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "pat_check", "eras"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (2, b"pat-check: error: No space left on device\n")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.txt", b"", "is empty"),
        ("photo.jpg", b"\xff\xd8\xff\xe0 JFIF", "JPEG"),
        ("garbage.bin", bytes(range(256)) * 40, "binary"),
        ("escape\x1b[2J.txt", b"", r"escape\x1b[2J.txt"),
    ],
)
def test_an_input_that_is_no_trace_is_named_in_one_line(tmp_path, name, content, problem):
    file = tmp_path / name
    file.write_bytes(content)
    result = process("replay", str(file))
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("pat-check: error: ")
    assert problem in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("command", [("replay",), ("state", "--at", "1")], ids=lambda args: args[0])
def test_a_file_that_does_not_exist(command):
    result = process(*command, "nosuch.txt")
    assert result.returncode == 2
    assert result.stderr == "pat-check: error: nosuch.txt: No such file or directory\n"


def test_a_directory_without_a_trace_is_told_in_one_line(tmp_path):
    result = process("replay", str(tmp_path))
    assert result.returncode == 2
    assert result.stderr.startswith(f"pat-check: error: {tmp_path}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [(), ("--output", "json"), ("--strict",)], ids=str)
def test_escape_sequences_in_a_trace_never_reach_the_terminal(tmp_path, args):
    (tmp_path / "trace.txt").write_text(HOSTILE_TRACE)
    result = process("replay", str(tmp_path / "trace.txt"), *args)
    assert result.returncode in (1, 2)
    assert not CONTROL & set((result.stdout + result.stderr).replace("\n", ""))
    assert "Traceback" not in result.stderr


def test_a_terminal_that_is_not_utf_8_gets_escapes(tmp_path):
    (tmp_path / "caf\u00e9.txt").write_text(HOSTILE_TRACE)
    result = process("replay", str(tmp_path / "caf\u00e9.txt"), PYTHONIOENCODING="ascii")
    assert r"caf\xe9.txt" in result.stdout
    assert "Traceback" not in result.stderr
