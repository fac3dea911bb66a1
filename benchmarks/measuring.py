"""Runs of programs and what they cost: one run alone, two programs in turns, which pat-check is measured."""

import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Run:
    """One run of one program."""

    seconds: float
    busy: float  # seconds of processor time, which other programs change less
    peak: int  # bytes of memory at most
    code: int


LAUNCHER = """
import os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - started
print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Runs a command and tells of it. It is a program of its own since a child counts the memory of its parent as its own
until it begins; that of this one is about 10 MB."""


def run(command, fine=(0,), *, may_say=False):
    """Run a command to its end, with its output thrown away, and measure it alone.

    Another exit code than a `fine` one ends everything, and so does a word on stderr unless it `may_say` something.
    """
    command = list(map(str, command))
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command[:4])}: {done.stderr.strip()}")
    seconds, busy, peak, code = done.stdout.split()
    if int(code) not in fine or (done.stderr and not may_say):
        sys.exit(f"{shlex.join(command[:4])} exited with {code}: {done.stderr.strip()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(float(seconds), float(busy), int(peak) * unit, int(code))


@dataclass
class Turns:
    """Two programs on the same work, A B A B: what slows one of them slows the other."""

    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    @property
    def ratios(self):
        """Our time by theirs, for each pair."""
        return [ours.seconds / theirs.seconds for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def busy(self):
        """The median of the ratios of processor time: near the other where nothing else ran."""
        return statistics.median(
            ours.busy / max(theirs.busy, 1e-3) for ours, theirs in zip(self.ours, self.theirs, strict=True)
        )


def take_turns(ours, theirs, pairs, said=lambda turns: None):
    """Measure two commands `pairs` times each; `said` hears of every pair. pat-check may find something (code 1)."""
    turns = Turns()
    for _ in range(pairs):
        turns.ours.append(run(ours, fine=(0, 1)))
        turns.theirs.append(run(theirs, may_say=True))
        said(turns)
    return turns


class Program:
    """The pat-check that is measured: of this checkout, of another Python, or any command."""

    def __init__(self, arguments):
        if arguments.program:
            self.command = shlex.split(arguments.program)
        elif arguments.python:
            self.command = [arguments.python, "-P", "-m", "pat_check"]  # -P: what is installed there, not this checkout
        else:
            self.command = [sys.executable, "-m", "pat_check"]
        self._python = arguments.python
        self._checkout = not (arguments.program or arguments.python)

    def __str__(self):
        return shlex.join(self.command)

    def replay(self, trace):
        """The command that replays a file with all rules and writes JSON."""
        return [*self.command, "replay", str(trace), "--output", f"json={os.devnull}"]

    def stats(self, trace):
        """The command that only decodes a file and counts."""
        return [*self.command, "stats", str(trace)]

    def has_stats(self):
        """Whether this pat-check has `stats`."""
        asked = subprocess.run([*self.command, "stats", "--help"], capture_output=True, cwd=ROOT, check=False)
        return asked.returncode == 0

    def intervals(self):
        """The command that measures the interval operations of this pat-check; None where its Python is not known."""
        script = str(ROOT / "benchmarks" / "intervals.py")
        if self._checkout:
            return [sys.executable, script, "--json"]
        return [self._python, script, "--json", "--installed"] if self._python else None


def add_options(parser):
    """The options that every script here has."""
    parser.add_argument("--python", metavar="PATH", help="measure the pat-check that this Python has installed")
    parser.add_argument("--program", metavar="CMD", help="measure this command instead of `python -m pat_check`")
    parser.add_argument("--pairs", type=int, default=5, help="how often each program runs (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")


@dataclass
class Target:
    """A figure that is wanted, and what it is."""

    id: str
    what: str
    unit: str
    figure: float | None  # median; None: could not be measured
    low: float | None
    high: float | None
    limit: float
    least: bool = False  # the limit is a least, not a most
    note: str = ""
    instead: "Target | None" = None  # it is enough to meet this one
    also: dict = field(default_factory=dict)  # further numbers, for JSON

    @property
    def met(self):
        """None where nothing was measured."""
        if self.figure is None:
            return None
        own = self.figure >= self.limit if self.least else self.figure <= self.limit
        return own or (self.instead is not None and self.instead.met is True)

    def __str__(self):
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[self.met]
        text = f"{verdict:<12}  {self.id:<22} {self.what}: {self.told()}"
        if self.instead is not None:
            text += f"; or {self.instead.told()}"
        return text + (f"; {self.note}" if self.note else "")

    def plain(self):
        """As JSON has it."""
        found = {name: value for name, value in vars(self).items() if name not in {"also", "instead"}}
        found |= {"met": self.met, **self.also}
        if self.instead is not None:
            found["instead"] = self.instead.plain()
        return found

    def told(self):
        """The figure, its spread, and what is wanted."""
        wanted = f"wanted {'at least' if self.least else 'at most'} {self.limit:,g} {self.unit}".rstrip()
        if self.figure is None:
            return wanted
        spread = "" if self.low is None else f" ({shown(self.low)} to {shown(self.high)})"
        return f"{f'{shown(self.figure)} {self.unit}'.rstrip()}{spread}, {wanted}"


def shown(number):
    """A number with as many digits as matter."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def of_figures(id_, what, unit, figures, limit, *, least=False, note="", instead=None, **also):
    """A target whose figure is the median of several."""
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    return Target(id_, what, unit, middle, low, high, limit, least, note, instead, also)


def unmeasured(id_, what, unit, limit, why, *, least=False):
    """A target that could not be measured here."""
    return Target(id_, what, unit, None, None, None, limit, least, why)


def finish(targets, arguments, program, **more):
    """Print what was met, write the JSON, and exit as asked."""
    print()
    for target in targets:
        print(target)
    if arguments.json:
        machine = {"system": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version()}
        found = [target.plain() for target in targets]
        text = json.dumps({"program": str(program), "machine": machine, "targets": found, **more}, indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if arguments.check and any(target.met is False for target in targets) else 0)


@dataclass
class Fit:
    """A straight line through points by least squares."""

    slope: float
    offset: float
    r2: float  # 1: every point is on the line


def fitted(xs, ys):
    """The line nearest to the points (x, y)."""
    middle_x, middle_y = statistics.fmean(xs), statistics.fmean(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread
    offset = middle_y - slope * middle_x
    off = sum((y - offset - slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    total = sum((y - middle_y) ** 2 for y in ys)
    return Fit(slope, offset, 1 - off / total if total else 1.0)


def powers(xs, ys):
    """The fit of log(y) over log(x): its slope is 1 where y grows as x does, 2 where it grows as the square."""
    return fitted([math.log(x) for x in xs], [math.log(y) for y in ys])
