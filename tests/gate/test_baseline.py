import json

import pytest

from pat_check.errors import TraceError
from pat_check.findings import Baseline, Finding, Input, Report, Severity, Suppression
from pat_check.gate.baseline import apply_baseline, baseline_of, read_baseline, written


def finding(fingerprint, file="a/trace.txt", **fields):
    return Finding(
        "memtype-leak", Severity.ERROR, f"leak {fingerprint}", 1, file=file, fingerprint=fingerprint, **fields
    )


def report(*findings, inputs=("a",)):
    return Report("0", [Input(path, "ftrace", "vm-pat", "") for path in inputs], list(findings))


def known(*findings):
    return read_baseline(written(baseline_of(report(*findings))), "b.json")


def test_what_a_baseline_holds_does_not_fail_and_what_is_new_does():
    now = report(finding("old"), finding("new"))
    apply_baseline(now, known(finding("old")))
    assert [one.baseline for one in now.findings] == [Baseline.UNCHANGED, Baseline.NEW]
    assert [one.message for one in now.failing()] == ["leak new"]


def test_the_same_finding_in_another_recording_is_known():
    now = report(finding("old", "b/trace.txt"), inputs=("b",))
    apply_baseline(now, known(finding("old")))
    assert now.failing() == []


def test_the_same_finding_in_a_second_recording_of_a_run_is_new():
    now = report(finding("old"), finding("old", "b/trace.txt"), inputs=("a", "b"))
    apply_baseline(now, known(finding("old")))
    assert [one.file for one in now.failing()] == ["b/trace.txt"]


def test_a_recording_that_is_compressed_later_is_the_same_recording():
    now = report(finding("old", "a/trace.txt.xz"), inputs=("a",))
    apply_baseline(now, known(finding("old")))
    assert now.failing() == now.gone == []


def test_what_is_fixed_in_one_of_two_recordings_is_gone():
    now = report(finding("old", "b/trace.txt"), inputs=("a", "b"))
    apply_baseline(now, known(finding("old"), finding("old", "b/trace.txt")))
    assert now.failing() == []
    assert [one.file for one in now.gone] == ["a/trace.txt"]


def test_what_is_gone_is_listed():
    now = report(finding("old"))
    apply_baseline(now, known(finding("old"), finding("gone")))
    assert [(one.fingerprint, one.message) for one in now.gone] == [("gone", "leak gone")]


def test_nothing_is_gone_from_recordings_that_were_not_replayed():
    now = report(inputs=("b",))
    apply_baseline(now, known(finding("x"), finding("y", "b/trace.txt")))
    assert [one.fingerprint for one in now.gone] == ["y"]


def test_where_names_change_with_every_recording_all_may_be_gone():
    now = report(inputs=("run-2",))
    apply_baseline(now, known(finding("x", "run-1/trace.txt")))
    assert [one.fingerprint for one in now.gone] == ["x"]


def test_a_baseline_is_the_same_whatever_the_order():
    one, two = finding("a"), finding("b", "b/trace.txt")
    assert written(baseline_of(report(one, two))) == written(baseline_of(report(two, one)))


def test_what_is_suppressed_is_not_written():
    silent = finding("a", suppression=Suppression("known", "s", 1, in_source=False))
    assert known(silent) == []


def test_a_fingerprint_is_written_once_for_each_recording():
    held = known(finding("a"), finding("a", "b/trace.txt"), finding("a"))
    assert [one.file for one in held] == ["a/trace.txt", "b/trace.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "b.json:1: is not a baseline: Expecting value"),
        ("[]", "b.json: is not a baseline of version 1: it has no version"),
        ('{"version": 2}', "b.json: is not a baseline of version 1: it has version 2"),
        ('{"version": 1}', "b.json: is not a baseline: it has no list of findings"),
        ('{"version": 1, "findings": [3]}', "b.json: finding 1 is not one of a baseline"),
        ('{"version": 1, "findings": [{"fingerprint": 1}]}', "b.json: finding 1 is not one of a baseline"),
        ("[" * 100_000, "b.json: is not a baseline: "),
    ],
)
def test_what_is_no_baseline_is_refused(text, said):
    with pytest.raises(TraceError) as error:
        read_baseline(text, "b.json")
    assert str(error.value).startswith(said)


def test_a_baseline_has_no_absolute_path(tmp_path):
    text = written(baseline_of(report(finding("a", str(tmp_path / "x.log")))))
    assert json.loads(text)["findings"][0]["file"] == "x.log"
