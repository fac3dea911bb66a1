"""notifier-install-first."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class InstallFirst(FactRule):
    """Another page is installed before secondary TLBs have forgotten the old one.

    ## Why it matters
    The processor sees the new page while a device still writes to the old one. The order is: clear, invalidate,
    install. A change of permission on the same page needs nothing under the lock, and brackets may nest.
    """

    severity = Severity.ERROR
    invariants = (133, 134, 135)
    facts = frozenset(("mn-install-first",))
    help = "call ptep_clear_flush_notify(), or the secondary invalidate between clearing and installing"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    set_pte_at v, fb + 32K                #! notifier-install-first
    invalidate_secondary v, 4K
  }
  invalidate_range_end v, 4K
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 16K
  page_table_lock v {
    ptep_set_wrprotect v
  }
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    invalidate_secondary v, 4K
    set_pte_at v, fb + 32K
  }
  invalidate_range_end v, 4K
  invalidate_range_end v, 16K
}
"""
