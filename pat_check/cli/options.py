"""Options that several commands share, and values that know their near misses."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any, TextIO, TypeVar

import click

from pat_check import api
from pat_check.errors import UnknownEra
from pat_check.reporters.base import Style

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """``Unknown era 'vm-pat-6.11'. Did you mean 'vm-pat-6.12'?``."""
    names = list(known)
    near = difflib.get_close_matches(name, names) or [other for other in names if name and name in other][:3]
    if near:
        return f"Unknown {what} {name!r}. Did you mean {' or '.join(map(repr, near))}?"
    return f"Unknown {what} {name!r}. Known: {', '.join(names)}."


def era_name(value: str) -> str:
    """The name of an era that is given by name or as a kernel release; other words as they are."""
    try:
        return api.era_of(value).name
    except UnknownEra:
        return value


def one_of(what: str, names: Callable[[], Iterable[str]]) -> Callable[[click.Context, click.Parameter, T], T]:
    """A callback that accepts only these names; they are looked up when a value is given, not for ``--help``."""

    def accept(ctx: click.Context, param: click.Parameter, value: T) -> T:
        if value is not None and value not in (known := list(names())):
            raise click.BadParameter(unknown(what, str(value), known), ctx, param)
        return value

    return accept


def _one_era(ctx: click.Context, param: click.Parameter, value: str) -> str:
    return one_of("era", lambda: ["auto", *(era.name for era in api.eras())])(ctx, param, era_name(value))


def replay_options(command: F) -> F:
    """What every command that replays a trace accepts; `options()` takes it."""
    for option in reversed(
        (
            click.option(
                "--era",
                callback=_one_era,
                default="auto",
                show_default=True,
                metavar="ERA",
                help="Which kernel's behaviour to replay: a name of `pat-check eras`, or a release such as 6.12.",
            ),
            click.option("--memtypes", metavar="FILE", help="A pat_memtype_list read when the trace began."),
            click.option("--iomem", metavar="FILE", help="The machine's /proc/iomem: what is RAM."),
            click.option("--mtrr", metavar="FILE", help="The machine's /proc/mtrr."),
            click.option(
                "--input-format",
                callback=one_of("format", lambda: [name for name, _ in api.formats()]),
                metavar="FORMAT",
                help="Do not guess the format of TRACE.",
            ),
            click.option("--strict", is_flag=True, help="Damage in a trace is an error."),
        )
    ):
        command = option(command)
    return command


def options(
    era: str, memtypes: str | None, iomem: str | None, mtrr: str | None, input_format: str | None, strict: bool
) -> api.Options:
    """The values of `replay_options` as the API takes them."""
    return api.Options(era, memtypes, iomem, mtrr, input_format, strict)


def eras_option(help_text: str) -> Callable[[F], F]:
    """``--era`` of commands that run in several; its value is a tuple of names."""

    def expanded(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        known = [era.name for era in api.eras()]
        values = tuple(era_name(value) for value in values)
        for value in values:
            if value != "all" and value not in known:
                raise click.BadParameter(unknown("era", value, ["all", *known]), ctx, param)
        return tuple(known) if "all" in values else tuple(dict.fromkeys(values))

    return click.option(
        "--era",
        "eras",
        multiple=True,
        default=("all",),
        show_default=True,
        metavar="ERA",
        callback=expanded,
        help=help_text,
    )


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the text; `auto` does so on a terminal unless NO_COLOR is set.",
)


def style_for(out: TextIO, color: str) -> Style:
    """How to write text to `out`: in colour and wrapped on a terminal, as it is everywhere else."""
    terminal = out.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Style(
        color=color == "always" or (color == "auto" and terminal and not plain),
        width=shutil.get_terminal_size().columns if terminal else 0,
    )
