"""docs/scenarios.md: every operation is named, and every command in its text runs; test_console.py does the rest."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from pat_check.cli import cli
from pat_check.scenario.expectations import BITS, FLAGS
from pat_check.scenario.operations import LOCKS, OPERATIONS
from pat_check.scenario.words import KEYWORDS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "scenarios.md").read_text()
FENCED = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SCENARIOS = {name: text for kind, name, text in FENCED if kind == "pat"}
NAMED = {word for words in re.findall(r"`([^`\n]+)`", TEXT) for word in re.findall(r"[A-Za-z_]\w*", words)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory in which a reader could be who has typed everything so far."""
    made = tmp_path_factory.mktemp("reader")
    for name, text in SCENARIOS.items():
        (made / name).write_text(text)
    (made / "examples").symlink_to(ROOT / "examples")
    return made


def test_a_command_in_the_text_exists():
    for command in re.findall(r"`pat-check ([a-z]+)", TEXT):
        assert command in cli.list_commands(None)


def test_a_command_in_the_text_that_can_be_run_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    inline = [command for command in re.findall(r"`pat-check ([^`]+)`", TEXT) if not re.search(r"[A-Z]{3}", command)]
    assert "explain tracking-refault-mode" in inline
    for command in inline:
        result = CliRunner().invoke(cli, shlex.split(command), prog_name="pat-check")
        assert result.exit_code in (0, 1) or len(command.split()) == 1, command


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_in_the_docs(operation):
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert re.search(rf"`(?:\w+ = )?{operation}\b", rows)


@pytest.mark.parametrize("block", LOCKS)
def test_a_block_is_in_the_docs(block):
    assert block in NAMED


def test_every_word_of_operations_and_expectations_is_in_the_docs():
    named = {word for words in re.findall(r"`([^`\n]+)`", TEXT) for word in re.findall(r"[A-Za-z_][\w-]*", words)}
    words = {word for verb in OPERATIONS.values() for word in verb.words}
    assert sorted({*words, *BITS, *FLAGS} - named) == []


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_declaration_is_in_the_docs(keyword):
    assert re.search(rf"`{keyword} ", TEXT)


def test_what_the_tables_call_an_operation_is_one():
    section = TEXT[TEXT.index("### Operations") : TEXT.index("### Blocks")]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    first = {re.sub(r"^\w+ = ", "", words).split()[0] for cell in cells for words in re.findall(r"`([^`]+)`", cell)}
    assert first - set(OPERATIONS) <= {"rw", "dofork"}
