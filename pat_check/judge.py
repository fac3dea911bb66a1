"""Rules at work: every incident goes to the rules that hear it; their findings are completed and put in order."""

from __future__ import annotations

from typing import Any

from pat_check.errors import PluginError
from pat_check.findings import Finding, Note, Task
from pat_check.fingerprints import sign
from pat_check.incidents import Incident
from pat_check.places import Places
from pat_check.rulebook import Rulebook
from pat_check.rules.base import Depth, Rule


class _Said:
    """The first finding of its kind, and how often it came."""

    __slots__ = ("first", "times")

    def __init__(self, first: Finding) -> None:
        self.first, self.times = first, 1


class Judge:
    """Judges the incidents of one recording; `findings` grows.

    What is found again in the same words about the same task is kept so many times (`repeats`), and then only counted,
    in `Finding.more` of the first. None: all is kept.
    """

    def __init__(self, file: str, repeats: int | None = None) -> None:
        self.file, self.repeats = file, repeats
        self.places = Places()
        self.findings: list[Finding] = []
        self._said: dict[int, _Said] = {}  # by a hash of what is the same, or behind it
        self._hearing: dict[type[Incident], list[Rule[Any]]] = {}
        self._rulebook = Rulebook()
        self._foreign: list[Rule[Any]] = [rule() for rule in self._rulebook.origins]

    def hear(self, incident: Incident) -> None:
        """Ask every rule that hears this kind of incident."""
        kind = type(incident)
        hearing = self._hearing.get(kind)
        if hearing is None:
            hearing = self._hearing[kind] = self._that_hear(kind)
        for rule in hearing:
            try:
                for finding in rule.judge(incident):
                    if not finding.file:
                        finding.file = self.file
                    if self.repeats is None or self._is_kept(finding, self.repeats, rule):
                        self.findings.append(finding)
            except Exception as error:
                if origin := self._rulebook.origins.get(type(rule)):
                    what = f"{type(error).__name__}: {error}"
                    raise PluginError(
                        origin, f"{rule.rule_id()} failed at {self.file}:{incident.at}: {what}"
                    ) from error
                raise

    def _that_hear(self, kind: type[Incident]) -> list[Rule[Any]]:
        """The rules for a class of incidents, by id."""
        hearing: list[Rule[Any]] = [rule() for rule in self._rulebook.own(kind)]
        hearing += [rule for rule in self._foreign if rule.hears() is kind]
        return sorted(hearing, key=lambda rule: rule.rule_id())

    def _is_kept(self, finding: Finding, most: int, rule: Rule[Any]) -> bool:
        """Whether it is not one more of the same; then it is only counted."""
        task = finding.task
        key = hash((finding.message, task.pid)) if task is not None else hash(finding.message)
        said = self._said.get(key)
        while said is not None and not _is_same(said.first, finding):
            key += 1
            said = self._said.get(key)
        if said is None:
            self._said[key] = _Said(finding)
            return True
        said.times += 1
        if said.times <= most:
            finding.share(said.first)
            return True
        said.first.count(finding, spoils=rule.depth < Depth.CONSEQUENCE)
        return False

    def _is_in_order(self) -> bool:
        """Whether the findings, all of the trace itself, are in its order, as they nearly always come."""
        line, rule = -1, ""
        for finding in self.findings:
            if finding.file != self.file or finding.line < line or (finding.line == line and finding.rule < rule):
                return False
            line, rule = finding.line, finding.rule
        return True

    def close(self) -> list[Finding]:
        """The findings in the order of the trace, each with its fingerprint."""
        own = self.file
        if not self._is_in_order():
            self.findings.sort(key=lambda finding: (finding.file != own, finding.file, finding.line, finding.rule))
        if self.places.known:
            self._name_places()
        sign(self.findings, self.places.base)
        return self.findings

    def _name_places(self) -> None:
        """Say where each range lies."""
        places: dict[tuple[int, int], tuple[str, Note]] = {}  # many findings are of few ranges
        for finding in self.findings:
            if not 0 <= finding.start < finding.end:
                continue
            lies = finding.start, finding.end
            place = places.get(lies)
            if place is None:
                name = self.places.name(*lies)
                place = places[lies] = name, Note(0, f"the range lies in {name}")
            finding.place = place[0]
            if place[0]:
                last = bool(finding.notes) and finding.notes[-1].message.startswith("and ")  # "and 7 more"
                finding.notes.insert(len(finding.notes) - last, place[1])


def _is_same(first: Finding, again: Finding) -> bool:
    """Whether a finding has come again: in the same words about the same task."""
    if first.message != again.message or first.rule != again.rule or first.file != again.file:
        return False
    if first.severity is not again.severity and first.severity != again.severity:
        return False
    return first.task is again.task or _names(first.task) == _names(again.task)


def _names(task: Task | None) -> tuple[str, int]:
    return (task.comm, task.pid) if task is not None else ("", -1)
