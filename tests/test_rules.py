"""The catalogue proves itself: every rule finds exactly what its own traces claim, in every era."""

import re
from pathlib import Path

import pytest

from pat_check import api
from pat_check.eras import ERAS
from pat_check.findings import Severity
from pat_check.judge import RULES
from tests.claims import claims, found

CATALOGUE = Path(__file__).resolve().parents[2] / "shared" / "spec" / "invariants.md"

eras = pytest.mark.parametrize("era", [era.name for era in ERAS])
rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id())


@eras
@rules
def test_a_rule_finds_exactly_what_its_violating_trace_claims(rule, era, tmp_path):
    assert found(rule.violating, era, rule.beside, tmp_path, rule.language) == claims(rule.violating, era)


@eras
@rules
def test_a_rule_is_silent_on_its_clean_trace(rule, era, tmp_path):
    assert found(rule.clean, era, rule.beside, tmp_path, rule.language) == claims(rule.clean, era)


@rules
def test_a_violating_trace_claims_its_own_rule(rule):
    assert any(rule.rule_id() == name for era in ERAS for _, name in claims(rule.violating, era.name))


@rules
def test_a_rule_documents_itself(rule):
    info = next(info for info in api.rules() if info.id == rule.rule_id())
    assert info.summary.endswith(".")
    assert "## Why it matters" in info.text
    assert rule.help
    assert isinstance(rule.severity, Severity)


def test_the_memtype_section_of_the_catalogue_is_covered():
    covered = {number for rule in RULES for number in rule.invariants}
    assert set(range(1, 26)) <= covered


@pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue of ../shared/spec is not there")
@rules
def test_a_rule_is_as_severe_as_the_catalogue_says(rule):
    said = {number: rule.severities.get(number, rule.severity) for number in rule.invariants}
    rows = {number: severity for number, severity in catalogue().items() if number in said}
    assert rows == {number: str(severity) for number, severity in said.items() if number in rows}
    assert set(rule.severities) <= set(rule.invariants)


def catalogue():
    """Severities by number, without the rows that say what must not be reported."""
    rows = re.findall(r"^\| (\d+) \| [\w-]+ \| [RMH] \| (\w+) \| .*", CATALOGUE.read_text(), re.M)
    silent = re.findall(r"^\| (\d+) \|.*\(do not report", CATALOGUE.read_text(), re.M)
    return {int(number): severity.replace("warn", "warning") for number, severity in rows if number not in silent}


def test_rule_ids_are_unique_and_in_order():
    ids = [rule.rule_id() for rule in RULES]
    assert ids == sorted(set(ids))
