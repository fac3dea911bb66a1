"""The columns that stand before an event in ftrace text: task, CPU, time, in each layout that has them."""

from __future__ import annotations

from collections.abc import Callable

from pat_check.sources.patterns import Pattern

# The task column is 16 bytes wide and right-aligned (8 in latency format), so the dash before the pid is the
# last one within it: a comm may hold dashes, brackets and whole fake columns. A byte that is not UTF-8 was
# read as \xNN and is still one column wide; there are fewer columns than 16 where it holds longer characters.
_COMM = r"(?P<comm>[^\\]{{{0}}}|(?:\\x[0-9a-f]{{2}}|(?!\\x[0-9a-f]{{2}}).){{0,{0}}})"
_PID = r"(?P<pid>[0-9]{1,10})"
_CPU = r"(?P<cpu>[0-9]{1,6})"
STANDARD = Pattern(
    rf"{_COMM.format(16)}-{_PID} +(?:\( *(?:[0-9]+|-+)\) +)?\[{_CPU}\](?:-0x[0-9a-f]+| +[^\s0-9]\S{{3,7}})? +"
    r"(?P<time>[0-9]{1,20}(?:\.[0-9]{1,9})?): +(?P<rest>.*)"
)
LATENCY = Pattern(
    rf"{_COMM.format(8)}-{_PID} +{_CPU}[^\s0-9:]\S{{2,7}} +"
    r"(?:(?P<us>[0-9]{1,19})us[ +!#*@$]? ?|(?P<time>[0-9]{1,20}(?:\.[0-9]{1,9})?)): +(?P<rest>.*)"
)
VERBOSE = Pattern(
    rf"{_COMM.format(16)} +{_PID} +{_CPU} [0-9]+ [0-9a-f]{{8}} [0-9a-f]{{8,16}} "
    r"(?:\[[0-9a-f]+\]|[0-9a-f]{16}) (?:(?P<ms>[0-9]{1,20}\.[0-9]{1,9})ms|(?P<time>[0-9]{1,20})) "
    r"\([^)]*\): +(?P<rest>.*)"
)

Context = tuple[str, int, int, float | None, str]
"""comm, pid, cpu, time, and the rest of the line: what stands before an event."""

Layout = Callable[[str], Context | None]
"""Reads a line in one layout; None for a line of another one."""


def standard(line: str) -> Context | None:
    """``comm-pid (tgid) [cpu] flags time: event``, also trace-cmd's."""
    match = STANDARD.match(line)
    if match is None:
        return None
    comm, pid, cpu, time, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), float(time), rest


def latency(line: str) -> Context | None:
    """Option latency-format, and ``trace-cmd report -l``."""
    match = LATENCY.match(line)
    if match is None:
        return None
    comm, pid, cpu, us, time, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), float(time) if time else round(int(us) * 1e-6, 6), rest


def verbose(line: str) -> Context | None:
    """Options latency-format and verbose together."""
    match = VERBOSE.match(line)
    if match is None:
        return None
    comm, pid, cpu, ms, time, rest = match.groups()
    return comm.strip(), int(pid), int(cpu), float(time) if time else round(float(ms) * 1e-3, 6), rest


def context_of(line: str) -> Context | None:
    """The context of a line in whichever layout has task columns."""
    return verbose(line) or standard(line) or latency(line)
