"""``pat-check state``: what is reserved at one point of a trace."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from pat_check import api
from pat_check.cachemode import cachemode_name
from pat_check.cli import warn
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import options, replay_options
from pat_check.cli.progress import Progress
from pat_check.cli.settings import setting
from pat_check.reporters.base import escaped


@click.command(cls=Command)
@click.argument("trace", metavar="TRACE", shell_complete=complete_files)
@click.option(
    "--at",
    required=True,
    metavar="POINT",
    help="A line number, a time as the trace prints it, or the text of a marker.",
)
@click.option("--owners", is_flag=True, help="Add who holds each range, and since which line.")
@click.option(
    "--index", is_flag=True, help="Keep states of the replay in TRACE.pci, so that the next point is found fast."
)
@click.option(
    "--index-file",
    metavar="FILE",
    shell_complete=complete_files,
    help="Keep them in this file; implies --index.",
)
@replay_options
@setting("verbose", help="Also say what is done with the index.")
def state(
    trace: str, at: str, owners: bool, index: bool, index_file: str | None, verbose: bool, **replay_values: Any
) -> None:
    """Print the reservations at one point of TRACE.

    The format is that of the kernel's /sys/kernel/debug/x86/pat_memtype_list, so that `diff` compares the two.

    With --index the first run replays all of TRACE and keeps states on the way, and every other run goes on from the
    nearest of them. An index that does not fit TRACE, the options or this version any more is made anew.
    """
    with Progress() as progress:
        indexing = None
        if index or index_file is not None:
            told = partial(warn, kind="note") if verbose else lambda text: None
            indexing = api.Indexing(index_file, told, progress.update)
        reservations = api.state(trace, at, options(**replay_values)(trace), indexing)
    click.echo("PAT memtype list:")
    for held in reservations:
        line = f"PAT: [mem 0x{held.start:016x}-0x{held.end:016x}] {cachemode_name(held.type)}"
        if owners:
            since = f"{escaped(held.owner)}, since line {held.since}"
            line += f"  # {since if held.since else 'from before the trace'}"
        click.echo(line)
