"""memtype-range."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import RangeOdd
from pat_check.rules.base import Rule
from pat_check.rules.telling import span

_WHY = {
    "empty": "ends before it starts",
    "units": "is smaller than a page: page numbers where bytes are meant?",
    "unaligned": "does not begin and end at pages",
}


class OddRange(Rule[RangeOdd]):
    """A range is reserved or freed that cannot be meant so.

    ## Why it matters
    `memtype_reserve()` and `memtype_free()` take byte addresses with an exclusive end, and the functions above them
    take page numbers with sizes in bytes: easily mixed up. An empty range is refused with a warning; an unaligned one
    is stored as it is and found by nobody who frees whole pages.
    """

    severity = Severity.WARNING
    invariants = (19, 20)
    help = "pass bytes: pfn << PAGE_SHIFT, and sizes that are multiples of the page size"
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd000000 req=2  #! memtype-range
drv-7 [000] 2.0: memtype_reserve: start=0xfd000010 end=0xfd002000 req=2  #! memtype-range
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
"""

    def judge(self, incident: RangeOdd) -> Iterator[Finding]:
        """Every such call."""
        why = "is empty" if incident.start == incident.end else _WHY[incident.why]
        message = f"{incident.function} of {span(incident.start, incident.end)}, which {why}"
        yield self.finding(incident, message, start=incident.start, end=incident.end)
