#!/usr/bin/env python3
"""Count instructions, not seconds: what a line costs, in lines of the counter. Needs valgrind and mawk.

    python benchmarks/instructions.py                # the figures beside those that are kept in instructions.json
    python benchmarks/instructions.py --update       # keep them

The same program counts the same on a busy machine. Each figure is the difference of two runs, so that start-up is not
in it, in units of what mawk executes for the same lines; other versions of Python, of a compiler or of libc change it
by some percent.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from recordings import CAPTURES, COUNTER, opened, trace_of

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("instructions.json")
INSTALLED = ROOT / "build" / "installed"
LINES = (20_000, 40_000)
TOLERANCE = 0.15
"""How much more than what is kept is a regression."""


def instructions(command, environment=None):
    """How many instructions a command executes, in all its threads."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*valgrind, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0", **(environment or {})},
    )
    for line in run.stderr.splitlines():
        if "Collected :" in line:
            return int(line.split(":")[1])
    sys.exit(f"{command[0]} was not counted:\n{run.stderr}")


def programs():
    """What is measured: name, command without the file, environment."""
    pat_check = [sys.executable, "-P", "-m", "pat_check"]
    compiled = {"PYTHONPATH": str(INSTALLED), "PAT_CHECK_PURE": "0"}
    if any((INSTALLED / "pat_check" / "replay").glob("loop.*.so")):
        yield "replay, compiled", [*pat_check, "replay", "--output", "json"], compiled
        yield "stats, compiled", [*pat_check, "stats"], compiled
    yield "replay, pure", [*pat_check, "replay", "--output", "json"], {"PYTHONPATH": str(ROOT), "PAT_CHECK_PURE": "1"}


def figures(capture):
    """What a line costs each program, in lines of the counter."""
    with tempfile.TemporaryDirectory() as folder, opened(trace_of(capture)) as lines:
        files = [Path(folder, f"{count}.txt") for count in LINES]
        head = [line for _, line in zip(range(LINES[-1]), lines, strict=False)]
        for count, file in zip(LINES, files, strict=True):
            file.write_bytes(b"".join(head[:count]))

        def growth(command, environment=None):
            few, many = (instructions([*command, str(file)], environment) for file in files)
            return many - few

        counter = growth(["mawk", COUNTER])
        return {name: round(growth(command, environment) / counter, 2) for name, command, environment in programs()}


def missing():
    """Why nothing can be counted; empty when it can."""
    for tool in ("valgrind", "mawk"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return "" if CAPTURES[0].is_dir() else f"{CAPTURES[0].name} of the corpus is not there"


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="keep what was counted")
    arguments = parser.parse_args()
    if why := missing():
        sys.exit(why)
    found = figures(CAPTURES[0])
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    for name, figure in found.items():
        print(f"{name:>18}: {figure:6.2f} x the counter; kept: {kept.get(name, '-')}")
    if arguments.update:
        KEPT.write_text(json.dumps({**kept, **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
