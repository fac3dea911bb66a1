"""ioremap-ram."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import IoremapOnRam
from pat_check.rules.base import Rule
from pat_check.rules.telling import span


class OnRam(Rule[IoremapOnRam]):
    """ioremap() is called on System RAM.

    ## Why it matters
    It would alias the direct map with another type, so the kernel warns once and returns NULL.
    """

    severity = Severity.WARNING
    invariants = (22,)
    help = "use memremap(MEMREMAP_WB) for RAM"
    beside = {
        "iomem.txt": "00001000-0009fbff : System RAM\n00100000-2fffffff : System RAM\n"
        "fd000000-fdffffff : 0000:00:02.0\n"
    }
    violating = """
drv-7 [000] 1.0: __ioremap_caller: phys=0x1000000 size=0x1000 pcm=2
drv-7 [000] 1.1: __ioremap_caller__ret: ret=0x0                          #! ioremap-ram
"""
    clean = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x1000 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd001000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
"""

    def judge(self, incident: IoremapOnRam) -> Iterator[Finding]:
        """Every such call."""
        message = f"ioremap of {span(incident.start, incident.end)} fails: it is System RAM"
        yield self.finding(incident, message, start=incident.start, end=incident.end)
