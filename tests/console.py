"""Commands that a Markdown page shows: found, run in a directory like the reader's, and compared with what is shown.

A ``console`` block holds commands after ``$ `` with what they print; ``...`` stands for the rest of a line there, and
on a line of its own for any lines. A block with a file's name, such as ``pat first.pat``, is that file, which a reader
has typed. An ``sh`` block is not run: it needs root, a network or a service.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from pat_check.cli import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^```(?P<kind>[\w{}]+)? ?(?P<name>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = set("|&;<>$`*?(){}~#")
_OURS = re.compile(r"(?:^|[;&|(]|\bthen|\bdo|\$\()\s*(?P<command>pat-check\b[^;&|#<>)\n]*)", re.MULTILINE)


def blocks(page):
    """Every block of a page: its kind, its name and its text."""
    return [(found["kind"] or "", found["name"], found["text"]) for found in _FENCED.finditer(page.read_text())]


def of_kind(page, *kinds):
    return [text for kind, _, text in blocks(page) if kind in kinds]


def files(page):
    """The files that a page has its reader write: scenarios, settings, suppressions."""
    return {name: text for kind, name, text in blocks(page) if name and kind in ("pat", "toml", "text")}


def commands(transcript):
    """Each command with what it shows."""
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def matches(shown, wanted):
    """Whether a text is as a page has it, but for what ``...`` leaves out."""
    lines = [
        r"(?:.*\n)*" if line == "...\n" else ".*".join(map(re.escape, line.split("...")))
        for line in wanted.splitlines(keepends=True)
    ]
    return re.fullmatch("".join(lines), shown) is not None


def program(folder):
    """A directory for PATH in which ``pat-check`` is the one under test."""
    (folder / "bin").mkdir()
    script = folder / "bin" / "pat-check"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pat_check "$@"\n')
    script.chmod(0o755)
    return folder / "bin"


def environment(bin_folder, **more):
    """An environment in which the program under test is found, and nothing of the caller's settings."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PAT_CHECK_", "GITHUB_"))}
    mine |= {"PATH": f"{bin_folder}:{mine['PATH']}", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}
    return mine


def run(command, bin_folder):
    """What a command prints here, both streams as they come: through a shell where it needs one."""
    if command.startswith("pat-check ") and not _SHELL & set(command):
        return CliRunner().invoke(cli, shlex.split(command)[1:], prog_name="pat-check").output
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment(bin_folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def ours(script):
    """The arguments of every call of pat-check in a shell script, as far as they are written out."""
    joined = script.replace("\\\n", " ")
    return [shlex.split(found["command"])[1:] for found in _OURS.finditer(joined)]


def parsed(arguments):
    """Let click parse the arguments of a command, and of the one in its group; raises UsageError."""
    ctx, command = cli.make_context("pat-check", list(arguments)), cli
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        ctx = command.make_context(name, rest, parent=ctx)
    return ctx
