"""What a reporter is, and how text from a trace is made fit to print."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, TextIO

from pat_check.findings import Finding, Input, Report


@dataclass(slots=True)
class Style:
    """How a report for people should look; reports for programs ignore it."""

    color: bool = False
    width: int = 0  # columns; 0: lines are as long as they are, for pipes and files
    source_lines: Callable[[str, int], str] | None = None  # (file, line) to its text, "" where there is none
    links: bool = False  # rule ids as OSC 8 links, for terminals that follow them
    verbose: bool = False  # tell what is suppressed, too
    quiet: bool = False  # the findings and the verdict alone
    statistics: bool = False  # how often each rule was broken, instead of every finding
    anchor: tuple[str, int] | None = None  # SARIF: the committed (file, line) where findings of other files are shown
    category: str = ""  # SARIF: automationDetails.id, which run of several this is


class Reporter(ABC):
    """An output format. A subclass registers itself by being defined."""

    name: ClassVar[str]  # for --output
    by_name: ClassVar[dict[str, type[Reporter]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.by_name[cls.name] = cls

    @abstractmethod
    def write(self, report: Report, out: TextIO, style: Style) -> None:
        """Write the whole report to `out`."""


def escaped(text: str) -> str:
    r"""`text` with everything a terminal might obey or hide as ``\xNN`` or ``\uNNNN``.

    A comm, a marker or a file name holds whatever somebody put there: escape sequences, newlines, characters
    that reverse the writing direction, bytes that are no UTF-8.
    """
    return text if text.isprintable() else "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name, as os.fsdecode() smuggles it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def total(inputs: Iterable[Input], counter: str) -> int:
    """The sum of one counter over all inputs."""
    return sum(getattr(an_input, counter) for an_input in inputs)


def by_rule(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings each rule has, in the order of the rules' ids."""
    return dict(sorted(Counter(finding.rule for finding in findings).items()))


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity, the worst first; equals stay in the order of the report."""
    return sorted(findings, key=lambda finding: -finding.severity)


def refusal(an_input: Input) -> tuple[str, int, str]:
    """Where an input could not be read, and why: the file (in a capture directory), the line or 0, the reason."""
    path = an_input.path
    parts = re.fullmatch(r"(/[^:]+)?:(?:(\d+):)? (.*)", an_input.error.removeprefix(path.rstrip("/")), re.DOTALL)
    if parts is None or not an_input.error.startswith(path.rstrip("/")):
        return path, 0, an_input.error
    return (path.rstrip("/") + parts[1] if parts[1] else path), int(parts[2] or 0), parts[3]
