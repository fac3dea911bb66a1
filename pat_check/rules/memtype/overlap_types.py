"""memtype-overlap-types."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import OverlapTypes
from pat_check.rules.base import Rule
from pat_check.rules.telling import held, life, span


class OverlappingTypes(Rule[OverlapTypes]):
    """Two reservations that intersect have different types.

    ## Why it matters
    The tree exists to make this impossible. A list that shows it comes from a broken kernel, a patch that
    bypasses the conflict check, or a recording that is not one.
    """

    severity = Severity.ERROR
    invariants = (4,)
    help = "look for a change to memtype_check_conflict(), or for a list that was edited or mixed up"
    violating = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd008000 req=1 new=1
app-8 [000] 2.0: memtype_reserve__ret: ret=0 start=0xfd004000 end=0xfd008000 req=2 new=2 #! memtype-overlap-types model-divergence
"""
    clean = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd004000 req=1 new=1
app-8 [000] 2.0: memtype_reserve__ret: ret=0 start=0xfd004000 end=0xfd008000 req=2 new=2
"""

    def judge(self, incident: OverlapTypes) -> Iterator[Finding]:
        """Every pair that is found."""
        first, second = incident.first, incident.second
        message = (
            f"{span(first.start, first.end)} {cachemode_name(first.type)} and "
            f"{span(second.start, second.end)} {cachemode_name(second.type)} overlap with different types"
        )
        notes = [*life(first), *(note for note in life(second) if note.line != incident.at)]
        if incident.where:
            notes.append(Note(0, "the kernel's own list shows both", incident.where))
        start, end = max(first.start, second.start), min(first.end, second.end)
        yield self.finding(incident, message, *notes, start=start, end=end, drawn=[held(first), held(second)])
