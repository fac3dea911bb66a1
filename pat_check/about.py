"""What there is: rules, eras, formats and invariants, as documented."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

from pat_check.eras import ERAS
from pat_check.findings import RuleText, Severity
from pat_check.gate.selection import ALL, matches
from pat_check.invariants import INVARIANTS
from pat_check.rulebook import Rulebook, rules_in_force
from pat_check.rules.base import Rule
from pat_check.sources.formats import SOURCES

SCENARIO: tuple[str, str] = ("pat", "a scenario written by hand, FILE.pat")
"""Name and title of the one input format that is no recording."""

DOCS = "https://pat-check.readthedocs.io/en/latest"
"""The documentation site; rules and eras have a page each."""

_DOCSTRING = re.compile(r'[^\n]*:\n +(?P<text>r?""".*?""")', re.DOTALL)
"""Behind ``class NAME(``."""


class RuleInfo(NamedTuple):
    """A rule as documented: `text` is its whole docstring in Markdown.

    `violating` and `clean` are traces in `language` (``ftrace`` or ``pat``), with the files of `beside` next to them.
    """

    id: str
    family: str
    severity: Severity
    summary: str
    text: str
    violating: str
    clean: str
    invariants: tuple[int, ...]
    severities: Mapping[int, Severity]  # of invariants whose breach has another severity
    help: str  # what to do about it
    language: str
    beside: Mapping[str, str]  # file name to content
    origin: str  # the distribution that brings it, with its version; "" is pat-check
    uri: str  # of its page; "" where a plug-in names none

    @property
    def cited(self) -> list[str]:
        """Its invariants as rows of the catalogue: ``3 tree-empty-at-owner-end``."""
        return [f"{number} {INVARIANTS[number]}" if number in INVARIANTS else str(number) for number in self.invariants]


def rules() -> list[RuleInfo]:
    """Every rule that counts, by id, those of plug-ins among them; raises PluginError for a plug-in that is broken."""
    return [_info(rule, origin) for rule, origin in rules_in_force().items()]


def _info(rule: type[Rule[Any]], origin: str) -> RuleInfo:
    text = inspect.getdoc(rule) or _docstring(rule)
    return RuleInfo(
        rule.rule_id(),
        rule.family(),
        rule.severity,
        text.split("\n", 1)[0],
        text,
        rule.violating,
        rule.clean,
        rule.invariants,
        rule.severities,
        rule.help,
        rule.language,
        rule.beside,
        origin,
        rule.uri or ("" if origin else rule_uri(rule.rule_id())),
    )


def _docstring(rule: type[Rule[Any]]) -> str:
    """That of the source, for a compiled class has none; a parser would take more time than a short replay."""
    file = Path(getattr(sys.modules[rule.__module__], "__file__", None) or "")
    source = file.with_name(f"{file.name.partition('.')[0]}.py")
    if file.name and source.is_file():
        _, _, body = source.read_text(encoding="utf-8").partition(f"\nclass {rule.__name__}(")
        if (written := _DOCSTRING.match(body)) is not None:
            return inspect.cleandoc(ast.literal_eval(written["text"]))
    return ""


def rule_texts() -> list[RuleText]:
    """Every rule that counts as reporters describe it, by id."""
    return [_text(one) for one in rules()]


def _text(one: RuleInfo) -> RuleText:
    return RuleText(one.id, one.family, one.severity, one.summary, one.text, one.help, one.uri)


class RuleTexts(Sequence[RuleText]):
    """Every rule that counted when this was made, as `rule_texts()` describes it; read when somebody asks."""

    def __init__(self) -> None:
        self._rulebook = Rulebook()
        self._texts: list[RuleText] | None = None

    def _all(self) -> list[RuleText]:
        if self._texts is None:
            origins = self._rulebook.origins
            infos = [_info(rule, origins.get(rule, "")) for rule in self._rulebook.values()]
            self._texts = [_text(one) for one in infos]
        return self._texts

    @overload
    def __getitem__(self, at: int) -> RuleText: ...
    @overload
    def __getitem__(self, at: slice) -> list[RuleText]: ...
    def __getitem__(self, at: int | slice) -> RuleText | list[RuleText]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as that of a list


def rule_uri(rule: str) -> str:
    """Where a rule of pat-check is documented."""
    return f"{DOCS}/rules/{rule}.html"


def rule_ids() -> list[str]:
    """The ids of every rule that counts, in order."""
    return list(Rulebook())


def bad_selector(selector: str) -> str:
    """What is wrong with a selector of rules, with a near miss; "" when it means at least one."""
    known = rule_ids()
    if any(matches(selector, rule) for rule in known):
        return ""
    import difflib

    names = [*sorted({part for rule in known for part in (rule, rule.split("-")[0])}), ALL]
    near = difflib.get_close_matches(selector, names) or [ALL] * (selector.upper() == ALL)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else " `pat-check rules` lists them."
    return f"Unknown rule, family or part of a name {selector!r}.{hint}"


class EraInfo(NamedTuple):
    """An era as documented."""

    name: str
    kernels: str
    summary: str
    text: str
    changes: list[str]
    uri: str


def eras() -> list[EraInfo]:
    """Every era, oldest first."""
    return [
        EraInfo(
            era.name,
            era.kernels,
            era.summary.split("\n", 1)[0],
            inspect.cleandoc(era.summary),
            [f"{change.what} ({change.source})" for change in era.changes],
            f"{DOCS}/eras/{era.name}.html",
        )
        for era in ERAS
    ]


def formats() -> list[tuple[str, str]]:
    """Name and title of every input format."""
    return [*((source.name, source.title) for source in SOURCES), SCENARIO]
