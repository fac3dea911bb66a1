"""mapping-sigbus."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Sigbus(FactRule):
    """A process touches an entry that was zapped, and nothing brings it back.

    ## Why it matters
    Without a fault handler the process dies of SIGBUS. Mappings of /dev/mem have none.
    """

    severity = Severity.INFO
    invariants = (97,)
    facts = frozenset(("sigbus-after-zap",))
    help = "give the mapping a fault handler before zapping it"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: read v                               #! mapping-sigbus
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: fault v {
  vmf_insert_pfn v, fb
}
app: read v
"""
