"""The Tab key, driven through real shells where they are installed."""

import os
import shutil
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pat_check import api
from pat_check.cli import COMMANDS, cli
from pat_check.cli.completion import SHELLS, script

BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD={at}
compopt() {{ printf "%s\\n" compopt "$@"; }}
_pat_check_completion {program}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, with a pat-check in the PATH."""
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "pat-check"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pat_check "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    return home


def run(*args, **env):
    return CliRunner(env=env).invoke(cli, args, prog_name="pat-check")


def offered(home, *words, folder=None):
    """What bash offers for the last of the words; it splits words at = and : as bash does."""
    source = home / "script"
    source.write_text(script("bash"))
    text = BASH.format(
        script=source,
        words=" ".join(f"'{word}'" for word in ("pat-check", *words)),
        at=len(words),
        program=home / "bin" / "pat-check",
    )
    result = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, timeout=60, check=True, cwd=folder or home
    )
    assert result.stderr == ""
    return result.stdout.split("\n")[:-1]


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@needs_bash
@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("",), COMMANDS),
        (("repl",), ("replay",)),
        (("baseline", ""), ("show", "write")),
        (("completion", "install", ""), ("",)),
        (("explain", "memtype-l"), ("memtype-leak",)),
        (("explain", "vm-"), ("vm-pat", "vm-pat-6.12")),
        (("rules", "memt"), ("memtype", "memtype-leak")),
        (("rules", "--severity", ""), ("info", "warning", "error", "fatal")),
        (("replay", "--era", "pfn"), ("pfnmap-ctx",)),
        (("replay", "--era", "=", "pfn"), ("pfnmap-ctx",)),
        (("replay", "--select", "AL"), ("ALL",)),
        (("replay", "--severity", "memtype-leak"), ("memtype-leak=error",)),
        (("replay", "--input-format", "ftr"), ("ftrace",)),
        (("replay", "--output", "te"), ("text",)),
        (("replay", "--fail-on", "="), ("info", "warning", "error", "fatal")),
        (("replay", "--no-such-"), ("",)),
        (("replay", "--wat"), ("--watch",)),
        (("replay", "tra"), ("compopt", "-o", "default")),
        (("replay", "--iomem", ""), ("compopt", "-o", "default")),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_bash_offers(home, words, some):
    assert set(some) <= set(offered(home, *words))


@needs_bash
def test_machines_of_the_configuration_are_offered(home):
    (home / "pat-check.toml").write_text("[machines.lab7]\niomem = 'x'\n")
    assert offered(home, "replay", "--machine", "l") == ["lab7"]


@needs_bash
def test_a_broken_configuration_does_not_disturb_the_line_that_is_typed(home):
    (home / "pat-check.toml").write_text("era = [")
    assert offered(home, "replay", "--machine", "l") == [""]
    assert "vm-pat" in offered(home, "explain", "vm-p")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_asks_pat_check(shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_PAT_CHECK_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_accepts_its_script(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(script(shell))
    subprocess.run([shell, "-n", str(file)], check=True, timeout=60)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_offers(home):
    file = home / "script"
    file.write_text(script("fish"))
    command = ["fish", "--no-config", "-c", f"source {file}; complete -C 'pat-check explain memtype-l'"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert shown.split() == ["memtype-leak"]


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/pat-check"),
        ("zsh", ".zfunc/_pat-check"),
        ("fish", ".config/fish/completions/pat-check.fish"),
    ],
)
def test_install_writes_one_file_and_says_so(home, shell, place):
    (home / ".bashrc").write_text("mine\n")
    result = run("completion", "install", shell)
    assert result.exit_code == 0
    assert (home / place).read_text() == script(shell)
    assert f"Wrote {home / place}." in result.stdout
    again = run("completion", "install", shell)
    assert f"{home / place} is up to date." in again.stdout
    (home / place).write_text("# _PAT_CHECK_COMPLETE of an older version")
    assert f"Updated {home / place}." in run("completion", "install", shell).stdout
    assert (home / ".bashrc").read_text() == "mine\n"
    assert {path.name for path in home.iterdir()} == {".bashrc", "bin", place.split("/", 1)[0]}


def test_install_takes_the_shell_of_the_user_and_the_folders_of_xdg(home):
    result = run("completion", "install", SHELL="/usr/bin/fish", XDG_CONFIG_HOME=str(home / "xdg"))
    assert result.exit_code == 0
    assert (home / "xdg/fish/completions/pat-check.fish").exists()
    relative = run("completion", "install", "bash", XDG_DATA_HOME="not/absolute")
    assert str(home / ".local/share") in relative.stdout


def test_install_leaves_a_foreign_file_alone(home):
    place = home / ".zfunc" / "_pat-check"
    place.parent.mkdir()
    place.write_text("#compdef pat-check\n# written by hand\n")
    result = run("completion", "install", "zsh")
    assert (result.exit_code, place.read_text()) == (2, "#compdef pat-check\n# written by hand\n")
    assert "is not ours" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("args", "shell", "problem"),
    [(("tcsh",), "", "Unknown shell 'tcsh'."), ((), "/bin/csh", "SHELL is csh"), (("fsh",), "", "'fish'")],
)
def test_install_refuses_shells_that_it_does_not_know(home, args, shell, problem):
    result = run("completion", "install", *args, SHELL=shell)
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())


def test_every_rule_can_be_completed(home):
    environment = {"_PAT_CHECK_COMPLETE": "fish_complete", "COMP_WORDS": "pat-check explain", "COMP_CWORD": "memtype"}
    command = [sys.executable, "-m", "pat_check"]
    shown = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False).stdout
    assert {line.split(",")[1] for line in shown.split()} == {
        rule.id for rule in api.rules() if rule.id.startswith("memtype")
    }
