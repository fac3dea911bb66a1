"""The generated pages are those of the code, and hold all of it."""

import json
import re

import click
import pytest

from pat_check import api, docs
from pat_check.cli import cli
from pat_check.docs.schema import SCHEMA
from pat_check.settings.keys import KEYS
from pat_check.settings.machines import FIELDS
from pat_check.sources.catalogue import TRACEPOINTS
from pat_check.sources.specs import SPECS

PAGES = dict(docs.pages())


def rows(page):
    """The first cell of every row of a page, as it is typed."""
    return set(re.findall(r"^\| `([^`]+)` \|", PAGES[page], re.MULTILINE))


def commands(group, *names):
    """The full name of every command, with the command."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield " ".join((*names, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


COMMANDS = dict(commands(cli, "pat-check"))


def test_generated_pages_are_up_to_date():
    assert docs.stale() == []


def test_a_page_that_was_edited_or_is_nobodys_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    (tmp_path / "reference" / "commands.md").write_text("mine")
    (tmp_path / "rules" / "gone.md").write_text("a rule that was renamed")
    assert docs.stale() == ["reference/commands.md", "rules/gone.md"]
    assert docs.main(["--check"]) == 1


def test_every_rule_and_era_has_its_page():
    names = [name for name, _ in docs.pages()]
    assert "rules/memtype-leak.md" in names
    assert "eras/pfnmap-ctx.md" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_every_option(name):
    section = re.split(r"^## ", PAGES["reference/commands.md"], flags=re.MULTILINE)
    own = next(part for part in section if part.startswith(f"{name}\n"))
    for parameter in COMMANDS[name].params:
        for flag in parameter.opts if isinstance(parameter, click.Option) else ():
            assert re.search(rf"[` ]{re.escape(flag)}[` ,]", own), flag


def test_commands_of_groups_are_among_them():
    assert "pat-check baseline write" in COMMANDS


def test_every_setting_and_every_key_of_a_machine_is_in_the_reference():
    assert {*(key.name for key in KEYS), *FIELDS} <= rows("reference/configuration.md")


def test_every_event_is_in_the_reference_with_all_its_names():
    assert {*(spec.function for spec in SPECS), *TRACEPOINTS} <= rows("reference/events.md")
    for spec in SPECS:
        row = next(
            line for line in PAGES["reference/events.md"].splitlines() if line.startswith(f"| `{spec.function}`")
        )
        for field in (*spec.fields, *spec.trailing):
            assert all(f"`{name}`" in row for name in field.names), spec.function


def test_every_input_format_is_in_the_reference():
    assert all(f"`{name}`" in PAGES["reference/inputs.md"] for name, _ in api.formats())


def test_every_key_of_the_schema_is_in_the_reference():
    schema = json.loads(SCHEMA.read_text())
    parts = re.split(r"^## ", PAGES["reference/json.md"], flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0]: part for part in parts}
    for name, kind in {"report": schema, **schema["$defs"]}.items():
        assert all(f"`{key}`" in sections[name] for key in kind.get("properties", ())), name
