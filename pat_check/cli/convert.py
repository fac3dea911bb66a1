"""``pat-check convert``: a recording as a scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pat_check import api
from pat_check.cli import warn
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import options, refuse_overwriting, replay_options

_SHOWN = 20
"""Notes on standard error; the scenario has all of them."""


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
    reserves and frees that they led to; the comment at the top says when that is all. What cannot be known, as where
    events were lost, is a comment at its place, and is said on standard error with the line of the recording.
    """
    refuse_overwriting(ctx, output, [trace], *(replay_values[name] for name in ("memtypes", "iomem", "mtrr")))
    text, notes = api.converted(trace, options(**replay_values)(trace))
    for note in notes[:_SHOWN]:
        warn(f"{note.file}:{note.line}: {note.message}" if note.line else f"{note.file}: {note.message}", "note")
    if len(notes) > _SHOWN:
        warn(f"comments in the scenario say {len(notes) - _SHOWN} more of this kind", "note")
    if output is None or output == "-":
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")
