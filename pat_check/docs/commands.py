"""docs/reference/commands.md: every command with its options, as click knows them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from pat_check.cli import cli
from pat_check.docs.markdown import code, page, table

_DEFAULT = re.compile(r"\s*\[(?:default: (?P<default>.*?))?(?:; )?(?P<required>required)?\]$")


def commands_page() -> str:
    """The page."""
    intro = (
        "What `pat-check COMMAND --help` says, for all of them. An option that is not given is looked up in the\n"
        "environment and in a [configuration file](configuration.md)."
    )
    ctx = click.Context(cli, info_name="pat-check")
    sections = [_section(command, sub) for command, sub in _below(cli, ctx)]
    codes = (
        "## Exit codes\n\n" + table(("Code", "Means"), (("0", "clean"), ("1", "findings"), ("2", _UNUSABLE))) + "\n"
        "Interrupted it is 130, and 141 when nobody reads the output any more, as in a shell."
    )
    return page("Commands", intro, codes, *sections)


_WIDTH = 100  # of what stands below the options: examples
_UNUSABLE = "the request or an input cannot be used; stderr says which and why"


def _below(group: click.Group, ctx: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command of a group and of the groups in it, each with the context that knows its full name."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        sub = click.Context(command, info_name=name, parent=ctx)
        yield command, sub
        if isinstance(command, click.Group):
            yield from _below(command, sub)


def _section(command: click.Command, ctx: click.Context) -> str:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    parts = [f"## {ctx.command_path}", inspect.cleandoc(command.help or ""), f"```text\n{usage}\n```"]
    rows = [_row(option, ctx) for option in command.params if isinstance(option, click.Option)]
    if isinstance(command, click.Group):
        names = [f"`{ctx.command_path} {name}`" for name in command.list_commands(ctx)]
        parts.append(f"Commands: {', '.join(names)}.")
    if rows:
        parts.append(table(("Option", "", "Default"), rows))
    below = click.HelpFormatter(width=_WIDTH)
    command.format_epilog(ctx, below)
    if text := below.getvalue().strip("\n"):
        parts.append(f"```text\n{text}\n```")
    return "\n\n".join(part.strip("\n") for part in parts)


def _row(option: click.Option, ctx: click.Context) -> tuple[str, str, str]:
    names, text = option.get_help_record(ctx) or (option.opts[0], "")
    found = _DEFAULT.search(text)
    default = "" if found is None else "required" if found["required"] else code(found["default"])
    return code(names), _DEFAULT.sub("", text), default
