"""tracking-remap-leak."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import MemtypeLeaked
from pat_check.rules.base import Rule
from pat_check.rules.telling import life, span


class RemapLeak(Rule[MemtypeLeaked]):
    """remap_pfn_range() fails, and what it reserved stays reserved.

    ## Why it matters
    The driver's ->mmap returns the error and the mapping is gone, so nobody will free the range. `remap_pfn_range()` must take
    back the reservation where page tables cannot be filled: `untrack_pfn()` up to 6.15, later the context of the mapping.

    Info where events were lost: the free may be among them.
    """

    severity = Severity.ERROR
    invariants = (51,)
    help = "compare the error path of remap_pfn_range() with the kernel's source"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_reserve__ret: ret=0
app-7 [000] 1.3: remap_pfn_range__ret: ret=-12                           #! tracking-remap-leak
"""
    clean = """
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_reserve__ret: ret=0
app-7 [000] 1.3: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 1.4: memtype_free__ret: ret=0
app-7 [000] 1.5: remap_pfn_range__ret: ret=-12
"""

    def judge(self, incident: MemtypeLeaked) -> Iterator[Finding]:
        """What a failed remap left."""
        if incident.gone != "remap":
            return
        seen, more = incident.seen, incident.more
        message = f"the remap_pfn_range() of {incident.owner} failed, and memtype {span(seen.start, seen.end)}"
        message += f" {cachemode_name(seen.type)} is still reserved"
        notes = [Note(one.born, f"{span(one.start, one.end)} as well") for one in more]
        yield self.finding(
            incident,
            message,
            *life(seen),
            *notes,
            start=seen.start,
            end=seen.end,
            severity=self.severity if incident.reliable else Severity.INFO,
            reservations=(seen, *more),
        )
