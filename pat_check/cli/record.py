"""``pat-check record``: from a live kernel to a capture."""

from __future__ import annotations

from typing import Any

import click

from pat_check.cli import warn
from pat_check.record.files import Files
from pat_check.record.recorder import record as _record
from pat_check.record.report import outcome_lines
from pat_check.record.request import Outcome, Request
from pat_check.record.scripts import SCRIPTS, script
from pat_check.record.wanted import GROUPS

_KEPT = 30.0  # seconds that a flight recorder keeps


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("-o", "--output", default="", metavar="DIR", help="Where to; a new directory named for the time.")
@click.option(
    "--probes",
    type=click.Choice(GROUPS),
    default="mm",
    show_default=True,
    help="Reservations only; also who tracks PFN mappings; also VMAs and page tables; also what people read.",
)
@click.option(
    "--function", "functions", multiple=True, metavar="[MODULE:]NAME", help="Probe this function, too; may be repeated."
)
@click.option("--pid", type=click.IntRange(1), metavar="N", help="Only this process and those it forks.")
@click.option("--comm", default="", metavar="NAME", help="VMAs and page tables only of processes of this name.")
@click.option("--follow", is_flag=True, help="Only COMMAND and those it forks; hides what others reserve.")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Stop after so many seconds, and end COMMAND.",
)
@click.option(
    "--buffer",
    type=click.IntRange(1),
    metavar="KB",
    help="For each CPU; else chosen, and grown when needed.",
)
@click.option("--live", is_flag=True, help="Replay while recording and show findings as they happen.")
@click.option("--until-finding", is_flag=True, help="Stop at the first finding (warning or worse); see --keep.")
@click.option(
    "--keep",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Keep only the last seconds; 30 with --until-finding.",
)
@click.option(
    "--kernel-btf",
    default="",
    metavar="PATH",
    help="Types of the kernel: vmlinux, raw BTF, or a copy of /sys/kernel/btf.",
)
@click.option(
    "--print", "tool", type=click.Choice(SCRIPTS), help="Print a script that records, for a machine without Python."
)
def record(*, tool: str | None, live: bool, until_finding: bool, command: tuple[str, ...], **values: Any) -> None:
    """Record what this kernel does with PAT, for `replay`; needs root.

    Runs COMMAND, or waits for --duration or Ctrl-C. SIGUSR1, or `snapshot NAME` written to the file
    $PAT_CHECK_TRACE_MARKER, saves the kernel's list of reservations on the way.

    Exits with 0 when the capture is whole, whatever COMMAND says, and with 2 when nothing could be recorded.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if until_finding:
        given.setdefault("keep", _KEPT)
    given["functions"] = list(given["functions"])
    request, files = Request(command=list(command), **given), Files()
    if tool is not None:
        click.echo(script(tool, request, files), nl=False)
        return
    if not (live or until_finding):
        _tell(_record(request, files, _say))
        return
    from pat_check.cli.live import View

    with View(until_finding=until_finding) as view:
        outcome = _record(request, files, view.say, view.live)
    _tell(outcome)


def _say(line: str) -> None:
    warn(line, "note")


def _tell(outcome: Outcome) -> None:
    for line in outcome_lines(outcome):
        _say(line)
