"""Everything that four kernels recorded is replayed, and what pat-check says is compared with what they said."""

import re
import shutil

import pytest

from pat_check import api
from pat_check.eras import ERAS
from tests import corpus
from tests.corpus import ABSENT, CORPUS, ERA, LOST, NO_MARKERS, UNKNOWABLE, captures

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)

CAPTURES = captures()
SILENT = [capture for capture in CAPTURES if capture.explained_by(UNKNOWABLE)]
LOSSY = [capture for capture in CAPTURES if capture.explained_by(LOST)]
COMPLETE = [capture for capture in CAPTURES if capture not in SILENT and capture not in LOSSY]

CHECKS = []
"""What holds for every complete capture, here and in test_captures.py."""


def every_complete_capture(test):
    """Module scope lets one capture's tests run after each other, so that it is replayed once."""
    CHECKS.append(test)
    return pytest.mark.parametrize("capture", COMPLETE, ids=str, scope="module")(test)


WRONG = ("model-divergence", "model-era", "dmesg-unexplained", "snapshot-mismatch")
"""Rules that a complete recording never breaks: the model itself would be wrong."""

OTHER_FORMS = ("trace-cmd-report-latency.txt", "trace-cmd-report-raw.txt", "perf-script-fields.txt")
"""Further prints of the recording of a capture."""

CONCURRENT = re.compile(r"stress|threads|rounds|lost")
"""Workloads that do something else each time."""

UNLIKE = {
    "6.12/bpftrace": "no exit of a process is recorded, so that nobody knows whether the owner is gone",
}
"""Captures whose recording shows less than others of their workload, and why."""

_CONTEXTS = r" (?:pfnmap_\w+|remap_pfn_range_(?:track|complete)|__zap_vma_range)(?<!__ret): \("
_VM_PAT = r" (?:un)?track_pfn(?!\w*__ret)\w*: \("
_IN_ZAP = r" unmap_single_vma: .*\n.* untrack_pfn: "
_OLD = r" (?:do_mas_munmap|__vma_adjust|vma_merge): \("
_NEW = r" get_pat_info: \(|\(vms_gather_munmap_vmas\+"
_OF_CONTEXTS = {"vm-pat": _CONTEXTS, "vm-pat-6.12": _CONTEXTS, "unmap-region": _CONTEXTS}

DISPROOFS = {
    "6.1": {"vm-pat-6.12": _OLD, "unmap-region": _IN_ZAP, "pfnmap-ctx": _VM_PAT},
    "6.12": {"vm-pat": _NEW, "unmap-region": _IN_ZAP, "pfnmap-ctx": _VM_PAT},
    "6.16": _OF_CONTEXTS,
    "7.2": _OF_CONTEXTS,
}
"""What in a trace of each kernel no kernel of another era does."""

SHOWS_NO_6_12 = {
    "6.12/bpftrace": "returns are printed without arguments",
    "6.12/modules": "nothing but mappings is recorded, and nothing about them that is new in 6.12",
    "6.12/debug-modules": "nothing but mappings is recorded, and nothing about them that is new in 6.12",
    "6.12/pl-mixed": "nothing is unmapped in part, nothing is reserved",
}
"""Traces of 6.12 that could come from an older kernel as well, and why."""

_TRACKING = re.compile(
    r"\b(?:track_pfn\w*|untrack_pfn\w*|get_pat_info|pfnmap_\w+|remap_pfn_range_track)(?=[:(+ ]|__ret|_ret)"
)


# --- it can be replayed -----------------------------------------------------------------------------------


def test_the_corpus_has_recordings_of_four_kernels():
    assert {capture.kernel for capture in CAPTURES} == set(ERA)


@every_complete_capture
def test_a_capture_is_replayed(capture):
    assert capture.input().error == ""


@every_complete_capture
def test_every_line_of_a_capture_can_be_read(capture):
    assert capture.input().lines == capture.length
    assert capture.findings("trace-malformed", "trace-truncated") == []


@pytest.mark.parametrize("capture", SILENT, ids=str)
def test_a_recording_that_cannot_know_says_so_in_a_sentence(capture):
    problem = capture.input().error
    assert problem.startswith(f"{capture.trace}: is ")
    assert re.search(r"\b(?:set|record)\b", problem), "it says how to record better"
    assert capture.report().findings == []


# --- the kernel's own list --------------------------------------------------------------------------------


@every_complete_capture
def test_every_snapshot_agrees_with_the_model(capture):
    seen = capture.input()
    compared = 1 if capture.explained_by(NO_MARKERS) else len(capture.snapshots) - 1  # the first gives the state
    assert (seen.snapshots, seen.snapshots_equal) == (compared, compared)


@every_complete_capture
def test_every_snapshot_has_its_marker(capture):
    if capture.explained_by(NO_MARKERS):
        assert capture.input().snapshots_unanchored == len(capture.snapshots) - 2
    else:
        assert list(capture.markers) == list(capture.snapshots)
        assert capture.input().snapshots_unanchored == 0


@every_complete_capture
def test_the_state_at_a_checkpoint_is_the_kernels_own_list(capture):
    if capture.is_huge:
        pytest.skip("a huge capture: its snapshots are compared in the replay")
    points = {number: text for number, (_, text) in capture.markers.items()}
    if capture.explained_by(NO_MARKERS):
        points = {max(capture.snapshots): str(capture.length)}
    for number in points if capture.is_small else [max(points)]:
        assert capture.state(points[number]) == capture.snapshots[number], points[number]


@every_complete_capture
def test_the_state_just_before_a_checkpoint_is_the_models_own_work(capture):
    """At the marker itself a wrong model would have taken over the kernel's list."""
    if not capture.is_small:
        pytest.skip("a large capture: its snapshots are compared in the replay")
    for number, (at, _) in list(capture.markers.items())[1:]:
        assert capture.state(str(at - 1)) == capture.snapshots[number], f"line {at - 1}"


@every_complete_capture
def test_every_mapping_of_the_kernel_is_as_the_calls_leave_it_or_counted_as_not_compared(capture):
    seen = capture.input()
    assert seen.mappings_equal == seen.mappings
    assert seen.mappings + seen.mappings_not_compared == capture.mappings


def test_a_mapping_of_a_child_of_a_child_is_compared_while_another_goes():
    capture = next((one for one in COMPLETE if str(one) == "6.12/fork-tree"), None)
    if capture is None:
        pytest.skip(ABSENT)
    assert (capture.input().mappings, capture.input().mappings_not_compared) == (10, 0)


# --- the kernel's own complaints --------------------------------------------------------------------------


@every_complete_capture
def test_every_invalid_free_the_kernel_complained_of_is_found_and_no_other(capture):
    assert capture.found("memtype-invalid-free", "memtype-double-free") == capture.freed_in_vain()


@every_complete_capture
def test_every_conflict_the_kernel_complained_of_is_found_and_no_other(capture):
    assert capture.found("memtype-conflict") == capture.conflicts()


@every_complete_capture
def test_no_error_is_found_where_the_kernel_did_not_complain(capture):
    assert capture.kernel_complained or capture.errors() == []


@every_complete_capture
def test_a_complete_recording_holds_no_surprise(capture):
    assert capture.findings(*WRONG) == []


@every_complete_capture
def test_every_message_is_explained(capture):
    seen = capture.input()
    assert seen.messages == seen.messages_explained
    assert seen.messages >= len(re.findall("freeing invalid memtype|conflicting memory types", capture.dmesg))


# --- the era ----------------------------------------------------------------------------------------------


@every_complete_capture
def test_the_era_of_a_capture_is_that_of_its_kernel(capture):
    seen = capture.input()
    assert (seen.era, seen.era_reason) == (ERA[capture.kernel], f"meta.json says kernel {capture.meta['kernel']}")


@every_complete_capture
def test_the_era_shows_in_the_trace_alone(capture):
    if _TRACKING.search(capture.text) is None:
        pytest.skip("no tracking function is recorded")
    era, reason = era_of_trace(str(capture.trace))
    assert era == ("vm-pat" if capture.explained_by(SHOWS_NO_6_12) else ERA[capture.kernel])
    lines = capture.text.split("\n")
    shown = re.findall(r"line (\d+) (?:shows|says kernel) ([^\s,]+)", reason)
    assert shown, reason
    for at, word in shown:
        assert word in lines[int(at) - 1], reason


@every_complete_capture
def test_every_other_era_is_contradicted_by_what_a_capture_shows_three_times(capture):
    if not capture.is_small:
        pytest.skip("long captures are replayed once")
    for era in (era for era in ERAS if era.name != ERA[capture.kernel]):
        if len(re.findall(DISPROOFS[capture.kernel][era.name], capture.text)) < 3:
            continue
        report = api.check([str(capture.path)], api.Options(era=era.name))
        told = [one.message for finding in report.findings for one in finding.all() if one.rule == "model-era"]
        assert len(told) == 1, era
        assert told[0].startswith(f"the recording contradicts era {era} 3 times; ")
        assert ERA[capture.kernel] in re.split(r" and | fits?$|; ", told[0]), "the era that it comes from fits"


def era_of_trace(path):
    from pat_check.session import Options, Session

    guess = Session(path, Options(), lambda incident: None).guess
    return guess.era.name, guess.reason


@every_complete_capture
def test_a_trace_alone_accuses_nobody_of_what_the_kernel_did_not(capture):
    if not capture.is_small:
        pytest.skip("a large capture")
    report = api.check([str(capture.trace)])
    worst = {finding.rule for finding in report.findings if finding.severity >= api.Severity.ERROR}
    assert capture.kernel_complained or worst == set()
    assert worst.isdisjoint(WRONG)


# --- one scenario, several recordings ---------------------------------------------------------------------


def workload(capture):
    """What ran, as far as it can be compared: the era and the program's arguments."""
    program = capture.meta["workload"].partition("patlab ")[2]
    return f"{ERA[capture.kernel]} {program}" if program and not CONCURRENT.search(program) else ""


def twins():
    """Each capture of a workload beside the first of that workload."""
    first = {}
    for capture in sorted(COMPLETE, key=lambda capture: (str(capture) in UNLIKE, str(capture))):
        if program := workload(capture):
            other = first.setdefault(program, capture)
            if other is not capture:
                yield pytest.param(capture, other, id=f"{capture}-{other}")


@pytest.mark.parametrize(("capture", "other"), list(twins()))
def test_recordings_of_one_scenario_get_one_verdict(capture, other):
    assert (capture.verdict() == other.verdict()) is not bool(capture.explained_by(UNLIKE))


@pytest.mark.parametrize(
    ("capture", "name"),
    [
        pytest.param(capture, name, id=f"{capture}-{name}")
        for capture in COMPLETE
        for name in OTHER_FORMS
        if capture.find(name)
    ],
)
def test_every_print_of_a_recording_gets_the_same_verdict(capture, name, tmp_path):
    form = capture.find(name)
    folder = shutil.copytree(capture.path, tmp_path / name, ignore=shutil.ignore_patterns("trace*", "perf*"))
    shutil.copy(form, folder / f"trace{form.name.removeprefix(form.name.split('.')[0])}")
    other = corpus.Capture(folder, capture.kernel, capture.scenario)
    assert other.input().format == capture.input().format
    assert other.input().snapshots_equal == capture.input().snapshots_equal
    assert other.verdict() == capture.verdict()


# --- lost events ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", LOSSY, ids=str)
def test_lost_events_are_told(capture):
    assert capture.input().error == ""
    assert capture.input().lost > 0
    assert len(capture.findings("trace-lost-events")) == 1


@pytest.mark.parametrize("capture", LOSSY, ids=str)
def test_lost_events_make_surprises_no_errors(capture):
    assert [finding.rule for finding in capture.errors() if finding.rule in WRONG] == []
