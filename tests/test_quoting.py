from pat_check.findings import Baseline, Finding, Note, Report, Severity, Suppression
from pat_check.quoting import quoted


def test_lines_of_findings_and_of_their_notes_are_read_again(tmp_path):
    trace, log = tmp_path / "trace.txt", tmp_path / "dmesg.txt"
    trace.write_text("one\n  two\t2\nthree\n")
    log.write_text("first\n")
    finding = Finding("r-a", Severity.ERROR, "", 2, [Note(1, ""), Note(1, "", str(log)), Note(0, "")], file=str(trace))
    source = quoted(Report("", [], [finding]))
    assert [source(str(trace), line) for line in (1, 2, 3)] == ["one", "two 2", ""]
    assert source(str(log), 1) == "first"


def test_what_is_only_counted_is_not_read(tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text("one\ntwo\n")
    silenced = Finding("r-a", Severity.ERROR, "", 1, file=str(trace), suppression=Suppression("", "", 0, False))
    known = Finding("r-a", Severity.ERROR, "", 2, file=str(trace), baseline=Baseline.UNCHANGED)
    source = quoted(Report("", [], [silenced, known]))
    assert [source(str(trace), line) for line in (1, 2)] == ["", ""]


def test_what_cannot_be_read_twice_has_no_lines():
    assert quoted(Report("", [], [Finding("r-a", Severity.ERROR, "", 1, file="<stdin>")]))("<stdin>", 1) == ""
