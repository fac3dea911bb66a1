"""Rules at work: every incident goes to the rules that hear it; their findings are completed and put in order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

from pat_check import rules
from pat_check.findings import Finding, Note
from pat_check.incidents import Incident
from pat_check.places import Places
from pat_check.registry import classes_of
from pat_check.rules.base import Rule

_NUMBER = re.compile(r"0x[0-9a-f]+|:\d+|\d+")

RULES: tuple[type[Rule[Any]], ...] = tuple(
    sorted(
        (rule for rule in classes_of(rules, Rule) if rule.__module__ != "pat_check.rules.base"),  # type: ignore[type-abstract]
        key=lambda rule: rule.rule_id(),
    )
)
"""Every rule, by id."""


class Judge:
    """Judges the incidents of one recording; `findings` grows."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places = Places()
        self.findings: list[Finding] = []
        self._hearing: dict[type[Incident], list[Rule[Any]]] = {}
        for rule in RULES:
            self._hearing.setdefault(rule.hears(), []).append(rule())

    def hear(self, incident: Incident) -> None:
        """Ask every rule that hears this kind of incident."""
        for rule in self._hearing.get(type(incident), ()):
            for finding in rule.judge(incident):
                finding.file = finding.file or self.file
                self.findings.append(finding)

    def close(self) -> list[Finding]:
        """The findings in the order of the trace, each with its fingerprint."""
        self.findings.sort(key=lambda finding: (finding.file != self.file, finding.file, finding.line, finding.rule))
        seen: Counter[str] = Counter()
        for finding in self.findings:
            place = self.places.name(finding.start, finding.end) if 0 <= finding.start < finding.end else ""
            if place:
                last = bool(finding.notes) and finding.notes[-1].message.startswith("and ")  # "and 7 more"
                finding.notes.insert(len(finding.notes) - last, Note(0, f"the range lies in {place}"))
            key = _kind(finding)
            seen[key] += 1
            finding.fingerprint = hashlib.sha256(f"{key}|{seen[key]}".encode()).hexdigest()[:32]
        return self.findings


def _kind(finding: Finding) -> str:
    """What stays the same when the scenario is recorded again: no pid, time, address or line."""
    comm = finding.task.comm if finding.task is not None else ""
    size = finding.end - finding.start if finding.start >= 0 else 0
    story = "|".join(_NUMBER.sub("#", note.message) for note in finding.notes)
    return f"{finding.rule}|{comm}|{size}|{_NUMBER.sub('#', finding.message)}|{story}"
