"""``pat-check doctor``: what this machine offers to a recorder."""

from __future__ import annotations

import click

from pat_check.cli import UNUSABLE
from pat_check.record.files import Files
from pat_check.record.machine import examine
from pat_check.record.report import can_record, doctor_lines


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say whether this machine can record, and what is missing.

    Looks at PAT, tracefs, probes, BTF, lockdown and the kernel's list of reservations, and says how to get what is not
    there. Exits with 0 when `record` can work, with 2 when not.
    """
    checks = examine(Files())
    for line in doctor_lines(checks):
        click.echo(line)
    if not can_record(checks):
        ctx.exit(UNUSABLE)
