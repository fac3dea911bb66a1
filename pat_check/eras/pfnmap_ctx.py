"""A refcounted pfnmap_track_ctx, shared by VMAs, owns the reservation."""

from __future__ import annotations

from pat_check.eras import vm_pat_6_12
from pat_check.eras.base import Change, Era
from pat_check.model.operations import find_exact

ERA: Era = vm_pat_6_12.ERA.derive(
    name="pfnmap-ctx",
    kernels="6.16 and later",
    summary=__doc__,
    find_victim=find_exact,
    fork_shares=True,
    changes=(
        Change(
            "arch/x86/mm/pat/memtype_interval.c of Linux 7.2.13",
            "memtype_erase() matches start and end exactly; the end-match rule is gone.",
            witness="""
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd004000 end=0xfd008000        #! memtype-invalid-free@pfnmap-ctx
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd008000        #! memtype-invalid-free@!pfnmap-ctx
""",
        ),
        Change(
            'f8e97613fed2 ("mm: convert VM_PFNMAP tracking to pfnmap_track() + pfnmap_untrack()")',
            "fork shares the parent's reservation instead of making another one for the child.",
        ),
    ),
)
