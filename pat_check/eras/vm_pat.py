"""A VMA flag, VM_PAT, and the page tables are the only memory of what is reserved."""

from __future__ import annotations

from pat_check.eras.base import Change, Era
from pat_check.model.operations import find_exact_or_end

ERA: Era = Era(
    name="vm-pat",
    kernels="up to 6.11",
    summary=__doc__,
    find_victim=find_exact_or_end,
    fork_shares=False,
    changes=(
        Change(
            "arch/x86/mm/pat/memtype_interval.c of Linux 6.1.192",
            "A free that matches no entry exactly shrinks the first entry with the same end.",
            witness="""
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd004000 end=0xfd008000        #! memtype-invalid-free@pfnmap-ctx
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd004000        #! memtype-invalid-free@pfnmap-ctx
""",
        ),
    ),
)
