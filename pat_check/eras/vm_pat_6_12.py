"""VM_PAT as in 6.12: the first page table entry may be a huge leaf, and flag changes want the write lock."""

from __future__ import annotations

from pat_check.eras import vm_pat
from pat_check.eras.base import Era

ERA: Era = vm_pat.ERA.derive(name="vm-pat-6.12", kernels="6.12 to 6.15", summary=__doc__, changes=())
