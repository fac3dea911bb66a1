#!/usr/bin/env python3
"""Compare `pat-check replay` with a mawk program that only counts reservations, on the same file, in one run.

The two take turns, so that a busy machine slows both. Only the standard library is needed.
"""

import argparse
import bz2
import gzip
import lzma
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CAPTURES = (ROOT.parent / "shared" / "corpus" / "7.2" / "stress-6", ROOT / "examples" / "fork-partial-6.12")

COUNTER = (
    '$5=="memtype_reserve:"{split($7,a,"=");split($8,b,"=");n[a[2] b[2]]++} '
    '$5=="memtype_free:"{split($7,a,"=");split($8,b,"=");n[a[2] b[2]]--} '
    "END{for(k in n)if(n[k])c++;print c+0}"
)
"""What people use today: how many ranges are reserved more often than freed. It checks nothing."""

OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
STAMP = re.compile(rb"(.{16}-\d+ .{0,40}? )(\d+)\.(\d{6})(: )")
PAT_OR_PFN = re.compile(rb"\d: \w*(?:memtype|pfn|ioremap|iounmap|remap_)\w*:")


@dataclass
class Run:
    """One run of one program."""

    seconds: float
    peak: int  # bytes of memory at most
    code: int


def run(command):
    """Run a command to its end and measure it alone."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = code = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if code not in (0, 1) or said:  # 1: findings
        sys.exit(f"{command[0]} exited with {code}: {said.decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_maxrss * unit, code)


def trace_of(capture):
    """The trace of a capture directory, compressed or not."""
    found = sorted(Path(capture).glob("trace.txt*"))
    if not found:
        sys.exit(f"{capture}: no trace.txt in there")
    return found[0]


def opened(path):
    return OPENERS.get(path.suffix, open)(path, "rb")


def repeat(source, target, lines):
    """Write `source` to `target` again and again until it has so many lines; only the times go on."""
    written = shift = 0
    with target.open("wb", buffering=1 << 20) as out:
        while not written or written < lines:
            before, first, last = written, 0, 0
            with opened(source) as stream:
                for line in stream:
                    if before and line.startswith(b"#"):
                        continue
                    match = STAMP.match(line)
                    if match is None:
                        out.write(line)
                    else:
                        last = int(match[2]) * 1_000_000 + int(match[3])
                        first = first or last
                        seconds, micros = divmod(last + shift, 1_000_000)
                        out.write(b"%s%d.%06d%s" % (match[1], seconds, micros, line[match.start(4) :]))
                    written += 1
            if written == before:
                sys.exit(f"{source}: holds nothing that could be repeated")
            shift += last - first + 1_000_000


def measure(path):
    """How many lines a file has, how many bytes, and which share of the lines is of PAT or PFN events."""
    lines = events = 0
    with path.open("rb") as stream:
        for line in stream:
            lines += 1
            events += PAT_OR_PFN.search(line) is not None
    return lines, path.stat().st_size, events / max(lines, 1)


def compare(path, pairs):
    """Run both programs in turns and print what came of it."""
    lines, size, share = measure(path)
    awk = shutil.which("mawk") or shutil.which("awk")
    if awk is None:
        sys.exit("neither mawk nor awk is installed")
    name = Path(awk).name
    if name != "mawk":
        print(f"note: mawk is not installed, {awk} counts instead")
    print(f"{path}: {lines:,} lines, {size / 1e6:,.0f} MB, {share:.0%} of the lines are PAT or PFN events")
    replay = [sys.executable, "-m", "pat_check", "replay", str(path), "--output", f"json={os.devnull}"]
    count = [awk, COUNTER, str(path)]
    print(f"{'pair':>4}  {'pat-check':>10}  {name:>10}  {'ratio':>6}  {'peak memory':>11}")
    ratios, replays, counts = [], [], []
    for pair in range(1, pairs + 1):
        ours, theirs = run(replay), run(count)
        ratios.append(ours.seconds / theirs.seconds)
        replays.append(ours)
        counts.append(theirs)
        print(
            f"{pair:>4}  {ours.seconds:>9.2f}s  {theirs.seconds:>9.2f}s  {ratios[-1]:>6.2f}  {ours.peak / 1e6:>8.1f} MB"
        )
    ours, theirs = (statistics.median(one.seconds for one in runs) for runs in (replays, counts))
    print(f"pat-check: {lines / ours:>11,.0f} lines/s, peak {max(one.peak for one in replays) / 1e6:.1f} MB")
    print(f"{name + ':':<10} {lines / theirs:>11,.0f} lines/s, peak {max(one.peak for one in counts) / 1e6:.1f} MB")
    print(f"median ratio of {pairs} pairs: {statistics.median(ratios):.2f} x the time of {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("trace", nargs="?", type=Path, help="a plain ftrace text; without it one is built")
    parser.add_argument("--capture", type=Path, help="the capture directory whose trace is repeated")
    parser.add_argument("--millions", type=float, default=1.0, help="lines of the built trace, in millions")
    parser.add_argument("--pairs", type=int, default=5, help="how often each program runs")
    arguments = parser.parse_args()
    if arguments.trace is not None and arguments.trace.suffix not in OPENERS:
        compare(arguments.trace.resolve(), arguments.pairs)
        return
    capture = arguments.capture or next((folder for folder in CAPTURES if folder.is_dir()), None)
    source = arguments.trace or trace_of(capture)
    with tempfile.TemporaryDirectory(prefix="pat-check-") as folder:
        built = Path(folder) / "trace.txt"
        lines = 0 if arguments.trace else int(arguments.millions * 1e6)
        repeat(source, built, lines)
        compare(built, arguments.pairs)


if __name__ == "__main__":
    main()
