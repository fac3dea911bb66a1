"""About ioremap and iounmap."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.incidents.base import Incident, Seen


@dataclass(slots=True, repr=False, eq=False)
class IoremapLeaked(Incident):
    """A driver is gone, its ioremap is not."""

    module: str
    caller: str
    addr: int
    phys: int
    seen: Seen


@dataclass(slots=True, repr=False, eq=False)
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


@dataclass(slots=True, repr=False, eq=False)
class IoremapOnRam(Incident):
    """ioremap() of System RAM that is not reserved."""

    start: int
    end: int
    caller: str
