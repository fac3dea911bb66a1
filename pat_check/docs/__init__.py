"""``python -m pat_check.docs``: writes what of docs/ comes from the code; ``--check`` only compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pat_check import api
from pat_check.docs.commands import commands_page
from pat_check.docs.configuration import configuration_page
from pat_check.docs.events import events_page
from pat_check.docs.inputs import inputs_page
from pat_check.docs.markdown import FROM, page, table
from pat_check.docs.nested import nested_page
from pat_check.docs.schema import schema_page

DOCS: Path = Path(__file__).parent.parent.parent / "docs"
FOLDERS = ("rules", "eras", "reference")
"""Below docs/; everything in them is generated."""

GUARDED: dict[int, str] = {
    110: "test_get_user_pages_refuses_frames_and_even_the_copied_pages_among_them",
    111: "test_a_fast_walk_never_pins_a_huge_special_entry",
    112: "test_walk_page_range_skips_pfn_mappings_but_not_io_ones",
    113: "test_folio_walk_finds_the_copied_page_and_no_frame",
}
"""Rows of the catalogue on results of walkers, which no recording shows and no scenario can break: the test of each."""


def pages() -> Iterator[tuple[str, str]]:
    """Every generated page: its path below docs/ and its text."""
    rules = [rule for rule in api.rules() if not rule.origin]
    for rule in rules:
        yield f"rules/{rule.id}.md", _rule(rule)
    yield "rules/README.md", _catalogue(rules)
    eras = api.eras()
    for era in eras:
        yield f"eras/{era.name}.md", _era(era)
    yield "eras/README.md", _timeline(eras)
    yield "reference/commands.md", commands_page()
    yield "reference/configuration.md", configuration_page()
    yield "reference/inputs.md", inputs_page()
    yield "reference/events.md", events_page()
    yield "reference/json.md", schema_page()
    yield "reference/nested.md", nested_page()


def _rule(rule: api.RuleInfo) -> str:
    numbers = ", ".join(str(number) for number in rule.invariants) or "none"
    severity = "; ".join([str(rule.severity), *(f"{other} for {number}" for number, other in rule.severities.items())])
    return (
        f"{FROM}\n# {rule.id}\n\n{rule.text.strip()}\n\n"
        f"Severity: {severity}. Invariants of the catalogue: {numbers}.\n\n"
        f"## A trace that breaks it\n\n{_fenced(rule.violating)}\n"
        f"## The nearest one that does not\n\n{_fenced(rule.clean)}"
    )


def _fenced(trace: str) -> str:
    return f"```\n{trace.strip()}\n```\n"


def _catalogue(rules: list[api.RuleInfo]) -> str:
    text = (
        "A rule whose trace is a scenario judges scenarios only: it asks for page tables and locks that no recording\n"
        "shows in full. `pat-check convert TRACE` makes a scenario of a recording, and `pat-check lint` judges it.\n"
    )
    lines = [FROM, "# Rules\n", text, "| Rule | Severity | |", "|---|---|---|"]
    lines += [f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.summary} |" for rule in rules]
    lines += ["\n## Which rule guards which invariant\n", "| Invariant | Rules |", "|---|---|"]
    guards: dict[int, list[str]] = {}
    for rule in rules:
        for number in rule.invariants:
            guards.setdefault(number, []).append(f"[{rule.id}]({rule.id}.md)")
    for number, test in GUARDED.items():
        guards.setdefault(number, []).append(f"the model keeps it: `{test}`")
    lines += [f"| {number} | {', '.join(guards[number])} |" for number in sorted(guards)]
    return "\n".join(lines) + "\n"


def _era(era: api.EraInfo) -> str:
    changes = "\n".join(f"- {change}" for change in era.changes) or "- none"
    return f"{FROM}\n# {era.name}\n\n{era.text}\n\nKernels: {era.kernels}.\n\n## What changed\n\n{changes}\n"


def _timeline(eras: list[api.EraInfo]) -> str:
    text = (
        "A kernel release picks an era, but what counts is how a kernel behaves: vendors backport. `--era` takes a\n"
        "name of this table or a release; left out, the era is found from the recording."
    )
    rows = [(f"[{era.name}]({era.name}.md)", era.kernels, era.summary) for era in eras]
    return page("Eras", text, table(("Era", "Kernels", ""), rows))


def stale() -> list[str]:
    """The generated files that are not as the code has them, or should not be there."""
    wanted = dict(pages())
    there = {str(file.relative_to(DOCS)) for folder in FOLDERS for file in (DOCS / folder).glob("*.md")}
    wrong = [name for name, text in wanted.items() if name not in there or (DOCS / name).read_text() != text]
    return sorted(wrong + sorted(there - set(wanted)))


def main(arguments: list[str]) -> int:
    """Write every page, or say which are stale."""
    if arguments == ["--check"]:
        wrong = stale()
        for name in wrong:
            print(f"docs/{name} is stale: run python -m pat_check.docs")
        return 1 if wrong else 0
    for name in stale():
        (DOCS / name).unlink(missing_ok=True)
    for name, text in pages():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text)
    return 0
