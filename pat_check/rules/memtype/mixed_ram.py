"""memtype-mixed-ram."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import MemtypeRefused
from pat_check.rules.base import Rule
from pat_check.rules.telling import span


class MixedRam(Rule[MemtypeRefused]):
    """A range is refused because it is partly System RAM.

    ## Why it matters
    `memtype_reserve()` returns -EINVAL without a message. `remap_pfn_range()` treats such a range as RAM: it maps
    it and reserves nothing, so nobody keeps its type.

    ## What the kernel does
    RAM keeps its type in struct page, everything else in the tree; a range of both kinds can have neither. A hole
    behind the last RAM page is not noticed: then the range counts as RAM.
    """

    severity = Severity.WARNING
    invariants = (11,)
    help = "map the RAM and the device part separately"
    beside = {
        "iomem.txt": "00001000-0009fbff : System RAM\n00100000-2fffffff : System RAM\n"
        "fd000000-fdffffff : 0000:00:02.0\n"
    }
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xff000 end=0x102000 req=2       #! memtype-mixed-ram
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0x2ffff000 end=0x30001000 req=2
"""

    def judge(self, incident: MemtypeRefused) -> Iterator[Finding]:
        """Only refusals of a mixed range."""
        if incident.cause == "mixed-ram":
            message = f"memtype {span(incident.start, incident.end)} is refused: it is partly System RAM"
            yield self.finding(incident, message, start=incident.start, end=incident.end)
