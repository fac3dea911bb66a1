"""JUnit XML, for CI systems that count tests: an input is a test suite, a rule that found something a test case.

Each suite begins with the case ``replay``, which passes when the input could be read, so a clean recording is a passed
test. A case fails by the findings for which the run fails; those that do not are in its output. What is suppressed or
in the baseline is a skipped case of its own.
"""

from __future__ import annotations

from os.path import normpath
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from pat_check.findings import Finding, Input, Report, counted
from pat_check.portable import portable, portable_text
from pat_check.reporters.base import Reporter, Style, escaped, refusal, worst_first
from pat_check.reporters.telling import plain_story

_STORIES = 50  # of one case; the others are counted


class Junit(Reporter):
    """JUnit XML."""

    name = "junit"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        suites = _suites(report)
        failing = {id(finding) for finding in report.failing()}
        hidden = {id(finding) for finding in report.hidden}
        for finding in (*report.findings, *report.hidden):
            if id(finding) in hidden and id(finding) not in failing:
                continue
            path = next((path for path in suites if _belongs(finding.file, path)), finding.file)
            suites.setdefault(path, _Suite(path, None)).add(finding, id(finding) in failing, id(finding) in hidden)
        written = [suite.written(report, style) for suite in suites.values()]
        totals = _counts([suite.totals for suite in suites.values()])
        out.write('<?xml version="1.0" encoding="utf-8"?>\n')
        out.write(f'<testsuites name="pat-check"{_attributes(totals)}>\n{"".join(written)}</testsuites>\n')


def _suites(report: Report) -> dict[str, _Suite]:
    return {an_input.path: _Suite(an_input.path, an_input) for an_input in report.inputs}


def _belongs(file: str, path: str) -> bool:
    """Whether a file is an input, or lies in the capture directory that is one."""
    if file == path or (path == "-" and file == "<stdin>"):
        return True
    return normpath(file) == normpath(path) or normpath(file).startswith(normpath(path) + "/")


class _Suite:
    """The cases of one input."""

    def __init__(self, path: str, an_input: Input | None) -> None:
        self.path, self.input = path, an_input
        self.cases: dict[tuple[str, str], list[tuple[Finding, bool]]] = {}  # by rule and standing
        self.totals: tuple[int, ...] = ()  # tests, failures, errors, skipped: after written()

    def add(self, finding: Finding, fails: bool, is_hidden: bool) -> None:
        standing = "hidden" if is_hidden else "suppressed" if finding.suppression else "baselined"
        key = (finding.rule, "" if finding.counts and not is_hidden else standing)
        self.cases.setdefault(key, []).append((finding, fails))

    def written(self, report: Report, style: Style) -> str:
        """The suite as XML."""
        cases = [self._replay()] if self.input is not None else []
        cases += [self._case(*key, report, style) for key in sorted(self.cases)]
        body = "".join(cases)
        self.totals = (len(cases), *(body.count(f"\n      <{word} ") for word in ("failure", "error", "skipped")))
        return f"  <testsuite name={_value(portable(self.path))}{_attributes(self.totals)}>\n{body}  </testsuite>\n"

    def _replay(self) -> str:
        assert self.input is not None
        if not self.input.error:
            return self._named("replay", "")
        file, line, why = refusal(self.input)
        place = f"{portable(file)}:{line}: " if line else "" if file == self.path else f"{portable(file)}: "
        message = _value(portable_text(place + why, file))
        return self._named("replay", f'      <error type="not-replayed" message={message}/>\n')

    def _case(self, rule: str, standing: str, report: Report, style: Style) -> str:
        found = self.cases[rule, standing]
        if standing in ("suppressed", "baselined"):
            reasons = dict.fromkeys(one.suppression.reason for one, _ in found if one.suppression)
            why = ": " + "; ".join(reason for reason in reasons if reason) if any(reasons) else ""
            message = _value(f"{counted(len(found), 'finding')} {standing}{portable_text(why)}")
            return self._named(f"{rule} ({standing})", f"      <skipped message={message}/>\n")
        failing = worst_first(finding for finding, fails in found if fails)
        told = failing or [finding for finding, _ in found]
        text = "\n\n".join(plain_story(finding, report, style) for finding in told[:_STORIES])
        if len(told) > _STORIES:
            text += f"\n\nand {len(told) - _STORIES:,} more"
        text = escape("\n".join(map(escaped, text.split("\n"))))
        name = f"{rule} (below --min-severity)" if standing else rule
        if not failing:
            return self._named(name, f"      <system-out>{text}</system-out>\n")
        first = portable_text(failing[0].message, failing[0].file)
        message = _value(first if len(failing) == 1 else f"{counted(len(failing), 'finding')}: {first}")
        return self._named(name, f"      <failure type={_value(rule)} message={message}>{text}</failure>\n")

    def _named(self, name: str, content: str) -> str:
        head = f"    <testcase classname={_value(portable(self.path))} name={_value(name)}"
        return f"{head}>\n{content}    </testcase>\n" if content else f"{head}/>\n"


def _counts(totals: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*totals, strict=True))) if totals else (0, 0, 0, 0)


def _attributes(totals: tuple[int, ...]) -> str:
    names = ("tests", "failures", "errors", "skipped")
    return "".join(f' {name}="{number}"' for name, number in zip(names, totals, strict=True))


def _value(text: str) -> str:
    """An attribute's value in quotes, of characters that XML 1.0 allows: what cannot be printed is escaped."""
    return quoteattr(escaped(text))
