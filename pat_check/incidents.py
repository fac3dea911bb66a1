"""What the model noticed: facts, never verdicts.

An incident carries everything a rule needs to tell its story; ranges are half-open bytes ``[start, end)``.
`reliable` is false where events may be missing before the incident, so that a surprise may be the
recording's fault and not the kernel's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Story = list[tuple[int, str]]
"""(line, what happened there), oldest first; line 0 is before the trace."""


@dataclass(slots=True)
class Seen:
    """A reservation as it was at the time of an incident."""

    start: int
    end: int
    type: int
    born: int  # line; 0 before the trace
    owner: str  # for people: "patlab:880 (remap_pfn_range)"
    story: Story


@dataclass(slots=True)
class Incident:
    """Anything noteworthy, at a line of the trace."""

    at: int
    time: float | None
    comm: str
    pid: int
    reliable: bool


@dataclass(slots=True)
class MemtypeAdopted(Incident):
    """A reservation got another type than it asked for, because one that overlaps it exists."""

    start: int
    end: int
    req: int
    type: int
    api: str  # who asked: remap_pfn_range, ioremap, arch_io_reserve_memtype_wc, ...
    caller: str  # symbol where known
    ignored: bool  # the caller throws the granted type away (arch_io_reserve_memtype_wc)
    overlap: Seen


@dataclass(slots=True)
class MemtypeRefused(Incident):
    """memtype_reserve() failed."""

    start: int
    end: int
    req: int
    ret: int  # -errno
    cause: str  # conflict, mixed-ram, ram-busy, ram-type, range, unknown
    first: int  # cache modes that clash; -1 none
    second: int
    api: str
    caller: str
    clash: list[Seen]


@dataclass(slots=True)
class FallbackJudged(Incident):
    """A caller was granted another type than it asked for and decided on it."""

    start: int
    end: int
    want: int
    have: int
    kept: bool  # true: it keeps a type outside the acceptance table; false: it gave the range back
    api: str
    caller: str
    overlap: Seen | None


@dataclass(slots=True)
class MemtypeFreeMissed(Incident):
    """memtype_free() found no entry: the kernel prints ``freeing invalid memtype``."""

    start: int
    end: int
    api: str
    caller: str
    freed_at: int  # the line where this very range was freed last; 0 never
    near: Seen | None  # the reservation it came closest to
    relation: str  # of the freed range to `near`: head, middle, tail, around, overlap, none
    story: Story  # what led there when there is no reservation near


@dataclass(slots=True)
class MemtypeStolen(Incident):
    """A free removed or shrunk a reservation of somebody else."""

    start: int
    end: int
    api: str
    shrunk: bool  # by the end-match rule; else removed whole
    freer: str
    victim: Seen  # as it was before
    own: Seen | None  # the freer's own reservation that ends there


@dataclass(slots=True)
class MemtypeLeaked(Incident):
    """A reservation is still there although its owner is gone, or the trace is at its end."""

    seen: Seen
    gone: str  # what ended: process, module, remap (it failed), or "" at the end of the trace
    owner: str
    ram: bool = False  # a page type of System RAM, which the list does not show
    more: list[Seen] = field(default_factory=list)  # others of the same owner


@dataclass(slots=True)
class IoremapLeaked(Incident):
    """A driver is gone, its ioremap is not."""

    module: str
    caller: str
    addr: int
    phys: int
    seen: Seen


@dataclass(slots=True)
class IounmapMismatched(Incident):
    """iounmap() of what no ioremap returned, or freeing another range than was reserved."""

    addr: int
    start: int  # -1: nothing was freed
    end: int
    want_start: int  # what the ioremap reserved; -1 unknown
    want_end: int
    mapped_at: int  # line of the ioremap; 0 unknown
    unmapped_at: int  # line of the first iounmap when this is the second; 0 otherwise
    message: str  # what the kernel said


@dataclass(slots=True)
class IoremapOnRam(Incident):
    """ioremap() of System RAM that is not reserved."""

    start: int
    end: int
    caller: str


@dataclass(slots=True)
class IsaTracked(Incident):
    """A range wholly inside the legacy hole [0xA0000, 0x100000) is in the tree."""

    start: int
    end: int
    type: int


@dataclass(slots=True)
class RangeOdd(Incident):
    """A reserve or free with a range that looks wrong."""

    start: int
    end: int
    api: str
    function: str  # memtype_reserve or memtype_free
    why: str  # empty, unaligned, units


@dataclass(slots=True)
class TypeChangedUnderMapping(Incident):
    """The type looked up for a mapped range changed while entries installed before keep their mode."""

    start: int
    end: int
    mode: int  # of the live entries
    now: int  # what a lookup finds now
    api: str  # who freed the reservation
    mapped_at: int
    mapper: str
    reserved_at: int


@dataclass(slots=True)
class OverlapTypes(Incident):
    """Two reservations that intersect have different types: a correct kernel cannot do that."""

    first: Seen
    second: Seen
    where: str  # the snapshot that shows it; "" the trace itself


@dataclass(slots=True)
class Diverged(Incident):
    """The recording shows another result than the model predicts; the model follows the recording."""

    function: str
    start: int
    end: int
    what: str  # returned, granted, went
    predicted: str
    observed: str
    story: Story
    about: str = ""  # what alone decides it: "mtrr", "shrink" (the end of a range), "zap", "half" (a lost one)


@dataclass(slots=True)
class EraContradicted(Incident):
    """The recording went against its era several times."""

    era: str
    times: int
    fits: list[str]  # the eras that predict all that was seen
    story: Story
    sure: bool = True  # not a matter of how the kernel was built


@dataclass(slots=True)
class UnknownOrigin(Incident):
    """A free succeeded for a reservation that must be older than the trace."""

    start: int
    end: int
    api: str


@dataclass(slots=True)
class SnapshotDiffered(Incident):
    """The kernel's own list at a checkpoint is not the model's."""

    name: str
    path: str
    missing: list[tuple[int, int, int]]  # the model has them, the kernel does not: (start, end, type)
    extra: list[tuple[int, int, int]]  # the kernel has them, the model does not


@dataclass(slots=True)
class MapsDiffered(Incident):
    """The mappings of a process at a checkpoint are not those that the recorded calls leave."""

    name: str
    path: str
    of_pid: int
    lines: list[str]  # as diff shows them: what the calls leave with -, what the kernel has with +
    larger: bool  # all that differs is that the kernel's mappings reach further: merged, or grown


@dataclass(slots=True)
class MessageUnexplained(Incident):
    """The kernel printed a complaint that the replay does not predict (`printed`), or the reverse."""

    number: int  # row of memtype.md section 13
    text: str
    path: str  # file of the message, "" the trace itself
    printed: bool
    start: int
    end: int
    more: int = 0  # others like it, where events were lost


@dataclass(slots=True)
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


@dataclass(slots=True)
class ExpectationFailed(Incident):
    """An ``expect`` line of a scenario did not come true."""

    said: str  # what is there instead, for people


@dataclass(slots=True)
class SuppressionUnused(Incident):
    """An entry of a suppression file, or a comment of a scenario, that silences nothing."""

    what: str  # for people


@dataclass(slots=True)
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
