"""Findings with one root cause are one finding: it keeps the rest as notes.

Two findings of one line have one cause when they are about the same memory and one rule judges the offence, the other
what it led to (`Rule.depth`). The worse of them is the finding, of equals the one nearer to the offence. A reservation
that is spoilt goes on to fail, and leaks at the end: all of that is the first failure. Where a rule says so, the same
finding about the same task is one however often it is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pat_check.findings import NOTES, Finding, Note, counted
from pat_check.rules.base import Depth, Rule

_APART: frozenset[str] = frozenset(("locking", "notifier"))
"""Families whose offences are none of memory: they lead to nothing that other rules judge."""


class Folding:
    """Folds the findings of a recording as they come, line after line."""

    def __init__(self, rules: Mapping[str, type[Rule[Any]]]) -> None:
        self._rules = rules
        self._repeats: dict[str, bool] = {}  # by rule
        self._said: dict[tuple[object, ...], Finding] = {}
        self._spoilt: dict[tuple[str, int, int, int], Finding] = {}

    def add(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings of one line without those that they, or findings before, now keep in `folded`."""
        roots: list[Finding] = []
        for finding in _one_line(findings, self._rules) if len(findings) > 1 else findings:
            root = _spoilt(finding, self._spoilt) if finding.reservations else None
            if root is None and self._is_repeated(finding.rule):
                root = self._said.setdefault(_what(finding), finding)
            if root is None or root is finding:
                roots.append(finding)
            else:
                root.keep(finding)
        return roots

    def _is_repeated(self, rule: str) -> bool:
        known = self._repeats.get(rule)
        if known is None:
            known = self._repeats[rule] = self._rules[rule].repeats
        return known


def fold(findings: Iterable[Finding], rules: Mapping[str, type[Rule[Any]]]) -> list[Finding]:
    """The findings, ordered by file and line, without those that another one now keeps in `folded`."""
    folding = Folding(rules)
    roots: list[Finding] = []
    line: list[Finding] = []
    for finding in findings:
        if line and (finding.line != line[0].line or finding.file != line[0].file):
            roots += folding.add(line)
            line = []
        line.append(finding)
    return roots + folding.add(line)


def _what(finding: Finding) -> tuple[object, ...]:
    """What is the same when a finding is repeated."""
    task = (finding.task.comm, finding.task.pid) if finding.task is not None else ()
    return finding.rule, finding.severity, finding.file, finding.message, task


def _spoilt(finding: Finding, spoilt: dict[tuple[str, int, int, int], Finding]) -> Finding | None:
    """The finding that spoilt every reservation of this one before; otherwise this one has spoilt them."""
    root: Finding | None = None
    is_own = False
    for born, start, type_ in finding.reservations:
        reservation = finding.file, born, start, type_
        one = spoilt.get(reservation)
        if one is None:
            spoilt[reservation] = finding
            is_own = True
        elif one is finding or one.severity < finding.severity:
            is_own = True
        elif root is None:
            root = one
    return None if is_own else root


def _one_line(findings: Sequence[Finding], rules: Mapping[str, type[Rule[Any]]]) -> list[Finding]:
    """What is left of the findings of one line, in their order."""
    roots: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: (-finding.severity, rules[finding.rule].depth)):
        root = next((root for root in roots if _share(root, finding, rules)), None)
        if root is None:
            roots.append(finding)
        else:
            root.keep(finding)
    return [finding for finding in findings if any(finding is root for root in roots)]


def _share(one: Finding, other: Finding, rules: Mapping[str, type[Rule[Any]]]) -> bool:
    """Whether two findings of one line have one cause."""
    first, second = rules[one.rule], rules[other.rule]
    if first.depth == second.depth:
        return False
    apart = _APART & {first.family(), second.family()}
    if apart and Depth.DOUBT not in (first.depth, second.depth):
        return False
    return _meet(_memory(one), _memory(other)) or _meet([one.mapped], [other.mapped])


def _memory(finding: Finding) -> Sequence[tuple[int, int]]:
    """The physical bytes that it is about."""
    if finding.frames is not None:
        return finding.frames
    return [(finding.start, finding.end)] if finding.start >= 0 else []


def _meet(ones: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> bool:
    others = list(others)
    return any(one[0] < other[1] and other[0] < one[1] for one in ones for other in others)


def tell(finding: Finding) -> None:
    """Note what is folded into a finding, at most eight one by one, and how often it was only counted."""
    if not finding.folded and not finding.more:
        return
    for other in finding.folded[:NOTES]:
        again = other.message == finding.message
        finding.notes.append(Note(other.line, "the same again here" if again else f"{other.message} [{other.rule}]"))
    more = max(len(finding.folded) - NOTES, 0) + sum(one.more for one in finding.all())
    if more > 0:
        what = "of this cause" if finding.folded else "like it, which are only counted"
        finding.notes.append(Note(0, f"and {counted(more, 'more finding')} {what}"))
