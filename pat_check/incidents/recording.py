"""About the recording: what it shows against the model, the lists and the messages, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from pat_check.incidents.base import Incident, Story


@dataclass(slots=True, init=False, repr=False, eq=False)
class Diverged(Incident):
    """The recording shows another result than the model predicts; the model follows the recording."""

    function: str
    start: int
    end: int
    what: str  # returned, granted, went
    predicted: str
    observed: str
    story: Story
    about: str  # what alone decides it: "mtrr", "shrink" (the end of a range), "zap", "half" (a lost one), "context"

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        function: str,
        start: int,
        end: int,
        what: str,
        predicted: str,
        observed: str,
        story: Story,
        about: str = "",
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.function, self.start, self.end, self.what = function, start, end, what
        self.predicted, self.observed, self.story, self.about = predicted, observed, story, about


@dataclass(slots=True, init=False, repr=False, eq=False)
class EraContradicted(Incident):
    """The recording went against its era several times."""

    era: str
    times: int
    fits: list[str]  # the eras that predict all that was seen
    story: Story
    sure: bool = True  # not a matter of how the kernel was built

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        era: str,
        times: int,
        fits: list[str],
        story: Story,
        sure: bool = True,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.era, self.times, self.fits, self.story = era, times, fits, story
        self.sure = sure


@dataclass(slots=True, init=False, repr=False, eq=False)
class SnapshotDiffered(Incident):
    """The kernel's own list at a checkpoint is not the model's."""

    name: str
    path: str
    missing: list[tuple[int, int, int]]  # the model has them, the kernel does not: (start, end, type)
    extra: list[tuple[int, int, int]]  # the kernel has them, the model does not

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        name: str,
        path: str,
        missing: list[tuple[int, int, int]],
        extra: list[tuple[int, int, int]],
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.name, self.path, self.missing, self.extra = name, path, missing, extra


@dataclass(slots=True, init=False, repr=False, eq=False)
class MapsDiffered(Incident):
    """The mappings of a process at a checkpoint are not those that the recorded calls leave."""

    name: str
    path: str
    of_pid: int
    lines: list[str]  # as diff shows them: what the calls leave with -, what the kernel has with +
    larger: bool  # all that differs is that the kernel's mappings reach further: merged, or grown

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        name: str,
        path: str,
        of_pid: int,
        lines: list[str],
        larger: bool,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.name, self.path, self.of_pid, self.lines = name, path, of_pid, lines
        self.larger = larger


@dataclass(slots=True, init=False, repr=False, eq=False)
class MessageUnexplained(Incident):
    """The kernel printed a complaint that the replay does not predict (`printed`), or the reverse."""

    number: int  # row of memtype.md section 13
    text: str
    path: str  # file of the message, "" the trace itself
    printed: bool
    start: int
    end: int
    more: int = 0  # others like it, where events were lost

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        number: int,
        text: str,
        path: str,
        printed: bool,
        start: int,
        end: int,
        more: int = 0,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.number, self.text, self.path, self.printed = number, text, path, printed
        self.start, self.end, self.more = start, end, more


@dataclass(slots=True, init=False, repr=False, eq=False)
class MappingNoted(Incident):
    """Something about a mapping, its entries, a walk, a lock or a notifier; `what` names the fact.

    Ranges are user virtual bytes; `pfn` is a page frame number, -1 where none is meant.
    """

    what: str
    start: int
    end: int
    pfn: int
    detail: str  # for people
    story: Story

    def __init__(
        self,
        at: int,
        time: float | None,
        comm: str,
        pid: int,
        reliable: bool,
        what: str,
        start: int,
        end: int,
        pfn: int,
        detail: str,
        story: Story,
    ) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.what, self.start, self.end, self.pfn = what, start, end, pfn
        self.detail, self.story = detail, story


@dataclass(slots=True, init=False, repr=False, eq=False)
class ExpectationFailed(Incident):
    """An ``expect`` line of a scenario did not come true."""

    said: str  # what is there instead, for people

    def __init__(self, at: int, time: float | None, comm: str, pid: int, reliable: bool, said: str) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.said = said


@dataclass(slots=True, init=False, repr=False, eq=False)
class SuppressionUnused(Incident):
    """An entry of a suppression file, or a comment of a scenario, that silences nothing."""

    what: str  # for people

    def __init__(self, at: int, time: float | None, comm: str, pid: int, reliable: bool, what: str) -> None:
        self.at, self.time, self.comm, self.pid, self.reliable = at, time, comm, pid, reliable
        self.what = what


@dataclass(slots=True, repr=False, eq=False)
class TraceEnded(Incident):
    """The recording is over: what it says of itself."""

    lost: int  # events; -1 unknown number
    lost_at: list[tuple[int, int, int]]  # (line, cpu, count), the first ones
    lost_places: int
    malformed: int
    malformed_at: list[tuple[int, int, str, str]]  # (line, column, problem, excerpt), the first ones
    cut: tuple[int, str, str] | None  # last line, problem, excerpt
    open_calls: list[tuple[int, str]]  # (line, function) entries that never returned, the first ones
    open_count: int
    unmatched_returns: int
    beside: list[tuple[str, int, str]] = field(default_factory=list)  # unreadable files: path, line (0 all of it), why
