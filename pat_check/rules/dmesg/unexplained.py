"""dmesg-unexplained."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import MessageUnexplained
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import span

_KINDS = {
    5: "reserve_ram_pages_type failed",
    7: "conflicting memory types",
    8: "memtype_reserve failed",
    9: "freeing invalid memtype",
    11: "map pfn expected mapping type",
    12: "map pfn RAM range",
    17: "ioremap error for",
    19: "ioremap memtype_reserve failed",
}


class Unexplained(Rule[MessageUnexplained]):
    """The kernel complained without a cause in the recording, or should have complained and did not.

    ## Why it matters
    A complaint that no event explains means that the recording misses what happened; a missing one that the kernel is
    not the one the model knows, or that its log lost lines. Info after lost events, and for messages of functions that
    are not recorded.
    """

    severity = Severity.ERROR
    invariants = (24,)
    depth = Depth.DOUBT
    help = "record every task with the memtype probes, and save the whole kernel log"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
app-7 [000] 2.0: console: x86/PAT: app:7 freeing invalid memtype [mem 0xfd000000-0xfd000fff]  #! dmesg-unexplained
"""
    clean = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
app-7 [000] 2.0: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""

    def judge(self, incident: MessageUnexplained) -> Iterator[Finding]:
        """Printed and not predicted, or the reverse."""
        severity = self.severity if incident.reliable else Severity.INFO
        if incident.printed:
            message = f"the kernel says {incident.text!r}, which nothing in the recording explains"
        else:
            where = span(incident.start, incident.end) + " " if incident.start >= 0 else ""
            message = f"the kernel must have said {_KINDS[incident.number]!r} {where}here; its log does not show it"
        if incident.more:
            message += f"; {incident.more} more {'is' if incident.more == 1 else 'are'} like it"
        finding = self.finding(
            incident, message, *_where(incident), start=incident.start, end=incident.end, severity=severity
        )
        if incident.printed and incident.path:
            finding.file = incident.path
        yield finding


def _where(incident: MessageUnexplained) -> list[Note]:
    return [] if incident.printed or not incident.path else [Note(0, "searched here", incident.path)]
