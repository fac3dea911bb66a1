"""memtype-foreign-free."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Extent, Finding, Note, Severity
from pat_check.incidents import MemtypeStolen
from pat_check.rules.base import Rule
from pat_check.rules.telling import held, life, made, span


class ForeignFree(Rule[MemtypeStolen]):
    """A free removes a reservation that somebody else made.

    ## Why it matters
    The kernel does not know who made an entry: whoever names its bounds removes it, without a word. The real owner is
    unprotected from then on, and its own free will fail later.

    Whose an entry is follows from the calls that are recorded around it; the kernel itself cannot tell. Info where
    reservations may exist that the recording does not show.
    """

    severity = Severity.ERROR
    invariants = (16,)
    help = "free only what this driver or mapping has reserved itself"
    violating = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x8000 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
app-8 [000] 2.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x8000 addr=0x7000 pfn=0xfe000 size=0x1000
app-8 [000] 2.1: memtype_reserve: start=0xfe000000 end=0xfe001000 req=2
app-8 [000] 2.2: memtype_reserve__ret: ret=0
app-8 [000] 2.3: remap_pfn_range__ret: ret=0
drv-7 [000] 3.0: arch_io_free_memtype_wc: start=0xfe000000 size=0x1000
drv-7 [000] 3.1: memtype_free: start=0xfe000000 end=0xfe001000
drv-7 [000] 3.2: memtype_free__ret: ret=0                                #! memtype-foreign-free
"""
    clean = """
drv-7 [000] 1.0: arch_io_reserve_memtype_wc: start=0xfe000000 size=0x1000
drv-7 [000] 1.1: memtype_reserve: start=0xfe000000 end=0xfe001000 req=1
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: arch_io_reserve_memtype_wc__ret: ret=0
drv-9 [000] 3.0: arch_io_free_memtype_wc: start=0xfe000000 size=0x1000
drv-9 [000] 3.1: memtype_free: start=0xfe000000 end=0xfe001000
drv-9 [000] 3.2: memtype_free__ret: ret=0
"""

    def judge(self, incident: MemtypeStolen) -> Iterator[Finding]:
        """Every entry that was removed whole."""
        if incident.shrunk:
            return
        victim = incident.victim
        message = f"{incident.freer} ({incident.api}) frees {span(victim.start, victim.end)} of {victim.owner}"
        notes = [note for note in life(victim) if note.line != incident.at]
        if incident.own is not None:
            own = incident.own
            notes.append(Note(own.born, f"of its own it has {span(own.start, own.end)}, reserved by {own.owner}"))
        severity = self.severity if incident.reliable else Severity.INFO
        drawn = [held(victim, "theirs"), Extent("freed", victim.start, victim.end)]
        if incident.own is not None:
            drawn.append(held(incident.own, "own"))
        start, end = victim.start, victim.end
        yield made(self, severity, message, incident, notes, start, end, self.help, drawn)
