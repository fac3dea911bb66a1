"""`--deep` plays what was recorded: the rules of mappings and page tables judge it, at the recording's lines."""

import shutil

import pytest

from pat_check import api
from pat_check.findings import Severity
from tests.corpus import ABSENT, CORPUS, KEPT, text_of

SWITCHED = KEPT / "7.2" / "pl-switch-fork"


def found(path, **options):
    report = api.check([str(path)], api.Options(deep=True, **options))
    return report, [one for root in report.findings for one in root.all()]


def test_another_frame_at_a_fault_is_found_where_it_was_inserted():
    report, findings = found(SWITCHED)
    refaults = [one for one in findings if one.rule == "tracking-refault-pfn"]
    assert [(one.line, str(one.task.comm), one.task.pid) for one in refaults] == [
        (154, "patlab", 268),
        (190, "patlab", 267),
    ]
    assert refaults[0].message.startswith("[0x7fdc262be000-0x7fdc262bf000): ")  # where the trace has it
    assert {one.file for one in findings} == {str(SWITCHED / "trace.txt.xz")}
    assert [(one.line, one.rule) for one in report.findings] == [
        (154, "tracking-refault-pfn"),
        (190, "tracking-refault-pfn"),
    ]


def test_without_it_the_summary_says_what_was_not_checked():
    report = api.check([str(SWITCHED)])
    assert report.findings == []
    assert any("--deep" in fact for fact in report.inputs[0].facts)
    assert not any("--deep" in fact for fact in found(SWITCHED)[0].inputs[0].facts)


@pytest.mark.parametrize("capture", [KEPT / "6.1" / "munmap-middle", KEPT / "6.12" / "fork-partial"], ids=str)
def test_what_was_found_without_it_is_found_with_it(capture):
    plain = [(one.line, one.rule, one.fingerprint) for one in api.check([str(capture)]).findings]
    deep = [(one.line, one.rule, one.fingerprint) for one in found(capture)[0].findings]
    assert plain
    assert deep == plain


def test_a_recording_that_cannot_be_played_says_why(tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(
        "# tracer: nop\n"
        "app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000"
        " size=0x2000\napp-7 [000] 1.1: remap_pfn_range__ret: ret=0\n"
    )
    (fact,) = [fact for fact in found(trace)[0].inputs[0].facts if "--deep" in fact]
    assert "the ends of mappings (unmap_vmas) are not recorded" in fact


def test_where_events_were_lost_nothing_is_played():
    (fact,) = [fact for fact in found(KEPT / "6.12" / "lost")[0].inputs[0].facts if "--deep" in fact]
    assert fact == "mappings and page tables (--deep): events are missing"


def test_a_damaged_recording_is_no_failure(tmp_path):
    shutil.copytree(SWITCHED, tmp_path / "capture")
    trace = tmp_path / "capture" / "trace.txt.xz"
    trace.write_bytes(trace.read_bytes()[:-200])
    report, _ = found(tmp_path / "capture")
    assert report.inputs[0].error == ""


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("6.12/fork-tree", set()),
        ("6.1/mremap-move", set()),
        ("6.16/mapfixed", set()),
        ("7.2/vfio", set()),
        ("6.12/drm", set()),
        ("6.12/pl-fault", {"tracking-unreserved", "mapping-other-type"}),
        ("6.1/pl-ram", {"tracking-ram-mode"}),
        ("7.2/devmem-cow", {"mapping-cached-device"}),
    ],
)
def test_what_real_kernels_did_is_judged(name, rules):
    families = ("tracking-", "mapping-")
    assert {one.rule for one in found(CORPUS / name)[1] if one.rule.startswith(families)} == rules


def test_a_recording_with_lines_that_cannot_be_read_is_not_played(tmp_path):
    lines = text_of(next((KEPT / "6.12" / "fork-partial").glob("trace.txt*"))).split("\n")
    trace = tmp_path / "trace.txt"
    trace.write_text("\n".join([*lines[:100], "\x12 noise", "more noise", *lines[100:]]))
    report, findings = found(trace)
    assert "trace-malformed" in {one.rule for one in findings}
    assert not any(one.rule.startswith(("tracking-", "mapping-")) for one in findings)
    assert any("--deep" in fact and "cannot be read" in fact for fact in report.inputs[0].facts)


def test_what_may_be_older_than_the_trace_is_info(tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(text_of(SWITCHED / "trace.txt.xz"))
    severities = {one.severity for one in found(trace)[1] if one.rule.startswith(("tracking-", "mapping-"))}
    assert severities == {Severity.INFO}
