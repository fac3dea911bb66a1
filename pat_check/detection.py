"""Which era a recording comes from, and why we think so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pat_check.eras import ERAS, NEWEST, Era, era_of, era_of_release
from pat_check.sources.klog import banner
from pat_check.sources.patterns import Pattern

_LATENCY = Pattern(r"# \w+ latency trace \S+ on (?P<release>\S+)")
_CTX = Pattern(
    r"\b(?P<name>pfnmap_track(?:_ctx_release)?|pfnmap_untrack|pfnmap_setup_cachemode|remap_pfn_range_track)"
    r"(?:__?ret|__return|__exit)?(?::|\(| <-| |\+0x)"
)
_VM_PAT = Pattern(
    r"\b(?P<name>track_pfn_remap|track_pfn_copy|track_pfn_insert|untrack_pfn(?:_copy|_clear|_moved)?|get_pat_info|reserve_pfn_range)"
    r"(?:__?ret|__return|__exit)?(?::|\(| <-| |\+0x)"
)
_NEW_FUNCTION = Pattern(r"\b(?P<name>get_pat_info|follow_pfnmap_start|vms_gather_munmap_vmas)\b")
_NEW_ARGUMENTS = Pattern(r"\b(?P<name>\w+)__ret: +\([^)]*\) ret=\S+ +\w+=")  # return probes read them since 6.9
_ANY = ("pfn", "Linux version", "latency trace", "memtype_erase")
_SHRUNK = Pattern(r"memtype_erase__ret: .* ret=0x0\b")
_WINDOW = 3_000
"""Lines after the first evidence in which the finer flavour may still show."""


class Guess(NamedTuple):
    """An era and the reason for it."""

    era: Era
    reason: str


def era_by_evidence(release: str, lines: Iterable[str]) -> Guess | None:
    """The era that a release or the text of a recording proves; None when nothing does.

    The strongest comes first: the release in meta.json, a banner, then functions that one era alone has.
    """
    era = era_of_release(release) if release else None
    if era is not None:
        return Guess(era, f"meta.json says kernel {release}")
    old: Guess | None = None
    left = 0
    for at, line in enumerate(lines, 1):
        if old is not None:
            left -= 1
            if left <= 0:
                return old
            if newer := _newer(at, line):
                return Guess(era_of("vm-pat-6.12"), f"{old.reason}; {newer}")
            continue
        if not any(word in line for word in _ANY):
            continue
        if (told := _told(at, line)) is not None:
            return told
        found = _shown(at, line)
        if found is not None:
            if found.era is not ERAS[0]:  # the oldest, whose functions a newer one has, too
                return found
            old, left = found, _WINDOW
            if newer := _newer(at, line):
                return Guess(era_of("vm-pat-6.12"), f"{found.reason}; {newer}")
    return old


def _told(at: int, line: str) -> Guess | None:
    """The era of the release that a banner or the head of a latency trace names."""
    release = banner(line)
    if not release and (latency := _LATENCY.match(line)):
        release = latency["release"]
    era = era_of_release(release) if release else None
    return Guess(era, f"line {at} says kernel {release}") if era is not None else None


def _shown(at: int, line: str) -> Guess | None:
    """The era, or the oldest of its family, whose functions a line shows."""
    if match := _CTX.search(line):
        return Guess(era_of("pfnmap-ctx"), f"line {at} shows {match['name']}, which only pfnmap-ctx kernels have")
    if match := _VM_PAT.search(line):
        return Guess(era_of("vm-pat"), f"line {at} shows {match['name']}, which only VM_PAT kernels have")
    if _SHRUNK.search(line):
        return Guess(era_of("vm-pat"), f"line {at} shows memtype_erase shrink an entry, which only VM_PAT kernels do")
    return None


def _newer(at: int, line: str) -> str:
    """Why a VM_PAT kernel is a newer one; empty where the line does not tell."""
    if match := _NEW_FUNCTION.search(line):
        return f"line {at} shows {match['name']}, as 6.12 does"
    if match := _NEW_ARGUMENTS.search(line):
        return f"line {at} shows {match['name']} with its arguments at return, as 6.12 does"
    return ""


NO_EVIDENCE: Guess = Guess(NEWEST, "nothing in the recording tells; --era chooses another")
