"""A recording as a scenario: it plays to the recording's own end, and once more the same."""

import re
from pathlib import Path

import pytest

from pat_check import api
from pat_check.eras import era_of
from pat_check.errors import TraceError
from pat_check.scenario.formatter import formatted
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Checkpoint, Declare, Operation
from tests.corpus import ABSENT, CORPUS, KEPT, UNKNOWABLE, Capture, captures

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ALWAYS = captures(KEPT) + [
    Capture(folder, "examples", folder.name) for folder in sorted(EXAMPLES.iterdir()) if folder.is_dir()
]
LARGEST = 4  # captures that take longer than all others together
HOSTILE = [
    "kworker/0:1",
    "a b",
    "a-b",
    "-",
    "#! memtype-leak",
    "x: munmap v",
    "bar",
    "before",
    "3d",
    "{",
    "}",
    '"',
    "мир",
    "<...>",
    "\x1b[2J",
]


def able(found):
    return [capture for capture in found if not capture.explained_by(UNKNOWABLE)]


def unable(found):
    return [capture for capture in found if capture.explained_by(UNKNOWABLE)]


class Stored:
    """A play that keeps what it reserves and frees."""

    def __init__(self, text, era):
        stage = Stage(parse(text, "converted.pat"), era_of(era), lambda incident: None)
        self.changes = []
        stage.world.replay.context.log = self.changes.append
        self.outcome = stage.play()
        self.end = [(node.start, node.end, node.type) for node in self.outcome.world.machine.memtypes]


def operations(text):
    return [one for one in parse(text, "converted.pat").statements if isinstance(one, Operation)]


def changed(text):
    """What each operation of a converted scenario says: function, first byte, bytes."""
    return [(one.op, one.args[0].value, one.args[1].value) for one in operations(text)]


def check_conversion(path, era, end):
    """A recording, its era and its last list against the scenario that is made of it."""
    text = api.convert(str(path))
    played = Stored(text, era)
    assert played.end == end, "the same list at the end"
    assert played.outcome.unmet == []
    again = [(change.function, change.start, change.end - change.start) for change in played.changes]
    assert again == changed(text), "what is played is what is written"
    return text


def check_capture(capture):
    seen = capture.input()
    end = [(held.start, held.end, held.type) for held in api.state(str(capture.path), str(capture.length))]
    text = check_conversion(capture.path, seen.era, end)
    if capture.is_small:
        assert api.convert(str(capture.path)) == text
        laid_out = Stored(formatted(text, "converted.pat"), seen.era)
        assert (laid_out.end, changed(formatted(text, "converted.pat"))) == (end, changed(text))


@pytest.mark.parametrize("capture", able(ALWAYS), ids=str)
def test_a_kept_capture_converts_to_what_plays_to_its_end(capture):
    check_capture(capture)


@pytest.mark.parametrize("capture", unable(ALWAYS), ids=str)
def test_a_recording_that_cannot_know_is_not_converted(capture):
    with pytest.raises(TraceError, match="shows no"):
        api.convert(str(capture.path))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("capture", able(captures()[LARGEST:]) if CORPUS.is_dir() else [], ids=str)
def test_a_capture_of_the_corpus_converts_to_what_plays_to_its_end(capture):
    check_capture(capture)


# --- what a recording may hold ------------------------------------------------------------------------------


def recording(tmp_path, *lines):
    file = tmp_path / "trace.txt"
    file.write_text("# tracer: nop\n#\n" + "".join(f"{line}\n" for line in lines))
    return file


@pytest.mark.parametrize("comm", HOSTILE, ids=ascii)
def test_a_task_with_a_hostile_name_becomes_a_driver_with_a_tame_one(comm, tmp_path):
    file = recording(
        tmp_path,
        f"{comm:>16}-77  [000] .....  1.000000: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1",
        f"{comm:>16}-77  [000] .....  2.000000: memtype_reserve: start=0xfe000000 end=0xfe002000 req=2",
        f"{comm:>16}-77  [000] .....  3.000000: memtype_free: start=0xfd000000 end=0xfd002000",
    )
    text = check_conversion(file, "pfnmap-ctx", [(0xFE000000, 0xFE002000, 2)])
    drivers = [one.name for one in parse(text, "x.pat").statements if isinstance(one, Declare)]
    assert len(drivers) == 1
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*_77", drivers[0])
    assert {one.task for one in operations(text)} == set(drivers)


def test_a_marker_with_a_hostile_text_becomes_a_checkpoint_with_a_tame_name(tmp_path):
    file = recording(
        tmp_path,
        "a-7  [000] .....  1.000000: tracing_mark_write: #! x: {",
        "a-7  [000] .....  2.000000: tracing_mark_write: ...",
        "a-7  [000] .....  3.000000: tracing_mark_write: 00 before",
        "a-7  [000] .....  4.000000: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1",
    )
    statements = parse(api.convert(str(file)), "x.pat").statements
    assert [one.name for one in statements if isinstance(one, Checkpoint)] == ["x", "marker", "00-before"]


RAM_IS_SHOWN = (
    "a-7  [000] .....  1.000000: memtype_reserve: start=0x1000000 end=0x1002000 req=1",
    "a-7  [000] .....  1.100000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0",
    "a-7  [000] .....  2.000000: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1",
    "a-7  [000] .....  2.100000: memtype_check_insert: start=0xfd000000 end=0xfd002000 type=1",
    "a-7  [000] .....  2.200000: memtype_check_insert__ret: (memtype_reserve+0x10/0x20 <- memtype_check_insert) ret=0",
    "a-7  [000] .....  2.300000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0",
    "a-7  [000] .....  3.000000: memtype_reserve: start=0x1000000 end=0x1002000 req=1",
    "a-7  [000] .....  3.100000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=-16",
)


def test_without_iomem_what_is_known_of_ram_is_what_the_recording_shows(tmp_path):
    file = recording(tmp_path, *RAM_IS_SHOWN)
    state = [(held.start, held.end, held.type) for held in api.state(str(file), str(len(RAM_IS_SHOWN) + 2))]
    text = check_conversion(file, "pfnmap-ctx", state)
    assert "ram ram_" not in text or "ram ram_1000000 = 0x1000000 size 8K" in text


def test_with_iomem_the_whole_resource_is_declared(tmp_path):
    file = recording(tmp_path, *RAM_IS_SHOWN)
    iomem = tmp_path / "iomem.txt"
    iomem.write_text("00100000-7fffffff : System RAM\nfd000000-fd00ffff : PCI Bus 0000:00\n")
    text = api.convert(str(file), api.Options(iomem=str(iomem)))
    assert "ram ram_100000 = 0x100000 size 2047M" in text
    assert Stored(text, "pfnmap-ctx").end == [(0xFD000000, 0xFD002000, 1)]


def test_a_recording_that_reserves_nothing_is_an_empty_scenario(tmp_path):
    file = recording(tmp_path, "a-7  [000] .....  1.000000: sched_process_exit: comm=a pid=7 prio=120")
    assert operations(api.convert(str(file))) == []


def test_what_a_snapshot_adds_after_lost_events_is_nobodys(tmp_path):
    capture = Capture(KEPT / "6.12" / "lost", "6.12", "lost")
    text = api.convert(str(capture.path))
    assert {one.task for one in operations(text)} >= {"before"}
