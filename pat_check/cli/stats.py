"""``pat-check stats``: what is in a recording."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pat_check import api
from pat_check.cli import warn
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.progress import Progress
from pat_check.cli.settings import settings
from pat_check.reporters.base import escaped

VERSION = 1
"""Of the JSON; a key may be added without a new one."""


@click.command(
    cls=Command,
    examples=(
        ("which events a recording holds", "pat-check stats trace.txt"),
        ("the same for programs", "pat-check stats trace.txt --json"),
    ),
)
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...", shell_complete=complete_files)
@click.option("--json", "as_json", is_flag=True, help="Print them for programs.")
@settings("input-format")
def stats(traces: tuple[str, ...], as_json: bool, input_format: str | None) -> None:
    """Count the events of each TRACE by kind.

    Nothing is replayed: this shows what a recording holds, and whether a probe is missing. What stands under "not used"
    is in the recording, but the model has no use for it.
    """
    counted = []
    for trace in dict.fromkeys(traces):
        with Progress() as progress:
            counted.append(api.stats(trace, input_format, progress.update))
    if as_json:
        inputs = [{**asdict(one), "events": one.events} for one in counted]
        click.echo(json.dumps({"version": VERSION, "inputs": inputs}, indent=2))
        return
    for number, one in enumerate(counted):
        if number:
            click.echo()
        _print(one)


def _print(one: api.Stats) -> None:
    ignored = sum(one.ignored.values())
    click.echo(f"{escaped(one.path)}: {one.format}, {one.lines:,} lines, {one.events:,} events, {ignored:,} not used")
    functions = {name: one.entries.get(name, 0) + one.returns.get(name, 0) for name in (*one.entries, *one.returns)}
    if functions:
        click.echo(f"{'entries':>14}{'returns':>14}  function")
    for name in sorted(functions, key=lambda name: (-functions[name], name)):
        click.echo(f"{_number(one.entries.get(name))}{_number(one.returns.get(name))}  {name}")
    for title, kinds in (("event", one.others), ("not used", one.ignored)):
        if kinds:
            click.echo(f"{'events':>14}{'':14}  {title}")
        for name, count in kinds.items():
            click.echo(f"{count:>14,}{'':14}  {escaped(name)}")
    if one.broken:
        warn(f"{one.path}: {one.broken}")


def _number(count: int | None) -> str:
    return f"{'-' if count is None else f'{count:,}':>14}"
