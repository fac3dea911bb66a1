"""The kernels' behaviours, one file each. `ERAS` is in order of age."""

from __future__ import annotations

from pat_check.eras import pfnmap_ctx, unmap_region, vm_pat, vm_pat_6_12
from pat_check.eras.base import Change, Era
from pat_check.errors import UnknownEra

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
    raise UnknownEra(f"no era is called {name!r}: there are {', '.join(era.name for era in ERAS)}")


def era_of_release(release: str) -> Era | None:
    """The era of a kernel release such as ``6.12.107+deb13-amd64``; None when that is no release.

    Since Linux kernel commit f8e97613fed2 (in v6.16) a context owns the reservation; follow_pfnmap_start() and huge
    pfnmaps, which make the 6.12 flavour of VM_PAT, came with v6.12.
    """
    numbers = release.split(".", 2)
    if len(numbers) < 2 or not numbers[0].isdigit():
        return None
    digits = ""
    for character in numbers[1]:
        if not character.isdigit():
            break
        digits += character
    if not digits:
        return None
    version = (int(numbers[0]), int(digits))
    if version >= (6, 16):
        return pfnmap_ctx.ERA
    return vm_pat_6_12.ERA if version >= (6, 12) else vm_pat.ERA


__all__ = ["ERAS", "NEWEST", "Change", "Era", "era_of", "era_of_release"]
