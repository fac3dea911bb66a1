"""Suppression files: findings that a team knows and does not want to hear of again, each with a reason.

A file holds entries in braces, in the manner of Valgrind; ``#`` begins a comment line::

    {
       vga-tail
       rule: memtype-leak
       comm: Xorg*
       bar: 0000:00:02.0*
       era: vm-pat*
       reason: fixed by f8e97613fed2, gone with 6.16
    }
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os.path import abspath

from pat_check.errors import TraceError
from pat_check.findings import NO_REASON, Finding
from pat_check.gate.selection import matches

FIELDS = ("rule", "comm", "fun", "range", "bar", "trace", "era", "reason")

_RANGE = re.compile(r"(?:0x)?([0-9a-f]{1,16})-(?:0x)?([0-9a-f]{1,16})", re.IGNORECASE)
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]+")


@dataclass(slots=True)
class Entry:
    """One entry: all that it says must hold for a finding; `start` and `end` are half-open bytes."""

    name: str
    file: str
    line: int
    rule: str = ""
    comm: str = ""
    fun: str = ""
    bar: str = ""
    trace: str = ""
    era: str = ""
    reason: str = ""
    start: int = -1
    end: int = -1
    used: bool = False

    def means(self, rule: str) -> bool:
        """Whether its `rule` is this one: a selector, or a glob."""
        return matches(self.rule, rule) or fnmatchcase(rule, self.rule)

    def silences(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        comm = finding.task.comm if finding.task is not None else ""
        return (
            self.means(finding.rule)
            and (not self.comm or fnmatchcase(comm, self.comm))
            and (not self.bar or fnmatchcase(finding.place, self.bar))
            and (not self.trace or _ends(finding.file, self.trace))
            and (not self.era or fnmatchcase(finding.era, self.era))
            and (self.start < 0 or self.start <= finding.start < finding.end <= self.end)
            and (not self.fun or any(fnmatchcase(one, self.fun) for one in functions(finding)))
        )


def _ends(path: str, glob: str) -> bool:
    """Whether a glob matches a path from its end, wherever a run is started: ``lab/*`` matches ``/x/lab/trace.txt``."""
    whole, end = abspath(path), glob.removeprefix("./")
    return any(fnmatchcase(*pair) for pair in ((path, glob), (whole, end), (whole, f"*/{end}")))


def functions(finding: Finding) -> set[str]:
    """The words of a finding and its story that may be names of kernel functions."""
    texts = [finding.message, *(note.message for note in finding.notes)]
    return {word for text in texts for word in _FUNCTION.findall(text)}


def read_suppressions(
    lines: Iterable[str], path: str, rules: Callable[[], list[str]], eras: Sequence[str]
) -> list[Entry]:
    """The entries of a file, which may name these rules and eras; raises TraceError with the line of what is wrong."""
    entries: list[Entry] = []
    open_entry: Entry | None = None
    at = 0
    for at, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if open_entry is None:
            if text != "{":
                raise TraceError(f"expected `{{` that begins an entry, not {text!r}", path, at)
            open_entry = Entry("", path, at)
        elif text == "}":
            _complete(open_entry, rules(), eras)
            entries.append(open_entry)
            open_entry = None
        elif not open_entry.name and not _is_field(text):
            open_entry.name = text
        else:
            _field(open_entry, text, at)
    if open_entry is not None:
        raise TraceError(f"the entry that begins in line {open_entry.line} has no `}}`", path, at)
    return entries


def _is_field(text: str) -> bool:
    return text.partition(":")[0] in FIELDS


def _field(entry: Entry, text: str, at: int) -> None:
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not colon or name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, 1)
        hint = f"did you mean `{near[0]}:`?" if near else f"known: {', '.join(FIELDS)}"
        raise TraceError(f"unknown field {name!r} of an entry; {hint}", entry.file, at)
    if not value:
        raise TraceError(f"`{name}:` has no value", entry.file, at)
    if name == "range":
        found = _RANGE.fullmatch(value)
        if found is None or int(found[2], 16) < int(found[1], 16):
            raise TraceError(f"{value!r} is no range as in /proc/iomem: fd000000-fdffffff", entry.file, at)
        entry.start, entry.end = int(found[1], 16), int(found[2], 16) + 1
    elif getattr(entry, name):
        raise TraceError(f"a second `{name}:` in one entry", entry.file, at)
    else:
        setattr(entry, name, value)


def _complete(entry: Entry, rules: Sequence[str], eras: Sequence[str]) -> None:
    for name in ("rule", "reason"):
        if not getattr(entry, name):
            raise TraceError(f"the entry has no `{name}:`", entry.file, entry.line)
    if entry.reason == NO_REASON:
        raise TraceError("the reason is still the placeholder: say why this finding is fine", entry.file, entry.line)
    if not any(entry.means(rule) for rule in rules):
        near = difflib.get_close_matches(entry.rule, rules, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TraceError(f"no rule is called {entry.rule!r}{hint}", entry.file, entry.line)
    if entry.era and not any(fnmatchcase(era, entry.era) for era in eras):
        near = difflib.get_close_matches(entry.era, eras, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(eras)}"
        raise TraceError(f"no era is called {entry.era!r}; {hint}", entry.file, entry.line)
