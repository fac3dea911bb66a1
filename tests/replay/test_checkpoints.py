"""Mappings that the kernel showed at checkpoints: what is compared, and why the rest is not."""

import pytest

from pat_check import api

NEW = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0xbb"
LIVES = "app-9 [000] 0.5: vm_area_free: vma=0x99 mm=0x66 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71\n"
MAP = f"""\
app-7 [000] 1.0: remap_pfn_range: {NEW} addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: remap_pfn_range__ret: ret=0
"""
MARKER = "app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after\n"
MAPPED = """\
7000-9000 rw-s fd000000 00:17 1    /sys/bus/pci/resource0
VmFlags: rd wr sh mr mw ms pf io de dd sd
"""
OTHER = """\
c000-d000 rw-s fe000000 00:17 2    /dev/vfio/1
VmFlags: rd wr sh mr mw ms pf io de dd sd
"""
PLAIN = """\
e000-f000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac
"""


@pytest.fixture
def compared(tmp_path):
    """Of a trace and the mappings at its checkpoint: the findings of snapshot-maps, the summary, and why not."""

    def run(trace, maps):
        (tmp_path / "snaps").mkdir(exist_ok=True)
        (tmp_path / "snaps" / "maps-01-after.txt").write_text(maps)
        (tmp_path / "trace.txt").write_text(trace)
        report = api.check([str(tmp_path)], api.Options(era="vm-pat"))
        one = report.inputs[0]
        found = [str(finding.severity) for finding in report.findings if finding.rule == "snapshot-maps"]
        return found, (one.mappings_equal, one.mappings), [fact for fact in one.facts if "at checkpoints" in fact]

    return run


def test_a_mapping_that_an_event_has_shown_is_compared(compared):
    assert compared(LIVES + MAP + MARKER, "== pid 7\n" + MAPPED) == ([], (1, 1), [])


def test_a_mapping_of_another_kind_is_not_counted(compared):
    assert compared(LIVES + MAP + MARKER, "== pid 7\n" + MAPPED + PLAIN) == ([], (1, 1), [])


def test_a_mapping_that_no_event_has_shown_is_named(compared):
    why = ["1 mapping at checkpoints was not compared: no event had shown it"]
    assert compared(LIVES + MAP + MARKER, "== pid 7\n" + MAPPED + OTHER) == ([], (1, 1), why)


def test_mappings_of_a_process_that_no_event_has_shown_are_named(compared):
    why = ["2 mappings at checkpoints were not compared: no event had shown the address space of the process"]
    assert compared(LIVES + MAP + MARKER, "== pid 7\n" + MAPPED + "== pid 8\n" + MAPPED + OTHER) == ([], (1, 1), why)


def test_without_the_lives_of_vmas_nothing_is_compared_and_that_is_said(compared):
    why = ["1 mapping at checkpoints was not compared: the lives of VMAs are not recorded (vm_area_free)"]
    assert compared(MAP + MARKER, "== pid 7\n" + MAPPED) == ([], (0, 0), why)


def test_behind_lost_events_nothing_is_compared_and_that_is_said(compared):
    why = ["1 mapping at checkpoints was not compared: events are missing"]
    assert compared(LIVES + MAP + "CPU:0 [LOST 3 EVENTS]\n" + MARKER, "== pid 7\n" + MAPPED) == ([], (0, 0), why)


def test_mappings_without_a_marker_are_not_compared_and_that_is_said(compared):
    why = ["1 mapping at checkpoints was not compared: the checkpoint has no marker in the trace"]
    assert compared(LIVES + MAP, "== pid 7\n" + MAPPED) == ([], (0, 0), why)


def test_a_checkpoint_whose_marker_stands_twice_is_compared_once(compared):
    assert compared(LIVES + MAP + MARKER + MARKER.replace("2.0", "2.5"), "== pid 7\n" + MAPPED) == ([], (1, 1), [])


WHOLE = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0x40444bb"
FIRST, SECOND = MAPPED.replace("7000-9000", "7000-8000"), MAPPED.replace("7000-9000", "8000-9000")
ELSEWHERE = MARKER.replace("app-7", "app-9")
UNSETTLED = "1 mapping at checkpoints was not compared: another task was about to change or end it"


def test_what_another_task_is_unmapping_may_be_there_or_not(compared):
    begun = "app-7 [000] 1.5: unmap_vmas: vma=0x10 start=0x7000 end=0x9000\n"
    assert compared(LIVES + MAP + begun + ELSEWHERE, "== pid 7\n") == ([], (0, 0), [])
    assert compared(LIVES + MAP + begun + ELSEWHERE, "== pid 7\n" + MAPPED) == ([], (0, 0), [UNSETTLED])


def test_what_was_mapped_where_something_goes_is_compared(compared):
    begun = "app-7 [000] 1.5: unmap_vmas: vma=0x10 start=0x7000 end=0x9000\n"
    again = MAP.replace("vma=0x10", "vma=0x20").replace("1.0", "1.6").replace("1.1", "1.7")
    assert compared(LIVES + MAP + begun + again + ELSEWHERE, "== pid 7\n" + MAPPED) == ([], (1, 1), [])


SPLIT = f"""\
app-7 [000] 1.5: __split_vma: {WHOLE} addr=0x8000 new_below=0
app-7 [000] 1.6: vm_area_dup: {WHOLE}
app-7 [000] 1.7: vm_area_dup__ret: ret=0x20
"""
END_OF_SPLIT = "app-7 [000] 1.8: __split_vma__ret: ret=0\n"


def test_a_mapping_that_another_task_is_splitting_may_be_one_or_two(compared):
    split = compared(LIVES + MAP + SPLIT + ELSEWHERE, "== pid 7\n" + MAPPED)
    assert split == ([], (0, 0), [UNSETTLED])
    _, (equal, seen), why = compared(LIVES + MAP + SPLIT + ELSEWHERE, "== pid 7\n" + FIRST + SECOND)
    assert (equal, seen, why) == (1, 1, [UNSETTLED])


def test_a_mapping_that_was_split_is_two(compared):
    assert compared(LIVES + MAP + SPLIT + END_OF_SPLIT + ELSEWHERE, "== pid 7\n" + FIRST + SECOND) == ([], (2, 2), [])
    assert compared(LIVES + MAP + SPLIT + END_OF_SPLIT + ELSEWHERE, "== pid 7\n" + MAPPED) == (["info"], (0, 1), [])
