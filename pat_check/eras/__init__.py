"""The kernels' behaviours, one file each. `ERAS` is in order of age."""

from __future__ import annotations

import re

from pat_check.eras import pfnmap_ctx, unmap_region, vm_pat, vm_pat_6_12
from pat_check.eras.base import Change, Era
from pat_check.errors import UnknownEra

_RELEASE = re.compile(
    r"(?P<major>\d{1,4})\.(?P<minor>\d{1,6})(?:\.(?:\d{1,6}|[xy])){0,2}(?:-?rc\d{1,3})?(?:[-~_]\S{1,100}|\+\S{0,100})?",
    re.ASCII,
)
"""What ``uname -r`` may say: numbers, and what a builder adds behind a mark."""
ERAS: tuple[Era, ...] = (vm_pat.ERA, vm_pat_6_12.ERA, unmap_region.ERA, pfnmap_ctx.ERA)
NEWEST: Era = pfnmap_ctx.ERA


def era_of(name: str) -> Era:
    """The era with this name, or of a kernel release such as ``6.1``; raises UnknownEra."""
    for era in ERAS:
        if era.name == name:
            return era
    released = era_of_release(name.removeprefix("v"))
    if released is not None:
        return released
    names = ", ".join(era.name for era in ERAS)
    raise UnknownEra(f"no era is called {name!r}: there are {names}, or a kernel release such as 6.12")


def era_of_release(release: str) -> Era | None:
    """The era of a kernel release such as ``6.12.107+deb13-amd64``; None when that is no release.

    Since Linux kernel commit f8e97613fed2 (in v6.16) a context owns the reservation; follow_pfnmap_start() and huge
    pfnmaps, which make the 6.12 flavour of VM_PAT, came with v6.12.
    """
    match = _RELEASE.fullmatch(release)
    if match is None:
        return None
    version = (int(match["major"]), int(match["minor"]))
    if version >= (6, 16):
        return pfnmap_ctx.ERA
    return vm_pat_6_12.ERA if version >= (6, 12) else vm_pat.ERA


__all__ = ["ERAS", "NEWEST", "Change", "Era", "era_of", "era_of_release"]
