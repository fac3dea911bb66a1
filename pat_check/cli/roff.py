"""Manual pages in roff, made from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from pat_check import __version__
from pat_check.cli.command import Command, Group, options_of
from pat_check.settings.keys import KEYS

_CODE = re.compile(r"`([^`]+)`")
_NO_REWRAP = "\b"
_EXITS = (
    ("0", "Everything is clean."),
    ("1", "There are findings that fail the run; for `lint`, `compare` and `fmt --check`, what they look for."),
    ("2", "The request, the configuration or an input cannot be used."),
)
_VARIABLES = (
    ("NO_COLOR", "When set, no colour and no links."),
    ("FORCE_COLOR", "When set, colour also where standard output is no terminal."),
    ("PAGER", "The program that shows text longer than the terminal; empty or `cat` for none."),
    ("PAT_CHECK_CONFIG", "Values of --config, separated by commas."),
    ("PAT_CHECK_ISOLATED", "The same as --isolated."),
    ("PAT_CHECK_PURE", "When 1, everything is read by the decoders in Python, also where the compiled one is there."),
    ("PAT_CHECK_DEBUG", "When set, a failure of pat-check itself shows where."),
)


def pages(root: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Name and text of the page of a command and of every command below it: ``pat-check-baseline-write``."""
    with click.Context(root, info_name=name, **root.context_settings) as ctx:
        yield from _pages(root, ctx)


def _pages(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield ctx.command_path.replace(" ", "-"), page(command, ctx)
    for name, below in commands_of(command, ctx):
        yield from _pages(below, click.Context(below, info_name=name, parent=ctx))


def commands_of(command: click.Command, ctx: click.Context) -> list[tuple[str, click.Command]]:
    """The commands of a group; none of a plain command."""
    if not isinstance(command, click.Group):
        return []
    found = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
    return [(name, below) for name, below in found if below is not None and not below.hidden]


def page(command: click.Command, ctx: click.Context) -> str:
    """One page."""
    path = ctx.command_path
    name = path.replace(" ", "-")
    lines = [
        f'.TH "{escaped(name.upper())}" "1" "" "pat\\-check {escaped(__version__)}" "pat\\-check"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(_first(command))}",
        ".SH SYNOPSIS",
        f".B {escaped(path)}",
        *(escaped(piece) for piece in command.collect_usage_pieces(ctx)),
        ".SH DESCRIPTION",
        *_prose(command.help or ""),
    ]
    for title, options in options_of(command, ctx).items():
        lines.append(f".SH {escaped(title.upper())}")
        for option in options:
            flags, text = option.get_help_record(ctx) or ("", "")
            lines += [".TP", f"\\fB{escaped(flags)}\\fR", *_prose(text)]
    if below := commands_of(command, ctx):
        lines.append(".SH COMMANDS")
        for one, its in below:
            lines += [".TP", f"\\fB{escaped(f'{name}-{one}')}\\fR(1)", *_prose(_first(its))]
    examples = command.examples if isinstance(command, Command | Group) else []
    if examples:
        lines.append(".SH EXAMPLES")
        for what, line in examples:
            lines += [".TP", f"\\fB{escaped(line)}\\fR", *_prose(f"{what[:1].upper()}{what[1:]}.")]
    if ctx.parent is None:
        lines += _of_all()
    else:
        lines += [".SH SEE ALSO", f"\\fB{escaped(ctx.parent.command_path.replace(' ', '-'))}\\fR(1)"]
    return "\n".join(lines) + "\n"


def _of_all() -> list[str]:
    """What concerns every command."""
    lines = [".SH EXIT STATUS"]
    for code, text in _EXITS:
        lines += [".TP", code, *_prose(text)]
    lines.append(".SH ENVIRONMENT")
    for name, text in (*_VARIABLES, *((key.variable, f"The same as --{key.name}.") for key in KEYS)):
        lines += [".TP", f"\\fB{escaped(name)}\\fR", *_prose(text)]
    lines += [".SH FILES", ".TP", "\\fIpat\\-check.toml\\fR, \\fIpyproject.toml\\fR"]
    lines += _prose("The configuration: the nearest one, going up; the second with a table [tool.pat-check].")
    return lines


def _first(command: click.Command) -> str:
    """What a command does, in one line without its full stop."""
    return inspect.cleandoc(command.help or "").split("\n\n", 1)[0].replace("\n", " ").replace("`", "").rstrip(".")


def _prose(text: str) -> list[str]:
    """Paragraphs as lines of roff; those that click must not wrap stay as they are."""
    lines: list[str] = []
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            lines.append(".sp")
        if paragraph.startswith(_NO_REWRAP):
            lines += [".nf", *map(_inline, paragraph.split("\n")[1:]), ".fi"]
        else:
            lines += [_inline(line) for line in paragraph.split("\n") if line.strip()]
    return lines


def _inline(line: str) -> str:
    """One line of prose: what stands between backquotes is bold."""
    parts = _CODE.split(line.strip())
    shown = "".join(f"\\fB{_plain(part)}\\fR" if number % 2 else _plain(part) for number, part in enumerate(parts))
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


def escaped(text: str) -> str:
    r"""Text in which roff finds nothing to obey: ``\``, a hyphen that must stay one, a dot that begins a line."""
    text = _plain(" ".join(text.split()))
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _plain(text: str) -> str:
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    return plain.replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
