#!/usr/bin/env python3
"""Measure how long pat-check takes before it does anything: `--version`, and the replay of 200 lines.

Prints the median and the best of several runs, wall clock and processor time, and the slowest imports of each. On a
machine that does other work the best processor time says most. Only the standard library is needed.
"""

import argparse
import bz2
import gzip
import lzma
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRACE = ROOT / "examples" / "fork-partial-6.12" / "trace.txt.xz"
LINES = 200
LIMITS = {"--version": 0.150, "replay": 0.400}
"""Seconds that we want to stay below."""

OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
IMPORT = re.compile(r"import time: +(?P<own>\d+) \| +(?P<all>\d+) \| (?P<name> *\S+)")


def run(arguments, *flags):
    """Wall clock and processor time of one run, in seconds, and what it says on stderr."""
    command = [sys.executable, *flags, "-m", "pat_check", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = code = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if code not in (0, 1):  # 1: findings
        sys.exit(f"pat-check {' '.join(arguments)} exited with {code}: {said}")
    return wall, usage.ru_utime + usage.ru_stime, said


def slowest(said, count):
    """The modules whose own import takes longest: (milliseconds, name)."""
    found = [(int(match["own"]) / 1000, match["name"].strip()) for match in IMPORT.finditer(said)]
    return len(found), sorted(found, reverse=True)[:count]


def measure(name, arguments, runs, top):
    run(arguments)  # writes .pyc files
    times = [run(arguments)[:2] for _ in range(runs)]
    walls, busy = [wall for wall, _ in times], [own for _, own in times]
    print(
        f"{name}: wall {statistics.median(walls) * 1000:.0f} ms (best {min(walls) * 1000:.0f}), "
        f"processor {statistics.median(busy) * 1000:.0f} ms (best {min(busy) * 1000:.0f}); "
        f"wanted: below {LIMITS[name] * 1000:.0f} ms"
    )
    count, modules = slowest(run(arguments, "-X", "importtime")[2], top)
    print(f"  {count} modules; the slowest by themselves:")
    for milliseconds, module in modules:
        print(f"  {milliseconds:>7.1f} ms  {module}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("trace", nargs="?", type=Path, default=TRACE, help="whose first 200 lines are replayed")
    parser.add_argument("--runs", type=int, default=15, help="how often each command runs")
    parser.add_argument("--top", type=int, default=8, help="how many imports to show")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pat-check-") as folder:
        short = Path(folder) / "trace.txt"
        with OPENERS.get(arguments.trace.suffix, open)(arguments.trace, "rb") as stream:
            short.write_bytes(b"".join(line for _, line in zip(range(LINES), stream, strict=False)))
        measure("--version", ["--version"], arguments.runs, arguments.top)
        measure("replay", ["replay", str(short)], arguments.runs, arguments.top)


if __name__ == "__main__":
    main()
