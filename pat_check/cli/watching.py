"""``--watch``: the same command again, whenever something that it reads has changed.

It is a flag and no setting: a file or a variable that keeps a CI job from ever ending would be found out late.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from pat_check.cli.command import ARGUMENTS
from pat_check.cli.settings import layers

F = TypeVar("F", bound=Callable[..., Any])
Stamp = dict[str, tuple[int, int, int]]
"""Modification time, size and inode of every file that is there."""

_POLL = 0.25  # seconds between two looks
_QUIET = 0.2  # seconds without a change before a file counts as written
_PATIENCE = 3.0  # seconds that one change may take; a trace that never stops growing is read as it is
_ENDED = 128  # exit codes above it say that a signal ended the command
_CLEAR = "\x1b[H\x1b[2J"


@dataclass(slots=True)
class Watch:
    """What the last run read, by its own account."""

    paths: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)  # by the command itself: a report inside of a watched directory


watch_option = click.option(
    "--watch",
    is_flag=True,
    help="Run again whenever an input or the configuration changes, until Ctrl-C.",
)


def watching(
    ctx: click.Context, inputs: Sequence[str], sides: Collection[str] = (), outputs: Collection[str] = ()
) -> None:
    """Note what is read; where nobody watches yet, start to, which ends in the exit of the command.

    `inputs` are those that the user named, `sides` other files, `outputs` files that the command itself writes.
    """
    if "-" in inputs:
        ctx.fail("--watch needs files to watch; standard input is read only once.")
    found = layers(ctx)
    machines = [path for one in found.machines.values() for path in (one.iomem, one.mtrr) if path]
    config = [found.file.origin] if found.file is not None else ["pat-check.toml", "pyproject.toml"]
    watch = ctx.find_object(Watch)
    first = watch is None
    if watch is None:
        watch = Watch()
    watch.paths = [*inputs, *sides, *machines, *config]
    watch.written = {os.path.realpath(path) for path in outputs}
    if first:
        _watch(ctx, watch)


def _watch(ctx: click.Context, watch: Watch) -> None:
    """Run the command again and again; each run parses the command line anew, for the configuration may differ."""
    again: list[str] = ctx.meta[ARGUMENTS]
    while True:
        before = stamps(watch)
        if sys.stdout.isatty():
            sys.stdout.write(_CLEAR)
        code = _run(again, watch)
        if code > _ENDED:
            ctx.exit(code)
        if sys.stderr.isatty():
            click.echo("pat-check: watching; Ctrl-C ends", err=True)
        _wait(watch, before)


def _run(arguments: list[str], watch: Watch) -> int:
    from pat_check.cli import cli

    try:
        cli.main(arguments, prog_name="pat-check", obj=watch)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _wait(watch: Watch, before: Stamp) -> None:
    """Return when something is other than it was, and has been so for a moment."""
    while (now := stamps(watch)) == before:
        time.sleep(_POLL)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        time.sleep(_QUIET)
        if (later := stamps(watch)) == now:
            return
        now = later


def stamps(watch: Watch) -> Stamp:
    """What can be seen of every watched file; one that is not there is left out."""
    found: Stamp = {}
    for path in watch.paths:
        for file in _files(path):
            if os.path.realpath(file) in watch.written:
                continue
            try:
                seen = os.stat(file)
            except OSError:
                continue
            found[file] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names)
