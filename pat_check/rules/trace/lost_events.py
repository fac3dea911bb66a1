"""trace-lost-events."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import TraceEnded
from pat_check.rules.base import Rule


class LostEvents(Rule[TraceEnded]):
    """The recording lost events.

    ## Why it matters
    What happened in the gaps is unknown: a reservation may have come or gone unseen. What the model says of the rest is
    less certain, so its surprises count as info until a snapshot gives the state again.
    """

    severity = Severity.WARNING
    invariants = ()
    help = "use a larger buffer (buffer_size_kb), fewer events, or a pid filter"
    violating = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
CPU:1 [LOST 42 EVENTS]                                                    #! trace-lost-events
"""
    clean = """
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
"""

    def judge(self, incident: TraceEnded) -> Iterator[Finding]:
        """One finding for the recording, at the first gap."""
        if not incident.lost_places:
            return
        places = "in one place" if incident.lost_places == 1 else f"in {incident.lost_places:,} places"
        known = all(count >= 0 for _, _, count in incident.lost_at)
        count = (
            f"{incident.lost:,}"
            if known
            else f"at least {incident.lost:,}"
            if incident.lost
            else "an unknown number of"
        )
        notes = [Note(at, _gap(cpu, lost)) for at, cpu, lost in incident.lost_at]
        if incident.lost_places > len(notes):
            notes.append(Note(0, f"and {incident.lost_places - len(notes):,} more places"))
        finding = self.finding(incident, f"the recording lost {count} events {places}", *notes)
        finding.line = incident.lost_at[0][0]
        yield finding


def _gap(cpu: int, count: int) -> str:
    what = f"{count:,} events lost" if count >= 0 else "events lost"
    return f"{what} on CPU {cpu}" if cpu >= 0 else what
