import json
import random
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import pat_check
from pat_check.findings import Report
from tests.reporters import writing
from tests.reporters.writing import hostile
from tests.sample_report import HOSTILE_COMM, HOSTILE_TEXT, SAMPLE

SCHEMA = json.loads((Path(pat_check.__file__).parent / "report.schema.json").read_text())


JSONL = {"$ref": "#/$defs/jsonl", "$defs": SCHEMA["$defs"], "properties": SCHEMA["properties"]}


def written(report):
    return writing.written("json", report)


def lines(report):
    return [json.loads(line) for line in writing.written("jsonl", report).splitlines()]


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0"), hostile()], ids=["sample", "empty", "hostile"])
def test_a_report_is_as_its_schema_says(report):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(written(report)))


@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0"), hostile()], ids=["sample", "empty", "hostile"])
def test_each_line_is_as_the_schema_says(report):
    for line in lines(report):
        jsonschema.Draft202012Validator(JSONL).validate(line)


def test_lines_hold_what_the_document_holds():
    document, records = json.loads(written(SAMPLE)), lines(SAMPLE)
    assert [record["type"] for record in records] == ["run", *["finding"] * 7, "gone", "summary"]
    assert [record["data"] for record in records if record["type"] == "finding"] == document["findings"]
    assert [record["data"] for record in records if record["type"] == "gone"] == document["gone"]
    assert records[-1]["data"] == document["summary"]
    assert records[0]["data"] == {key: document[key] for key in ("version", "tool", "inputs")}


def test_a_line_of_another_kind_is_refused():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "finding", "data": lines(SAMPLE)[0]["data"]}, JSONL)


def test_the_extents_of_a_finding_are_in_it():
    assert json.loads(written(SAMPLE))["findings"][0]["extents"] == [
        {"label": "reserved", "start": "0xfd000000", "end": "0xfd004000", "mode": "WC"},
        {"label": "freed", "start": "0xfd002000", "end": "0xfd004000", "mode": None},
    ]


def test_standing_and_suppression_are_told():
    findings = json.loads(written(SAMPLE))["findings"]
    assert [finding["baseline"] for finding in findings] == ["new", None, None, None, "unchanged", None, None]
    assert findings[5]["suppression"] == {
        "reason": "the driver is out of tree",
        "file": "clean.pat",
        "line": 7,
        "in_source": True,
    }


def test_data_is_not_changed_for_a_program():
    assert json.loads(written(hostile()))["findings"][0]["message"] == HOSTILE_TEXT


def test_the_schema_allows_no_other_keys():
    document = json.loads(written(SAMPLE))
    document["findings"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_equal_reports_are_equal_bytes():
    assert written(SAMPLE) == written(SAMPLE)


def test_addresses_are_hex_strings():
    assert json.loads(written(SAMPLE))["findings"][0]["range"] == {"start": "0xfd002000", "end": "0xfd004000"}


def test_a_range_may_begin_at_zero():
    assert json.loads(written(SAMPLE))["findings"][3]["range"] == {"start": "0x0", "end": "0x1000"}


def test_a_hostile_comm_survives_unharmed_and_harmless():
    text = written(SAMPLE)
    assert json.loads(text)["findings"][0]["task"] == {"comm": HOSTILE_COMM, "pid": 512}
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_deleted_character_is_escaped_too():
    document = written(Report("\x7f"))
    assert "\x7f" not in document
    assert json.loads(document)["tool"]["version"] == "\x7f"


def test_what_is_only_counted_is_in_the_summary():
    folded = replace(SAMPLE.findings[0], more=4)
    report = Report("", findings=[replace(SAMPLE.findings[0], folded=[folded], more=3)], hidden=[folded])
    assert json.loads(written(report))["summary"]["findings"]["counted"] == 11


@pytest.mark.parametrize("report", [SAMPLE, hostile()], ids=["sample", "hostile"])
def test_the_text_of_a_finding_is_what_json_makes_of_it(report):
    for line in writing.written("jsonl", report).splitlines():
        assert json.dumps(json.loads(line)).replace("\x7f", "\\u007f") == line


def test_the_summary_counts_everything():
    summary = json.loads(written(SAMPLE))["summary"]
    assert summary == {
        "inputs": 3,
        "unreadable": 1,
        "lines": 1321,
        "events": 1065,
        "ignored": 241,
        "malformed": 1,
        "lost": 12,
        "live": 9,
        "snapshots": {"compared": 6, "equal": 5},
        "messages": {"seen": 2, "explained": 2},
        "findings": {
            "total": 7,
            "failing": 4,
            "baselined": 1,
            "suppressed": 2,
            "hidden": 2,
            "counted": 0,
            "gone": 1,
            "by_severity": {"info": 1, "warning": 3, "error": 2, "fatal": 1},
            "by_rule": {
                "memtype-double-free": 1,
                "memtype-downgrade": 1,
                "memtype-invalid-free": 1,
                "memtype-leak": 3,
                "trace-lost-events": 1,
            },
        },
    }


def test_a_time_is_written_as_python_writes_it():
    digits = random.Random(4)
    times = [0.0, -0.0, 1e-5, 0.0001, 0.001, 0.1 + 0.2, 2 / 3, 25.0, 99999999.999999, 1e8, 1e16, 1e22]
    times += [digits.randrange(10**14) / 10**6 for _ in range(2000)]
    times += [digits.random() * 10 ** digits.randrange(-6, 12) for _ in range(2000)]
    report = Report("", findings=[replace(SAMPLE.findings[0], time=time) for time in times])
    told = re.findall(r'"time": ([^,]*),', written(report))
    assert told == [repr(time) for time in times]
