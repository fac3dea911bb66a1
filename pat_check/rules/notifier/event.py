"""notifier-event."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Event(FactRule):
    """A bracket announces something else than what happens inside.

    ## Why it matters
    Who listens acts on the event. One that is told of new permissions keeps its pages, so what was cleared stays in use;
    one that is told of UNMAP forgets the range for good, although the mapping is still there. UNMAP is for munmap, exit and
    mremap, CLEAR for zaps and copy-on-write; a stronger event than needed, CLEAR for permissions, is fine.
    """

    severity = Severity.WARNING
    invariants = (137,)
    facts = frozenset(("mn-event",))
    help = "start the bracket with MMU_NOTIFY_CLEAR where entries are cleared or replaced and the mapping stays"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K, protection_vma
  ptep_clear_flush_notify v                #! notifier-event
  invalidate_range_end v, 4K
  invalidate_range_start v, 4K, unmap
  invalidate_range_end v, 4K               #! notifier-event
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K, protection_vma
  ptep_set_wrprotect v
  invalidate_range_end v, 4K
  invalidate_range_start v, 4K, clear
  ptep_clear_flush_notify v
  invalidate_range_end v, 4K
}
"""
