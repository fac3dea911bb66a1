"""``pat-check lint``: driver patterns in every era."""

from __future__ import annotations

import sys

import click

from pat_check import api
from pat_check.cli import FINDINGS
from pat_check.cli.options import color_option, eras_option, style_for
from pat_check.reporters.matrix import write_matrix


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE.pat|DIR...")
@eras_option("In which eras; `all` or names, may be given several times.")
@color_option
@click.pass_context
def lint(ctx: click.Context, /, paths: tuple[str, ...], eras: tuple[str, ...], color: str) -> None:
    """Run scenarios in every era; report findings side by side.

    Each FILE.pat is a driver's mmap, fault and revoke pattern. Exits with 0 when exactly what the scenarios claim
    (`#! rule@eras`) is found and all they expect comes true, with 1 when not.
    """
    as_claimed = True
    for sheet in api.lint(paths, eras):
        write_matrix(sheet, sys.stdout, style_for(sys.stdout, color))
        as_claimed = as_claimed and sheet.is_as_claimed
    if not as_claimed:
        ctx.exit(FINDINGS)
