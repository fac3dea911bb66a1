"""The manual pages: one for every command, and nothing in them that roff would obey by accident."""

import re
import shutil
import subprocess

import click
import pytest
from click.testing import CliRunner

from pat_check.cli import cli
from pat_check.cli.command import Command
from pat_check.cli.roff import escaped, page, pages

PAGES = dict(pages(cli, "pat-check"))
REQUESTS = {".TH", ".SH", ".TP", ".B", ".sp", ".nf", ".fi"}

every_page = pytest.mark.parametrize("name", PAGES)


def run(*args):
    return CliRunner().invoke(cli, args, prog_name="pat-check")


def plain(name):
    """A page without its markup, in one line."""
    text = re.sub(r"\\f[BRI]|\\&", "", PAGES[name]).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
    return " ".join(text.split())


def commands(command, ctx):
    yield ctx.command_path.replace(" ", "-"), command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            yield from commands(below, click.Context(below, info_name=name, parent=ctx))


EVERY = {name: (command, ctx) for name, command, ctx in commands(cli, click.Context(cli, info_name="pat-check"))}


def test_there_is_a_page_for_every_command():
    assert set(PAGES) == set(EVERY)
    assert {"pat-check", "pat-check-replay", "pat-check-baseline-write"} <= set(PAGES)


@every_page
def test_a_page_names_every_option_and_its_help(name):
    command, _ = EVERY[name]
    shown = plain(name)
    for param in command.params:
        if isinstance(param, click.Option):
            assert all(flag in shown for flag in param.opts)
            assert " ".join((param.help or "").split("`")[0].split()) in shown


@every_page
def test_a_page_has_only_requests_that_we_meant(name):
    lines = PAGES[name].split("\n")
    assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= REQUESTS
    assert [line for line in lines if "\\" in re.sub(r"\\(?:[-&e]|f[BRI]|\(dq|\(aq|\(ha|\(ti|\(ga)", "", line)] == []
    assert [line.removeprefix(".SH ") for line in lines if line.startswith(".SH")][:3] == [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
    ]


@every_page
@pytest.mark.parametrize(
    "checker",
    [("groff", "-man", "-ww", "-z", "-Tutf8"), ("mandoc", "-T", "lint", "-W", "error"), ("man", "-l", "--warnings")],
    ids=lambda words: words[0],
)
def test_the_tools_of_the_system_have_no_complaint(name, checker, tmp_path):
    if shutil.which(checker[0]) is None:
        pytest.skip(f"{checker[0]} is not installed")
    file = tmp_path / "page.1"
    file.write_text(PAGES[name])
    result = subprocess.run([*checker, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_what_roff_would_obey_is_escaped():
    assert escaped(".TH evil") == "\\&.TH evil"
    assert escaped("'s") == "\\(aqs"
    assert escaped(r"a\fB--b") == r"a\efB\-\-b"


def test_a_hostile_help_text_is_shown_and_not_obeyed():
    command = Command("x", help='.so /etc/passwd\n\n\'ig\n\n\\n(.z `-a\\` "q"\n\n\b\n.ex\n  kept')
    with click.Context(command, info_name="x") as ctx:
        lines = page(command, ctx).split("\n")
    assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= REQUESTS
    assert "\\&.ex" in lines
    assert "\\en(.z \\fB\\-a\\e\\fR \\(dqq\\(dq" in lines


def test_one_page_is_printed():
    assert run("man").stdout == PAGES["pat-check"]
    assert run("man", "baseline", "write").stdout == PAGES["pat-check-baseline-write"]


def test_every_page_is_written(tmp_path):
    result = run("man", "-o", str(tmp_path / "man1"))
    assert result.exit_code == 0
    assert {file.name for file in (tmp_path / "man1").iterdir()} == {f"{name}.1" for name in PAGES}


def test_a_page_that_is_not_there_has_a_near_miss():
    result = run("man", "baseline", "wirte")
    assert result.exit_code == 2
    assert "'baseline write'" in result.stderr
