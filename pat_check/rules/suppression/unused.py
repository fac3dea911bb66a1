"""suppression-unused."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import SuppressionUnused
from pat_check.rules.base import Rule


class Unused(Rule[SuppressionUnused]):
    """A suppression silences nothing.

    ## Why it matters
    The problem that somebody knew is gone, or it moved and the suppression does not fit it any more. Left where it is,
    the suppression would silence the next problem of this kind, which nobody knows.

    A comment of a scenario is unused when no era finds anything there. An entry of a suppression file is unused when
    its rule is checked, an input is of an era that it speaks of, all inputs could be read, and nothing fits.
    """

    severity = Severity.WARNING
    invariants = ()
    help = "delete it, or correct what it names"
    language = "pat"
    violating = """
bar fb = 0xfd000000 size 32K
process app
app: v = mmap 32K
app: remap_pfn_range v, fb
# pat-check: ignore[memtype-leak] fixed long ago
app: munmap v                             #! suppression-unused
"""
    clean = """
bar fb = 0xfd000000 size 32K
process app
app: v = mmap 32K
app: remap_pfn_range v, fb
# pat-check: ignore[memtype-invalid-free] a part is freed, gone with 6.16
app: munmap v + 8K, 8K
"""

    def judge(self, incident: SuppressionUnused) -> Iterator[Finding]:
        """Every one."""
        yield self.finding(incident, f"{incident.what} silences nothing")
