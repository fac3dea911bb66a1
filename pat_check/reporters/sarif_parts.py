"""Parts of a SARIF log: rules, messages, artifacts and places in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pat_check.findings import Report, RuleText, Severity
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Style, escaped

LEVEL = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error", Severity.FATAL: "error"}
_PROBLEM = {"note": "recommendation", "warning": "warning", "error": "error"}  # code scanning's own scale
_FULL = 1000  # characters of a description; code scanning refuses more than 1,024


def message(text: str, *paths: str) -> dict[str, str]:
    """A message object; `](` would make a link of what stands around it (SARIF 2.1.0, 3.11.6)."""
    lines = portable_text(text, *paths).split("\n")
    return {"text": "\n".join(map(escaped, lines)).replace("](", "] (")}


def descriptors(report: Report) -> list[dict[str, Any]]:
    """A reportingDescriptor for each rule, by id; a rule that nothing describes has its id alone."""
    described = {text.id: _descriptor(text) for text in report.rules}
    for rule in (*(finding.rule for finding in report.findings), *(entry.rule for entry in report.gone)):
        described.setdefault(rule, {"id": rule})
    return [described[rule] for rule in sorted(described)]


def _descriptor(rule: RuleText) -> dict[str, Any]:
    level = LEVEL[rule.severity]
    descriptor: dict[str, Any] = {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": _prose(rule)},
        "help": {"text": rule.help or rule.summary, "markdown": rule.text or rule.help or rule.summary},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": [rule.family], "problem.severity": _PROBLEM[level]},
    }
    if rule.uri:
        descriptor["helpUri"] = rule.uri
    return descriptor


def _prose(rule: RuleText) -> str:
    """The summary and the first paragraph below it, which says why it matters."""
    for paragraph in rule.text.split("\n\n"):
        lines = [line for line in paragraph.strip().splitlines() if not line.startswith(("#", "<!--"))]
        text = " ".join(" ".join(lines).split())
        if text and not text.startswith("```") and not rule.summary.startswith(text):
            whole = f"{rule.summary} {text.removeprefix(rule.summary).strip()}"
            return whole if len(whole) <= _FULL else whole[: _FULL - 4].rsplit(" ", 1)[0] + " ..."
    return rule.summary


def _uri(path: str) -> str:
    """A relative reference; bytes of a file name that are no UTF-8 stay what they are."""
    try:
        return quote(path, errors="surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate: from a baseline's JSON, no file is named so
        return quote(path, errors="backslashreplace")


class Artifacts:
    """The files of a run, in the order in which they are first named."""

    def __init__(self, style: Style) -> None:
        self.records: list[dict[str, Any]] = []
        self._style = style
        self._index: dict[str, int] = {}
        self._places: dict[str, dict[str, Any]] = {}  # by path as given

    def location(self, path: str, role: str = "") -> dict[str, Any]:
        """An artifactLocation below ``%SRCROOT%``."""
        if path not in self._places:
            place = {"uri": _uri(portable(path)), "uriBaseId": "%SRCROOT%"}
            if place["uri"] not in self._index:
                self._index[place["uri"]] = len(self.records)
                self.records.append({"location": place, **({"roles": [role]} if role else {})})
            self._places[path] = {**place, "index": self._index[place["uri"]]}
        return self._places[path]

    def physical(self, path: str, line: int) -> dict[str, Any]:
        """A location object: a line of a file, or the file when `line` is 0."""
        place: dict[str, Any] = {"artifactLocation": self.location(path)}
        if line:
            place["region"] = {"startLine": line}
            source = self._style.source_lines(path, line) if self._style.source_lines else ""
            if source:
                place["region"]["snippet"] = {"text": escaped(source)}
        return {"physicalLocation": place}
