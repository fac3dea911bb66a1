"""memtype-unknown-origin."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import UnknownOrigin
from pat_check.rules.base import Rule
from pat_check.rules.telling import made, span


class OlderReservation(Rule[UnknownOrigin]):
    """A reservation is freed that was made before the trace began.

    ## Why it matters
    It does not: the recording started late or lost events. Give the list that was taken when the trace began
    (`--memtypes FILE`, or a capture with a snapshot) and the reservation is known.
    """

    severity = Severity.INFO
    invariants = ()
    help = "save pat_memtype_list when the recording starts and pass it with --memtypes"
    violating = """
drv-7 [000] 1.0: memtype_free: start=0xfd000000 end=0xfd002000           #! memtype-unknown-origin
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
drv-7 [000] 2.0: memtype_free: start=0xfd000000 end=0xfd002000
"""

    def judge(self, incident: UnknownOrigin) -> Iterator[Finding]:
        """Every such free."""
        message = f"memtype {span(incident.start, incident.end)} is freed by {incident.api}: it is older than the trace"
        start, end = incident.start, incident.end
        yield made(self, self.severity, message, incident, [], start, end, self.help, [])
