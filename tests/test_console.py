"""Every command that README.md, examples/ or a page of docs/ shows is run, and prints what is shown there."""

import contextlib
import re
import shlex

import click
import pytest

from pat_check import api, plays
from pat_check.eras import ERAS
from pat_check.errors import TraceError
from pat_check.scenario.parser import parse
from tests import console

PAGES = [page for page in console.PAGES if page.parent.name not in ("rules", "eras")]
SHOWN = [page for page in PAGES if console.of_kind(page, "console")]
INLINE = re.compile(r"`(pat-check [^`\n]+)`")
COMMANDS = console.cli.list_commands(click.Context(console.cli))
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|\.\.\.|\bx\.pat\b")


def named(value):
    return str(value.relative_to(console.ROOT)) if hasattr(value, "relative_to") else ""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return console.program(tmp_path_factory.mktemp("program"))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A directory in which a reader could be who has typed everything that a page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("SHELL", "/bin/bash")
    (tmp_path / "examples").symlink_to(console.ROOT / "examples")
    return tmp_path


def write_files(page, folder):
    for name, text in console.files(page).items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("page", SHOWN, ids=named)
def test_what_a_page_shows_is_what_happens(page, reader, program):
    write_files(page, reader)
    for transcript in console.of_kind(page, "console"):
        for command, wanted in console.commands(transcript):
            shown = console.run(command, program)
            assert console.matches(shown, wanted), f"{command} prints\n{shown}"


@pytest.mark.parametrize("page", SHOWN, ids=named)
def test_every_line_of_a_transcript_is_a_command_or_belongs_to_one(page):
    for transcript in console.of_kind(page, "console"):
        assert transcript.startswith("$ ")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_command_in_a_script_that_cannot_be_run_here_is_one(page, reader):
    for script in console.of_kind(page, "sh", "bash"):
        for arguments in console.ours(script):
            assert console.parsed(arguments) is not None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_command_in_the_text_is_one(page, reader):
    for command in INLINE.findall(page.read_text()):
        arguments = shlex.split(command)[1:]
        if PLACEHOLDER.search(command) or len(arguments) < 2:
            name = arguments[0].rstrip(",")
            assert name.isupper() or name.startswith("-") or name in COMMANDS, command
        else:
            with contextlib.suppress(click.MissingParameter):  # `pat-check replay --output json` names no trace
                console.parsed(arguments)


SCENARIOS = [
    (page, name, text) for page in PAGES for kind, name, text in console.blocks(page) if kind == "pat" and name
]


def is_whole(name, text):
    try:
        return bool(parse(text, name))
    except TraceError:
        return False


def test_scenarios_of_the_pages_are_found():
    assert len(SCENARIOS) > 10
    assert [name for _, name, text in SCENARIOS if not is_whole(name, text)] == ["typo.pat"]


@pytest.mark.parametrize(("page", "name", "text"), [one for one in SCENARIOS if is_whole(*one[1:])], ids=named)
def test_a_scenario_of_a_page_is_laid_out(page, name, text):
    assert api.formatted(text, name) == text


@pytest.mark.parametrize(
    ("page", "name", "text"), [one for one in SCENARIOS if "#!" in one[2] or "expect" in one[2]], ids=named
)
def test_a_scenario_that_claims_something_plays_so_in_every_era(page, name, text):
    for era in ERAS:
        assert plays.play(parse(text, name), era).is_as_claimed, era


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_file_of_the_repository_that_a_page_shows_is_that_file(page):
    for kind, name, text in console.blocks(page):
        if kind in ("yaml", "json", "python") and name:
            assert (console.ROOT / name).read_text() == text


def test_the_mechanism_sees_a_difference():
    assert console.matches("a b c\n", "a ... c\n")
    assert not console.matches("a b c\n", "a ... d\n")
    assert not console.matches("a b c\nmore\n", "a b c\n")
    assert not console.matches("a b\nmore c\n", "a ... c\n")
    assert console.matches("a\nb\nc\nd\n", "a\n...\nd\n")
    assert console.matches("a\nd\n", "a\n...\nd\n")
    assert list(console.commands("$ one\nshown\n$ two\n")) == [("one", "shown\n"), ("two", "")]
    assert console.ours("dmesg | pat-check replay - --era 6.1 > x\n# pat-check no\n") == [
        ["replay", "-", "--era", "6.1"]
    ]


@pytest.mark.parametrize("wrong", ["replay --no-such-flag x", "rplay x", "baseline wrote x", "replay"])
def test_a_wrong_command_is_seen(wrong, reader):
    with pytest.raises(click.UsageError):
        console.parsed(shlex.split(wrong))
