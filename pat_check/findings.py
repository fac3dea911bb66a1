"""Finding, Note, Severity, Report: all that reporters know.

There may be a hundred thousand findings: what each of them consists of is small, and made by initialisers that are
written out, for they are compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Final

from pat_check.values import Value


class Severity(IntEnum):
    """How bad a finding is; the exit code looks at WARNING and above."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    FATAL = 3

    def __str__(self) -> str:
        return self.name.lower()


NOTES = 8
"""Findings that are told one by one in the notes of the one that caused them; the rest are counted."""


@dataclass(slots=True, init=False, repr=False, eq=False)
class Note(Value):
    """A line that led to a finding, or a fact about it (`line` 0)."""

    line: int
    message: str
    file: str = ""  # other than the finding's own: a snapshot, dmesg.txt

    def __init__(self, line: int, message: str, file: str = "") -> None:
        self.line, self.message, self.file = line, message, file

    def __reduce__(self) -> tuple[type[Note], tuple[int, str, str]]:
        return Note, (self.line, self.message, self.file)


@dataclass(slots=True, init=False, repr=False, eq=False)
class Task(Value):
    """The task a finding is about; `pid` -1 when it is unknown."""

    comm: str
    pid: int

    def __init__(self, comm: str, pid: int) -> None:
        self.comm, self.pid = comm, pid

    def __reduce__(self) -> tuple[type[Task], tuple[str, int]]:
        return Task, (self.comm, self.pid)


class Baseline(StrEnum):
    """Where a finding stands against a baseline; the words are SARIF's."""

    NONE = ""  # no baseline was given
    NEW = "new"
    UNCHANGED = "unchanged"  # the baseline holds it: it is shown and does not fail


NO_REASON = "<why is this fine?>"
"""Stands in generated suppressions where people must say why; a suppression file may not hold it."""


@dataclass(slots=True, repr=False, eq=False)
class Suppression(Value):
    """Who silences a finding, and why."""

    reason: str
    file: str  # of the comment or the entry
    line: int
    in_source: bool  # a comment in the scenario itself, not an entry of a suppression file


@dataclass(slots=True, init=False, repr=False, eq=False)
class Extent(Value):
    """A row of the map that is drawn below a finding: physical bytes [start, end) and what they are."""

    label: str  # reserved, freed, asked, ...: one word
    start: int
    end: int
    mode: str = ""  # the short name of its cache mode, where it has one

    def __init__(self, label: str, start: int, end: int, mode: str = "") -> None:
        self.label, self.start, self.end, self.mode = label, start, end, mode

    def is_same(self, other: Extent) -> bool:
        """Whether another row is of the same bytes, with the same words."""
        if self.start != other.start or self.end != other.end:
            return False
        return self.label == other.label and self.mode == other.mode

    def __reduce__(self) -> tuple[type[Extent], tuple[str, int, int, str]]:
        return Extent, (self.label, self.start, self.end, self.mode)


@dataclass(slots=True, init=False, repr=False, eq=False)
class Finding(Value):
    """One broken invariant: the line that broke it and, oldest first, the lines that led there."""

    rule: str
    severity: Severity
    message: str
    line: int
    notes: list[Note]
    file: str
    time: float | None
    task: Task | None
    start: int  # physical bytes [start, end); -1: the finding has no range
    end: int
    help: str  # what to do about it
    fingerprint: str
    era: str  # in which it was found
    place: str  # the resource of /proc/iomem or the named BAR that holds the range
    baseline: Baseline
    suppression: Suppression | None
    frames: Sequence[tuple[int, int]] | None  # physical bytes that it is about; None: [start, end), if there is one
    mapped: tuple[int, int]  # and user virtual bytes
    reservations: Sequence[tuple[int, int, int]]  # that it spoils: (born, start, type)
    folded: Sequence[Finding]  # what the same cause led to, told in the notes
    drawn: Sequence[Extent]  # the range against its neighbours, in the order of the rows
    more: int  # repetitions of it that were only counted

    def __init__(
        self,
        rule: str,
        severity: Severity,
        message: str,
        line: int,
        notes: list[Note] | None = None,
        file: str = "",
        time: float | None = None,
        task: Task | None = None,
        start: int = -1,
        end: int = -1,
        help: str = "",
        fingerprint: str = "",
        era: str = "",
        place: str = "",
        baseline: Baseline = Baseline.NONE,
        suppression: Suppression | None = None,
        frames: Sequence[tuple[int, int]] | None = None,
        mapped: tuple[int, int] = (-1, -1),
        reservations: Sequence[tuple[int, int, int]] = (),
        folded: Sequence[Finding] = (),
        drawn: Sequence[Extent] = (),
        more: int = 0,
    ) -> None:
        self.rule, self.severity, self.message, self.line = rule, severity, message, line
        self.notes = [] if notes is None else notes
        self.file, self.time, self.task, self.start, self.end = file, time, task, start, end
        self.help, self.fingerprint, self.era, self.place = help, fingerprint, era, place
        self.baseline, self.suppression = baseline, suppression
        self.frames, self.mapped, self.reservations = frames, mapped, reservations
        self.folded, self.drawn, self.more = folded, drawn, more

    def __reduce__(self) -> tuple[type[Finding], tuple[object, ...]]:
        return Finding, tuple(getattr(self, name) for name in _FIELDS)

    def keep(self, other: Finding) -> None:
        """Fold another finding into this one."""
        if isinstance(self.folded, list):
            self.folded.append(other)
        else:
            self.folded = [other]

    def share(self, first: Finding) -> None:
        """Keep the words and the picture of another finding where they are the same, not a copy of them."""
        if self.message == first.message:
            self.message = first.message
        if len(self.drawn) == len(first.drawn):
            for row in range(len(self.drawn)):
                if not self.drawn[row].is_same(first.drawn[row]):
                    break
            else:
                self.drawn = first.drawn
        for place in range(min(len(self.notes), len(first.notes))):
            if self.notes[place].message == first.notes[place].message:
                self.notes[place].message = first.notes[place].message

    def count(self, other: Finding, *, spoils: bool) -> None:
        """Only count another finding, which is the same again; what that `spoils`, this one has spoilt."""
        self.more += 1
        if spoils and other.reservations:
            if not isinstance(self.reservations, list):
                self.reservations = list(self.reservations)
            self.reservations.extend(other.reservations)

    @property
    def counts(self) -> bool:
        """Whether it may fail the run: it is neither suppressed nor in the baseline."""
        return self.suppression is None and self.baseline is not Baseline.UNCHANGED

    def all(self) -> Iterator[Finding]:
        """This finding and everything that is folded into it."""
        yield self
        for finding in self.folded:
            yield from finding.all()


_FIELDS: Final = tuple(one.name for one in fields(Finding))


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as reporters describe it; `text` is its documentation page in Markdown."""

    id: str
    family: str
    severity: Severity  # by default
    summary: str
    text: str
    help: str
    uri: str


@dataclass(slots=True, repr=False, eq=False)
class Gone(Value):
    """An entry of the baseline that nothing in this run matches any more."""

    rule: str
    message: str
    file: str
    fingerprint: str


@dataclass(slots=True, repr=False, eq=False)
class Input(Value):
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
    mappings_unseen: int = 0  # not compared: no event had shown them
    mappings_unowned: int = 0  # not compared: no event had shown the address space of their process
    mappings_unsettled: int = 0  # not compared: another task was about to change or end them
    mappings_unfollowed: int = 0  # not compared: the lives of VMAs are not recorded, or events are missing
    mappings_unanchored: int = 0  # not compared: no marker in the trace
    messages: int = 0  # kernel messages of section 13, #5-#12, #17 and #19
    messages_explained: int = 0
    ignored_names: dict[str, int] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)  # of the kernel that the recording shows
    facts: list[str] = field(default_factory=list)  # what was not recorded and therefore not checked
    error: str = ""
    excerpt: str = ""  # with an error: the line that is wrong, and a caret below it

    @property
    def mappings_not_compared(self) -> int:
        """Mappings of processes at checkpoints that were not compared, for whatever reason."""
        known = self.mappings_unseen + self.mappings_unowned + self.mappings_unsettled
        return known + self.mappings_unfollowed + self.mappings_unanchored


@dataclass(slots=True, repr=False, eq=False)
class Report(Value):
    """The result of one run over one or several recordings.

    `findings` holds all that are shown, with those that are suppressed or in the baseline: nothing is dropped silently.
    """

    version: str
    inputs: list[Input] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)  # what only the baseline holds
    hidden: list[Finding] = field(default_factory=list)  # below --min-severity: not shown, but they may fail the run
    fail_on: Severity | None = Severity.WARNING  # findings from here on fail the run; None: none does
    rules: Sequence[RuleText] = ()  # every rule that could have found something, by id

    def worst(self) -> Severity | None:
        """The worst severity among the findings, None when there are none."""
        return max((finding.severity for finding in self.findings), default=None)

    def failing(self) -> list[Finding]:
        """The findings for which the run fails."""
        if self.fail_on is None:
            return []
        return [one for one in (*self.findings, *self.hidden) if one.counts and one.severity >= self.fail_on]


@dataclass(slots=True, repr=False, eq=False)
class Column(Value):
    """A scenario in one era: findings by rule, and where they are not what the scenario says."""

    era: str
    counts: Counter[str]
    unmet: list[tuple[int, str]]  # (line, rule) claimed and not found
    unexpected: list[tuple[int, str, str, Severity]]  # (line, rule, message, severity) found and not claimed
    failed: list[tuple[int, str]]  # (line, message) of expectations
    ignored: int  # findings that comments silence
    skipped: list[tuple[int, str]] = field(default_factory=list)  # (line, why) of operations that were not played


@dataclass(slots=True, repr=False, eq=False)
class Sheet(Value):
    """A scenario in several eras."""

    path: str
    title: str
    columns: list[Column]

    @property
    def is_as_claimed(self) -> bool:
        """Whether exactly what the scenario claims was found in every era, and all it expects came true."""
        return not any(column.unmet or column.unexpected or column.failed for column in self.columns)


@dataclass(slots=True, repr=False, eq=False)
class Side(Value):
    """What the operations of a comparison led to in one era."""

    era: str
    findings: list[Finding]
    state: str  # the list at the end, as the kernel prints it
    only: list[Finding] = field(default_factory=list)  # that not every other era has


@dataclass(slots=True, repr=False, eq=False)
class Comparison(Value):
    """Sides, and the first line after which their lists or results differ (0: never)."""

    path: str
    sides: list[Side]
    parts_at: int
    parts_text: str
    notes: list[str] = field(default_factory=list)  # what of a recording is not played as it was done
    quotation: str = ""  # the line of the recording where they part

    @property
    def is_same(self) -> bool:
        """Whether the eras agree in everything."""
        return not self.parts_at and all(not side.only and side.state == self.sides[0].state for side in self.sides)


def counted(number: int, noun: str) -> str:
    """``1 finding``, ``1,234 findings``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
