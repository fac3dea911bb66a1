from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from pat_check.findings import Finding, Input, Report, Severity
from tests.reporters.writing import hostile, written
from tests.sample_report import SAMPLE


def suites(report=SAMPLE):
    return {suite.name: suite for suite in JUnitXml.fromstring(written("junit", report).encode())}


def outcomes(suite):
    return {case.name: [type(result) for result in case.result] for case in suite}


def test_an_input_is_a_suite_and_a_rule_a_case():
    assert {name: outcomes(suite) for name, suite in suites().items()} == {
        "fork-partial/trace.txt": {
            "replay": [],
            "memtype-downgrade (baselined)": [Skipped],
            "memtype-invalid-free": [Failure],
            "memtype-leak": [Failure],
            "memtype-leak (suppressed)": [Skipped],
            "memtype-range (below --min-severity)": [Failure],
            "trace-lost-events": [],
        },
        "clean.pat": {"replay": [], "memtype-double-free (suppressed)": [Skipped]},
        r"other\x0a.txt": {"replay": [Error]},
    }


@pytest.mark.parametrize("given", ["lab/run", "lab/run/", "./lab/run", "lab//run"])
def test_a_finding_is_in_the_suite_of_its_input_however_that_is_written(given):
    leak = Finding("memtype-leak", Severity.ERROR, "leak", 3, file="lab/run/trace.txt")
    (suite,) = suites(Report("0", [Input(given, "ftrace", "vm-pat", "")], [leak])).values()
    assert outcomes(suite) == {"replay": [], "memtype-leak": [Failure]}


@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0"), hostile()], ids=["sample", "empty", "hostile"])
def test_the_counts_are_those_of_the_cases(report):
    document = JUnitXml.fromstring(written("junit", report).encode())
    told = [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in document]
    total = (document.tests, document.failures, document.errors, document.skipped)
    assert total == (tuple(map(sum, zip(*told, strict=True))) or (0, 0, 0, 0))
    for suite in document:
        suite.update_statistics()
    assert [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in document] == told


def test_a_failure_tells_the_story():
    (failure,) = next(case for case in suites()["fork-partial/trace.txt"] if case.name == "memtype-invalid-free").result
    assert failure.type == "memtype-invalid-free"
    assert failure.message.startswith("memtype_free [0xfd002000-0xfd004000) matches no reservation")
    assert "\n  fork-partial/trace.txt:77: note: reserved here as write-combining" in failure.text
    assert "\n    freed          |xx|\n" in failure.text


def test_what_is_silenced_says_why():
    (skipped,) = next(case for case in suites()["clean.pat"] if "double-free" in case.name).result
    assert skipped.message == "1 finding suppressed: the driver is out of tree"


def test_an_unreadable_input_is_an_error():
    (case,) = suites()[r"other\x0a.txt"]
    assert case.result[0].message == "is a JPEG image, not a trace"


def test_what_does_not_fail_the_run_is_output_of_a_case_that_passes():
    report = Report(
        "", [Input("t", "ftrace", "", "")], [Finding("r-a", Severity.ERROR, "m", 1, file="t")], fail_on=None
    )
    (_, case) = suites(report)["t"]
    assert case.result == []
    assert case.system_out == "t:1: error: m [r-a]"


def test_findings_in_a_capture_directory_are_of_its_suite():
    report = Report(
        "", [Input("cap/", "ftrace", "", "")], [Finding("r-a", Severity.ERROR, "m", 1, file="cap/trace.txt")]
    )
    assert list(suites(report)) == ["cap"]


def test_findings_of_no_input_have_a_suite_of_their_own():
    report = Report("", [Input("t", "ftrace", "", "")], [Finding("r-a", Severity.ERROR, "m", 1, file="elsewhere")])
    assert {name: outcomes(suite) for name, suite in suites(report).items()} == {
        "t": {"replay": []},
        "elsewhere": {"r-a": [Failure]},
    }


def test_a_hostile_report_is_xml_and_nothing_in_it_is_markup():
    document = ElementTree.fromstring(written("junit", hostile()).encode())
    tags = {element.tag for element in document.iter()}
    assert tags == {"testsuites", "testsuite", "testcase", "failure", "skipped", "error"}
