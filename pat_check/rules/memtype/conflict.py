"""memtype-conflict."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name, short_name
from pat_check.findings import Extent, Finding, Severity
from pat_check.incidents import MemtypeRefused
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import held, life, made, span


class Conflict(Rule[MemtypeRefused]):
    """A reservation is refused because the range is reserved with another type.

    ## Why it matters
    `memtype_reserve()` returns -EBUSY; the mmap, ioremap or set_memory call behind it fails.

    ## What the kernel does
    A request adopts the type of what it overlaps. It is refused when it spans entries of two types, or when the
    caller (set_memory_uc and set_memory_wc) takes no other type than its own. The kernel prints
    `conflicting memory types` and `memtype_reserve failed`.
    """

    severity = Severity.ERROR
    invariants = (5, 7)
    depth = Depth.FAILURE
    repeats = True
    help = "agree on one type for the range, or map the parts one by one"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: memtype_reserve: start=0xfd002000 end=0xfd004000 req=1
app-8 [000] 3.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1  #! memtype-conflict
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
app-7 [000] 2.0: memtype_reserve: start=0xfd002000 end=0xfd004000 req=1
app-8 [000] 3.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1
"""

    def judge(self, incident: MemtypeRefused) -> Iterator[Finding]:
        """Only refusals for a conflict; RAM and nonsense have rules of their own."""
        if incident.cause != "conflict":
            return
        wish = f"{span(incident.start, incident.end)} {cachemode_name(incident.req)}"
        why = ""
        if incident.first >= 0 and incident.second >= 0:
            why = f": {cachemode_name(incident.first)} and {cachemode_name(incident.second)} clash there"
        by = f" for {incident.api}" if incident.api else ""
        notes = [note for seen in incident.clash for note in life(seen)]
        message = f"memtype {wish} is refused{by}{why}"
        asked = Extent("asked", incident.start, incident.end, short_name(incident.req))
        drawn = [held(seen) for seen in incident.clash]
        drawn.append(asked)
        start, end = incident.start, incident.end
        yield made(self, self.severity, message, incident, notes, start, end, self.help, drawn)
