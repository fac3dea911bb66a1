"""``pat-check convert``: a recording as a scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pat_check import api
from pat_check.cli.options import options, replay_options


@click.command()
@click.argument("trace", metavar="TRACE")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; default: standard output.")
@replay_options
def convert(trace: str, output: str | None, **replay_values: Any) -> None:
    """Write a recording as a scenario with the same final state."""
    text = api.convert(trace, options(**replay_values))
    if output is None or output == "-":
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")
