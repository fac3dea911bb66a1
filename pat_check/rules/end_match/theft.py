"""end-match-theft."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Extent, Finding, Note, Severity
from pat_check.incidents import MemtypeStolen
from pat_check.rules.base import Rule
from pat_check.rules.telling import held, life, made, span


class Theft(Rule[MemtypeStolen]):
    """A free takes away a part of somebody else's reservation, or of another mapping's.

    ## Why it matters
    Nothing is printed now. The real owner, often an ioremap of a whole BAR, will free its own bounds later, find
    nothing, print `freeing invalid memtype` and leak; and its range is unprotected meanwhile.

    ## What the kernel does
    Up to 6.15 a free without an exact match shrinks the entry with the same end that begins lowest, whoever made
    it. With a BAR mapped whole by a driver and its last pages mapped by a process, unmapping the tail of
    those pages shrinks the driver's entry. So it is with two mappings of one process that end at the same page; of
    recordings this is told where `memtype_erase()` is recorded with its return, and each entry there is that of a mapping
    that is known.

    Info where reservations may exist that the recording does not show.
    """

    severity = Severity.ERROR
    invariants = (16, 48)
    help = "on kernels up to 6.15 do not unmap the tail of a mapping that ends where another reservation ends"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x8000 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
app-8 [000] 2.0: track_pfn_remap: vma=0x10 mm=0x77 pfn=0xfd004 addr=0x7000 size=0x4000
app-8 [000] 2.1: memtype_reserve: start=0xfd004000 end=0xfd008000 req=2
app-8 [000] 2.2: memtype_reserve__ret: ret=0
app-8 [000] 2.3: track_pfn_remap__ret: ret=0
app-8 [000] 3.0: untrack_pfn: vma=0x11 mm=0x77 pfn=0x0 size=0x0
app-8 [000] 3.1: memtype_free: start=0xfd006000 end=0xfd008000
app-8 [000] 3.2: memtype_free__ret: ret=0  #! end-match-theft@!pfnmap-ctx model-divergence@pfnmap-ctx model-era@pfnmap-ctx
"""
    clean = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x10000 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd010000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
app-8 [000] 2.0: track_pfn_remap: vma=0x10 mm=0x77 pfn=0xfd004 addr=0x7000 size=0x4000
app-8 [000] 2.1: memtype_reserve: start=0xfd004000 end=0xfd008000 req=2
app-8 [000] 2.2: memtype_reserve__ret: ret=0
app-8 [000] 2.3: track_pfn_remap__ret: ret=0
app-8 [000] 3.0: untrack_pfn: vma=0x11 mm=0x77 pfn=0x0 size=0x0
app-8 [000] 3.1: memtype_free: start=0xfd004000 end=0xfd008000
app-8 [000] 3.2: memtype_free__ret: ret=0
"""

    def judge(self, incident: MemtypeStolen) -> Iterator[Finding]:
        """Every reservation that was shrunk for another."""
        if not incident.shrunk:
            return
        victim = incident.victim
        whose = "another of its mappings" if incident.itself else victim.owner
        message = (
            f"{incident.freer} ({incident.api}) frees {span(incident.start, incident.end)} and shrinks "
            f"{span(victim.start, victim.end)} of {whose}"
        )
        notes = [note for note in life(victim) if note.line != incident.at]
        if incident.own is not None:
            own = incident.own
            notes.append(Note(own.born, f"meant was {span(own.start, own.end)}, reserved by {own.owner}"))
        severity = Severity.ERROR if incident.reliable else Severity.INFO
        drawn = [held(victim, "theirs"), Extent("freed", incident.start, incident.end)]
        if incident.own is not None:
            drawn.append(held(incident.own, "own"))
        start, end = incident.start, incident.end
        yield made(self, severity, message, incident, notes, start, end, self.help, drawn)
