"""memtype-ram-type."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Severity
from pat_check.incidents import MemtypeRefused
from pat_check.rules.base import Rule
from pat_check.rules.telling import span


class RamType(Rule[MemtypeRefused]):
    """RAM is asked for a type that struct page cannot keep.

    ## Why it matters
    Two page flags hold four types: WB, WC, UC- and WT. Write-protected is refused with -EINVAL; strong UC warns once
    and becomes UC-.
    """

    severity = Severity.WARNING
    invariants = (13,)
    help = "ask for UC- or WC"
    beside = {
        "iomem.txt": "00001000-0009fbff : System RAM\n00100000-2fffffff : System RAM\n"
        "fd000000-fdffffff : 0000:00:02.0\n"
    }
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0x1000000 end=0x1001000 req=3    #! memtype-ram-type
drv-7 [000] 2.0: memtype_reserve: start=0x1001000 end=0x1002000 req=5    #! memtype-ram-type
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0x1000000 end=0x1001000 req=2
"""

    def judge(self, incident: MemtypeRefused) -> Iterator[Finding]:
        """Only requests for such a type."""
        if incident.cause == "ram-type":
            became = "becomes UC-" if incident.ret == 0 else "is refused"
            message = f"RAM {span(incident.start, incident.end)} as {cachemode_name(incident.req)} {became}"
            yield self.finding(incident, message, start=incident.start, end=incident.end)
