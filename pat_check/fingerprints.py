"""Fingerprints: what stays of a finding when its scenario is recorded again, on another boot of the machine.

No pid, time, address, line or wording is in one. It is made of the rule, the comm, the kinds of events in the story,
the range relative to the reservation of the story (else to the resource that holds it), and the occurrence among its
equals. The reservation goes first because a scenario may use another part of a BAR each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from pat_check.findings import Finding, Note

VERSION: Final = "v1"
"""Changes when equal findings get other fingerprints than before."""

_FUNCTION: Final = r"_*[a-z]+(?:_+[a-z0-9]+)+"
_KINDS: Final = (
    r"\b(reserved|copied|forked|fork|mapped|unmapped|shrunk|freed|missed|removed|stolen|split|moved|zapped|inserted|"
    r"mmap|munmap|mremap|mprotect|ioremap|iounmap|exit|exec|unloaded|followed|written)\b"
)
_MANY: Final = 8192
"""Texts that are remembered: stories share theirs."""


def sign(findings: Sequence[Finding], base_of: Callable[[int, int], int]) -> None:
    """Give each finding its fingerprint, in the order of the trace.

    `base_of` gives the start of the resource that holds a range, -1 when none does.
    """
    if not findings:
        return
    try:
        # Of CPython 3.11: OpenSSL takes longer to load than to be used.
        from _sha256 import sha256  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        from hashlib import sha256  # noqa: PLC0415 - where that is not

    keys = _Keys(base_of)
    seen: dict[str, int] = {}
    for finding in findings:
        key = keys.of(finding)
        times = seen[key] = seen.get(key, 0) + 1
        digest: str = sha256(f"{VERSION}|{key}|{times}".encode()).hexdigest()
        finding.fingerprint = digest[:32]


class _Signed:
    """A finding, and what stays of it."""

    __slots__ = ("finding", "key")

    def __init__(self, finding: Finding, key: str) -> None:
        self.finding, self.key = finding, key

    def is_like(self, other: Finding) -> bool:
        """Whether as much stays of another finding in the same words; it often is the same again."""
        own = self.finding
        if own.start != other.start or own.end != other.end or len(own.notes) != len(other.notes):
            return False
        if own.rule != other.rule or _comm(own) != _comm(other):
            return False
        for at in range(len(own.notes)):
            one, two = own.notes[at], other.notes[at]
            if one.message != two.message or _is_told(one) != _is_told(two):
                return False
        return True


class _Keys:
    """What stays of each finding, as text."""

    def __init__(self, base_of: Callable[[int, int], int]) -> None:
        self._base_of = base_of
        self._function, self._happened = re.compile(_FUNCTION), re.compile(_KINDS)
        self._words: dict[str, bool] = {}  # whether they name a function
        self._last_with: dict[str, _Signed] = {}  # by message
        self._kinds: dict[str, str] = {}  # by line of a story
        self._ranges: dict[str, list[tuple[int, int]]] = {}  # by text

    def of(self, finding: Finding) -> str:
        """The rule, the comm, the story and the range."""
        signed = self._last_with.get(finding.message)
        if signed is not None and signed.is_like(finding):
            return signed.key
        if len(self._last_with) >= _MANY:
            self._last_with.clear()
        key = self._key(finding)
        self._last_with[finding.message] = _Signed(finding, key)
        return key

    def _key(self, finding: Finding) -> str:
        story = ""
        for note in finding.notes:
            if _is_told(note):
                kinds = self._kinds_in(note.message)
                if kinds:
                    story = f"{story} {kinds}" if story else kinds
        return f"{finding.rule}|{_comm(finding)}|{story}|{self._range(finding)}"

    def _kinds_in(self, message: str) -> str:
        """The kernel functions that a line of the story names, else what happened there."""
        known = self._kinds.get(message)
        if known is None:
            if len(self._kinds) >= _MANY:
                self._kinds.clear()
            known = " ".join(self._functions(message))
            if not known and (kind := self._happened.search(message)) is not None:
                known = str(kind[0])
            self._kinds[message] = known
        return known

    def _functions(self, text: str) -> list[str]:
        """The names of kernel functions in a text: its words of lower case, with an underscore inside."""
        found: list[str] = []
        length = len(text)
        at = text.find("_")
        while at >= 0:
            first, last = at, at + 1
            while first > 0 and _is_of_word(ord(text[first - 1])):
                first -= 1
            while last < length and _is_of_word(ord(text[last])):
                last += 1
            if self._is_function(text[first:last]):
                found.append(text[first:last])
            at = text.find("_", last)
        return found

    def _is_function(self, word: str) -> bool:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= _MANY:
                self._words.clear()
            known = self._words[word] = self._function.fullmatch(word) is not None
        return known

    def _range(self, finding: Finding) -> str:
        """The range, from the start of the largest that the texts name around it."""
        start, end = finding.start, finding.end
        if start < 0:
            return ""
        base, size = -1, -1 << 62
        texts = [finding.message]
        for note in finding.notes:
            texts.append(note.message)
        for text in texts:
            for first, last in self._ranges_in(text):
                if first <= start and end <= last and (last - first > size or (last - first == size and first < base)):
                    base, size = first, last - first
        if base < 0:
            base = self._base_of(start, end)
            base = base if base >= 0 else start
        offset = start - base
        return f"{'+' if offset >= 0 else ''}{hex(offset)} {hex(end - start)}"

    def _ranges_in(self, text: str) -> list[tuple[int, int]]:
        """The ranges that a text names."""
        known = self._ranges.get(text)
        if known is None:
            if len(self._ranges) >= _MANY:
                self._ranges.clear()
            known = self._ranges[text] = _ranges(text)
        return known


def _comm(finding: Finding) -> str:
    return finding.task.comm if finding.task is not None else ""


def _is_told(note: Note) -> bool:
    """Whether something happened there, so that it is part of the story."""
    return note.line != 0 or note.file != ""


def _is_of_word(code: int) -> bool:
    """Whether a character is one of a word, as regular expressions see it."""
    if code < 128:
        return 97 <= code <= 122 or 48 <= code <= 57 or code == 95 or 65 <= code <= 90
    return chr(code).isalnum()


def _ranges(text: str) -> list[tuple[int, int]]:
    """The ranges in a text: ``[0xfd000000-0xfd002000)``."""
    found: list[tuple[int, int]] = []
    at = text.find("[0x")
    while at >= 0:
        first, middle = _hex(text, at + 3)
        if middle > at + 3 and text[middle : middle + 3] == "-0x":
            last, end = _hex(text, middle + 3)
            if end > middle + 3 and text[end : end + 1] == ")":
                found.append((first, last))
        at = text.find("[0x", at + 3)
    return found


def _hex(text: str, at: int) -> tuple[int, int]:
    """The number that stands somewhere in a text in lower case, and where it ends."""
    number, length = 0, len(text)
    while at < length:
        code = ord(text[at])
        if 48 <= code <= 57:
            number = number * 16 + code - 48
        elif 97 <= code <= 102:
            number = number * 16 + code - 87
        else:
            break
        at += 1
    return number, at
