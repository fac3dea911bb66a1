"""The generated pages are those of the code."""

from pat_check import docs


def test_generated_pages_are_up_to_date():
    assert docs.stale() == []


def test_every_rule_and_era_has_its_page():
    names = [name for name, _ in docs.pages()]
    assert "rules/memtype-leak.md" in names
    assert "eras/pfnmap-ctx.md" in names
    assert len(names) == len(set(names))
