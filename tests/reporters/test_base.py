import pytest

from pat_check.findings import Finding, Input, Severity
from pat_check.reporters.base import refusal, worst_first


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("t.txt", "t.txt: is a JPEG image", ("t.txt", 0, "is a JPEG image")),
        ("t.txt", "t.txt:7: is: wrong\nhere", ("t.txt", 7, "is: wrong\nhere")),
        ("cap/", "cap/trace.txt.xz:7: is wrong", ("cap/trace.txt.xz", 7, "is wrong")),
        ("cap", "cap: is a directory without a trace", ("cap", 0, "is a directory without a trace")),
        ("-", "<stdin>: is empty", ("-", 0, "<stdin>: is empty")),
        ("t", "two: is empty", ("t", 0, "two: is empty")),
    ],
)
def test_an_error_is_parted_into_file_line_and_reason(path, error, told):
    assert refusal(Input(path, "", "", "", error=error)) == told


def test_the_worst_come_first_and_equals_stay_in_order():
    findings = [Finding("r", severity, "", at) for at, severity in enumerate([Severity.INFO, Severity.ERROR] * 2)]
    assert [finding.line for finding in worst_first(findings)] == [1, 3, 0, 2]
