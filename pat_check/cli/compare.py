"""``pat-check compare``: the same operations under several kernels."""

from __future__ import annotations

import sys

import click

from pat_check import api
from pat_check.cli import FINDINGS
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import eras_of, eras_option, style_for
from pat_check.cli.settings import settings
from pat_check.reporters.comparison import write_comparison


@click.command(cls=Command)
@click.argument("trace", metavar="TRACE|FILE.pat", shell_complete=complete_files)
@eras_option("An era; give two or more. Default: every one.")
@settings("iomem", "memtypes", "color")
@click.pass_context
def compare(
    ctx: click.Context, /, trace: str, era: tuple[str, ...], iomem: str | None, memtypes: str | None, color: str
) -> None:
    """Run the same operations in several eras, side by side.

    What differs is shown. Of a recording these are the operations that `convert` writes.

    Exits with 1 when the eras differ in findings or final state.
    """
    eras = eras_of(era)
    if len(eras) < 2:
        ctx.fail("Name at least two eras: --era vm-pat --era pfnmap-ctx.")
    result = api.compare(trace, eras, api.Options(iomem=iomem, memtypes=memtypes))
    write_comparison(result, sys.stdout, style_for(sys.stdout, color))
    if not result.is_same:
        ctx.exit(FINDINGS)
