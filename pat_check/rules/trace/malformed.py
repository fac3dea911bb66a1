"""trace-malformed."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity, counted
from pat_check.incidents import TraceEnded
from pat_check.rules.base import Rule


class Malformed(Rule[TraceEnded]):
    """Lines of the recording, or a file beside it, cannot be read.

    ## Why it matters
    They are skipped and the rest is checked; if one of them was a reserve or a free, the model misses it. What a
    damaged `meta.json`, `iomem.txt` or `mtrr.txt` of a capture directory says is not used. With `--strict` damage is
    refused.
    """

    severity = Severity.WARNING
    invariants = ()
    help = "record again, or cut the damaged part out; --strict refuses such recordings"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd000000                           #! trace-malformed
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd002000
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: sched_switch: prev_comm=app next_comm=swapper
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd002000
"""

    def judge(self, incident: TraceEnded) -> Iterator[Finding]:
        """One finding for the recording, at the first such line, and one for each file."""
        for path, line, why in incident.beside:
            finding = self.finding(incident, f"{why}; what it says is not used")
            finding.file, finding.line = path, max(line, 1)
            yield finding
        if not incident.malformed:
            return
        lines = "one line" if incident.malformed == 1 else f"{incident.malformed:,} lines"
        at, column, problem, _ = incident.malformed_at[0]
        notes = [Note(line, f"column {place}: {what}") for line, place, what, _ in incident.malformed_at[1:]]
        rest = incident.malformed - len(incident.malformed_at)
        if rest > 0:
            notes.append(Note(0, f"and {counted(rest, 'more line')}"))
        finding = self.finding(incident, f"{lines} cannot be read: column {column}: {problem}", *notes)
        finding.line = at
        yield finding
