"""memtype-ram-exclusive."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import MemtypeRefused
from pat_check.rules.base import Rule
from pat_check.rules.telling import life, span


class RamExclusive(Rule[MemtypeRefused]):
    """RAM pages are given a type although they have one already.

    ## Why it matters
    The type of a RAM page is not counted: the second `set_memory_wc()` of a page fails with -EBUSY even when both
    want the same type, and the kernel prints `reserve_ram_pages_type failed`. Often the first user freed the
    pages without setting them back to write-back, and the one who is refused is innocent.
    """

    severity = Severity.ERROR
    invariants = (12, 14)
    help = "set pages back with set_memory_wb() or set_pages_array_wb() before they are freed or used again"
    beside = {
        "iomem.txt": "00001000-0009fbff : System RAM\n00100000-2fffffff : System RAM\n"
        "fd000000-fdffffff : 0000:00:02.0\n"
    }
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0x1000000 end=0x1004000 req=1
drv-7 [000] 2.0: memtype_reserve: start=0x1002000 end=0x1003000 req=1    #! memtype-ram-exclusive
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0x1000000 end=0x1004000 req=1
drv-7 [000] 1.5: memtype_free: start=0x1000000 end=0x1004000
drv-7 [000] 2.0: memtype_reserve: start=0x1002000 end=0x1003000 req=1
"""

    def judge(self, incident: MemtypeRefused) -> Iterator[Finding]:
        """Only refusals of RAM that has a type."""
        if incident.cause != "ram-busy":
            return
        message = (
            f"RAM {span(incident.start, incident.end)} cannot become {cachemode_name(incident.req)}: "
            f"a page of it is {cachemode_name(incident.second)} already"
        )
        notes: list[Note] = [note for seen in incident.clash for note in life(seen)]
        yield self.finding(incident, message, *notes, start=incident.start, end=incident.end)
