"""Rules at work: every incident goes to the rules that hear it; their findings are completed and put in order."""

from __future__ import annotations

from typing import Any

from pat_check import rules
from pat_check.errors import PluginError
from pat_check.findings import Finding, Note
from pat_check.fingerprints import sign
from pat_check.incidents import Incident
from pat_check.places import Places
from pat_check.plugins import foreign_rules
from pat_check.registry import classes_of
from pat_check.rules.base import Rule

RULES: tuple[type[Rule[Any]], ...] = tuple(
    sorted(
        (rule for rule in classes_of(rules, Rule) if rule.__module__ != "pat_check.rules.base"),  # type: ignore[type-abstract]
        key=lambda rule: rule.rule_id(),
    )
)
"""Every rule of this package, by id."""

_use_plugins = True


def use_plugins(wanted: bool) -> None:
    """Whether rules of other packages count, from now on; they do until somebody says no."""
    global _use_plugins  # noqa: PLW0603
    _use_plugins = wanted


def rules_in_force() -> dict[type[Rule[Any]], str]:
    """Every rule that counts, by id, with the distribution that brings it; "" is this package.

    Raises PluginError for a plug-in that cannot be used, or that takes an id that is taken.
    """
    found: dict[type[Rule[Any]], str] = dict.fromkeys(RULES, "")
    if not _use_plugins:
        return found
    taken = {rule.rule_id(): "pat-check" for rule in RULES}
    for rule, origin in foreign_rules().items():
        if rule.rule_id() in taken:
            raise PluginError(origin, f"{rule.rule_id()} is a rule of {taken[rule.rule_id()]} already")
        taken[rule.rule_id()] = origin
        found[rule] = origin
    return dict(sorted(found.items(), key=lambda item: item[0].rule_id()))


def rules_by_id() -> dict[str, type[Rule[Any]]]:
    """Every rule that counts by its id."""
    return {rule.rule_id(): rule for rule in rules_in_force()}


class Judge:
    """Judges the incidents of one recording; `findings` grows.

    Of a finding about one task that a rule tells once (`Rule.repeats`), so many `repeats` are kept and the rest only
    counted, in `Finding.more` of the first.
    """

    def __init__(self, file: str, repeats: int | None = None) -> None:
        self.file, self.repeats = file, repeats
        self.places = Places()
        self.findings: list[Finding] = []
        self._said: dict[tuple[object, ...], list[Any]] = {}  # a finding and how often it was told, by what is the same
        self._hearing: dict[type[Incident], list[Rule[Any]]] = {}
        self._origins = rules_in_force()
        for rule in self._origins:
            self._hearing.setdefault(rule.hears(), []).append(rule())

    def hear(self, incident: Incident) -> None:
        """Ask every rule that hears this kind of incident."""
        for rule in self._hearing.get(type(incident), ()):
            try:
                for finding in rule.judge(incident):
                    finding.file = finding.file or self.file
                    if self.repeats is None or not rule.repeats or self._is_kept(finding, self.repeats):
                        self.findings.append(finding)
            except Exception as error:
                if origin := self._origins[type(rule)]:
                    what = f"{type(error).__name__}: {error}"
                    raise PluginError(
                        origin, f"{rule.rule_id()} failed at {self.file}:{incident.at}: {what}"
                    ) from error
                raise

    def _is_kept(self, finding: Finding, most: int) -> bool:
        """Whether it is not one more of the same; then it is only counted."""
        task = (finding.task.comm, finding.task.pid) if finding.task is not None else ("", -1)
        said = self._said.setdefault(
            (finding.rule, finding.severity, finding.file, finding.message, *task), [finding, 0]
        )
        said[1] += 1
        if said[1] > most:
            said[0].more += 1
        return bool(said[1] <= most)

    def close(self) -> list[Finding]:
        """The findings in the order of the trace, each with its fingerprint."""
        self.findings.sort(key=lambda finding: (finding.file != self.file, finding.file, finding.line, finding.rule))
        places: dict[tuple[int, int], str] = {}  # many findings are of few ranges
        for finding in self.findings:
            if not 0 <= finding.start < finding.end:
                continue
            lies = finding.start, finding.end
            place = places.get(lies)
            if place is None:
                place = places[lies] = self.places.name(*lies)
            finding.place = place
            if place:
                last = bool(finding.notes) and finding.notes[-1].message.startswith("and ")  # "and 7 more"
                finding.notes.insert(len(finding.notes) - last, Note(0, f"the range lies in {finding.place}"))
        sign(self.findings, self.places.base)
        return self.findings
