"""``pat-check replay``: the main job."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TextIO

import click

from pat_check import api
from pat_check.cli import FINDINGS, UNUSABLE, complain
from pat_check.cli.options import color_option, options, replay_options, style_for, unknown
from pat_check.cli.progress import Progress
from pat_check.findings import Report, Severity
from pat_check.reporters import reporters


@dataclass(slots=True)
class Output:
    """One wish of ``--output``: which reporter, and where to; no path is standard output."""

    reporter: str
    path: str | None


def _outputs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[Output]:
    """The values of ``--output``."""
    known = reporters()
    outputs = []
    for value in values:
        reporter, equals, path = value.partition("=")
        if reporter not in known:
            raise click.BadParameter(unknown("output", reporter, known), ctx, param)
        if equals and not path:
            raise click.BadParameter(f"{value!r} names no file.", ctx, param)
        outputs.append(Output(reporter, None if path in ("", "-") else path))
    return outputs


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@replay_options
@click.option(
    "--output",
    "outputs",
    callback=_outputs,
    multiple=True,
    default=("text",),
    show_default=True,
    metavar="FORMAT[=FILE]",
    help="Report as `text` or `json`; may be given several times.",
)
@click.option(
    "--min-severity",
    type=click.Choice([str(severity) for severity in Severity]),
    default=str(Severity.INFO),
    show_default=True,
    help="Leave out what is less severe, also from the exit code.",
)
@color_option
@click.pass_context
def replay(
    ctx: click.Context,
    /,
    traces: tuple[str, ...],
    outputs: list[Output],
    min_severity: str,
    color: str,
    **replay_values: Any,
) -> None:
    """Replay each TRACE and report every broken invariant.

    TRACE is a recording, also compressed, a capture directory, a scenario (FILE.pat), or - for standard input.

    Exits with 0 when all is clean, 1 when there are findings of severity warning or above, 2 when the request or
    an input cannot be used.
    """
    _check_outputs(ctx, traces, outputs)
    with ExitStack() as files:
        targets = [(output, _open(output, files)) for output in outputs]
        with Progress() as progress:
            report = api.check(traces, options(**replay_values), progress.update)
        findings = [finding for finding in report.findings if finding.severity >= Severity[min_severity.upper()]]
        report = Report(report.version, report.inputs, findings)
        failed = [an_input for an_input in report.inputs if an_input.error]
        for an_input in failed:
            complain(an_input.error, an_input.excerpt)
        for output, out in targets:
            if output.reporter == "text" and out is sys.stdout and len(failed) == len(report.inputs):
                continue  # stderr has said it all
            style = style_for(out, color)
            if output.reporter == "text":
                style.source_lines = api.quoted(report)
            reporters()[output.reporter]().write(report, out, style)
    worst = report.worst()
    if failed:
        ctx.exit(UNUSABLE)
    if worst is not None and worst >= Severity.WARNING:
        ctx.exit(FINDINGS)


def _check_outputs(ctx: click.Context, traces: tuple[str, ...], outputs: list[Output]) -> None:
    """Refuse what would mix two reports, or write one over what it is about."""
    paths = [output.path for output in outputs]
    if len(set(paths)) < len(paths):
        ctx.fail("Two reports cannot go to the same place; give one a file: --output json=FILE.")
    for path in paths:
        for trace in traces:
            if path and os.path.exists(path) and os.path.exists(trace) and os.path.samefile(path, trace):
                ctx.fail(f"{path!r} is both a trace and an output.")


def _open(output: Output, files: ExitStack) -> TextIO:
    """Open the output's file before the work begins, so that a bad name costs no time."""
    if output.path is None:
        return sys.stdout
    return files.enter_context(open(output.path, "w", encoding="utf-8", errors="backslashreplace"))
