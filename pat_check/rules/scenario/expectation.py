"""scenario-expectation."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import ExpectationFailed
from pat_check.rules.base import Rule


class Expectation(Rule[ExpectationFailed]):
    """An `expect` line of a scenario does not come true.

    ## Why it matters
    Somebody wrote down what the kernel holds or says at this point, and in this era it does not. Either the driver
    does not do what its author believes, or kernels differ here: `@eras` behind an expectation says in which it holds.
    """

    severity = Severity.ERROR
    invariants = ()
    help = "correct the scenario, or say in which eras this is so: expect ... @vm-pat*"
    language = "pat"
    violating = """
bar fb = 0xfd000000 size 32K
process app
app: v = mmap 32K
app: remap_pfn_range v, fb
app: munmap v + 16K, 16K
expect memtypes fb = [0, 16K) uc-         #! scenario-expectation@pfnmap-ctx
"""
    clean = """
bar fb = 0xfd000000 size 32K
process app
app: v = mmap 32K
app: remap_pfn_range v, fb
app: munmap v + 16K, 16K
expect memtypes fb = [0, 16K) uc-         @!pfnmap-ctx
"""

    def judge(self, incident: ExpectationFailed) -> Iterator[Finding]:
        """Every one."""
        yield self.finding(incident, incident.said)
