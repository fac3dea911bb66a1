"""locking-vm-flags."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class VmFlags(FactRule):
    """The flags of a mapping change without the mmap lock held for writing.

    ## Why it matters
    Since 6.3 `vm_flags_set()` and the like warn (`rwsem.h`). Before, a driver assigned to `vm_flags`: the race is the same, and
    nothing is said. A munmap that has downgraded its lock clears VM_PAT under the read lock;
    that is as it should be, for the mapping is out of the tree by then.
    """

    severity = Severity.ERROR
    invariants = (151, 160)
    facts = frozenset(("vm-flags-need-write-lock",))
    help = "set the flags in ->mmap"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: fault v {
  vm_flags_set v, pfnmap                  #! locking-vm-flags
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: mmap_write_lock {
  vm_flags_set v, pfnmap
}
app: w = mmap 16K
app: remap_pfn_range w, fb, 16K
app: mmap_read_lock {
  munmap w
}
"""
