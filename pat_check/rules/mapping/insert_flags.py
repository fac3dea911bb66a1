"""mapping-insert-flags."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class InsertFlags(FactRule):
    """A fault handler inserts a frame into a mapping that is not made for it.

    ## Why it matters
    `vmf_insert_pfn()` wants VM_PFNMAP or VM_MIXEDMAP, not both, no private writable mapping, and with VM_MIXEDMAP no page
    that has a struct page. Anything else is a BUG(). `vmf_insert_mixed()` wants VM_MIXEDMAP: a BUG() up to 6.11, later an
    error, for the process gets SIGBUS.
    """

    severity = Severity.FATAL
    invariants = (70, 71, 72, 73)
    facts = frozenset(
        ("insert-needs-pfnmap", "pfnmap-and-mixedmap", "insert-in-cow", "mixedmap-struct-page", "mixed-needs-mixedmap")
    )
    softer = {"mixed-needs-mixedmap": Severity.ERROR}
    help = "set VM_PFNMAP in ->mmap and refuse private writable mappings"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: vmf_insert_pfn v, fb                 #! mapping-insert-flags
app: w = mmap 16K, private, pfnmap
app: vmf_insert_pfn w, fb                 #! mapping-insert-flags
app: vmf_insert_mixed v, fb               #! mapping-insert-flags
expect ret = BUG                          @vm-pat
expect ret = SIGBUS                       @!vm-pat
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: w = mmap 16K, private, ro, pfnmap
app: vmf_insert_pfn w, fb
"""
