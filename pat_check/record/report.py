"""What the user reads at the end of a recording, and what doctor says."""

from __future__ import annotations

from collections.abc import Iterable

from pat_check.record.machine import Check
from pat_check.record.request import Outcome

_MARKS = {"ok": "ok  ", "poor": "poor", "missing": "MISS"}


def outcome_lines(outcome: Outcome) -> list[str]:
    """The end of a recording, a line each."""
    lines = [
        f"recorded {outcome.seconds:.1f} s, {outcome.bytes:,} bytes of trace and {outcome.lists} lists of reservations"
        f" in {outcome.path}"
    ]
    if outcome.status:
        lines.append(f"the command ended with {outcome.status}")
    return [*lines, *outcome.advice, f"next: pat-check replay {outcome.path}"]


def doctor_lines(checks: Iterable[Check]) -> list[str]:
    """A line for each check; what is missing has its cure below."""
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.state]} {check.name:<13}{check.says}")
        if check.cure and check.state != "ok":
            lines.append(f"{'':18}-> {check.cure}")
    return lines


def can_record(checks: Iterable[Check]) -> bool:
    """Whether nothing is missing that a recording needs."""
    return all(check.state != "missing" for check in checks)
