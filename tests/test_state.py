"""The state at one point: which points there are, and what they are refused for."""

import shutil
from pathlib import Path

import pytest

from pat_check import api
from pat_check.errors import TraceError

EXAMPLE = Path(__file__).parent.parent / "examples" / "fork-partial-6.12"
LINES = """\
             app-7       [000] .....     1.000001: tracing_mark_write: round 1
             app-7       [000] .....     2.000001: memtype_reserve: (memtype_reserve) start=0x1000 end=0x2000 req=1
             app-7       [000] .....     3.000001: memtype_reserve__ret: (caller+0x4/0x1 <- memtype_reserve) ret=0
             app-7       [000] .....     4.000001: tracing_mark_write: lab:round 10
             app-7       [000] .....     5.000001: memtype_free: (memtype_free+0x4/0x1) start=0x1000 end=0x2000
             app-7       [000] .....     6.000001: memtype_free__ret: (caller+0x4/0x1 <- memtype_free) ret=0
             app-7       [000] .....     7.000001: tracing_mark_write: round 11
"""


@pytest.fixture
def trace(tmp_path):
    file = tmp_path / "trace.txt"
    file.write_text(LINES)
    return str(file)


@pytest.mark.parametrize(
    ("at", "count"),
    [
        ("1", 0),
        ("3", 1),
        ("5", 1),
        ("6", 0),
        ("7", 0),
        ("3.000001", 1),
        ("time:2", 0),
        ("6.5", 0),
        ("time:99", 0),
        ("marker:round 1", 0),
        ("round 1", 0),
        ("round 10", 1),
        ("lab:round 10", 1),
        ("round 11", 0),
        ("lab", 1),
    ],
)
def test_a_point_is_a_line_a_time_or_a_marker(trace, at, count):
    assert len(api.state(trace, at)) == count


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("0", "counted from 1"),
        ("8", "has 7 lines, not 8"),
        ("9" * 5000, "has 7 lines"),
        ("", "no line, time or marker"),
        ("  ", "no line, time or marker"),
        ("marker:", "needs the text"),
        ("nan", "no time"),
        ("-inf", "no time"),
        ("1e999", "no time"),
        ("-1", "no time"),
        ("time:x", "no line, time or marker"),
        ("round", "'round 1' (line 1), 'lab:round 10' (line 4), 'round 11' (line 7)"),
        ("other", "there are 'round 1', 'lab:round 10', 'round 11'"),
    ],
)
def test_what_is_no_point_is_refused(trace, at, problem):
    with pytest.raises(TraceError) as caught:
        api.state(trace, at)
    assert problem in str(caught.value)


def test_before_the_first_snapshot_its_list_holds_while_nothing_changes(tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "capture")
    first = api.state(str(folder), "checkpoint 0 before")
    assert len(first) > 10
    assert api.state(str(folder), "1") == first


def test_before_the_first_snapshot_nothing_is_known_when_something_changes(tmp_path):
    folder = tmp_path / "capture"
    (folder / "snaps").mkdir(parents=True)
    (folder / "trace.txt").write_text(LINES.replace("round 11", "checkpoint 1 late"))
    (folder / "snaps" / "snap-01-late.txt").write_text("PAT memtype list:\n")
    with pytest.raises(TraceError, match="not known before the first snapshot, at line 7"):
        api.state(str(folder), "4")
    assert api.state(str(folder), "7") == []


def test_a_scenario_has_no_recorded_lines(tmp_path):
    with pytest.raises(TraceError, match="is a scenario"):
        api.state(str(tmp_path / "x.pat"), "1")
