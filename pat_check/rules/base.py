"""What a rule is: it hears one kind of incident and judges it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import ClassVar, Generic, TypeVar, get_args

from pat_check.findings import Extent, Finding, Note, Severity
from pat_check.incidents import Incident, MappingNoted, Seen
from pat_check.rules.telling import held, life, made, span, told

__all__ = ["Depth", "FactRule", "Rule", "held", "life", "span", "told"]

I = TypeVar("I", bound=Incident)  # noqa: E741


class Depth(IntEnum):
    """How far a rule's findings are from what somebody did wrong."""

    OFFENCE = 0  # what was done
    FAILURE = 1  # a call that fails, or gives another result, for that reason
    CONSEQUENCE = 2  # what that leaves behind: a reservation for ever, a fork that fails
    DOUBT = 3  # recording and model disagree


class Rule(ABC, Generic[I]):
    """One way to break an invariant. The id is the path: rules/<family>/<name>.py is ``family-name``.

    A rule of another package may say its `id` itself.

    The docstring is the rule's documentation page; `violating` claims its findings with ``#!`` comments, and `clean`
    is the nearest trace without one. A rule hears the incident class that its type parameter names.
    """

    id: ClassVar[str] = ""  # where the path shall not say it
    uri: ClassVar[str] = ""  # of the page about a rule of another package
    severity: ClassVar[Severity]
    invariants: ClassVar[tuple[int, ...]] = ()  # numbers in the catalogue
    severities: ClassVar[Mapping[int, Severity]] = {}  # of invariants whose breach has another one than `severity`
    depth: ClassVar[Depth] = Depth.OFFENCE
    repeats: ClassVar[bool] = False  # the same finding about the same task is told once
    violating: ClassVar[str]
    clean: ClassVar[str]
    help: ClassVar[str]  # what to do about it
    language: ClassVar[str] = "ftrace"  # of both traces, or "pat"
    beside: ClassVar[Mapping[str, str]] = {}  # files that lie beside both traces: iomem.txt, snap-00-x.txt, ...

    @classmethod
    def rule_id(cls) -> str:
        """``memtype-double-free`` for rules/memtype/double_free.py."""
        return cls.id or _id_of(cls.__module__)

    @classmethod
    def family(cls) -> str:
        """The first part of the id: the folder."""
        return cls.id.split("-", 1)[0] if cls.id else cls.__module__.split(".")[-2].replace("_", "-")

    @classmethod
    def hears(cls) -> type[Incident]:
        """The incident class that this rule judges."""
        bases = (base for parent in cls.__mro__ for base in parent.__dict__.get("__orig_bases__", ()))
        kind: type[Incident] = get_args(next(base for base in bases if getattr(base, "__origin__", None) is Rule))[0]
        return kind

    @abstractmethod
    def judge(self, incident: I) -> Iterator[Finding]:
        """The findings that an incident is worth; none when it is fine."""

    def finding(
        self,
        incident: Incident,
        message: str,
        *notes: Note,
        start: int = -1,
        end: int = -1,
        severity: Severity | None = None,
        help: str = "",
        frames: Iterable[tuple[int, int]] | None = None,
        mapped: tuple[int, int] = (-1, -1),
        reservations: Iterable[Seen] = (),
        drawn: Iterable[Extent] = (),
    ) -> Finding:
        """A finding of this rule at the line of an incident; notes are put in order, oldest first.

        `frames` is the memory whose other findings at this line may have the same cause: [start, end) unless given.
        What later goes wrong with the same `reservations` alone has the same cause as well. `drawn` is its range and
        what lies around it, for the map below it.
        """
        return made(
            self,
            self.severity if severity is None else severity,
            message,
            incident,
            list(notes),
            start,
            end,
            help or self.help,
            list(drawn),
            list(reservations),
            None if frames is None else tuple(frames),
            mapped,
        )


class FactRule(Rule[MappingNoted]):
    """A rule for which a fact about a mapping is an offence as it is."""

    facts: ClassVar[frozenset[str]]
    softer: ClassVar[Mapping[str, Severity]] = {}  # facts that have another severity
    language = "pat"

    def judge(self, incident: MappingNoted) -> Iterator[Finding]:
        """Every such fact."""
        if incident.what in self.facts:
            where = f"{span(incident.start, incident.end)}: " if incident.start >= 0 else ""
            frame = (
                f" (pfn {incident.pfn:#x})" if incident.pfn >= 0 and f"{incident.pfn:#x}" not in incident.detail else ""
            )
            severity = self.softer.get(incident.what, self.severity)
            first, size = incident.pfn << 12, max(incident.end - incident.start, 1)
            yield self.finding(
                incident,
                f"{where}{incident.detail}{frame}",
                *told(incident.story),
                severity=severity,
                frames=[(first, first + size)] if first >= 0 else [],
                mapped=(incident.start, incident.end),
            )


@lru_cache(maxsize=1024)
def _id_of(module: str) -> str:
    family, name = module.split(".")[-2:]
    return f"{family}-{name}".replace("_", "-")
