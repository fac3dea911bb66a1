"""``pat-check replay``: the main job."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

import click

from pat_check import api
from pat_check.cli import FINDINGS, UNUSABLE, complain, warn
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_files
from pat_check.cli.options import (
    POLICY,
    options,
    policy,
    policy_options,
    refuse_overwriting,
    replay_options,
    report_options,
    style_for,
    workers,
)
from pat_check.cli.progress import Progress
from pat_check.cli.settings import origins
from pat_check.cli.watching import watch_option, watching
from pat_check.cli.words import unknown
from pat_check.findings import Report
from pat_check.reporters import reporter_named, reporters
from pat_check.reporters.base import Style


class Output(NamedTuple):
    """One wish of ``--output``: which reporter, and where to; no path is standard output."""

    reporter: str
    path: str | None


@click.command(
    cls=Command,
    examples=(
        ("what is wrong in a recording", "pat-check replay trace.txt"),
        ("a capture directory, for people and as SARIF", "pat-check replay DIR --output text --output sarif=pat.sarif"),
        ("the kernel log of a machine booted with debugpat", "dmesg | pat-check replay -"),
        ("memtype rules only, and only errors fail the run", "pat-check replay t.txt --select memtype --fail-on error"),
        ("again whenever the trace is recorded anew", "pat-check replay trace.txt --watch"),
    ),
)
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...", shell_complete=complete_files)
@watch_option
@replay_options
@policy_options
@report_options
@click.pass_context
def replay(ctx: click.Context, /, traces: tuple[str, ...], watch: bool, **values: Any) -> None:
    """Replay each TRACE and report every broken invariant.

    TRACE is a recording, also compressed, a capture directory, a scenario (FILE.pat), or - for standard input.

    Exits with 0 when all is clean, 1 when there are findings from --fail-on on that are neither suppressed nor in
    the baseline, 2 when the request or an input cannot be used.
    """
    traces = tuple(dict.fromkeys(traces))  # a recording that is named twice did what it did once
    outputs = _outputs(ctx, values.pop("output"), also_suppressions=values.pop("gen_suppressions"))
    shown = _Shown(**{name: values.pop(name) for name in _Shown.__annotations__})
    chosen = {name: values.pop(name) for name in POLICY}
    jobs = workers(values.pop("jobs"))
    sides = [values[name] for name in ("memtypes", "iomem", "mtrr")] + [*chosen["suppressions"], chosen["baseline"]]
    _check_outputs(ctx, outputs, traces, sides)
    if watch:
        watching(ctx, traces, [side for side in sides if side], [one.path for one in outputs if one.path])
    judged, replayed = policy(**chosen), options(**values)
    if shown.verbose:
        _tell_settings(ctx)
    with ExitStack() as files:
        targets = [(output, _open(output, files)) for output in outputs]
        with Progress() as progress:
            report = api.check(traces, replayed, progress.update, judged, jobs)
        failed = [an_input for an_input in report.inputs if an_input.error]
        for an_input in failed:
            complain(an_input.error, an_input.excerpt)
        for output, out in targets:
            if output.reporter in _FOR_PEOPLE and out is sys.stdout and len(failed) == len(report.inputs):
                continue  # stderr has said it all
            if output.reporter in _FOR_PEOPLE and out is sys.stdout:
                from pat_check.cli.paging import page

                with page(shown.color, shown.links, "never" if watch else shown.pager) as (paged, style):
                    _write(output.reporter, report, paged, shown.dressed(style))
            else:
                _write(output.reporter, report, out, shown.dressed(style_for(out, shown.color, shown.links)))
    if failed:
        ctx.exit(UNUSABLE)
    if report.failing():
        ctx.exit(FINDINGS)


_FOR_PEOPLE = ("text", "concise")


@dataclass(slots=True)
class _Shown:
    """The options that say how a report looks."""

    sarif_anchor: tuple[str, int] | None
    sarif_category: str | None
    statistics: bool
    quiet: bool
    verbose: bool
    color: str
    links: str
    pager: str

    def dressed(self, style: Style) -> Style:
        """The style of an output with all that the options say."""
        style.quiet, style.verbose, style.statistics = self.quiet, self.verbose, self.statistics
        style.anchor, style.category = self.sarif_anchor, self.sarif_category or ""
        return style


def _outputs(ctx: click.Context, values: tuple[str, ...], *, also_suppressions: bool) -> list[Output]:
    """The values of ``--output``."""
    outputs = []
    for value in (*values, *(["suppressions"] if also_suppressions else [])):
        reporter, equals, path = value.partition("=")
        if reporter_named(reporter) is None:
            raise click.BadParameter(unknown("output", reporter, reporters()), ctx, param_hint="--output")
        if equals and not path:
            raise click.BadParameter(f"{value!r} names no file.", ctx, param_hint="--output")
        outputs.append(Output(reporter, None if path in ("", "-") else path))
    return outputs


def _check_outputs(ctx: click.Context, outputs: list[Output], traces: tuple[str, ...], sides: list[str | None]) -> None:
    """Refuse what would mix two reports, or write one over what it is about."""
    paths = [output.path for output in outputs if output.reporter != "suppressions"]
    if len(set(paths)) < len(paths):
        ctx.fail("Two reports cannot go to the same place; give one a file: --output json=FILE.")
    for output in outputs:
        refuse_overwriting(ctx, output.path, traces, *sides)


def _open(output: Output, files: ExitStack) -> TextIO:
    """Open the output's file before the work begins, so that a bad name costs no time."""
    if output.path is None:
        return sys.stdout
    return files.enter_context(open(output.path, "w", encoding="utf-8", errors="backslashreplace"))


def _write(name: str, report: Report, out: TextIO, style: Style) -> None:
    if name == "text":
        style.source_lines = api.quoted(report)
    reporter = reporter_named(name)
    assert reporter is not None
    reporter().write(report, out, style)


def _tell_settings(ctx: click.Context) -> None:
    for name, origin in origins(ctx).items():
        if origin not in ("default", "command line"):
            warn(f"{name} comes from {origin}", "note")
