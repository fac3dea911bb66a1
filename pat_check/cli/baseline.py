"""``pat-check baseline``: the findings that a team has agreed to live with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pat_check import api
from pat_check.cli import UNUSABLE, complain
from pat_check.cli.command import Command, Group
from pat_check.cli.completing import complete_files
from pat_check.cli.options import (
    POLICY,
    color_option,
    options,
    policy,
    policy_options,
    refuse_overwriting,
    replay_options,
    style_for,
    workers,
)
from pat_check.cli.progress import Progress
from pat_check.cli.settings import settings
from pat_check.findings import counted
from pat_check.reporters.page import Page

DEFAULT = "pat-check-baseline.json"
"""Where a baseline is written when nobody says where."""


@click.group(cls=Group)
def baseline() -> None:
    """Write or show a baseline: findings that do not fail a run.

    `pat-check replay --baseline FILE` shows them as baselined, and lists those that are gone.
    """


@baseline.command(cls=Command)
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...", shell_complete=complete_files)
@click.option(
    "-o",
    "--to",
    metavar="FILE",
    shell_complete=complete_files,
    help=f"Where to write it; default: --baseline, else {DEFAULT}.",
)
@replay_options
@policy_options
@click.pass_context
def write(ctx: click.Context, /, traces: tuple[str, ...], to: str | None, **values: Any) -> None:
    """Replay each TRACE and write what is found as a baseline.

    What is suppressed or not selected is left out. The file goes where --baseline says, so that after a team has
    set it in its configuration the same command refreshes it.
    """
    chosen = {name: values.pop(name) for name in POLICY}
    jobs = workers(values.pop("jobs"))
    target = to or chosen["baseline"] or DEFAULT
    chosen["baseline"] = None
    sides = (values[name] for name in ("memtypes", "iomem", "mtrr"))
    refuse_overwriting(ctx, target, traces, *sides, *chosen["suppressions"])
    judged, replayed = policy(**chosen), options(**values)
    with Progress() as progress:
        report = api.check(traces, replayed, progress.update, judged, jobs)
    failed = [an_input for an_input in report.inputs if an_input.error]
    for an_input in failed:
        complain(an_input.error, an_input.excerpt)
    if failed:
        ctx.exit(UNUSABLE)
    text = api.baseline_text(report)
    if target == "-":
        sys.stdout.write(text)
        return
    Path(target).write_text(text, encoding="utf-8")
    number = len(api.baseline(target))
    click.echo(f"{target}: {counted(number, 'finding')} of {counted(len(report.inputs), 'input')}", err=True)


@baseline.command(cls=Command)
@click.argument("file", required=False, metavar="[FILE]", shell_complete=complete_files)
@settings("baseline")
@color_option
def show(file: str | None, baseline: str | None, color: str) -> None:
    """Print what a baseline holds.

    It is FILE, else that of --baseline, else pat-check-baseline.json.
    """
    file = file or baseline or DEFAULT
    page = Page(sys.stdout, style_for(sys.stdout, color))
    known = api.baseline(file)
    for one in known:
        page.line((f"{one.file}: ", "bold"), f"{one.message} [{one.rule}]")
    page.line(f"{counted(len(known), 'finding')} in {file}")
