"""mapping-normal-page."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class NormalPage(FactRule):
    """A fault handler returns a page for a mapping of raw frames.

    ## Why it matters
    Entries of a VM_PFNMAP mapping are not counted: the page is mapped without the references that its freeing relies
    on.
    """

    severity = Severity.WARNING
    invariants = (98,)
    facts = frozenset(("normal-page-in-pfnmap",))
    help = "insert the frame and return VM_FAULT_NOPAGE, or return VM_FAULT_SIGBUS"
    violating = """
bar fb = 0xfd000000 size 64K
ram buf = 0x1000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap, wb
app: fault v {
  finish_fault v, buf                     #! mapping-normal-page
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
ram buf = 0x1000000 size 64K
process app
driver drv
app: v = mmap 16K, wb
app: fault v {
  finish_fault v, buf
}
"""
