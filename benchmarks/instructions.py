#!/usr/bin/env python3
"""Count instructions, not seconds: what a line costs, in lines of the counter. Needs valgrind and mawk.

    python benchmarks/instructions.py                # the figures beside those that are kept in instructions.json
    python benchmarks/instructions.py --update       # keep them

The same program counts the same on a busy machine. Each figure is the difference of two runs, so that start-up is not
in it, in units of what mawk executes for the same lines; other versions of Python, of a compiler or of libc change it
by some percent.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from recordings import CAPTURES, CORPUS, COUNTER, opened, trace_of

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("instructions.json")
INSTALLED = ROOT / "build" / "installed"
LINES = (20_000, 40_000)
PERF = CORPUS / "6.12" / "perf" / "perf-script.txt.xz"
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


def programs(capture):
    """What is measured: name, command without the file, environment, and a recording whose lines it reads."""
    pat_check = [sys.executable, "-P", "-m", "pat_check"]
    compiled = {"PYTHONPATH": str(INSTALLED), "PAT_CHECK_PURE": "0"}
    trace = trace_of(capture)
    if any((INSTALLED / "pat_check" / "replay").glob("loop.*.so")):
        yield "replay, compiled", [*pat_check, "replay", "--output", "json"], compiled, trace
        yield "stats, compiled", [*pat_check, "stats"], compiled, trace
        yield "stats of perf script, compiled", [*pat_check, "stats"], compiled, PERF
    pure = {"PYTHONPATH": str(ROOT), "PAT_CHECK_PURE": "1"}
    yield "replay, pure", [*pat_check, "replay", "--output", "json"], pure, trace


def written(source, folder):
    """Files with so many lines of a recording, which comes again and again where it is shorter."""
    with opened(source) as stream:
        head = list(itertools.islice(stream, LINES[-1]))
    for count in LINES:
        file = Path(folder, f"{count}.txt")
        file.write_bytes(b"".join(itertools.islice(itertools.cycle(head), count)))
        yield file


def figures(capture):
    """What a line costs each program, in lines of the counter."""
    found, counters = {}, {}
    for name, command, environment, source in programs(capture):
        with tempfile.TemporaryDirectory() as folder:
            files = list(written(source, folder))

            def growth(command, environment=None, files=files):
                few, many = (instructions([*command, str(file)], environment) for file in files)
                return many - few

            if source not in counters:
                counters[source] = growth(["mawk", COUNTER])
            found[name] = round(growth(command, environment) / counters[source], 2)
    return found


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
        print(f"{name:>30}: {figure:6.2f} x the counter; kept: {kept.get(name, '-')}")
    if arguments.update:
        KEPT.write_text(json.dumps({**kept, **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
