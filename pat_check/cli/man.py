"""``pat-check man``: the manual pages."""

from __future__ import annotations

from pathlib import Path

import click

from pat_check.cli.command import Command
from pat_check.cli.completing import complete_folders, complete_words
from pat_check.cli.words import unknown


def _names() -> list[str]:
    from pat_check.cli import COMMANDS

    return list(COMMANDS)


@click.command(
    cls=Command,
    examples=(
        ("read the page of a command", "pat-check man replay | man -l -"),
        ("install every page for yourself", "pat-check man -o ~/.local/share/man/man1"),
    ),
)
@click.argument("command", nargs=-1, metavar="[COMMAND...]", shell_complete=complete_words(_names))
@click.option(
    "-o", "--output", metavar="DIR", shell_complete=complete_folders, help="Write every page to this directory."
)
@click.pass_context
def man(ctx: click.Context, /, command: tuple[str, ...], output: str | None) -> None:
    """Print a manual page in roff.

    It is that of pat-check, or of a command such as `baseline write`.
    """
    from pat_check.cli import cli
    from pat_check.cli.roff import pages

    found = dict(pages(cli, "pat-check"))
    if output is not None:
        if command:
            ctx.fail("Either one COMMAND to print, or --output for all of them.")
        folder = Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            (folder / f"{name}.1").write_text(text, encoding="utf-8")
        click.echo(f"Wrote {len(found)} pages to {folder}.", err=True)
        return
    name = "-".join(("pat-check", *command))
    if name not in found:
        known = [one.removeprefix("pat-check-").replace("-", " ") for one in found if one != "pat-check"]
        ctx.fail(unknown("command", " ".join(command), known))
    click.echo(found[name], nl=False)
