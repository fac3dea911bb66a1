"""memtype-isa."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import IsaTracked
from pat_check.rules.base import Rule
from pat_check.rules.telling import span


class Isa(Rule[IsaTracked]):
    """A range wholly inside the legacy ISA hole is tracked.

    ## Why it matters
    [0xA0000, 0x100000) is never tracked: reserving it returns 0 and stores nothing. An entry there says that the
    kernel was changed or the recording is wrong. A range that only reaches into the hole is tracked, and fine.
    """

    severity = Severity.INFO
    invariants = (10,)
    help = "look for a change to is_untracked_pat_range()"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xa0000 end=0xa2000 req=2
app-7 [000] 1.1: memtype_check_insert: start=0xa0000 end=0xa2000 type=2
app-7 [000] 1.2: memtype_check_insert__ret: ret=0                        #! memtype-isa model-divergence
app-7 [000] 1.3: memtype_reserve__ret: ret=0
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0x9e000 end=0xa2000 req=2
app-7 [000] 1.1: memtype_check_insert: start=0x9e000 end=0xa2000 type=2
app-7 [000] 1.2: memtype_check_insert__ret: ret=0
app-7 [000] 1.3: memtype_reserve__ret: ret=0
"""

    def judge(self, incident: IsaTracked) -> Iterator[Finding]:
        """Every such entry."""
        message = f"memtype {span(incident.start, incident.end)} inside the legacy ISA hole is tracked"
        yield self.finding(incident, message, start=incident.start, end=incident.end)
