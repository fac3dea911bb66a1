"""memtype-downgrade."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import short_name
from pat_check.findings import Extent, Finding, Severity
from pat_check.incidents import MemtypeAdopted
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import held, life, made, span


class Downgrade(Rule[MemtypeAdopted]):
    """A range is granted another type than was asked for, because it is reserved with that type already.

    ## Why it matters
    Nothing is printed and nothing fails. A frame buffer that wanted write-combining is slow as UC-; registers
    that wanted UC- are mapped write-combining and may see their writes merged or late. Who comes first decides.

    ## What the kernel does
    With an overlap of one other type, `memtype_reserve()` stores and returns that type. A caller that accepts it
    maps with it. `arch_io_reserve_memtype_wc()` throws the granted type away and returns 0: a warning, for the driver
    cannot know. Since 6.16 a range that one user has unmapped stays reserved while another still holds the rest.
    """

    severity = Severity.INFO
    invariants = (21, 50, 60)
    severities = {21: Severity.WARNING}
    depth = Depth.FAILURE
    repeats = True
    help = "let every user of the range ask for one type, or reserve the stronger wish first"
    violating = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-8 [000] 2.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1  #! memtype-downgrade
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=1
app-8 [000] 2.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
"""

    def judge(self, incident: MemtypeAdopted) -> Iterator[Finding]:
        """Every adoption of another type."""
        wish, got = short_name(incident.req), short_name(incident.type)
        by = f"{incident.api} of " if incident.api else ""
        message = f"{by}{span(incident.start, incident.end)} asked for {wish} and got {got}"
        severity = self.severities[21] if incident.ignored else self.severity
        if incident.ignored:
            message += ", which arch_io_reserve_memtype_wc() does not tell its caller"
        notes = life(incident.overlap)
        drawn = [held(incident.overlap), Extent("asked", incident.start, incident.end, wish)]
        start, end = incident.start, incident.end
        yield made(self, severity, message, incident, notes, start, end, self.help, drawn)
