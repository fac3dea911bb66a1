"""What if: VM_PAT of 6.12 with the unmerged patch of 2024 that untracks at munmap instead of at every zap."""

from __future__ import annotations

from pat_check.eras import vm_pat_6_12
from pat_check.eras.base import Era

ERA: Era = vm_pat_6_12.ERA.derive(name="unmap-region", kernels="none: never merged", summary=__doc__)
