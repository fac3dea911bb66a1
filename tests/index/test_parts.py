"""What is saved of a replay: everything that changes, in a form that names no code."""

import json

import pytest

from pat_check.events import Event
from pat_check.events.runs import Run
from pat_check.index.building import Pieces, build
from pat_check.index.coding import EVENTS, SHAPES, Reader, Writer
from pat_check.index.file import Index
from pat_check.index.parts import PARTS, beginning, restore, saved
from pat_check.model.owner import BEFORE
from pat_check.model.ranges import RangeMap
from pat_check.model.tree import MemtypeTree, validate_tree
from pat_check.replay.loop import Replay
from pat_check.session import Options, Session
from pat_check.sources.opening import lines_of
from tests.corpus import KEPT, UNKNOWABLE, captures

ALWAYS_THE_SAME = {
    "context": {"era", "find_victim", "emit", "log", "one_comm", "counted", "missed", "balanced"},
    "context.machine": {"mms", "_freed", "_latest", "_oldest", "paging"},
    "frees.thefts": {"tracked", "is_foreign"},
    "expected": {"_maps"},
    "expected.console": {"_latest", "_waiting", "matched", "missed"},
    "expected.dmesg": {"_latest", "_waiting", "matched", "missed"},
    "snapshots": {"saved", "on_anchor"},
    "doubts": {"_known"},
    "processes": {"_shares"},
    "vmas": {"_known_of", "_lives", "_splits", "_ends", "_zap_untracks"},
    "vmas.book": {"_mapping"},
    "followed": {"_shares", "_may_split"},
    "layers": {"_lacks", "unlike", "_chains", "_chains_of"},
    "layers.unmaps": {"is_tracked", "_known_of", "_must", "_frees", "_sees_untracking", "_shares"},
    "maps": {"saved"},
    "taken": {"_fitting", "_forking", "_making", "_ordinary", "_untracking", "_zap_untracks"},
}
"""What a part holds that no event changes, that is looked up again, or that no reservation depends on."""

FOLLOWS = {
    "Memtype": {"order", "_left", "_rank", "_reach", "_right", "ending"},
    "Owner": {
        "_said",
        "_said_of",
        "_said_parent",
        "_said_pid",
        "entry",
        "of_mm",
        "of_pid",
        "place_in_mm",
        "place_in_pid",
    },
    "Frame": {"kind"},
    "Wanted": {"at"},
    "Going": {"vmas"},
}
"""What is not saved of a class, for it follows from the rest."""

CAPTURES = [one for one in captures(KEPT) if one.is_small and not one.explained_by(UNKNOWABLE)]


def session(path, **options):
    return Session(str(path), Options(**options), lambda incident: None)


def attributes(value):
    slots = {name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())}
    settable = {name for name, one in vars(type(value)).items() if isinstance(one, property) and one.fset is not None}
    return slots | settable | set(getattr(value, "__dict__", ()))


def part_of(replay, path):
    for name in filter(None, path.split(".")):
        replay = getattr(replay, name)
    return replay


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path or "replay")
def test_every_attribute_of_every_part_is_saved_or_known_to_stay(path):
    replay = session(CAPTURES[0].path).replay
    parts = {id(part_of(replay, other)) for other in PARTS}
    part = part_of(replay, path)
    changing = {name for name in attributes(part) if id(getattr(part, name)) not in parts}
    assert changing == set(PARTS[path]) | ALWAYS_THE_SAME.get(path, set())


@pytest.mark.parametrize("name", SHAPES)
def test_every_attribute_of_every_class_is_saved(name):
    shape = SHAPES[name]
    slots = {one for kind in shape.kind.__mro__ for one in getattr(kind, "__slots__", ())}
    assert {*shape.taken, *shape.named, *shape.then} == slots - FOLLOWS.get(name, set())


def below(kind):
    return {kind}.union(*map(below, kind.__subclasses__()))


def test_every_event_that_may_be_kept_has_a_shape():
    kept = below(Event) - below(Run)
    assert {kind.__name__ for kind in kept if kind.__module__.startswith("pat_check.")} == set(EVENTS)


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_a_replay_goes_on_from_any_state_to_the_same_end(capture, tmp_path):
    target = str(tmp_path / "index")
    straight = session(capture.path)
    straight.replay.play(straight.batches())
    build(session(capture.path), target, lambda path, lines: None, every=capture.trace.stat().st_size // 3)
    index = Index(target)
    assert index.directory.places
    for place in index.directory.places:
        source, replay = index.state(place)
        resumed = session(capture.path)
        resumed.source.resume(source)
        restore(resumed.replay, replay)
        assert saved(resumed.replay) == replay
        validate_tree(resumed.replay.context.machine.memtypes)
        resumed.go_on(place.offset)
        resumed.replay.play(resumed.batches())
        assert resumed.source.state() == straight.source.state()
        assert saved(resumed.replay) == saved(straight.replay)


def test_what_decides_a_replay_beside_its_lines_is_known_again(tmp_path):
    capture = next(one for one in CAPTURES if one.snapshots and one.find("iomem.txt"))
    other = tmp_path / "iomem.txt"
    other.write_text("00001000-0009ffff : System RAM\n")
    first = beginning(session(capture.path))
    assert beginning(session(capture.path)) == first
    assert beginning(session(capture.path, iomem=str(other))) != first
    assert beginning(session(capture.path, era="unmap-region")) != first
    assert beginning(session(capture.trace)) != first


def test_one_object_stays_one_object():
    owner = SHAPES["Owner"].kind("ioremap", "app", 7, symbol="f+0x1/0x2 [mod]")
    owner.share(9)
    owner.share(-3)
    node = SHAPES["Memtype"].kind(0x1000, 0x2000, 2, owner, 5)
    node.tell(5, "reserved")
    read = Reader().of(json.loads(json.dumps(Writer().of([node, {(1, 2): node}, BEFORE, {owner.module: owner}]))))
    assert read[0] is read[1][1, 2]
    assert read[0].owner is read[3]["mod"]
    assert read[2] is BEFORE
    assert (read[0].story, read[3]["mod"].sharers) == ([(5, "reserved")], {9, -3})


def test_ranges_and_trees_keep_their_order():
    tree, ranges = MemtypeTree(), RangeMap()
    nodes = [SHAPES["Memtype"].kind(start, 9, 1, BEFORE, born) for born, start in enumerate((4, 4, 1, 4))]
    for node in nodes:
        tree.insert(node)
    tree.shrink(nodes[0], 8)
    ranges.set(1, 5, "a")
    ranges.set(3, 4, "b")
    read, also = Reader().of(json.loads(json.dumps(Writer().of((tree, ranges)))))
    assert [node.born for node in read] == [2, 1, 3, 0]
    assert [node.born for node in read.ending_at(9, 5)] == [2, 1, 3]
    assert list(also) == [(1, 3, "a"), (3, 4, "b"), (4, 5, "a")]
    validate_tree(read)


@pytest.mark.parametrize("value", [object(), b"", Replay, print, lambda: None, frozenset((1,)), {"a": [print]}])
def test_nothing_is_saved_that_is_no_data(value):
    with pytest.raises((TypeError, KeyError)):
        Writer().of(value)


@pytest.mark.parametrize(
    "value",
    [
        ["os.system", "true"],
        ["print"],
        ["Replay"],
        ["kind", "Owner.__class__"],
        ["kind", "builtins"],
        ["Owner", "only", "some"],
        ["again", 0],
        ["d", 1],
        ["s", ["l"]],
        [],
        [["l"]],
        {"a": 1},
        ["Task", ["l"], None, 0, "", "more"],
        ["ranges", 1, 2],
        ["tree", 5],
    ],
    ids=repr,
)
def test_nothing_is_read_that_was_not_written(value):
    with pytest.raises((TypeError, KeyError, ValueError, IndexError, AttributeError)):
        Reader().of(value)


@pytest.mark.parametrize("size", [1, 5, 7, 1000])
@pytest.mark.parametrize("text", [b"", b"a\nbb\n\nccc\n", b"a\nbb\nlast", b"no end", b"\n\n\n", b"\xef\xbb\xbfa\nb\n"])
def test_pieces_are_whole_lines_and_everything(text, size, tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"first line\n" + text)
    with file.open("rb") as opened:
        pieces, offset = Pieces(lines_of(opened, "text")), 0
        while not pieces.over:
            piece = b"".join(pieces.next(size).chunks())
            assert file.read_bytes()[offset : offset + len(piece)] == piece
            assert piece.endswith(b"\n") or pieces.over
            offset += len(piece)
            assert pieces.offset == offset
    assert offset == file.stat().st_size


def test_a_piece_may_hold_a_line_longer_than_what_is_read_at_once(tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"first\n" + b"x" * 3_000_000 + b"\nlast\n")
    with file.open("rb") as opened:
        pieces, sizes = Pieces(lines_of(opened, "text")), []
        while not pieces.over:
            sizes.append(len(b"".join(pieces.next(10).chunks())))
    assert sizes == [3_000_007, 5]
