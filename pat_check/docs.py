"""``python -m pat_check.docs``: writes docs/rules/ and docs/eras/ from the code; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pat_check import api

DOCS: Path = Path(__file__).parent.parent / "docs"
_FROM = "<!-- Written by `python -m pat_check.docs`; do not edit. -->\n"

GUARDED: dict[int, str] = {
    32: "test_a_context_counts_its_mappings_after_every_operation",
    35: "test_a_zap_frees_where_it_untracks_and_nowhere_else",
    36: "test_a_zap_frees_where_it_untracks_and_nowhere_else",
    42: "test_fork_adds_one_equal_reservation_or_none",
    43: "test_fork_adds_one_equal_reservation_or_none",
    51: "test_a_failed_remap_leaves_no_reservation_no_flag_and_no_context",
    52: "test_a_mmap_that_fails_after_its_remap_leaves_nothing",
    55: "test_a_context_is_freed_after_the_last_entry_is_cleared",
    80: "test_a_pfn_mapping_neither_grows_nor_stays_behind",
    89: "test_an_entry_has_the_type_that_a_look_up_finds_when_it_is_made",
    91: "test_frame_and_type_survive_mprotect_fork_and_mremap",
    110: "test_get_user_pages_refuses_frames_and_even_the_copied_pages_among_them",
    111: "test_a_fast_walk_never_pins_a_huge_special_entry",
    112: "test_walk_page_range_skips_pfn_mappings_but_not_io_ones",
    113: "test_folio_walk_finds_the_copied_page_and_no_frame",
}
"""Rows of the catalogue that the model keeps and no recording can break: the test that guards each."""


def pages() -> Iterator[tuple[str, str]]:
    """Every generated page: its path below docs/ and its text."""
    rules = api.rules()
    for rule in rules:
        yield f"rules/{rule.id}.md", _rule(rule)
    yield "rules/README.md", _catalogue(rules)
    for era in api.eras():
        yield f"eras/{era.name}.md", _era(era)


def _rule(rule: api.RuleInfo) -> str:
    numbers = ", ".join(str(number) for number in rule.invariants) or "none"
    return (
        f"{_FROM}\n# {rule.id}\n\n{rule.text.strip()}\n\n"
        f"Severity: {rule.severity}. Invariants of the catalogue: {numbers}.\n\n"
        f"## A trace that breaks it\n\n{_fenced(rule.violating)}\n"
        f"## The nearest one that does not\n\n{_fenced(rule.clean)}"
    )


def _fenced(trace: str) -> str:
    return f"```\n{trace.strip()}\n```\n"


def _catalogue(rules: list[api.RuleInfo]) -> str:
    lines = [_FROM, "# Rules\n", "| Rule | Severity | |", "|---|---|---|"]
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
    return f"{_FROM}\n# {era.name}\n\n{era.text}\n\nKernels: {era.kernels}.\n\n## What changed\n\n{changes}\n"


def stale() -> list[str]:
    """The generated files that are not as the code has them, or should not be there."""
    wanted = dict(pages())
    there = {str(file.relative_to(DOCS)) for folder in ("rules", "eras") for file in (DOCS / folder).glob("*.md")}
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
