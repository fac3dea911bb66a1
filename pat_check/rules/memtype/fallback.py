"""memtype-fallback."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Severity
from pat_check.incidents import FallbackJudged
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import life, span


class Fallback(Rule[FallbackJudged]):
    """A caller is granted a type that it must not keep.

    ## Why it matters
    A device mapped write-back instead of UC- or WC loses or delays its accesses, so the kernel gives the range back
    and the mmap or ioremap fails (`map pfn expected mapping type`, `ioremap error for`). A caller that keeps such a
    type maps device memory with a dangerous one.
    """

    severity = Severity.ERROR
    invariants = (8,)
    depth = Depth.FAILURE
    repeats = True
    help = "find who reserved the range with the other type first, and agree on one"
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=4
drv-7 [000] 1.1: memtype_reserve__ret: ret=0
app-8 [000] 2.0: pfnmap_track: pfn=0xfd000 size=0x1000
app-8 [000] 2.1: memtype_reserve: start=0xfd000000 end=0xfd001000 req=4
app-8 [000] 2.2: memtype_reserve__ret: ret=0
app-8 [000] 2.3: pfnmap_track__ret: ret=0
drv-7 [000] 3.0: memtype_reserve: start=0xfe000000 end=0xfe004000 req=1
drv-7 [000] 3.1: memtype_reserve__ret: ret=0
app-8 [000] 4.0: pfnmap_track: pfn=0xfe000 size=0x1000
app-8 [000] 4.1: memtype_reserve: start=0xfe000000 end=0xfe001000 req=4
app-8 [000] 4.2: memtype_reserve__ret: ret=0
app-8 [000] 4.3: memtype_free: start=0xfe000000 end=0xfe001000
app-8 [000] 4.4: memtype_free__ret: ret=0
app-8 [000] 4.5: pfnmap_track__ret: ret=-22                              #! memtype-fallback
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=4
drv-7 [000] 1.1: memtype_reserve__ret: ret=0
app-8 [000] 2.0: pfnmap_track: pfn=0xfd000 size=0x1000
app-8 [000] 2.1: memtype_reserve: start=0xfd000000 end=0xfd001000 req=4
app-8 [000] 2.2: memtype_reserve__ret: ret=0
app-8 [000] 2.3: pfnmap_track__ret: ret=0
"""

    def judge(self, incident: FallbackJudged) -> Iterator[Finding]:
        """Kept or given back, it is an offence of whoever made the types differ."""
        want, have = cachemode_name(incident.want), cachemode_name(incident.have)
        wish = f"{incident.api} of {span(incident.start, incident.end)} wants {want}"
        end = "and keeps it" if incident.kept else "and fails"
        notes = life(incident.overlap) if incident.overlap is not None else []
        message = f"{wish}, is granted {have}, {end}"
        severity = Severity.ERROR if incident.reliable or not incident.kept else Severity.INFO
        yield self.finding(incident, message, *notes, start=incident.start, end=incident.end, severity=severity)
