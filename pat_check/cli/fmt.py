"""``pat-check fmt``: the canonical layout of scenarios."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pat_check import api
from pat_check.cli import FINDINGS
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.errors import TraceError


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="FILE.pat|DIR|-...", shell_complete=complete_files)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a file is laid out otherwise.")
@click.pass_context
def fmt(ctx: click.Context, /, paths: tuple[str, ...], check: bool) -> None:
    """Lay out scenarios: spaces, indentation, aligned comments. `-` formats standard input to standard output."""
    changed = 0
    for path in api.scenarios_below(path for path in paths if path != "-"):
        before = _text(Path(path).read_bytes(), path)
        after = api.formatted(before, path)
        if before == after:
            continue
        changed += 1
        click.echo(f"{'would format' if check else 'formatted'} {path}", err=True)
        if not check:
            Path(path).write_text(after, encoding="utf-8")
    if "-" in paths:
        name = "<stdin>"
        click.echo(api.formatted(_text(sys.stdin.buffer.read(), name), name), nl=False)
    if check and changed:
        ctx.exit(FINDINGS)


def _text(data: bytes, name: str) -> str:
    """What a file holds, with the ends of lines that scenarios have; nothing is written over what is no text."""
    if b"\0" in data:
        raise TraceError("is binary data and no scenario", name)
    try:
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise TraceError("is not UTF-8", name, data.count(b"\n", 0, error.start) + 1) from error
