"""locking-remap-in-fault."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class RemapInFault(FactRule):
    """A fault handler calls remap_pfn_range().

    ## Why it matters
    A fault holds the mmap lock for reading or only the lock of the mapping. And since 6.16 the second fault, after a zap,
    gets -EINVAL: the process dies of SIGBUS.
    """

    severity = Severity.ERROR
    invariants = (152,)
    facts = frozenset(("remap-in-fault",))
    help = "insert with vmf_insert_pfn()"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: fault v {
  remap_pfn_range v, fb, 16K               #! locking-remap-in-fault
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, pfnmap
app: fault v {
  vmf_insert_pfn v, fb
}
"""
