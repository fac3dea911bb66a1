"""The pager: on terminals, for what is long, and never in the way."""

import os
import pty
import stat
import subprocess
import sys

import pytest

from tests.test_cli import read_terminal, run


@pytest.fixture
def pager(tmp_path):
    """A pager that notes what it is given; `script` is what it does then."""

    def make(script="exit 0"):
        program = tmp_path / "page r"
        program.write_text(f'#!/bin/sh\necho "$LESS $*" > "{tmp_path}/how"\ncat > "{tmp_path}/got"\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return f"'{program}' -x"

    make.got = tmp_path / "got"
    make.how = tmp_path / "how"
    return make


def terminal(*args, lines="24", **env):
    """What a command leaves on a terminal of 80 columns that nobody types at."""
    main, side = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("PAGER", "LESS")}
    environment |= {"TERM": "xterm", "COLUMNS": "80", "LINES": lines, "NO_COLOR": "1", **env}
    command = [sys.executable, "-m", "pat_check", *args]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=environment) as child:
        os.close(side)
        shown = b""
        while chunk := read_terminal(main):
            shown += chunk
    os.close(main)
    assert child.returncode == 0, shown
    return shown.decode().replace("\r\n", "\n")


WHOLE = run("eras").stdout


def test_long_text_goes_through_the_pager(pager):
    assert terminal("eras", lines="5", PAGER=pager()) == ""
    assert "pfnmap-ctx" in pager.got.read_text()
    assert pager.how.read_text() == "FRX -x\n"


def test_what_the_user_says_of_less_is_kept(pager):
    terminal("eras", lines="5", PAGER=pager(), LESS="S")
    assert pager.how.read_text() == "S -x\n"


@pytest.mark.parametrize(
    ("args", "env"),
    [
        ((), {"lines": "500"}),
        (("--pager", "never"), {}),
        ((), {"PAT_CHECK_PAGER": "never"}),
        ((), {"TERM": "dumb"}),
    ],
    ids=["short", "flag", "variable", "dumb"],
)
def test_where_no_pager_is_wanted_text_is_printed(pager, args, env):
    assert "pfnmap-ctx" in terminal("eras", *args, **{"lines": "5", "PAGER": pager(), **env})
    assert not pager.got.exists()


@pytest.mark.parametrize("broken", ["", "cat", "/no/such/pager", "'unclosed", "false", "sh -c 'kill -9 $$'"])
def test_a_pager_that_is_none_or_dies_hides_nothing(broken):
    shown = terminal("eras", lines="5", PAGER=broken)
    assert "pfnmap-ctx" in shown
    assert "Traceback" not in shown


def test_a_pager_that_is_left_early_is_no_failure():
    assert "Traceback" not in terminal("rules", lines="5", PAGER="head -n 1")


def test_a_report_goes_through_the_pager_too(pager, tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text("drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd001000 req=1\n")
    assert terminal("replay", str(trace), lines="3", PAGER=pager()) == ""
    assert "memtype-leak" in pager.got.read_text()


def test_a_pipe_sees_no_pager(pager):
    env = os.environ | {"PAGER": pager(), "LINES": "5"}
    command = [sys.executable, "-m", "pat_check", "eras"]
    assert subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout == WHOLE
    assert not pager.got.exists()
