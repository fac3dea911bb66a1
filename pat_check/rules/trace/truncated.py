"""trace-truncated."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import TraceEnded
from pat_check.rules.base import Rule


class Truncated(Rule[TraceEnded]):
    """The recording ends in the middle.

    ## Why it matters
    Its last line is cut off, or its compressed file ends early: the copy was interrupted, or the disk was full. What
    came after is not checked; with `--strict` such a recording is refused.
    """

    severity = Severity.WARNING
    invariants = ()
    help = "copy the whole recording"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: memtype_fre                                              #! trace-truncated"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd002000
"""

    def judge(self, incident: TraceEnded) -> Iterator[Finding]:
        """A last line without a newline that cannot be read, or a compressed file with a damaged end."""
        if incident.cut is not None:
            at, problem, excerpt = incident.cut
            what = "the last line is cut off" if excerpt else "the recording breaks off"
            finding = self.finding(incident, f"{what}: {problem}")
            finding.line = at
            yield finding
