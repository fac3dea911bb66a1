import io
import json
from pathlib import Path

import jsonschema
import pytest

import pat_check
from pat_check.findings import Report
from pat_check.reporters import reporters
from pat_check.reporters.base import Style
from tests.sample_report import HOSTILE_COMM, SAMPLE

SCHEMA = json.loads((Path(pat_check.__file__).parent / "report.schema.json").read_text())


def written(report):
    out = io.StringIO()
    reporters()["json"]().write(report, out, Style())
    return out.getvalue()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0")], ids=["sample", "empty"])
def test_a_report_is_as_its_schema_says(report):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(written(report)))


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


def test_the_summary_counts_everything():
    summary = json.loads(written(SAMPLE))["summary"]
    assert summary == {
        "inputs": 2,
        "unreadable": 1,
        "lines": 1309,
        "events": 1061,
        "ignored": 241,
        "malformed": 1,
        "lost": 12,
        "live": 9,
        "snapshots": {"compared": 6, "equal": 5},
        "messages": {"seen": 2, "explained": 2},
        "findings": {
            "total": 4,
            "by_severity": {"info": 1, "warning": 2, "error": 1, "fatal": 0},
            "by_rule": {"memtype-invalid-free": 1, "memtype-leak": 2, "trace-lost-events": 1},
        },
    }
