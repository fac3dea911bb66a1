"""Commands whose help is easy to read: options in sections, examples below, near misses for what is mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

Example = tuple[str, str]
"""What it does, and the command line."""

ARGUMENTS = "pat_check.arguments"
"""Where the context holds the command line as it was given."""

SECTIONS = {
    "Input": ("era", "machine", "memtypes", "iomem", "mtrr", "input_format", "strict", "deep", "jobs"),
    "What counts": (
        "select",
        "ignore",
        "severity",
        "min_severity",
        "fail_on",
        "exit_zero",
        "suppressions",
        "baseline",
    ),
    "Report": (
        "output",
        "gen_suppressions",
        "sarif_anchor",
        "sarif_category",
        "statistics",
        "quiet",
        "verbose",
        "color",
        "links",
        "pager",
    ),
    "Configuration": ("config", "isolated"),
}
"""Options of commands that have many, by the names of their parameters."""

_OTHER = "Options"
_MANY = 12  # options; fewer need no sections
_WIDEST = 28  # columns of the flags; what is wider has its help below it


def options_of(command: click.Command, ctx: click.Context) -> dict[str, list[click.Option]]:
    """The options that help shows, by the title of their section."""
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    shown = [option for option in options if not option.hidden]
    if len(shown) < _MANY:
        return {_OTHER: shown}
    titles = {name: title for title, names in SECTIONS.items() for name in names}
    found: dict[str, list[click.Option]] = {title: [] for title in (*SECTIONS, _OTHER)}
    for param in shown:
        found[titles.get(param.name or "", _OTHER)].append(param)
    own = found.pop(_OTHER)
    return {title: params for title, params in {_OTHER: own, **found}.items() if params}


class Command(click.Command):
    """A command with examples, its options in sections where there are many."""

    def __init__(self, *args: Any, examples: Iterable[Example] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = list(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every section."""
        records = {
            title: [record for option in options if (record := option.get_help_record(ctx))]
            for title, options in options_of(self, ctx).items()
        }
        width = max((len(flags) for rows in records.values() for flags, _ in rows if len(flags) <= _WIDEST), default=0)
        for title, rows in records.items():
            with formatter.section(title):
                formatter.write_dl([(flags.ljust(width), text) for flags, text in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """A group that knows near misses of its commands' names."""

    def __init__(self, *args: Any, examples: Iterable[Example] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = list(examples)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; the second one that may be meant where it names none."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            from pat_check.cli.words import unknown

            ctx.fail(unknown("command", args[0], names))
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


def write_examples(examples: list[Example], formatter: click.HelpFormatter) -> None:
    """Write examples as they would be typed, each with what it does above it."""
    if not examples:
        return
    with formatter.section("Examples"):
        for what, line in examples:
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            formatter.indent()
            formatter.write_text(what)
            formatter.dedent()
