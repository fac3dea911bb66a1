"""walker-follow-late."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class FollowLate(FactRule):
    """A frame that was followed is used when nothing protects it any more.

    ## Why it matters
    What follow_pfnmap_start() finds is good until follow_pfnmap_end(). Later the entry may be gone and its frame
    somebody else's. A user such as KVM registers a notifier, and looks at the sequence of invalidations before it maps.
    """

    severity = Severity.ERROR
    invariants = (117,)
    facts = frozenset(("follow-used-after",))
    help = "register a notifier and check its sequence, or use the frame before follow_pfnmap_end()"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  p = follow_pfnmap_start v
  follow_pfnmap_end p
  secondary_map v, p                      #! walker-follow-late
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: register_notifier app
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  p = follow_pfnmap_start v
  follow_pfnmap_end p
  secondary_map v, p, retry
}
"""
