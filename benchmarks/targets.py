#!/usr/bin/env python3
"""Measure everything that pat-check wants to be fast and small at, and say what is met.

What is compared runs in turns, A B A B, on the same file; what counts is the median of the ratios of the pairs.
"""

import argparse
import json
import lzma
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import crowded
import perfdata
import tracedat
from measuring import Program, add_options, finish, fitted, of_figures, powers, run, take_turns, unmeasured
from recordings import CAPTURES, CORPUS, repeat, trace_of
from replay import compare, target_of

MEGABYTE = 1e6
MOST_MEMORY = 150
LENGTHS = (100_000, 300_000, 1_000_000, 3_000_000)
LONGEST = 10_000_000
WEIGHED = (100_000, 1_000_000, 5_000_000)
LEAKING = CORPUS / "6.1" / "stress-5"
TRACE_DATS = (CORPUS / "7.2" / "tracecmd" / "trace.dat.xz",)
PERF_DATAS = tuple(CORPUS / version / "perf" / "perf.data.xz" for version in ("7.2", "6.12", "6.1"))
LIVE = (1_000, 10_000, 100_000)
CHURNED = 10_000


class Bench:
    """What the groups of measurements share."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.program = Program(arguments)
        self.pairs = arguments.pairs
        self.lines = int(arguments.millions * 1e6)
        capture = arguments.capture or next((one for one in CAPTURES if one.is_dir()), None)
        self.source = trace_of(capture)
        self.more = {}  # further numbers, for JSON

    def built(self, name, lines, source=None, **options):
        """The path of a built recording of exactly so many lines; `name` says what it is of."""
        path = self.folder / f"{name}.txt"
        if not path.exists():
            repeat(source or self.source, path, lines, cut=True, **options)
        return path

    def replayed(self, path):
        """One run of the replay."""
        return run(self.program.replay(path), fine=(0, 1))


def counter(bench):
    """Target 1: the replay against the counter."""
    recordings = [
        ("replay-mixed", "a capture among twice as many other lines", {"others": 2.0}),
        ("replay-third", "PAT and PFN events among twice as many other lines", {"only_pat": True, "others": 2.0}),
        ("replay-capture", f"{bench.source.parent.name}", {}),
        ("replay-all", "PAT and PFN events alone", {"only_pat": True}),
    ]
    for id_, what, options in recordings:
        path = bench.built(id_, bench.lines, **options)
        yield target_of(id_, what, *compare(bench.program, path, bench.pairs, what))
    if LEAKING.is_dir():
        path = bench.built("leaking", bench.lines, trace_of(LEAKING))
        what = "a capture that leaks reservations"
        yield target_of("replay-leaking", what, *compare(bench.program, path, bench.pairs, what))


def stats(bench):
    """Target 3: decoding alone."""
    what = "decoding alone (pat-check stats)"
    if not bench.program.has_stats():
        yield unmeasured("stats", what, "lines/s", 1.5e6, "this pat-check has no `stats`", least=True)
        return
    for id_, options in (("replay-capture", {}), ("replay-mixed", {"others": 2.0})):
        path = bench.built(id_, bench.lines, **options)
        command = bench.program.stats(path)
        turns, lines, _ = compare(bench.program, path, bench.pairs, f"{what}, {id_.removeprefix('replay-')}", command)
        instead = of_figures("", "", "x the time of the counter", turns.ratios, 0.5)
        rates = [lines / one.seconds for one in turns.ours]
        name = id_.removeprefix("replay-")
        yield of_figures(f"stats-{name}", f"{what}, {name}", "lines/s", rates, 1.5e6, least=True, instead=instead)


def tools(bench):
    """Target 2: against the tools that print recordings."""
    cases = (
        ("trace-cmd", TRACE_DATS, tracedat, ["trace-cmd", "report"], tracedat.NotUsable),
        ("perf", PERF_DATAS, perfdata, ["perf", "script", "-i"], perfdata.NotUsable),
    )
    for tool, sources, format_, command, refused in cases:
        what = f"{' '.join(command[:2])} of the same events, by the time of the replay"
        why = f"{tool} is not installed" if shutil.which(tool) is None else f"no recording of {tool} that it can read"
        many = None
        for source in sources:
            if shutil.which(tool) is None or not source.is_file():
                continue
            few, path = bench.folder / f"{tool}.one", bench.folder / f"{tool}.many"
            few.write_bytes(lzma.decompress(source.read_bytes()))
            if not printed([*command, few]):
                continue
            try:
                many = format_.multiply(few, path, bench.arguments.events)
            except refused as reason:
                why = f"{source.name} {reason}"
                continue
            break
        if many is None:
            yield unmeasured(tool, what, "x", 5, why, least=True)
            continue
        text = bench.folder / f"{tool}.txt"
        with text.open("wb") as out:
            subprocess.run([*command, path], stdout=out, stderr=subprocess.DEVNULL, check=True)
        with text.open("rb") as stream:
            lines = sum(not line.startswith(b"cpus=") for line in stream)
        if lines != many:
            sys.exit(f"{tool} printed {lines:,} of {many:,} events")
        print(f"\n{' '.join(command)} against the replay of what it printed: {many:,} events")

        def told(turns):
            ours, theirs = turns.ours[-1], turns.theirs[-1]
            print(f"{ours.seconds:>9.2f}s  {theirs.seconds:>9.2f}s  {1 / turns.ratios[-1]:>6.2f} x faster", flush=True)

        turns = take_turns(bench.program.replay(text), [*command, str(path)], bench.pairs, told)
        faster, note = [1 / ratio for ratio in turns.ratios], f"{1 / turns.busy:.3g} x in processor time"
        yield of_figures(tool, what, "x", faster, 5, least=True, note=note, events=many)


def printed(command):
    """Whether a tool prints anything of a file."""
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0 and bool(done.stdout)


def memory(bench):
    """Target 4: the peak of memory at any length."""
    lengths = [*WEIGHED, LONGEST] if bench.arguments.long else WEIGHED
    print(f"\n{'lines':>11}  {'peak memory':>11}")
    peaks = []
    for lines in lengths:
        path = bench.built("memory", lines)
        peaks.append(bench.replayed(path).peak / MEGABYTE)
        path.unlink()
        print(f"{lines:>11,}  {peaks[-1]:>8.1f} MB", flush=True)
    what = f"peak memory at {lengths[0]:,} to {lengths[-1]:,} lines (the largest counts)"
    yield largest("memory", what, "MB", peaks, MOST_MEMORY, lines=list(lengths), peaks=peaks)
    if LEAKING.is_dir():
        path = bench.built("memory", lengths[-1], trace_of(LEAKING))
        peak = bench.replayed(path).peak / MEGABYTE
        path.unlink()
        what = f"peak memory at {lengths[-1]:,} lines of a kernel that leaks, whose leaks are remembered"
        yield largest("memory-leaking", what, "MB", [peak], MOST_MEMORY)


def growth(bench):
    """Target 4: time grows as length does: processor time, of which other programs take none."""
    lengths = [*LENGTHS, LONGEST] if bench.arguments.long else LENGTHS
    print(f"\n{'lines':>11}  {'seconds':>9}")
    seconds = []
    for lines in lengths:
        path = bench.built("growth", lines)
        runs = 3 if lines <= 1_000_000 else 1
        seconds.append(min(bench.replayed(path).busy for _ in range(runs)))
        path.unlink()
        print(f"{lines:>11,}  {seconds[-1]:>8.2f}s", flush=True)
    line, power = fitted(lengths, seconds), powers(lengths, seconds)
    print(f"seconds = {line.offset:.2f} + {line.slope * 1e6:.2f} per million lines, R2 {line.r2:.4f}")
    print(f"seconds ~ lines ^ {power.slope:.3f}, R2 {power.r2:.4f}")
    note = f"R2 {power.r2:.4f}; straight line: {line.slope * 1e6:.2f} s per million lines, R2 {line.r2:.4f}"
    what = f"time from {lengths[0]:,} to {lengths[-1]:,} lines grows with the power"
    numbers = {"lines": list(lengths), "seconds": seconds, "fit": vars(line), "power": vars(power)}
    yield largest("growth", what, "", [power.slope], 1.1, note=note, **numbers)


def intervals(bench):
    """Target 4: the operations of the tree of reservations."""
    command = bench.program.intervals()
    what = "insert, overlap query and exact remove at 1,000 live reservations (the slowest counts)"
    if command is None:
        yield unmeasured("intervals", what, "us", 3, "needs --python beside --program")
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    found = json.loads(done.stdout)
    bench.more["intervals"] = found
    for one in found:
        times = "  ".join(f"{name} {taken:.2f}" for name, taken in one["microseconds"].items())
        print(f"{one['shape']:<13} {one['live']:>8,}  {times}")
    yield largest(
        "intervals", what, "us", [max(one["microseconds"].values()) for one in found if one["live"] == 1000], 3
    )
    slopes = []
    for shape in {one["shape"]: None for one in found}:
        beyond = [one for one in found if one["shape"] == shape and one["live"] >= 1000]
        for name in beyond[0]["microseconds"]:
            taken = [one["microseconds"][name] for one in beyond]
            slopes.append(
                (math.log(taken[-1] / taken[0]) / math.log(beyond[-1]["live"] / beyond[0]["live"]), shape, name)
            )
    worst = max(slopes)
    what = "from there to 100,000 they grow with the power (the largest counts)"
    note = f"{worst[2]}, {worst[1]}; logarithms are below 0.2, caches come on top, a walk has 1"
    yield largest("intervals-growth", what, "", [slope for slope, _, _ in slopes], 0.5, note=note)


def live(bench):
    """Target 4: a replay with many live reservations, in processor time."""
    print(f"\n{'live':>8}  {'us for a reserve or free':>24}  {'peak memory':>11}")
    costs = []
    for over_all in (False, True):
        for count in LIVE:
            plain, churned = bench.folder / "live.txt", bench.folder / "churned.txt"
            crowded.write(plain, count, 0, over_all=over_all)
            crowded.write(churned, count, CHURNED, over_all=over_all)
            turns = take_turns(bench.program.replay(churned), bench.program.replay(plain), 3)
            spent = statistics.median(
                ours.busy - theirs.busy for ours, theirs in zip(turns.ours, turns.theirs, strict=True)
            )
            cost, peak = spent / (2 * CHURNED) * 1e6, max(one.peak for one in turns.ours) / MEGABYTE
            costs.append({"live": count, "over_all": over_all, "microseconds": cost, "megabytes": peak})
            name = ", one reaches over all others" if over_all else ""
            print(f"{count:>8,}  {cost:>24.2f}  {peak:>8.1f} MB{name}", flush=True)
    bench.more["live"] = costs
    ratios = [costs[at + 2]["microseconds"] / costs[at]["microseconds"] for at in (0, 3)]
    what = "a reserve or free in a replay with 100,000 live reservations, by one with 1,000 (the larger counts)"
    yield largest("live", what, "x", ratios, 2)


def largest(id_, what, unit, figures, limit, *, note="", **also):
    """A target that every one of several figures has to meet."""
    found = of_figures(id_, what, unit, figures, limit, note=note, **also)
    found.figure, found.low, found.high = max(figures), None, None
    return found


GROUPS = {group.__name__: group for group in (intervals, counter, stats, tools, memory, growth, live)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"which to measure: {', '.join(GROUPS)} (default: all)"
    )
    parser.add_argument("--capture", type=Path, help="the capture directory whose trace is repeated")
    parser.add_argument("--millions", type=float, default=1.0, help="lines of the compared recordings, in millions")
    parser.add_argument("--events", type=int, default=1_000_000, help="events for trace-cmd and perf")
    parser.add_argument("--long", action="store_true", help="up to 10 million lines, about 2 GB on disk")
    parser.add_argument("--folder", type=Path, help="where recordings are built (default: the temporary directory)")
    add_options(parser)
    arguments = parser.parse_args()
    for name in arguments.groups:
        if name not in GROUPS:
            parser.error(f"no group {name}: there are {', '.join(GROUPS)}")
    with tempfile.TemporaryDirectory(prefix="pat-check-", dir=arguments.folder) as folder:
        bench = Bench(arguments, Path(folder))
        print(f"measuring: {bench.program}")
        targets = []
        for name, group in GROUPS.items():
            if not arguments.groups or name in arguments.groups:
                targets += group(bench)
    finish(targets, arguments, bench.program, **bench.more)


if __name__ == "__main__":
    main()
