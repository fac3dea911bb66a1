import json
from pathlib import Path

import jsonschema
import pytest
from sarif.loader import load_sarif_files

from pat_check.findings import Finding, Note, Report, Severity
from pat_check.reporters.base import Style
from tests.reporters.writing import hostile, written
from tests.sample_report import HOSTILE_TEXT, SAMPLE

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
ANCHORED = Style(anchor=("tests/patlab.sh", 3), category="nightly")


def run(report=SAMPLE, style=None):
    return json.loads(written("sarif", report, style))["runs"][0]


def results(report=SAMPLE, style=None):
    return run(report, style)["results"]


def place(location):
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical.get("region", {}).get("startLine")


def independently_read(tmp_path, report, style=None):
    file = tmp_path / "report.sarif"
    file.write_text(written("sarif", report, style))
    return load_sarif_files(str(file))


@pytest.mark.parametrize("style", [Style(), ANCHORED], ids=["plain", "anchored"])
@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0"), hostile()], ids=["sample", "empty", "hostile"])
def test_a_log_is_as_the_schema_says(report, style):
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(written("sarif", report, style)))


def test_the_schema_can_refuse():
    log = json.loads(written("sarif"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SCHEMA)


def test_sarif_tools_reads_every_result(tmp_path):
    records = independently_read(tmp_path, SAMPLE).get_records()
    assert [(one["Location"], one["Line"], one["Severity"], one["Code"]) for one in records] == [
        ("fork-partial/trace.txt", 117, "error", "memtype-invalid-free"),
        ("fork-partial/trace.txt", 1309, "warning", "memtype-leak"),
        ("fork-partial/trace.txt", 900, "note", "trace-lost-events"),
        ("fork-partial/trace.txt", 1309, "warning", "memtype-leak"),
        ("fork-partial/trace.txt", 12, "warning", "memtype-downgrade"),
        ("clean.pat", 8, "error", "memtype-double-free"),
        ("fork-partial/trace.txt", 1310, "error", "memtype-leak"),
        ("fork-partial/trace.txt", "1", "error", "memtype-conflict"),  # its default: there is no line
    ]
    assert {one["Tool"] for one in records} == {"pat-check"}


def test_sarif_tools_reads_a_hostile_report(tmp_path):
    records = independently_read(tmp_path, hostile()).get_records()
    assert len(records) == 4
    assert all("\x1b" not in value for one in records for value in one.values() if isinstance(value, str))


def test_the_story_is_a_code_flow_that_ends_at_the_finding():
    (flow,) = results()[0]["codeFlows"]
    steps = [step["location"] for step in flow["threadFlows"][0]["locations"]]
    assert [place(step)[1] for step in steps] == [77, 101, 117]
    assert [step["message"]["text"] for step in steps[:2]] == [
        "reserved here as write-combining, for remap_pfn_range",
        "copied by fork here",
    ]
    assert "codeFlows" not in results()[1]


def test_notes_in_other_files_are_related_locations():
    (related,) = results()[0]["relatedLocations"]
    assert place(related) == ("dmesg.txt", 3)
    assert related["id"] == 1
    assert "freeing invalid memtype" in related["message"]["text"]


def test_a_fact_without_a_line_is_said_in_the_message():
    assert results()[0]["message"]["text"].endswith("\nthe reservation stays until the machine restarts")


def test_every_rule_is_described_and_found_by_its_index():
    rules = run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in SAMPLE.rules]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results())
    assert rules[4] == {
        "id": "memtype-leak",
        "name": "MemtypeLeak",
        "shortDescription": {"text": "A memtype reservation outlives whoever made it."},
        "fullDescription": {
            "text": "A memtype reservation outlives whoever made it. The *range* is not what `pat_memtype_list` says."
        },
        "help": {"text": "mind memtype-leak", "markdown": SAMPLE.rules[4].text},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["memtype"], "problem.severity": "error"},
        "helpUri": "https://pat-check.example/rules/memtype-leak.md",
    }


def test_a_rule_that_nothing_describes_has_its_id():
    assert run(Report("", [], [Finding("rule-a", Severity.INFO, "m", 1, file="t")]))["tool"]["driver"]["rules"] == [
        {"id": "rule-a"}
    ]


def test_fingerprints_are_the_findings_own():
    assert results()[0]["partialFingerprints"] == {"patCheck/v1": "memtype-invalid-free:fd002000-fd004000"}


def test_what_is_silenced_is_in_the_log_with_its_reason():
    silenced = [result["suppressions"][0] for result in results() if "suppressions" in result]
    assert [(one["kind"], one["status"], one["justification"], place(one["location"])) for one in silenced] == [
        ("inSource", "accepted", "the driver is out of tree", ("clean.pat", 7)),
        ("external", "accepted", "known: see the thread of May", ("pat-check.toml", 4)),
    ]


def test_the_baseline_is_told_and_what_only_it_holds_is_absent():
    states = [(result["ruleId"], result.get("baselineState")) for result in results()]
    assert states[0] == ("memtype-invalid-free", "new")
    assert states[4] == ("memtype-downgrade", "unchanged")
    assert states[7] == ("memtype-conflict", "absent")


def test_an_input_that_could_not_be_read_is_a_notification():
    (invocation,) = run()["invocations"]
    assert invocation["executionSuccessful"] is False
    first = invocation["toolExecutionNotifications"][0]
    assert (first["level"], first["message"]["text"]) == ("error", "not replayed: is a JPEG image, not a trace")
    assert run(Report("0.1.0"))["invocations"] == [{"executionSuccessful": True}]


def test_places_are_relative_to_the_root_of_the_checkout():
    text = json.dumps(run())
    assert '"uri": "fork-partial/trace.txt", "uriBaseId": "%SRCROOT%"' in text
    assert "uri" not in run()["originalUriBaseIds"]["%SRCROOT%"]
    artifacts = [artifact["location"]["uri"] for artifact in run()["artifacts"]]
    first = results()[0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifacts[first["index"]] == first["uri"]


def test_a_file_name_becomes_a_uri():
    (result,) = results(Report("", [], [Finding("r-a", Severity.INFO, "m", 1, file="a b:c#d%e?\udcff.txt")]))
    assert place(result["locations"][0]) == ("a%20b%3Ac%23d%25e%3F%FF.txt", 1)


def test_an_anchor_takes_the_place_of_a_trace_that_is_not_committed():
    first = results(SAMPLE, ANCHORED)[0]
    assert place(first["locations"][0]) == ("tests/patlab.sh", 3)
    assert place(first["relatedLocations"][0]) == ("fork-partial/trace.txt", 117)
    assert first["message"]["text"].endswith("\nIn the recording: fork-partial/trace.txt:117")
    assert first["partialFingerprints"] == results()[0]["partialFingerprints"]


def test_findings_of_the_anchors_own_file_stay():
    (result,) = results(
        Report("", [], [Finding("r-a", Severity.INFO, "m", 9, file="tests/patlab.sh")]),
        Style(anchor=("tests/patlab.sh", 3)),
    )
    assert place(result["locations"][0]) == ("tests/patlab.sh", 9)
    assert "relatedLocations" not in result


@pytest.mark.parametrize(("category", "id_"), [("nightly", "nightly/"), ("lab/6.12/", "lab/6.12/")])
def test_a_category_is_what_stands_before_the_last_slash(category, id_):
    assert run(SAMPLE, Style(category=category))["automationDetails"] == {"id": id_}
    assert "automationDetails" not in run()


def test_what_a_trace_says_makes_no_link_in_a_message():
    finding = Finding("r-a", Severity.INFO, HOSTILE_TEXT, 2, [Note(1, HOSTILE_TEXT)], file="t")
    assert "](" not in json.dumps(results(Report("", [], [finding])))


@pytest.mark.parametrize(
    ("severity", "level"), [("INFO", "note"), ("WARNING", "warning"), ("ERROR", "error"), ("FATAL", "error")]
)
def test_severities_are_levels(severity, level):
    (result,) = results(Report("", [], [Finding("r-a", Severity[severity], "m", 1, file="t")]))
    assert result["level"] == level
    assert result["properties"]["severity"] == severity.lower()
