"""What the model noticed: facts, never verdicts.

An incident carries everything a rule needs to tell its story; ranges are half-open bytes ``[start, end)``.
`reliable` is false where events may be missing before the incident, so that a surprise may be the
recording's fault and not the kernel's.
"""

from __future__ import annotations

from pat_check.incidents.base import Incident, Seen, Story
from pat_check.incidents.drivers import IoremapLeaked, IoremapOnRam, IounmapMismatched
from pat_check.incidents.memtype import (
    FallbackJudged,
    MemtypeAdopted,
    MemtypeFreeMissed,
    MemtypeLeaked,
    MemtypeRefused,
    MemtypeStolen,
)
from pat_check.incidents.ranges import (
    IsaTracked,
    OverlapTypes,
    RangeOdd,
    TypeChangedUnderMapping,
    UnknownOrigin,
)
from pat_check.incidents.recording import (
    Diverged,
    EraContradicted,
    ExpectationFailed,
    MappingNoted,
    MapsDiffered,
    MessageUnexplained,
    SnapshotDiffered,
    SuppressionUnused,
    TraceEnded,
)

__all__ = [
    "Diverged",
    "EraContradicted",
    "ExpectationFailed",
    "FallbackJudged",
    "Incident",
    "IoremapLeaked",
    "IoremapOnRam",
    "IounmapMismatched",
    "IsaTracked",
    "MappingNoted",
    "MapsDiffered",
    "MemtypeAdopted",
    "MemtypeFreeMissed",
    "MemtypeLeaked",
    "MemtypeRefused",
    "MemtypeStolen",
    "MessageUnexplained",
    "OverlapTypes",
    "RangeOdd",
    "Seen",
    "SnapshotDiffered",
    "Story",
    "SuppressionUnused",
    "TraceEnded",
    "TypeChangedUnderMapping",
    "UnknownOrigin",
]
