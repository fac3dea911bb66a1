"""The recordings that the benchmarks build: longer, thinner or fuller than the captures they are made of."""

import re
import shutil
from collections import Counter
from itertools import pairwise

import crowded
import pytest
import recordings

from pat_check import api
from tests.corpus import KEPT, text_of

CAPTURES = ("6.1/munmap-middle", "6.12/fork-partial", "6.16/conflict", "7.2/pl-double-free", "7.2/devmem-vs-bar")
TIME = re.compile(r" (\d+\.\d{6}): ")


def capture(name):
    return KEPT / name


def trace(name):
    return recordings.trace_of(capture(name))


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def events(lines):
    """Lines that are not of the header, without their times."""
    return [TIME.sub(" ", line) for line in lines if not line.startswith("#")]


def replayed(folder):
    """What the replay of a capture directory says, without line numbers: findings and what was read."""
    report = api.check([str(folder)])
    findings = Counter((finding.rule, finding.severity, finding.message) for finding in report.findings)
    (one,) = report.inputs
    return findings, one.era


def with_trace(name, folder, **options):
    """A copy of a capture whose trace was built anew."""
    copy = folder / "capture"
    shutil.copytree(capture(name), copy)
    for old in copy.glob("trace.txt*"):
        old.unlink()
    recordings.repeat(trace(name), copy / "trace.txt", 0, **options)
    return copy


def test_a_recording_that_is_built_once_is_the_capture_itself(tmp_path):
    recordings.repeat(trace("6.12/fork-partial"), tmp_path / "trace.txt", 0)
    assert (tmp_path / "trace.txt").read_text() == text_of(trace("6.12/fork-partial"))


def test_repeating_changes_nothing_but_the_times_and_these_go_on(tmp_path):
    recordings.repeat(trace("7.2/devmem-vs-bar"), tmp_path / "trace.txt", 5000)
    once, built = text_of(trace("7.2/devmem-vs-bar")).splitlines(), lines_of(tmp_path / "trace.txt")
    assert len(built) >= 5000
    assert events(built) == events(once) * (len(events(built)) // len(events(once)))
    times = [float(found[1]) for line in built if (found := TIME.search(line))]
    assert all(one <= other for one, other in pairwise(times))


def test_a_cut_recording_has_exactly_the_lines_that_were_asked_for(tmp_path):
    recordings.repeat(trace("7.2/devmem-vs-bar"), tmp_path / "trace.txt", 3210, cut=True, others=0.5)
    assert len(lines_of(tmp_path / "trace.txt")) == 3210


@pytest.mark.parametrize("name", CAPTURES)
def test_what_other_tasks_do_in_between_changes_no_verdict(tmp_path, name):
    findings, era = replayed(capture(name))
    assert findings
    assert replayed(with_trace(name, tmp_path, others=2.0)) == (findings, era)


def test_a_mixed_recording_holds_the_capture_and_at_most_a_third_of_it_is_pat(tmp_path):
    mixed = tmp_path / "mixed.txt"
    recordings.repeat(trace("6.12/fork-partial"), mixed, 0, others=2.0)
    once = text_of(trace("6.12/fork-partial")).splitlines()
    built = lines_of(mixed)
    assert len(events(built)) == 3 * len(events(once))
    assert [line for line in built if line in set(once)] == once
    recordings.repeat(trace("6.12/fork-partial"), mixed, 0, others=2.0, only_pat=True)
    lines, size, share = recordings.measure(mixed)
    assert (lines, size) == (len(lines_of(mixed)), mixed.stat().st_size)
    assert 0.3 < share <= 1 / 3


def test_the_events_of_pat_alone_are_all_that_is_left(tmp_path):
    recordings.repeat(trace("6.12/fork-partial"), tmp_path / "trace.txt", 0, only_pat=True)
    kinds = {line.split()[3].rstrip(":").removesuffix("__ret") for line in events(lines_of(tmp_path / "trace.txt"))}
    assert {"memtype_reserve", "memtype_free", "remap_pfn_range", "track_pfn_copy"} <= kinds
    assert not kinds & {"vm_area_free", "sys_munmap", "unmap_vmas"}


def test_the_crowd_is_read_as_ftrace_of_tasks_that_no_capture_has(tmp_path):
    crowd = recordings.Crowd()
    shown = [crowd.line(b"%d.%06d" % divmod(number, 1000)).decode() for number in range(4096)]
    (tmp_path / "trace.txt").write_text("".join(("# tracer: nop\n", *shown)), encoding="ascii")
    (one,) = api.check([str(tmp_path / "trace.txt")]).inputs
    assert (one.format, one.malformed, one.lines) == ("ftrace", 0, 4097)
    names = {line.split(": ")[1].split("(")[0].split(" ->")[0] for line in shown}
    assert {"sched_switch", "kmalloc", "page_fault_user", "irq_handler_entry", "sys_read", "mm_page_alloc"} <= names
    assert {int(line[17:24]) for line in shown} == {0, *(pid for _, pid in recordings.TASKS)}


@pytest.mark.parametrize("over_all", [False, True], ids=["apart", "one-over-all"])
def test_many_live_reservations_come_and_go_without_a_finding(tmp_path, over_all):
    path = tmp_path / "trace.txt"
    assert crowded.write(path, 300, 50, over_all=over_all) == 700
    report = api.check([str(path)])
    (one,) = report.inputs
    assert (list(report.findings), one.malformed, one.lines) == ([], 0, 4 + 4 * 700)
    middle = api.state(str(path), str(4 + 4 * 300))
    assert len(middle) == 300
