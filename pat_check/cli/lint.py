"""``pat-check lint``: driver patterns in every era."""

from __future__ import annotations

import sys

import click

from pat_check import api
from pat_check.cli import FINDINGS
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import eras_of, eras_option, style_for
from pat_check.cli.settings import settings
from pat_check.cli.watching import watch_option, watching
from pat_check.reporters.matrix import write_matrix


@click.command(
    cls=Command,
    examples=(
        ("every scenario of a driver, in every kernel", "pat-check lint tests/pat/"),
        ("what 6.12 and 6.16 make of one", "pat-check lint mmap.pat --era 6.12 --era 6.16"),
        ("again whenever the file is saved", "pat-check lint mmap.pat --watch"),
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE.pat|DIR...", shell_complete=complete_files)
@watch_option
@eras_option("In which eras; `all` or names, may be given several times.")
@settings("color")
@click.pass_context
def lint(ctx: click.Context, /, paths: tuple[str, ...], watch: bool, era: tuple[str, ...], color: str) -> None:
    """Run scenarios in every era; report findings side by side.

    Each FILE.pat is a driver's mmap, fault and revoke pattern. Exits with 0 when exactly what the scenarios claim
    (`#! rule@eras`) is found and all they expect comes true, with 1 when not.
    """
    if watch:
        watching(ctx, paths)
    as_claimed = True
    for sheet in api.lint(paths, eras_of(era)):
        write_matrix(sheet, sys.stdout, style_for(sys.stdout, color))
        as_claimed = as_claimed and sheet.is_as_claimed
    if not as_claimed:
        ctx.exit(FINDINGS)
