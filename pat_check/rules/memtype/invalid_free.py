"""memtype-invalid-free."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Extent, Finding, Note, Severity
from pat_check.incidents import MemtypeFreeMissed
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import held, life, made, span

_MAPPING = "a piece of a mapping is unmapped: up to 6.15 unmap whole or tail first; 6.16 and later track by context"
_MEANT = {
    "head": "it is the head of",
    "middle": "it lies in the middle of",
    "tail": "it is the tail of",
    "around": "it reaches beyond",
    "overlap": "it overlaps",
}


class InvalidFree(Rule[MemtypeFreeMissed]):
    """A range is freed that is not reserved with these bounds.

    ## Why it matters
    The kernel prints `freeing invalid memtype` and frees nothing: what was meant stays reserved for ever.

    ## What the kernel does
    `memtype_erase()` looks for an entry with the same start and end. Up to 6.15 it then takes the first entry with
    the same end that begins earlier and shrinks it, so freeing a tail works while freeing a head or a middle
    does not. Since 6.16 only the exact bounds match.
    """

    severity = Severity.ERROR
    invariants = (1, 2, 30, 45, 46, 47)
    depth = Depth.FAILURE
    help = "free with the bounds that were reserved"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd004000          #! memtype-invalid-free
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd008000
"""

    def judge(self, incident: MemtypeFreeMissed) -> Iterator[Finding]:
        """Every missed free that is not simply the second one."""
        if incident.freed_at and incident.near is None:
            return
        name = span(incident.start, incident.end)
        notes: list[Note] = []
        if incident.near is None:
            message = f"{incident.api} frees memtype {name}, which is not reserved"
        else:
            near = incident.near
            meant = f"{span(near.start, near.end)} {cachemode_name(near.type)}"
            message = f"{incident.api} frees memtype {name}, which is not reserved: {_MEANT[incident.relation]} {meant}"
            notes = [note for note in life(near) if note.line != incident.at]
            if incident.freed_at:
                notes.append(Note(incident.freed_at, f"{name} was freed here before"))
        mapping = incident.api in ("untrack_pfn", "free_pfn_range", "unmap_vmas", "exit_mmap")
        help_ = _MAPPING if mapping and incident.near is not None else self.help
        near_by = [] if incident.near is None else [incident.near]
        drawn = [held(near) for near in near_by]
        start, end = incident.start, incident.end
        drawn.append(Extent("freed", start, end))
        yield made(self, self.severity, message, incident, notes, start, end, help_, drawn, near_by)
