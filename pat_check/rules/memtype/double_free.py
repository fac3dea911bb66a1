"""memtype-double-free."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Extent, Finding, Note, Severity
from pat_check.incidents import MemtypeFreeMissed
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import span, told


class DoubleFree(Rule[MemtypeFreeMissed]):
    """A memtype reservation is freed a second time.

    ## Why it matters
    This time the kernel only prints `freeing invalid memtype`. Had somebody else reserved the same range in
    between, the second free would have taken that reservation away without a word: entries have no owner.
    """

    severity = Severity.ERROR
    invariants = (1, 2)
    depth = Depth.FAILURE
    help = "free once: clear the pointer or flag that says the range is reserved, or use the devm variant"
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
drv-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd002000
drv-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd002000          #! memtype-double-free
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
drv-7 [000] 1.5: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
drv-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd002000
drv-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd002000
"""

    def judge(self, incident: MemtypeFreeMissed) -> Iterator[Finding]:
        """The very range was freed before and nothing of it is reserved now."""
        if incident.freed_at and incident.near is None:
            yield self.finding(
                incident,
                f"memtype {span(incident.start, incident.end)} is freed twice, now by {incident.api}",
                *told(incident.story),
                Note(incident.freed_at, "first freed here"),
                start=incident.start,
                end=incident.end,
                drawn=[Extent("freed", incident.start, incident.end), Extent("again", incident.start, incident.end)],
            )
