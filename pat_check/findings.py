"""Finding, Note, Severity, Report: all that reporters know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is; the exit code looks at WARNING and above."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    FATAL = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(slots=True)
class Note:
    """A line that led to a finding, or a fact about it (`line` 0)."""

    line: int
    message: str
    file: str = ""  # other than the finding's own: a snapshot, dmesg.txt


@dataclass(slots=True)
class Task:
    """The task a finding is about; `pid` -1 when it is unknown."""

    comm: str
    pid: int


@dataclass(slots=True)
class Finding:
    """One broken invariant: the line that broke it and, oldest first, the lines that led there."""

    rule: str
    severity: Severity
    message: str
    line: int
    notes: list[Note] = field(default_factory=list)
    file: str = ""
    time: float | None = None
    task: Task | None = None
    start: int = -1  # physical bytes [start, end); -1: the finding has no range
    end: int = -1
    help: str = ""  # what to do about it
    fingerprint: str = ""


@dataclass(slots=True)
class Input:
    """One replayed recording and what was seen in it."""

    path: str
    format: str
    era: str
    era_reason: str
    lines: int = 0
    events: int = 0
    ignored: int = 0
    malformed: int = 0
    lost: int = 0
    live: int = 0  # reservations at the end
    unmatched: int = 0  # entries without a return, returns without an entry
    snapshots: int = 0  # compared with the model
    snapshots_equal: int = 0
    snapshots_unanchored: int = 0  # no marker in the trace
    mappings: int = 0  # of processes at checkpoints, compared with what the recorded calls leave
    mappings_equal: int = 0
    messages: int = 0  # kernel messages of section 13, #5-#12, #17 and #19
    messages_explained: int = 0
    ignored_names: dict[str, int] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)  # of the kernel that the recording shows
    facts: list[str] = field(default_factory=list)  # what was not recorded and therefore not checked
    error: str = ""
    excerpt: str = ""  # with an error: the line that is wrong, and a caret below it


@dataclass(slots=True)
class Report:
    """The result of one run over one or several recordings."""

    version: str
    inputs: list[Input] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def worst(self) -> Severity | None:
        """The worst severity among the findings, None when there are none."""
        return max((finding.severity for finding in self.findings), default=None)


@dataclass(slots=True)
class Column:
    """A scenario in one era: findings by rule, and where they are not what the scenario says."""

    era: str
    counts: Counter[str]
    unmet: list[tuple[int, str]]  # (line, rule) claimed and not found
    unexpected: list[tuple[int, str, str]]  # (line, rule, message) found and not claimed
    failed: list[tuple[int, str]]  # (line, message) of expectations
    ignored: int  # findings that comments silence


@dataclass(slots=True)
class Sheet:
    """A scenario in several eras."""

    path: str
    title: str
    columns: list[Column]

    @property
    def is_as_claimed(self) -> bool:
        """Whether exactly what the scenario claims was found in every era, and all it expects came true."""
        return not any(column.unmet or column.unexpected or column.failed for column in self.columns)


@dataclass(slots=True)
class Side:
    """What the operations of a comparison led to in one era."""

    era: str
    findings: list[Finding]
    state: str  # the list at the end, as the kernel prints it
    only: list[Finding] = field(default_factory=list)  # that not every other era has


@dataclass(slots=True)
class Comparison:
    """Sides, and the first line after which their lists or results differ (0: never)."""

    path: str
    sides: list[Side]
    parts_at: int
    parts_text: str

    @property
    def is_same(self) -> bool:
        """Whether the eras agree in everything."""
        return not self.parts_at and all(not side.only and side.state == self.sides[0].state for side in self.sides)


def counted(number: int, noun: str) -> str:
    """``1 finding``, ``1,234 findings``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
