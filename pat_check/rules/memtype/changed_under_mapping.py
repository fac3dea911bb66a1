"""memtype-changed-under-mapping."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import short_name
from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import TypeChangedUnderMapping
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import span


class ChangedUnderMapping(Rule[TypeChangedUnderMapping]):
    """The type of a range changes while page table entries still use the old one.

    ## Why it matters
    Entries that a fault handler or a partial `remap_pfn_range()` installed reserve nothing: they take the type that
    somebody else reserved. When that reservation goes, or another comes, the next mapping of the page gets another
    type. Two types for one page are an alias, which the processor does not define.

    Info where reservations may exist that the recording does not show, or where events were lost.
    """

    severity = Severity.ERROR
    invariants = (17, 18)
    depth = Depth.CONSEQUENCE
    help = "keep the ioremap or the explicit reservation until the last mapping of the range is gone"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
app-8 [001] 0.5: unmap_page_range: vma=0x11 mm=0x77 start=0x5000 end=0x6000
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x8000 pcm=1
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd008000 req=1
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
app-8 [001] 2.0: vmf_insert_pfn_prot: vma=0x10 mm=0x77 addr=0x7000 pfn=0xfd000
drv-7 [000] 3.0: iounmap: addr=0xffa0000000654000
drv-7 [000] 3.1: memtype_free: start=0xfd000000 end=0xfd008000
drv-7 [000] 3.2: memtype_free__ret: ret=0                                #! memtype-changed-under-mapping
"""
    clean = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x8000 pcm=1
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd008000 req=1
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
app-8 [001] 2.0: vmf_insert_pfn_prot: vma=0x10 mm=0x77 addr=0x7000 pfn=0xfd000
app-8 [001] 2.5: unmap_page_range: vma=0x10 mm=0x77 start=0x7000 end=0x8000
drv-7 [000] 3.0: iounmap: addr=0xffa0000000654000
drv-7 [000] 3.1: memtype_free: start=0xfd000000 end=0xfd008000
drv-7 [000] 3.2: memtype_free__ret: ret=0
"""

    def judge(self, incident: TypeChangedUnderMapping) -> Iterator[Finding]:
        """Every such change."""
        old, new = short_name(incident.mode), short_name(incident.now)
        where = span(incident.start, incident.end)
        message = f"{where} is mapped {old} by {incident.mapper} while {incident.api} makes its type {new}"
        notes = [Note(incident.mapped_at, f"mapped {old} here by {incident.mapper}, without a reservation of its own")]
        if incident.reserved_at:
            notes.append(Note(incident.reserved_at, f"the type came from the reservation made here: {old}"))
        severity = self.severity if incident.reliable else Severity.INFO
        yield self.finding(incident, message, *notes, start=incident.start, end=incident.end, severity=severity)
