"""Fingerprints: what stays of a finding when its scenario is recorded again, on another boot of the machine.

No pid, time, address, line or wording is in one. It is made of the rule, the comm, the kinds of events in the story,
the range relative to the reservation of the story (else to the resource that holds it), and the occurrence among its
equals. The reservation goes first because a scenario may use another part of a BAR each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pat_check.findings import Finding

VERSION = "v1"
"""Changes when equal findings get other fingerprints than before."""

_RANGE = re.compile(r"\[0x([0-9a-f]+)-0x([0-9a-f]+)\)")
_FUNCTION = re.compile(r"\b_*[a-z]+(?:_+[a-z0-9]+)+\b")
_KINDS = re.compile(
    r"\b(reserved|copied|forked|fork|mapped|unmapped|shrunk|freed|missed|removed|stolen|split|moved|zapped|inserted|"
    r"mmap|munmap|mremap|mprotect|ioremap|iounmap|exit|exec|unloaded|followed|written)\b"
)


def sign(findings: Sequence[Finding], base_of: Callable[[int, int], int]) -> None:
    """Give each finding its fingerprint, in the order of the trace.

    `base_of` gives the start of the resource that holds a range, -1 when none does.
    """
    if not findings:
        return
    from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL

    seen: dict[str, int] = {}
    for finding in findings:
        key = _key(finding, base_of)
        times = seen[key] = seen.get(key, 0) + 1
        finding.fingerprint = sha256(f"{VERSION}|{key}|{times}".encode()).hexdigest()[:32]


def _key(finding: Finding, base_of: Callable[[int, int], int]) -> str:
    comm = finding.task.comm if finding.task is not None else ""
    story: list[str] = []
    for note in finding.notes:
        if note.line or note.file:
            story += _kinds(note.message)
    return f"{finding.rule}|{comm}|{' '.join(story)}|{_range(finding, base_of)}"


@lru_cache(maxsize=8192)
def _kinds(message: str) -> list[str]:
    """The kernel functions that a line of the story names, else what happened there."""
    return _FUNCTION.findall(message) or _KINDS.findall(message)[:1]


def _range(finding: Finding, base_of: Callable[[int, int], int]) -> str:
    """The range, from the start of the largest that the texts name around it."""
    start, end = finding.start, finding.end
    if start < 0:
        return ""
    base, size = -1, -1 << 62
    texts = [finding.message]
    for note in finding.notes:
        texts.append(note.message)
    for text in texts:
        for first, last in _ranges(text):
            if first <= start and end <= last and (last - first > size or (last - first == size and first < base)):
                base, size = first, last - first
    if base < 0:
        base = base_of(start, end)
        base = base if base >= 0 else start
    offset = start - base
    return f"{'+' if offset >= 0 else ''}{hex(offset)} {hex(end - start)}"


@lru_cache(maxsize=8192)
def _ranges(text: str) -> list[tuple[int, int]]:
    """The ranges that a text names."""
    return [(int(found[0], 16), int(found[1], 16)) for found in _RANGE.findall(text)]
