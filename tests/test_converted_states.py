"""A recording and the scenario that it converts to hold the same at every checkpoint and at the end.

That is the list, the types of RAM pages and the mappings of every process, as the kernel showed them where it did, else
as the replay follows them, and the contexts that mappings share.
"""

import random
import re
import shutil
from collections import Counter

import pytest

from pat_check import api
from pat_check.conversion.makes import is_special
from pat_check.conversion.sightings import letters_of
from pat_check.eras import era_of
from pat_check.events import Marker
from pat_check.model.memory import PAGE
from pat_check.replay.maps import LETTERS
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Checkpoint
from pat_check.session import Session
from pat_check.sources.memtype_list import format_memtype_list
from tests.corpus import ABSENT, CORPUS, ERA, KEPT, UNKNOWABLE, captures, text_of

LONGEST = 26_000  # lines: the longer ones would take minutes
PROCESS = re.compile(r"^== pid (\d+)$", re.MULTILINE)
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*?^VmFlags:([^\n]*)", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"\s(\w+?)(?:__ret)?: \(")


def able(found):
    return [one for one in found if not one.explained_by(UNKNOWABLE) and one.length < LONGEST]


def shown(capture):
    """What the kernel showed: number of the checkpoint to pid to its mappings, as (size, letters)."""
    found = {}
    for file in (capture.path / "snaps").glob("maps-*"):
        _, *parts = PROCESS.split(text_of(file))
        found[int(file.name.split("-")[1])] = {
            int(pid): Counter(
                (int(end, 16) - int(start, 16), frozenset(flags.split()) & set(LETTERS.values()))
                for start, end, flags in MAPPING.findall(text)
                if not {"pf", "io", "mm"}.isdisjoint(flags.split())
            )
            for pid, text in zip(parts[::2], parts[1::2], strict=True)
        }
    return found


def held(machine):
    """The list and the types of RAM pages."""
    ram = sorted((first, last, type_) for first, last, (type_, *_) in machine.ram.types.overlapping(0, 1 << 52))
    return [(node.start, node.end, node.type) for node in machine.memtypes], ram


def played(mm):
    """What a process of a scenario has mapped."""
    return Counter((vma.size, letters_of(vma.flags)) for vma in mm.vmas)


def followed(replay):
    """The mappings that a replay follows, by address space; None: not surely."""
    if not (replay.vmas.complete and replay.vmas.are_sure()):
        return None
    spaces = {mm: replay.vmas.book.within(mm) for mm in replay.vmas.book.spaces()}
    found = [
        Counter((area.end - area.start, letters_of(area.flags)) for area in areas if not area.going)
        for areas in ([one for one in areas if is_special(one.flags)] for areas in spaces.values())
    ]
    return [one for one in found if one]


def contexts(replay):
    """The contexts of a replay, as (start, size, mappings that share it or 0); None: events are lost."""
    if replay.context.lost_any:
        return None
    sure = followed(replay) is not None
    return [(one.start, one.size, one.vmas if sure else 0) for one in replay.layers.contexts.alive()]


class Play:
    """A play of a scenario, checkpoint by checkpoint."""

    def __init__(self, text, era):
        self.stage = Stage(parse(text, "converted.pat"), era_of(era), lambda incident: None)

    def points(self):
        """The names of checkpoints, each when it is reached, and at last the end."""
        for statement in self.stage.scenario.statements:
            self.stage.run([statement])
            if isinstance(statement, Checkpoint):
                yield statement.name
        yield ""

    @property
    def alive(self):
        return {name: one.mm for name, one in self.stage.names.actors.items() if one.mm is not None}

    @property
    def followed(self):
        return [played(mm) for mm in self.alive.values() if mm.vmas]

    @property
    def contexts(self):
        found = {
            id(vma.ctx): vma.ctx
            for mm in self.stage.world.machine.mms.values()
            for vma in mm.vmas
            if vma.ctx is not None
        }
        named = [one for one in self.stage.names.contexts.values() if one.kref]
        return [(one.pfn * PAGE, one.size, one.kref) for one in (*found.values(), *named)]


def check_shown(capture):
    """The kernel's own list and mappings at every checkpoint that it showed; gives how many mappings there were."""
    mappings, equal = shown(capture), 0
    play = Play(api.convert(str(capture.path)), capture.input().era)
    for name in play.points():
        number = re.search(r"checkpoint-(\d+)-", name)
        if number is None:
            continue
        listed, _ = held(play.stage.world.machine)
        assert format_memtype_list(listed) == capture.snapshots[int(number[1])], f"{capture} {name}"
        for pid, wanted in mappings.get(int(number[1]), {}).items():
            mine = next((played(mm) for process, mm in play.alive.items() if process.endswith(f"_{pid}")), Counter())
            assert mine == wanted, f"{capture} {name} {pid}"
            equal += wanted.total()
    return equal


def check_followed(path, *, whole=True):
    """A recording without the kernel's mappings: what its replay holds, of a `whole` one just these contexts.

    Gives at how many points there were mappings, and how many contexts there were in all.
    """
    session = Session(str(path), api.Options(), lambda incident: None)
    points = []

    def point():
        replay = session.replay
        points.append((held(replay.context.machine), followed(replay), contexts(replay)))

    for event in session.events():
        session.replay.run((event,))
        if isinstance(event, Marker):
            point()
    session.replay.finish()
    point()
    play, with_mappings, of_contexts = Play(api.convert(str(path)), session.guess.era.name), 0, 0
    for name, (wanted, mapped, shared) in zip(play.points(), points, strict=True):
        assert held(play.stage.world.machine) == wanted, f"{path} {name}"
        if mapped is not None:
            assert sorted(map(sorted_items, play.followed)) == sorted(map(sorted_items, mapped)), f"{path} {name}"
            with_mappings += bool(mapped)
        if shared is not None:
            check_contexts(play.contexts, shared, f"{path} {name}", whole=whole)
            of_contexts += len(shared)
    return with_mappings, of_contexts


def check_contexts(mine, wanted, where, *, whole):
    """The same contexts; the mappings that share one where that is known.

    Where not the `whole` recording is there, what shows that a reservation is that of a context may be missing: the
    scenario may have it from the mapping.
    """
    more = Counter(one[:2] for one in mine) - Counter(one[:2] for one in wanted)
    assert not Counter(one[:2] for one in wanted) - Counter(one[:2] for one in mine), where
    if whole:
        assert not more, where
        assert not Counter(one for one in wanted if one[2]) - Counter(mine), where


def sorted_items(counter):
    return sorted((size, sorted(letters), count) for (size, letters), count in counter.items())


def alone(capture, folder):
    """The trace of a capture without the files beside it."""
    path = folder / "trace.txt"
    path.write_text(capture.text)
    return path


@pytest.mark.parametrize("capture", able(captures(KEPT)), ids=str)
def test_a_kept_capture_has_the_kernels_mappings_at_every_checkpoint(capture):
    assert check_shown(capture) or not shown(capture)


@pytest.mark.parametrize("capture", able(captures(KEPT)), ids=str)
def test_a_trace_alone_has_the_mappings_that_its_replay_follows(capture, tmp_path):
    check_followed(alone(capture, tmp_path))


@pytest.mark.parametrize("seed", range(12))
def test_a_recording_that_lacks_events_holds_the_same_too(seed, tmp_path):
    choice = random.Random(seed)
    for capture in able(captures(KEPT)):
        lines = capture.text.splitlines(keepends=True)
        functions = sorted({found[1] for line in lines if (found := FUNCTION.search(line))})
        if functions and seed % 2:
            left_out = set(choice.sample(functions, min(len(functions), 2)))
            lines = [line for line in lines if not (found := FUNCTION.search(line)) or found[1] not in left_out]
        else:
            lines = [line for line in lines if line.startswith("#") or choice.random() > 0.03]
        path = tmp_path / "trace.txt"
        path.write_text("".join(lines))
        check_followed(path, whole=False)


LISTED = [one for one in able(captures(KEPT)) if one.snapshots and " memtype_check_insert: " in one.text]


@pytest.mark.parametrize("capture", LISTED, ids=str)
def test_what_a_list_shows_and_no_insertion_is_in_the_list_of_its_scenario(capture, tmp_path):
    """A replay may have taken it for RAM before."""
    lines = capture.text.splitlines(keepends=True)
    inserted = next(at for at, line in enumerate(lines) if " memtype_check_insert: " in line)
    del lines[inserted]
    folder = tmp_path / "capture"
    shutil.copytree(capture.path, folder, ignore=shutil.ignore_patterns("trace*", "*.dat"))
    (folder / "trace.txt").write_text("".join(lines))
    check_followed(folder, whole=False)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("kernel", ERA)
def test_captures_have_the_kernels_mappings_at_every_checkpoint(kernel):
    found = [check_shown(capture) for capture in able(captures()) if capture.kernel == kernel]
    assert len(found) > 60
    assert sum(found) > 300


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("kernel", ERA)
def test_traces_alone_have_the_mappings_that_their_replays_follow(kernel, tmp_path):
    found = []
    for capture in able(captures()):
        if capture.kernel == kernel:
            found.append(check_followed(alone(capture, tmp_path)))
    with_mappings, of_contexts = map(sum, zip(*found, strict=True))
    assert with_mappings > 100
    assert (of_contexts > 500) == (ERA[kernel] == "pfnmap-ctx")


def test_what_no_kernel_lets_in_is_listed(tmp_path):
    """Without the list that it starts from, a replay believes what was granted, whatever it overlaps."""
    path = tmp_path / "trace.txt"
    path.write_text(
        "a-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=1\n"
        "a-7 [000] 1.1: memtype_reserve__ret: (x+0x1/0x2 <- memtype_reserve) ret=0 got=1\n"
        "a-7 [000] 1.2: memtype_reserve: start=0xfd004000 end=0xfd00c000 req=2\n"
        "a-7 [000] 1.3: memtype_reserve__ret: (x+0x1/0x2 <- memtype_reserve) ret=0 got=2\n"
        "a-7 [000] 1.4: tracing_mark_write: here\n"
    )
    check_followed(path)
    text = api.convert(str(path))
    play = Play(text, "pfnmap-ctx")
    assert [*play.points()] == ["here", ""]
    listed, _ = held(play.stage.world.machine)
    assert listed == [(0xFD000000, 0xFD008000, 1), (0xFD004000, 0xFD00C000, 2)]
    assert "lost: memtype_reserve 0xfd004000, 32K, uc-, listed" in text
