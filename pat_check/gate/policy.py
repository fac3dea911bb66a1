"""What a team wants: a policy, and a report as that policy sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pat_check.events import NO_PID
from pat_check.findings import Finding, Report, Severity, Suppression
from pat_check.folding import fold, tell
from pat_check.gate.selection import ALL, closest, is_selected
from pat_check.incidents import SuppressionUnused
from pat_check.judge import Judge
from pat_check.rulebook import Rulebook

if TYPE_CHECKING:
    from pat_check.gate.baseline import Known
    from pat_check.gate.suppressions import Entry


@dataclass(frozen=True, slots=True)
class Policy:
    """What is checked, shown, silenced, and fails.

    `select` and `ignore` are selectors, `severities` pairs of a selector and the severity of its rules.
    """

    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    severities: tuple[tuple[str, Severity], ...] = ()
    min_severity: Severity = Severity.INFO
    fail_on: Severity | None = Severity.WARNING
    suppressions: tuple[Entry, ...] = ()
    baseline: tuple[Known, ...] | None = None

    def selects(self, rule: str) -> bool:
        """Whether a rule counts at all."""
        return is_selected(rule, self.select, self.ignore)


def apply_policy(report: Report, policy: Policy) -> None:
    """Change a report to what the policy makes of it; nothing but what is not selected is dropped."""
    found = [*report.findings]
    _suppress(found, policy.suppressions)
    found += _unused(policy, report)
    rules = {finding.rule for finding in found}  # few, and many findings
    selected = {rule for rule in rules if policy.selects(rule)}
    severities = {rule: closest(rule, policy.severities) for rule in rules}
    found = [finding for finding in found if finding.rule in selected]
    for finding in found:
        wanted = severities[finding.rule]
        if wanted is not None:
            finding.severity = wanted
    report.findings = found = _folded(found)
    if policy.baseline is not None:
        from pat_check.gate.baseline import apply_baseline

        apply_baseline(report, policy.baseline)
    report.findings = [finding for finding in found if finding.severity >= policy.min_severity]
    report.hidden = [finding for finding in found if finding.severity < policy.min_severity]
    report.fail_on = policy.fail_on
    if policy.select != (ALL,) or policy.ignore:
        report.rules = [rule for rule in report.rules if policy.selects(rule.id)]


def _folded(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one cause are one; what is suppressed keeps nothing and is kept by nobody."""
    rules = Rulebook()
    apart = [finding for finding in findings if finding.suppression is not None or finding.rule not in rules]
    roots = fold([finding for finding in findings if finding.suppression is None and finding.rule in rules], rules)
    for root in roots:
        tell(root)
    left = {id(finding) for finding in (*apart, *roots)}
    return [finding for finding in findings if id(finding) in left]


def _suppress(findings: Iterable[Finding], entries: Sequence[Entry]) -> None:
    if not entries:
        return
    for finding in findings:
        for entry in entries:
            if entry.silences(finding):
                entry.used = True
                if finding.suppression is None:
                    finding.suppression = Suppression(entry.reason, entry.file, entry.line, in_source=False)


def _unused(policy: Policy, report: Report) -> list[Finding]:
    """A finding for every entry that silenced nothing, though its rule was checked in an era that it speaks of."""
    eras = [one.era for one in report.inputs if not one.error]
    unread = any(one.error for one in report.inputs)
    found: list[Finding] = []
    for entry in policy.suppressions:
        applies = any(not entry.era or fnmatchcase(era, entry.era) for era in eras)
        if entry.used or unread or not applies or not _is_checked(entry, policy, report):
            continue
        judge = Judge(entry.file)
        name = f" {entry.name!r}" if entry.name else ""
        judge.hear(SuppressionUnused(entry.line, None, "", NO_PID, True, f"the suppression{name} of {entry.rule}"))
        found += judge.close()
    return found


def _is_checked(entry: Entry, policy: Policy, report: Report) -> bool:
    meant = [rule.id for rule in report.rules if entry.means(rule.id)]
    return any(policy.selects(rule) for rule in meant)
