"""``pat-check replay FILE.pat``: a scenario as one more input, in one era."""

import json
from pathlib import Path

import jsonschema
import pytest

import pat_check
from pat_check import api
from tests.corpus import KEPT
from tests.test_cli import run
from tests.test_lint import CLEAN, SPLIT, written

__all__ = ["written"]

FAILING = CLEAN + "expect memtypes fb = [0, 32K) wc\n"
SCHEMA = json.loads((Path(pat_check.__file__).parent / "report.schema.json").read_text())


def found(file, **options):
    report = api.check([file], api.Options(**options))
    assert report.inputs[0].error == ""
    return [(one.line, one.rule) for finding in report.findings if finding.counts for one in finding.all()]


def test_a_scenario_is_played_in_the_newest_era_and_says_so(written):
    (seen,) = api.check([written(CLEAN)]).inputs
    assert (seen.format, seen.era, seen.lines, seen.events, seen.live) == ("pat", "pfnmap-ctx", 7, 3, 0)
    assert seen.era_reason.startswith("the newest")


def test_an_era_that_is_asked_for_is_the_one(written):
    file = written(SPLIT)
    assert found(file) == []
    assert found(file, era="vm-pat") == [(7, "memtype-invalid-free"), (9, "memtype-leak")]
    (seen,) = api.check([file], api.Options(era="vm-pat")).inputs
    assert seen.era_reason == "as asked with --era"


def test_a_claim_makes_no_finding_go_away(written):
    bare = SPLIT.replace("#! memtype-invalid-free@!pfnmap-ctx", "").replace("#! memtype-leak@!pfnmap-ctx", "")
    assert found(written(bare, "a.pat"), era="vm-pat") == found(written(SPLIT, "b.pat"), era="vm-pat")


def test_an_expectation_that_fails_is_a_finding(written):
    file = written(FAILING)
    (finding,) = api.check([file]).findings
    assert (finding.rule, finding.line, str(finding.severity)) == ("scenario-expectation", 8, "error")
    assert finding.message == "memtypes of fb are none, not [0, 32K) wc"
    assert finding.file == file


def test_an_expectation_of_another_era_is_none(written):
    assert found(written(FAILING.replace(") wc", ") wc   @vm-pat*"))) == []


def test_an_expectation_whose_failure_is_claimed_is_as_claimed(written):
    file = written(FAILING.replace(") wc", ") wc   #! scenario-expectation"))
    assert run("lint", file).exit_code == 0
    assert found(file) == [(8, "scenario-expectation")]


def test_an_expectation_that_is_claimed_to_fail_must_fail(written):
    file = written(CLEAN + "expect memtypes fb = none   #! scenario-expectation\n")
    result = run("lint", file)
    assert result.exit_code == 1
    assert "8: error: scenario-expectation is claimed here and not found (in every era)" in result.stdout


@pytest.mark.parametrize("rule", ["memtype-invalid-free", "memtype-leak", "scenario-expectation"])
def test_what_a_comment_ignores_does_not_count(written, rule):
    lines = (SPLIT + "expect memtypes = [0, 4K) wc\n").splitlines()
    before = found(written("\n".join(lines)), era="vm-pat")
    at = next(line for line, name in before if name == rule)
    lines.insert(at - 1, f"# pat-check: ignore[{rule}] known")
    after = found(written("\n".join(lines)), era="vm-pat")
    assert sorted(name for _, name in before) == sorted([rule, *(name for _, name in after)])


def test_an_ignored_expectation_does_not_fail_lint(written):
    file = written(CLEAN + "# pat-check: ignore[scenario-expectation] known\nexpect memtypes fb = [0, 4K) wc\n")
    assert run("lint", file).exit_code == 0


def test_the_format_can_be_asked_for(written):
    file = written(SPLIT, "scenario.txt")
    assert found(file, input_format="pat", era="vm-pat") == [(7, "memtype-invalid-free"), (9, "memtype-leak")]
    assert api.check([file]).inputs[0].error != ""
    assert api.check([written(SPLIT)], api.Options(input_format="ftrace")).inputs[0].format == "ftrace"


def test_the_formats_know_it():
    assert "pat" in dict(api.formats())


def test_what_a_scenario_declares_itself_is_not_read_from_files(written):
    (seen,) = api.check([written(CLEAN)], api.Options(iomem="/nowhere")).inputs
    assert seen.facts == ["--iomem was not used: a scenario says itself what there is"]


def test_a_scenario_and_a_recording_are_replayed_together(written):
    report = api.check([written(SPLIT), str(KEPT / "6.12" / "fork-partial")])
    assert [seen.format for seen in report.inputs] == ["pat", "ftrace"]


def test_a_mistake_in_one_scenario_does_not_silence_the_others(written):
    wrong, right = written(CLEAN.replace("size", "sise"), "a.pat"), written(FAILING, "b.pat")
    result = run("replay", wrong, right)
    assert result.exit_code == 2
    assert result.stderr == (
        f"pat-check: error: {wrong}:2:21: expected 'size', not 'sise'; did you mean 'size'?\n"
        "    bar fb = 0xfd000000 sise 32K\n"
        "                        ^\n"
    )
    assert "[scenario-expectation]" in result.stdout


def test_the_text_report_quotes_the_scenario(written):
    file = written(SPLIT)
    result = run("replay", file, "--era", "vm-pat")
    assert result.exit_code == 1
    assert f"{file}:7: error: untrack_pfn frees memtype" in result.stdout
    assert "       7 | app: munmap v, 16K #! memtype-invalid-free@!pfnmap-ctx\n" in result.stdout


def test_the_json_report_is_as_its_schema_says(written):
    result = run("replay", written(FAILING), "--output", "json")
    report = json.loads(result.stdout)
    jsonschema.validate(report, SCHEMA)
    assert [finding["rule"] for finding in report["findings"]] == ["scenario-expectation"]


@pytest.mark.parametrize("command", [("state", "--at", "7"), ("convert",)])
def test_what_needs_a_recording_says_so(written, command):
    name, *options = command
    result = run(name, file := written(CLEAN), *options)
    assert result.exit_code == 2
    assert result.stderr == (
        f"pat-check: error: {file}: is a scenario and no recording; `replay`, `lint` and `compare` play it\n"
    )
