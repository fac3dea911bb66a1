"""``pat-check convert``: a recording as a scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pat_check import api
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import options, refuse_overwriting, replay_options


@click.command(cls=Command)
@click.argument("trace", metavar="TRACE", shell_complete=complete_files)
@click.option(
    "-o", "--output", metavar="FILE", shell_complete=complete_files, help="Where to write it; default: standard output."
)
@replay_options
@click.pass_context
def convert(ctx: click.Context, /, trace: str, output: str | None, **replay_values: Any) -> None:
    """Write what a recording does as a scenario.

    Mappings, unmaps, forks, exits and ioremaps are written as operations where the recording shows them, else the
    reserves and frees that they led to; the comment at the top says when that is all.
    """
    refuse_overwriting(ctx, output, [trace], *(replay_values[name] for name in ("memtypes", "iomem", "mtrr")))
    text = api.convert(trace, options(**replay_values)(trace))
    if output is None or output == "-":
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")
