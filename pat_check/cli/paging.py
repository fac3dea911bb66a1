"""Long text on a terminal: through the user's pager, and as it is wherever there is none."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from pat_check.cli.options import style_for
from pat_check.reporters.base import Style

_PAGERS = ("less", "more")
_LESS = "FRX"  # quit where it fits one screen, pass colours, leave the text on the screen


@contextmanager
def page(color: str, links: str, pager: str) -> Iterator[tuple[TextIO, Style]]:
    """Where a command writes text for people, and how: standard output, through a pager where it is long."""
    style = style_for(sys.stdout, color, links)
    if not sys.stdout.isatty() or pager == "never" or os.environ.get("TERM") == "dumb":
        yield sys.stdout, style
        return
    text = io.StringIO()
    yield text, style
    show(text.getvalue())


def show(text: str) -> None:
    """Show text on the terminal, with a pager when it is longer than that.

    A pager that is missing, or fails, costs nothing: the text is then printed.
    """
    if _height(text) < shutil.get_terminal_size().lines or not _paged(text):
        sys.stdout.write(text)


def _height(text: str) -> int:
    """How many lines of the terminal a text takes."""
    width = max(shutil.get_terminal_size().columns, 1)
    return sum(max(-(-len(click.unstyle(line)) // width), 1) for line in text.splitlines())


def _command() -> list[str]:
    """The user's pager; none where PAGER is empty, or says that text is to be printed."""
    wanted = os.environ.get("PAGER")
    if wanted is None:
        found = next((path for name in _PAGERS if (path := shutil.which(name))), None)
        return [found] if found else []
    try:
        words = shlex.split(wanted)
    except ValueError:  # a quote that nobody closes
        return []
    return [] if words == ["cat"] else words


def _paged(text: str) -> bool:
    """Show text with the pager; whether that worked."""
    command = _command()
    if not command:
        return False
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the pager
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            env={"LESS": _LESS, **os.environ},
            text=True,
            encoding=sys.stdout.encoding,
            errors="backslashreplace",
        )
        try:
            child.communicate(text)
        except BrokenPipeError:  # it was left before the end
            child.wait()
        return child.returncode == 0
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, before)
