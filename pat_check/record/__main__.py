"""``python -m pat_check.record``: the recorder for machines with nothing but Python."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pat_check.errors import RecordError
from pat_check.record.files import Files
from pat_check.record.machine import examine
from pat_check.record.recorder import record
from pat_check.record.report import can_record, doctor_lines, outcome_lines
from pat_check.record.request import Request
from pat_check.record.scripts import SCRIPTS, script
from pat_check.record.wanted import GROUPS

UNUSABLE = 2


def parser() -> argparse.ArgumentParser:
    """The options, which are those of ``pat-check record``."""
    made = argparse.ArgumentParser("python -m pat_check.record", description="Record what a kernel does with PAT.")
    made.add_argument("-o", "--output", default="", metavar="DIR")
    made.add_argument("--probes", choices=GROUPS, default="mm")
    made.add_argument(
        "--function", dest="functions", action="append", default=[], metavar="[MODULE:]NAME", help="probe this one, too"
    )
    made.add_argument("--pid", type=_positive, default=0, metavar="N")
    made.add_argument("--comm", default="", metavar="NAME")
    made.add_argument("--follow", action="store_true", help="record only COMMAND and what it starts")
    made.add_argument("--duration", type=_seconds, default=0.0, metavar="S")
    made.add_argument("--keep", type=_seconds, default=0.0, metavar="S", help="keep only the last seconds")
    made.add_argument("--buffer", type=_positive, default=0, metavar="KB")
    made.add_argument("--kernel-btf", default="", metavar="PATH")
    made.add_argument("--print", choices=SCRIPTS, dest="tool", help="print a script that records, and stop")
    made.add_argument("--doctor", action="store_true", help="say what this machine offers, and stop")
    made.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Record; the exit code is 0, or 2 when that is not possible."""
    values = vars(parser().parse_args(arguments))
    tool, doctor = values.pop("tool"), values.pop("doctor")
    if values["command"][:1] == ["--"]:
        values["command"] = values["command"][1:]
    files = Files()
    try:
        if doctor:
            checks = examine(files)
            print("\n".join(doctor_lines(checks)))
            return 0 if can_record(checks) else UNUSABLE
        if tool:
            print(script(tool, Request(**values), files), end="")
            return 0
        for line in outcome_lines(record(Request(**values), files, _say)):
            _say(line)
    except RecordError as error:
        _say(f"error: {error}")
        return UNUSABLE
    return 0


def _say(line: str) -> None:
    print(f"pat-check: {line}", file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return value


if __name__ == "__main__":
    sys.exit(main())
