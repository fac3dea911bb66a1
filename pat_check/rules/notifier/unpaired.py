"""notifier-unpaired."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Unpaired(FactRule):
    """A range is started and not ended, or ended and not started.

    ## Why it matters
    KVM waits for the end before it maps anything there again: a guest hangs, or goes on with what should be gone. Task,
    address space and range of both calls must agree.
    """

    severity = Severity.ERROR
    invariants = (130,)
    facts = frozenset(("mn-unpaired",))
    help = "end every range once, on the error path too"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K            #! notifier-unpaired
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: register_notifier app, sleeps
app: mmap_read_lock {
  invalidate_range_start v, 4K
  invalidate_range_end v, 4K
  invalidate_range_start v, 4K, nonblock
}
expect ret = -EAGAIN
"""
