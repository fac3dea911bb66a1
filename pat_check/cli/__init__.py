"""The command line: one module per command, imported when it is asked for."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from pat_check import __version__
from pat_check.cli.command import ARGUMENTS, Group
from pat_check.errors import PatCheckError

COMMANDS = (
    "record",
    "replay",
    "state",
    "stats",
    "lint",
    "compare",
    "convert",
    "fmt",
    "baseline",
    "config",
    "explain",
    "rules",
    "eras",
    "doctor",
    "completion",
    "man",
)
"""In the order of ``--help``; each is a function in the module of its name."""

FINDINGS = 1  # exit code: something of severity warning or above was found
UNUSABLE = 2  # exit code: the request or the input cannot be used
_GARBAGE = 200_000
"""Objects between two searches for cyclic garbage: a replay makes next to none, and many objects that live on."""

_INTERRUPTED = 130  # 128 + SIGINT, as shells say it
_PIPE_CLOSED = 141  # 128 + SIGPIPE


class Refusal(click.ClickException):
    """A failure that is told in one line: ``pat-check: error: ...``."""

    exit_code = UNUSABLE

    def __init__(self, message: str, excerpt: str = "") -> None:
        super().__init__(message)
        self.excerpt = excerpt

    def show(self, file: Any = None) -> None:
        """Print it; a message may quote what a file or its name contains."""
        complain(self.message, self.excerpt)


def complain(message: str, excerpt: str = "") -> None:
    """Say on stderr what is wrong, in one line, with an excerpt below where there is one."""
    from pat_check.reporters.base import escaped

    click.echo(f"pat-check: error: {escaped(message)}", err=True)
    for line in excerpt.split("\n") if excerpt else ():
        click.echo(escaped(line), err=True)


def warn(message: str, kind: str = "warning") -> None:
    """Say on stderr what does not stop the work."""
    from pat_check.reporters.base import escaped

    click.echo(f"pat-check: {kind}: {escaped(message)}", err=True)


class Commands(Group):
    """The group that imports a command when it is used, and turns every failure into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = [*args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        debug = bool(os.environ.get("PAT_CHECK_DEBUG"))
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            _discard_output()
            ctx.exit(_PIPE_CLOSED)
        except PatCheckError as error:
            if debug:
                raise
            excerpt = getattr(error, "excerpt", "")
            raise Refusal(str(error).removesuffix(excerpt).rstrip("\n"), excerpt) from error
        except OSError as error:
            if debug:
                raise
            _discard_output()
            name = f"{os.fspath(error.filename)!s}: " if error.filename is not None else ""
            raise Refusal(f"{name}{error.strerror or error}") from error
        except Exception as error:
            if debug:
                raise
            problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise Refusal(f"internal error: {problem} (PAT_CHECK_DEBUG=1 shows where; please report it)") from error


def _discard_output() -> None:
    """Let nothing more be written to a standard output that is gone, not even when the interpreter ends."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    examples=(
        ("what is wrong in a recording, and why it matters", "pat-check replay trace.txt && pat-check explain RULE"),
        ("what a driver's pattern does in every kernel", "pat-check lint mmap.pat"),
    ),
    epilog="""Exit codes: 0 clean, 1 findings, 2 the request or an input cannot be used.

    Colour and links are for terminals: NO_COLOR switches both off, FORCE_COLOR colour on, PAGER shows long text.
    Every setting has a PAT_CHECK_* variable, and a key in the configuration file.""",
)
@click.version_option(__version__, prog_name="pat-check", message="%(prog)s %(version)s")
def cli() -> None:
    """Replay Linux x86 PAT traces and report broken invariants.

    A trace is ftrace text, a kernel log or a capture directory.
    """


def main() -> None:
    """The entry point of the ``pat-check`` script."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that is not UTF-8 must not end in a UnicodeEncodeError
            reconfigure(errors="backslashreplace")
    if "_PAT_CHECK_COMPLETE" in os.environ:
        from pat_check.cli.completion import answer_with_ours

        answer_with_ours()
    gc.set_threshold(_GARBAGE)
    try:
        cli(prog_name="pat-check", complete_var="_PAT_CHECK_COMPLETE")
    finally:
        gc.freeze()  # the process ends: nothing needs to be looked through once more
