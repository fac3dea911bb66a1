#!/usr/bin/env python3
"""Compare `pat-check replay` with a mawk program that only counts reservations, on the same file, in one run.

The two take turns, so that a busy machine slows both. Only the standard library is needed.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import Program, add_options, finish, of_figures, take_turns
from recordings import CAPTURES, COUNTER, OPENERS, measure, repeat, trace_of

THIRD = 0.334
"""A recording is of mixed events where no more of its lines are of PAT or PFN events."""


def counter():
    """The awk to count with, and its name."""
    awk = shutil.which("mawk") or shutil.which("awk")
    if awk is None:
        sys.exit("neither mawk nor awk is installed")
    name = Path(awk).name
    if name != "mawk":
        print(f"note: mawk is not installed, {awk} counts instead")
    return awk, name


def compare(program, path, pairs, name, command=None):
    """Run pat-check and the counter in turns, tell of each pair; the turns, lines and share of PAT and PFN events."""
    lines, size, share = measure(path)
    awk, other = counter()
    print(f"\n{name}: {lines:,} lines, {size / 1e6:,.0f} MB, {share:.0%} of the lines are PAT or PFN events")
    print(f"{'pair':>4}  {'pat-check':>10}  {other:>10}  {'ratio':>6}  {'peak memory':>11}")

    def told(turns):
        ours, theirs = turns.ours[-1], turns.theirs[-1]
        print(
            f"{len(turns.ours):>4}  {ours.seconds:>9.2f}s  {theirs.seconds:>9.2f}s  {turns.ratios[-1]:>6.2f}  "
            f"{ours.peak / 1e6:>8.1f} MB",
            flush=True,
        )

    turns = take_turns(command or program.replay(path), [awk, COUNTER, str(path)], pairs, told)
    ours, theirs = (statistics.median(one.seconds for one in runs) for runs in (turns.ours, turns.theirs))
    print(f"pat-check: {lines / ours:>11,.0f} lines/s, peak {max(one.peak for one in turns.ours) / 1e6:.1f} MB")
    print(
        f"{other + ':':<10} {lines / theirs:>11,.0f} lines/s, peak {max(one.peak for one in turns.theirs) / 1e6:.1f} MB"
    )
    return turns, lines, share


def target_of(id_, what, turns, lines, share):
    """The target for the replay of a file, by how many of its lines are of PAT or PFN events."""
    what = f"replay of {what}, by the time of the counter"
    rates = [lines / one.seconds for one in turns.ours]
    limit = 1.0 if share <= THIRD else 3.0
    numbers = {"lines": lines, "share": share, "lines_per_second": rates, "busy": turns.busy}
    note = f"{turns.busy:.3g} x in processor time"
    return of_figures(id_, what, "x", turns.ratios, limit, note=note, **numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("trace", nargs="?", type=Path, help="a plain ftrace text; without it one is built")
    parser.add_argument("--capture", type=Path, help="the capture directory whose trace is repeated")
    parser.add_argument("--millions", type=float, default=1.0, help="lines of the built trace, in millions")
    parser.add_argument("--only-pat", action="store_true", help="keep the lines of PAT and PFN events alone")
    parser.add_argument("--others", type=float, default=0.0, help="lines of other events for each line that is kept")
    add_options(parser)
    arguments = parser.parse_args()
    program = Program(arguments)
    built = arguments.only_pat or arguments.others
    if arguments.trace is not None and arguments.trace.suffix not in OPENERS and not built:
        path = arguments.trace.resolve()
        found = target_of("replay", path.name, *compare(program, path, arguments.pairs, path))
        finish([found], arguments, program)
    capture = arguments.capture or next((folder for folder in CAPTURES if folder.is_dir()), None)
    source = arguments.trace or trace_of(capture)
    with tempfile.TemporaryDirectory(prefix="pat-check-") as folder:
        path = Path(folder) / "trace.txt"
        lines = 0 if arguments.trace else int(arguments.millions * 1e6)
        repeat(source, path, lines, only_pat=arguments.only_pat, others=arguments.others)
        found = target_of("replay", source.parent.name, *compare(program, path, arguments.pairs, source))
    finish([found], arguments, program)


if __name__ == "__main__":
    main()
