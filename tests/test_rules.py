"""The catalogue proves itself: every rule finds exactly what its own traces claim, in every era."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pat_check.rules
from pat_check import api
from pat_check.eras import ERAS
from pat_check.findings import Severity
from pat_check.registry import classes_of
from pat_check.rulebook import Rulebook, own_rules
from pat_check.rules.base import FactRule, Rule
from pat_check.rules.heard import HEARD
from tests.claims import claims, found

CATALOGUE = Path(__file__).resolve().parents[2] / "shared" / "spec" / "invariants.md"

eras = pytest.mark.parametrize("era", [era.name for era in ERAS])
rules = pytest.mark.parametrize("rule", own_rules(), ids=lambda rule: rule.rule_id())


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
    covered = {number for rule in own_rules() for number in rule.invariants}
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
    ids = [rule.rule_id() for rule in own_rules()]
    assert ids == sorted(set(ids))


def test_every_rule_is_known_by_the_incident_that_it_hears():
    found = {}
    for rule in classes_of(pat_check.rules, Rule):
        if rule is not FactRule:
            module = rule.__module__.removeprefix("pat_check.rules.")
            found.setdefault(rule.hears().__name__, []).append(module)
    assert {kind: sorted(modules) for kind, modules in found.items()} == {
        kind: sorted(modules) for kind, modules in HEARD.items()
    }


def test_an_own_rule_has_the_id_of_its_path():
    assert {name: rule.rule_id() for name, rule in Rulebook().items()} == {name: name for name in Rulebook()}


def test_a_replay_imports_the_rules_of_what_happens_only():
    code = (
        "import sys; from pat_check.judge import Judge\n"
        "from pat_check.incidents import RangeOdd\n"
        "Judge('x').hear(RangeOdd(1, None, '', -1, True, 1, 1, 'a', 'f', 'empty'))\n"
        "print(*(name for name in sys.modules if name.startswith('pat_check.rules.') and name.count('.') > 2))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["pat_check.rules.memtype.range"]
