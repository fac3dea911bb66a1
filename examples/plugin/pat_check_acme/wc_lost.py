"""acme-wc-lost."""

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import MemtypeAdopted
from pat_check.rules.base import Rule, life, span

WC = 1  # _PAGE_CACHE_MODE_WC


class WcLost(Rule[MemtypeAdopted]):
    """A frame buffer of the acme card is not write-combining.

    ## Why it matters
    Uncached writes make the card drop frames. For other devices this is a remark (`memtype-downgrade`); for ours it is
    a bug of the driver that reserved the range first.
    """

    id = "acme-wc-lost"
    uri = "https://acme.example/rules/wc-lost"
    severity = Severity.ERROR
    help = "reserve the frame buffer in acme_probe(), before anything maps the registers beside it"
    violating = """
app-8 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=2
app-8 [000] 1.1: memtype_reserve__ret: ret=0
drv-7 [000] 2.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1
drv-7 [000] 2.1: memtype_reserve__ret: ret=0                             #! acme-wc-lost memtype-downgrade
"""
    clean = """
drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1
drv-7 [000] 1.1: memtype_reserve__ret: ret=0
"""

    def judge(self, incident: MemtypeAdopted) -> Iterator[Finding]:
        """Only a lost write-combining counts."""
        if incident.req == WC and incident.type != WC:
            message = f"the frame buffer {span(incident.start, incident.end)} is not write-combining"
            yield self.finding(incident, message, *life(incident.overlap), start=incident.start, end=incident.end)
