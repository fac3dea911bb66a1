"""``pat-check compare``: the same operations under several kernels."""

from __future__ import annotations

import sys

import click

from pat_check import api
from pat_check.cli import FINDINGS
from pat_check.cli.options import color_option, eras_option, style_for
from pat_check.reporters.comparison import write_comparison


@click.command()
@click.argument("trace", metavar="TRACE|FILE.pat")
@eras_option("An era; give two or more. Default: every one.")
@click.option("--iomem", metavar="FILE", help="The machine's /proc/iomem: what is RAM.")
@click.option("--memtypes", metavar="FILE", help="A pat_memtype_list read when the trace began.")
@color_option
@click.pass_context
def compare(
    ctx: click.Context, /, trace: str, eras: tuple[str, ...], iomem: str | None, memtypes: str | None, color: str
) -> None:
    """Run the same operations under several eras and show what differs.

    Of a recording these are its reserves and frees. Exits with 1 when the eras differ in findings or final state.
    """
    if len(eras) < 2:
        ctx.fail("Name at least two eras: --era vm-pat --era pfnmap-ctx.")
    result = api.compare(trace, eras, api.Options(iomem=iomem, memtypes=memtypes))
    write_comparison(result, sys.stdout, style_for(sys.stdout, color))
    if not result.is_same:
        ctx.exit(FINDINGS)
