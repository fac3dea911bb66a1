"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TextIO, TypeVar

import click

from pat_check import api
from pat_check.cli.settings import config_options, layers, origins, setting, settings
from pat_check.cli.words import era_name, unknown
from pat_check.errors import ConfigError
from pat_check.findings import Severity
from pat_check.reporters.base import Style
from pat_check.settings import Layers, Machine

F = TypeVar("F", bound=Callable[..., Any])

_REPLAY = ("era", "machine", "memtypes", "iomem", "mtrr", "input-format", "strict")
_POLICY = ("select", "ignore", "severity", "min-severity", "fail-on", "exit-zero", "suppressions", "baseline")
POLICY = tuple(name.replace("-", "_") for name in _POLICY)
"""The parameters that `policy` takes."""

_REPORT = (
    "output",
    "gen-suppressions",
    "sarif-anchor",
    "sarif-category",
    "statistics",
    "quiet",
    "verbose",
    "color",
    "links",
    "pager",
)


def replay_options(command: F) -> F:
    """What every command that replays a trace accepts; `options()` takes it."""
    return settings(*_REPLAY)(config_options(command))


def policy_options(command: F) -> F:
    """What every command that judges accepts; `policy()` takes it, but `deep` and `jobs`."""
    return settings("deep", "jobs", *_POLICY)(command)


def report_options(command: F) -> F:
    """What every command that writes a report accepts."""
    return settings(*_REPORT)(command)


def options(
    era: str,
    machine: str | None,
    memtypes: str | None,
    iomem: str | None,
    mtrr: str | None,
    input_format: str | None,
    strict: bool,
    deep: bool = False,
) -> Callable[[str], api.Options]:
    """The values of `replay_options` as the API takes them: for each path those of its machine, where it has one."""
    ctx = click.get_current_context()
    if era == "all":
        raise click.BadParameter("'all' is for `lint` and `compare`; a recording is replayed in one era.", ctx)
    machines = layers(ctx).machines
    if machine is not None and machine not in machines:
        if not machines:
            raise click.BadParameter(f"The configuration has no machines, so no {machine!r}.", ctx)
        raise click.BadParameter(unknown("machine", machine, machines), ctx)

    def of(path: str) -> api.Options:
        own = machines[machine] if machine is not None else _machine_of(path, machines)
        made = api.Options(era, _era_reason(ctx), memtypes, iomem, mtrr, input_format, strict, deep)
        if own is not None:
            made.iomem, made.mtrr, made.bars = iomem or own.iomem, mtrr or own.mtrr, own.bars
            if era == "auto" and own.era:
                made.era, made.era_reason = _era_of(own, layers(ctx)), f"as the machine {own.name} has it"
        return made

    return of


def refuse_overwriting(ctx: click.Context, output: str | None, traces: Iterable[str], *sides: str | None) -> None:
    """Fail where a file to write is a recording, one of a capture directory, or another input."""
    if output is None or output == "-":
        return
    facts = [fact for one in layers(ctx).machines.values() for fact in (one.iomem, one.mtrr)]
    if any(api.is_read(read, output) for read in (*traces, *sides, *facts) if read):
        ctx.fail(f"{output!r} is both an input and an output.")


def _era_reason(ctx: click.Context) -> str:
    origin = origins(ctx)["era"]
    return "as asked with --era" if origin == "command line" else f"as {origin} says"


def _era_of(machine: Machine, said: Layers) -> str:
    """The era that a machine has; raises ConfigError where there is none of its name."""
    assert machine.era is not None
    name, known = era_name(machine.era), [era.name for era in api.eras()]
    if name not in known:
        file = said.file.origin if said.file is not None and machine.name in said.file.machines else "--config"
        raise ConfigError(f"{file}: machines.{machine.name}: era: {unknown('era', machine.era, known)}")
    return name


def _machine_of(path: str, machines: dict[str, Machine]) -> Machine | None:
    """The machine where a trace was recorded, by the globs of its `traces`; the first that matches."""
    return next((machine for machine in machines.values() if machine.recorded(os.path.abspath(path))), None)


def policy(
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: tuple[tuple[str, Severity], ...],
    min_severity: str,
    fail_on: str,
    exit_zero: bool,
    suppressions: tuple[str, ...],
    baseline: str | None,
) -> api.Policy:
    """The values of `policy_options` as the API takes them; files are read."""
    return api.Policy(
        select,
        ignore,
        severity,
        Severity[min_severity.upper()],
        None if exit_zero else Severity[fail_on.upper()],
        tuple(entry for path in suppressions for entry in api.suppressions(path)),
        tuple(api.baseline(baseline)) if baseline is not None else None,
    )


def workers(jobs: str) -> int:
    """How many recordings are replayed at a time, as the API takes it: auto is as many as this process has CPUs."""
    if jobs != "auto":
        return int(jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def eras_option(help_text: str) -> Callable[[F], F]:
    """``--era`` of commands that run in several; `eras_of` expands its values."""

    def added(command: F) -> F:
        return setting("era", many=True, default="all", help=help_text)(config_options(command))

    return added


def eras_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of eras, each once; ``all``, and ``auto`` that fits no scenario, mean every one."""
    if "all" in names or "auto" in names:
        return tuple(era.name for era in api.eras())
    return tuple(dict.fromkeys(names))


def color_option(command: F) -> F:
    """``--color``, for commands that replay nothing."""
    return setting("color")(config_options(command))


def look_options(command: F) -> F:
    """How text for people looks, for commands that replay nothing."""
    return settings("color", "links", "pager")(config_options(command))


def style_for(out: TextIO, color: str, links: str = "never") -> Style:
    """How to write text to `out`: in colour and wrapped on a terminal, as it is everywhere else.

    NO_COLOR and FORCE_COLOR count where `color` is auto.
    """
    terminal = out.isatty()
    dumb = os.environ.get("TERM") == "dumb"
    plain = bool(os.environ.get("NO_COLOR")) or (dumb and not os.environ.get("FORCE_COLOR"))
    wanted = terminal or bool(os.environ.get("FORCE_COLOR"))
    colored = color == "always" or (color == "auto" and wanted and not plain)
    return Style(
        color=colored,
        width=_columns() if terminal else 0,
        links=links == "always" or (links == "auto" and terminal and colored and not dumb),
    )


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
