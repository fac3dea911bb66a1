"""tracking-fork-failed."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class ForkFailed(FactRule):
    """fork fails because the range of a PFN mapping cannot be found again.

    ## Why it matters
    The child needs a reservation of its own, and VM_PAT knows the range and type only from the first page table entry. When
    that page was copied on write, or zapped, fork returns ENOMEM without a message.
    """

    severity = Severity.ERROR
    invariants = (41, 44)
    depth = Depth.CONSEQUENCE
    facts = frozenset(("fork-failed",))
    help = "do not write to the first page of a private mapping, or map it shared"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: write v                            #! mapping-cow-mode
app: fork child                         #! tracking-fork-failed@!pfnmap-ctx
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: write v + 4K                       #! mapping-cow-mode
app: fork child
"""
