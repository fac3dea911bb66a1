"""A recording as a scenario: it plays to the recording's own end, and once more the same."""

import gzip
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from pat_check import api
from pat_check.eras import era_of
from pat_check.errors import TraceError
from pat_check.scenario.formatter import formatted
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Checkpoint, Declare, Operation, flattened
from pat_check.session import Session
from pat_check.sources.memtype_list import format_memtype_list
from tests.corpus import ABSENT, CORPUS, KEPT, LOST, UNKNOWABLE, Capture, captures
from tests.test_cli import run

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ALWAYS = captures(KEPT) + [
    Capture(folder, "examples", folder.name)
    for folder in sorted({trace.parent for trace in EXAMPLES.glob("*/trace.txt*")})
]
LARGEST = 20  # captures that take longer than all others together
LAYERS = ("remap_pfn_range", "unmap_vmas", "vm_area_dup", "sched_process_fork", "exit_mmap")

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


def each_scenario_once(found):
    """Every scenario of one kernel, the kernels in turn: all of them together would take minutes."""
    kernels = {}
    for capture in found:
        kernels.setdefault(capture.scenario, []).append(capture)
    return [same[place % len(same)] for place, (_, same) in enumerate(sorted(kernels.items()))]


def is_layered(capture):
    """Whether a capture shows the lives of mappings, whose they are, and every event."""
    text = capture.text if capture.is_small else ""
    return all(f" {name}: " in text for name in LAYERS) and not capture.explained_by({**LOST, **UNKNOWABLE})


class Stored:
    """A play that keeps what it reserves and frees, and the list at every checkpoint."""

    def __init__(self, text, era):
        stage = Stage(parse(text, "converted.pat"), era_of(era), lambda incident: None)
        self.changes = []
        stage.world.replay.context.log = self._keep
        self.stage, self.lists = stage, {}
        for one in stage.scenario.statements:
            stage.run([one])
            if isinstance(one, Checkpoint):
                self.lists.setdefault(one.name, format_memtype_list(self.listed()))
        self.end = self.listed()

    def _keep(self, change):
        if self.stage.world.actor.name not in ("before", "lost"):
            self.changes.append((change.function, change.start, change.end))

    def listed(self):
        return [(node.start, node.end, node.type) for node in self.stage.world.machine.memtypes]

    def at(self, number):
        """The list at ``checkpoint N NAME``; None when the scenario has none of that number."""
        return next((text for name, text in self.lists.items() if f"checkpoint-{number}-" in name), None)


def operations(text):
    return [one for one in parse(text, "converted.pat").statements if isinstance(one, Operation)]


def recorded(path):
    """What a recording reserves and frees, after the list that it starts from."""
    session = Session(str(path), api.Options(), lambda incident: None)
    changes = []
    session.replay.context.log = changes.append
    session.replay.snapshots.on_anchor = lambda nodes: changes.clear()
    session.run()
    return [(one.function, one.start, one.end) for one in changes if one.start < one.end]


def check_conversion(path, era, end):
    """A recording, its era and its last list against the scenario that is made of it."""
    text = api.convert(str(path))
    played = Stored(text, era)
    assert played.end == end, "the same list at the end"
    assert formatted(text, "converted.pat") == text
    return text


def check_capture(capture):
    seen = capture.input()
    end = [(held.start, held.end, held.type) for held in api.state(str(capture.path), str(capture.length))]
    text = check_conversion(capture.path, seen.era, end)
    played = Stored(text, seen.era)
    for number, snapshot in capture.snapshots.items():
        assert played.at(number) in (None, snapshot), f"the kernel's own list at checkpoint {number}"
    if not capture.explained_by(LOST):
        check_explained(capture, text, played)
    if capture.is_small:
        assert api.convert(str(capture.path)) == text


def check_explained(capture, text, played):
    """Operations do what was recorded; without copy_vma, moves are guessed, and what was wrong is said."""
    done = recorded(capture.path)
    if "lost:" not in text:
        assert Counter(played.changes) == Counter(done)
        return
    assert not capture.is_small
    assert " copy_vma: " not in capture.text
    assert text.count("lost:") * 20 <= len(done)
    assert "# the reservations are others here" in text


SOME = each_scenario_once(able(captures()[LARGEST:])) if CORPUS.is_dir() else []


@pytest.mark.parametrize("capture", able(ALWAYS), ids=str)
def test_a_kept_capture_converts_to_what_plays_to_its_end(capture):
    check_capture(capture)


@pytest.mark.parametrize("capture", unable(ALWAYS), ids=str)
def test_a_recording_that_cannot_know_is_not_converted(capture):
    with pytest.raises(TraceError, match="shows no"):
        api.convert(str(capture.path))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("capture", SOME, ids=str)
def test_a_capture_of_the_corpus_converts_to_what_plays_to_its_end(capture):
    check_capture(capture)


@pytest.mark.parametrize("capture", [one for one in ALWAYS + SOME if is_layered(one)], ids=str)
def test_where_the_layers_above_are_recorded_what_is_mapped_is_written_as_operations(capture):
    text = api.convert(str(capture.path))
    assert "Reserves and frees, not" not in text
    assert not [one for one in operations(text) if one.op.startswith("memtype_") and one.task != "before"]


FORK_PARTIAL = """\
patlab_879: v1 = mmap 64K, wc
patlab_879: remap_pfn_range v1, pci_0000_00_04.0 + 92M
patlab_879: fork patlab_880
patlab_880: munmap v1 + 16K, 16K
checkpoint patlab-checkpoint-1-child-middle-gone
patlab_879: munmap v1 + 48K, 16K
checkpoint patlab-checkpoint-2-parent-tail-gone
patlab_880: munmap v1, 16K
patlab_880: munmap v1 + 32K, 32K
checkpoint patlab-checkpoint-3-child-rest-gone
patlab_880: exit
patlab_879: munmap v1, 48K
checkpoint patlab-checkpoint-4-all-gone
checkpoint patlab-checkpoint-5-end-of-workload
patlab_879: exit
checkpoint patlab-checkpoint-6-after-exit
"""


def test_a_fork_and_its_unmaps_are_written_as_a_driver_author_would():
    text = api.convert(str(KEPT / "6.12" / "fork-partial"))
    assert text.endswith("checkpoint patlab-checkpoint-0-before\n" + FORK_PARTIAL)
    assert "bar pci_0000_00_04.0 = 0x180000000 size 1G\n" in text


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


def test_ram_beyond_all_physical_memory_is_cut_off(tmp_path):
    (tmp_path / "iomem.txt").write_text("01000000-ffffffffffffffff : System RAM\n")
    text = api.convert(str(recording(tmp_path, *RAM_IS_SHOWN)), api.Options(iomem=str(tmp_path / "iomem.txt")))
    assert f"ram ram_1000000 = 0x1000000 size {(1 << 52) - (1 << 24) >> 20}M\n" in text
    Stage(parse(text, "x.pat"), era_of("pfnmap-ctx"), lambda incident: None).play()


def test_an_ioremap_is_named_and_unmapped_by_its_name(tmp_path):
    file = recording(
        tmp_path,
        "modprobe-7  [000] .....  1.000000: __ioremap_caller: phys=0xfd000010 size=0x100 pcm=1",
        "modprobe-7  [000] .....  1.100000: memtype_reserve: start=0xfd000000 end=0xfd001000 req=1",
        "modprobe-7  [000] .....  1.200000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0",
        "modprobe-7  [000] .....  1.300000: __ioremap_caller__ret: (x+0x10/0x20 <- __ioremap_caller)"
        " ret=0xffa0000000540010",
        "modprobe-7  [000] .....  2.000000: iounmap: addr=0xffa0000000540010",
        "modprobe-7  [000] .....  2.100000: memtype_free: start=0xfd000000 end=0xfd001000",
        "modprobe-7  [000] .....  2.200000: memtype_free__ret: (x+0x10/0x20 <- memtype_free) ret=0",
    )
    text = check_conversion(file, "pfnmap-ctx", [])
    assert text.endswith("modprobe_7: io1 = ioremap_wc mem_fd000000 + 16, 256\nmodprobe_7: iounmap io1\n")
    assert "bar mem_fd000000 = 0xfd000000 size 4K\n" in text


VMA = "vma=0xff01 mm=0xff02 vm_start=0x7f0000000000 vm_end=0x7f0000004000 vm_flags=0xbb"
MAPPED = (
    f"a-7  [000] .....  1.000000: remap_pfn_range: {VMA} addr=0x7f0000000000 pfn=0xfd000 size=0x4000 prot=0x2f",
    "a-7  [000] .....  1.100000: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1",
    "a-7  [000] .....  1.200000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0",
    "a-7  [000] .....  1.300000: remap_pfn_range__ret: (x+0x10/0x20 <- remap_pfn_range) ret=0",
)
MOVED = "vma=0xff03 mm=0xff02 vm_start=0x7f0000001000 vm_end=0x7f0000002000 vm_flags=0x444bb"
FREED = (
    "a-7  [000] .....  8.000000: memtype_free: start=0xfd000000 end=0xfd004000",
    "a-7  [000] .....  8.100000: memtype_free__ret: (x+0x10/0x20 <- memtype_free) ret=0",
)


def test_an_mremap_is_what_it_copies_and_unmaps(tmp_path):
    file = recording(
        tmp_path,
        *MAPPED,
        f"a-7  [000] .....  2.000000: copy_vma: {VMA} addr=0x7f0000100000 len=0x1000",
        "a-7  [000] .....  2.100000: unmap_vmas: vma=0xff03 start=0x7f0000001000 end=0x7f0000002000",
        f"a-7  [000] .....  2.200000: unmap_page_range: {MOVED} start=0x7f0000001000 end=0x7f0000002000",
        "a-7  [000] .....  7.000000: exit_mmap: mm=0xff02",
        "a-7  [000] .....  7.100000: pfnmap_track_ctx_release: ctx=0xff05 pfn=0xfd000 size=0x4000",
        *FREED,
    )
    text = check_conversion(file, "pfnmap-ctx", [])
    assert [one.op for one in operations(text)] == ["mmap", "remap_pfn_range", "mremap", "exit"]
    assert "a_7: v2 = mremap v1 + 4K, 4K, 4K\n" in text


def test_mappings_whose_ends_are_not_recorded_are_reserves_and_frees(tmp_path):
    file = recording(tmp_path, *MAPPED, *FREED)
    text = check_conversion(file, "pfnmap-ctx", [])
    assert [one.op for one in operations(text)] == ["memtype_reserve", "memtype_free"]
    assert "# Reserves and frees, not what led to them: the ends of mappings (unmap_vmas) are not recorded.\n" in text
    assert api.compare(str(file), ["vm-pat", "pfnmap-ctx"], api.Options()).notes


def test_a_recording_that_reserves_nothing_is_an_empty_scenario(tmp_path):
    file = recording(tmp_path, "a-7  [000] .....  1.000000: sched_process_exit: comm=a pid=7 prio=120")
    text = api.convert(str(file))
    assert operations(text) == []
    assert formatted(text, "x.pat") == text


def test_a_recording_of_markers_alone_is_formatted_as_fmt_does_it(tmp_path):
    text = api.convert(str(recording(tmp_path, "a-7  [000] .....  1.000000: tracing_mark_write: begin")))
    assert text.endswith("\n\ncheckpoint begin\n")
    assert formatted(text, "x.pat") == text


def test_what_a_snapshot_adds_after_lost_events_is_nobodys(tmp_path):
    capture = Capture(KEPT / "6.12" / "lost", "6.12", "lost")
    text = api.convert(str(capture.path))
    assert {one.task for one in operations(text)} >= {"before"}


# --- what was there before ------------------------------------------------------------------------------------

HELD = "vma=0xff01 mm=0xff02 vm_start=0x7f0000000000 vm_end=0x7f0000004000 vm_flags=0xd0444bb"
CLEARED = HELD.replace("0xd0444bb", "0xc0444bb")
UNMAPPED = (
    "a-7  [000] .....  2.000000: unmap_vmas: vma=0xff01 start=0x7f0000000000 end=0x7f0000004000",
    f"a-7  [000] .....  2.100000: unmap_single_vma: {HELD} start=0x7f0000000000 end=0x7f0000004000",
    f"a-7  [000] .....  2.200000: untrack_pfn: {HELD} pfn=0x0 size=0x0",
    "a-7  [000] .....  2.300000: memtype_free: start=0xfd000000 end=0xfd004000",
    "a-7  [000] .....  2.400000: memtype_free__ret: (untrack_pfn+0x10/0x20 <- memtype_free) ret=0",
    f"a-7  [000] .....  2.500000: unmap_page_range: {CLEARED} start=0x7f0000000000 end=0x7f0000004000",
    "a-7  [000] .....  2.600000: vm_area_free: vma=0xff01",
)
ELSEWHERE = "a-7  [000] .....  9.000000: unmap_vmas: vma=0xff09 start=0x400000 end=0x401000"
BEFORE = "PAT memtype list:\nPAT: [mem 0x00000000fd000000-0x00000000fd004000] write-combining\n"


def with_list(tmp_path, era, *lines):
    (tmp_path / "list.txt").write_text(BEFORE)
    options = api.Options(era=era, memtypes=str(tmp_path / "list.txt"))
    return api.converted(str(recording(tmp_path, *lines)), options)


def test_a_mapping_that_was_there_before_makes_its_reservation(tmp_path):
    text, notes = with_list(tmp_path, "vm-pat", *UNMAPPED)
    assert "before:" not in text
    assert text.endswith(
        "a_7: v1 = mmap 16K, pfnmap, io, dontexpand, dontdump, wc\na_7: remap_pfn_range v1, mem_fd000000, wc\n"
        "a_7: munmap v1\n"
    )
    assert notes == []
    assert Stored(text, "vm-pat").end == []


def test_a_mapping_whose_reservation_is_not_known_stays_and_a_comment_says_so(tmp_path):
    split = f"a-7  [000] .....  2.000000: __split_vma: {HELD} addr=0x7f0000001000 new_below=1"
    text, notes = with_list(tmp_path, "vm-pat", split, ELSEWHERE)
    assert "before: memtype_reserve 0xfd000000, 16K, wc\n" in text
    assert "# v1 of a_7 was mapped before; the recording does not show which reservation it has\n" in text
    assert [note.line for note in notes] == [3]


def test_with_a_context_the_last_unmap_shows_what_was_mapped(tmp_path):
    held = HELD.replace("0xd0444bb", "0xc0444bb")
    text, _ = with_list(
        tmp_path,
        "pfnmap-ctx",
        "a-7  [000] .....  2.000000: unmap_vmas: vma=0xff01 start=0x7f0000000000 end=0x7f0000004000",
        f"a-7  [000] .....  2.100000: unmap_page_range: {held} start=0x7f0000000000 end=0x7f0000004000",
        f"a-7  [000] .....  2.200000: vm_area_free: {held} ctx=0xff05",
        "a-7  [000] .....  2.300000: pfnmap_track_ctx_release: ctx=0xff05 pfn=0xfd000 size=0x4000",
        "a-7  [000] .....  2.400000: memtype_free: start=0xfd000000 end=0xfd004000",
        "a-7  [000] .....  2.500000: memtype_free__ret: (pfnmap_track_ctx_release+0x1a/0x30 <- memtype_free) ret=0",
    )
    assert [one.op for one in operations(text)] == ["mmap", "remap_pfn_range", "munmap"]
    assert Stored(text, "pfnmap-ctx").end == []


def test_a_reservation_of_another_size_is_nobodys(tmp_path):
    lines = [line.replace("end=0xfd004000", "end=0xfd003000") for line in UNMAPPED]
    text, _ = with_list(tmp_path, "vm-pat", *lines)
    assert "before: memtype_reserve 0xfd000000, 16K, wc\n" in text
    assert "remap_pfn_range" not in text


def test_what_is_replaced_is_freed_after_the_handler(tmp_path):
    old = f"{CLEARED} ctx=0xff05"
    new = VMA.replace("0xff01", "0xff07")
    text = check_conversion(
        recording(
            tmp_path,
            *MAPPED,
            "a-7  [000] .....  2.000000: unmap_vmas: vma=0xff01 start=0x7f0000000000 end=0x7f0000004000",
            f"a-7  [000] .....  2.100000: unmap_page_range: {CLEARED} start=0x7f0000000000 end=0x7f0000004000",
            f"a-7  [000] .....  3.000000: remap_pfn_range: {new} addr=0x7f0000000000 pfn=0xfd000 size=0x4000 prot=0x37",
            "a-7  [000] .....  3.100000: memtype_reserve: start=0xfd000000 end=0xfd004000 req=2",
            "a-7  [000] .....  3.200000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0 new=1",
            "a-7  [000] .....  3.300000: remap_pfn_range__ret: (x+0x10/0x20 <- remap_pfn_range) ret=0",
            f"a-7  [000] .....  3.400000: vm_area_free: {old}",
            "a-7  [000] .....  3.500000: pfnmap_track_ctx_release: ctx=0xff05 pfn=0xfd000 size=0x4000",
            *FREED,
        ),
        "pfnmap-ctx",
        [(0xFD000000, 0xFD004000, 1)],
    )
    assert "a_7: v2 = mmap 16K, at v1, uc- {\n  remap_pfn_range v2, mem_fd000000\n}\n" in text


def test_an_unmap_that_frees_nothing_was_a_move(tmp_path):
    moved = HELD.replace("0xff01", "0xff03").replace("7f0000", "7f0001")
    text = check_conversion(
        recording(
            tmp_path,
            *MAPPED,
            "a-7  [000] .....  2.000000: unmap_vmas: vma=0xff01 start=0x7f0000000000 end=0x7f0000004000",
            f"a-7  [000] .....  2.100000: unmap_single_vma: {CLEARED} start=0x7f0000000000 end=0x7f0000004000",
            "a-7  [000] .....  7.000000: unmap_vmas: vma=0xff03 start=0x7f0001000000 end=0x7f0001004000",
            f"a-7  [000] .....  7.100000: unmap_single_vma: {moved} start=0x7f0001000000 end=0x7f0001004000",
            f"a-7  [000] .....  7.200000: untrack_pfn: {moved} pfn=0x0 size=0x0",
            *FREED,
        ),
        "vm-pat",
        [],
    )
    assert text.endswith("a_7: v2 = mremap v1, 16K, 16K\na_7: munmap v2\n")


def test_a_capture_shows_mappings_that_no_event_has_shown(tmp_path):
    file = recording(
        tmp_path,
        "a-7  [000] .....  1.000000: tracing_mark_write: checkpoint 0 before",
        "a-7  [000] .....  2.000000: tracing_mark_write: checkpoint 1 mapped",
        "a-7  [000] .....  3.000000: unmap_vmas: vma=0xff01 start=0x7f0000000000 end=0x7f0000004000",
        f"a-7  [000] .....  3.100000: unmap_page_range: {CLEARED} start=0x7f0000000000 end=0x7f0000004000",
    )
    (tmp_path / "snaps").mkdir()
    for name in ("snap-00-before", "snap-01-mapped"):
        (tmp_path / "snaps" / f"{name}.txt").write_text("PAT memtype list:\n")
    (tmp_path / "snaps" / "maps-01-mapped.txt").write_text(
        "== pid 7\n7f0000000000-7f0000004000 rw-s 00000000 00:05 1   /dev/x\n"
        "VmFlags: rd wr sh mr mw me ms pf io de dd\n"
    )
    text = api.convert(str(file.parent))
    assert text.endswith(
        "checkpoint checkpoint-0-before\na_7: v1 = mmap 16K, pfnmap, io, dontexpand, dontdump\n"
        "checkpoint checkpoint-1-mapped\na_7: munmap v1\n"
    )


def test_what_is_lost_or_damaged_is_said_at_its_line(tmp_path):
    file = recording(tmp_path, *MAPPED, "CPU:0 [LOST 12 EVENTS]", ELSEWHERE)
    text, notes = api.converted(str(file))
    assert "# events are missing: what was mapped then or went is not known\n" in text
    assert [(note.line, note.file) for note in notes] == [(7, str(file))]


def test_the_notes_of_a_conversion_go_to_standard_error(tmp_path):
    file = recording(tmp_path, *MAPPED, "CPU:0 [LOST 12 EVENTS]", ELSEWHERE)
    result = run("convert", str(file), "-o", str(tmp_path / "x.pat"))
    assert result.exit_code == 0
    assert result.stderr == (
        f"pat-check: note: {file}:7: events are missing: what was mapped then or went is not known\n"
    )


def test_a_torn_archive_is_converted_as_far_as_it_goes_and_that_is_said(tmp_path):
    file = tmp_path / "trace.txt.gz"
    whole = gzip.compress(recording(tmp_path, *MAPPED * 200).read_bytes())
    file.write_bytes(whole[: len(whole) // 2])
    text, notes = api.converted(str(file))
    assert "# the recording ends here: " in text
    assert "ends here" in notes[-1].message


def test_damage_is_said_also_where_only_reserves_and_frees_are_written(tmp_path):
    trace = tmp_path / "trace.txt"
    call = "app-7 [000] {}.0: memtype_{}: start=0xfd000000 end=0xfd004000{}\n"
    trace.write_text(call.format(1, "reserve", " req=2") + call.format(2, "free", "").replace("=0xfd00", "=0xzz00"))
    text, notes = api.converted(str(trace), api.Options(era="pfnmap-ctx"))
    assert [note.line for note in notes if note.message.startswith("a line cannot be read")] == [2]
    assert "# a line cannot be read: what was reserved then or freed is not known" in text


NUMBER = re.compile(r"=(0x[0-9a-f]+|-?[0-9]+)")
WRONG = ("0x0", "-1", "0x1000", "-12", "9", "0x7fffffffffff", "0x10000000000000", "0xffffffffffffffff")


@pytest.mark.parametrize("seed", range(8))
def test_a_recording_with_damaged_numbers_is_converted_to_what_can_be_played(seed, tmp_path):
    choice = random.Random(seed)
    for capture in able(captures(KEPT)):
        lines = capture.text.splitlines(keepends=True)
        for place, line in enumerate(lines):
            numbers = list(NUMBER.finditer(line))
            if numbers and not line.startswith("#") and choice.random() < 0.05:
                number = choice.choice(numbers)
                lines[place] = f"{line[: number.start(1)]}{choice.choice(WRONG)}{line[number.end(1) :]}"
        path = tmp_path / "trace.txt"
        path.write_text("".join(lines))
        text = api.convert(str(path))
        assert formatted(text, "x.pat") == text
        Stage(parse(text, "x.pat"), era_of("pfnmap-ctx"), lambda incident: None).play()


def test_a_type_that_does_not_exist_is_left_out_and_that_is_said(tmp_path):
    file = recording(
        tmp_path,
        "a-7  [000] .....  1.000000: memtype_reserve: start=0xfd000000 end=0xfd002000 req=9",
        "a-7  [000] .....  2.000000: memtype_reserve: start=0xfe000000 end=0xfe002000 req=1",
    )
    text, notes = api.converted(str(file), api.Options(era="pfnmap-ctx"))
    assert [one.op for one in operations(text)] == ["memtype_reserve"]
    assert any("they are still others" in note.message for note in notes)
    Stage(parse(text, "x.pat"), era_of("pfnmap-ctx"), lambda incident: None).play()


UNMAPS = "a-7  [000] .....  1.900000: do_mas_munmap: mm=0xff02 start=0x7f0000000000 len=0x4000"


@pytest.mark.parametrize(
    ("caller", "ops"),
    [
        pytest.param("mmap_region", ["mmap", "remap_pfn_range", "mmap", "remap_pfn_range"], id="by-mmap"),
        pytest.param("__vm_munmap", ["mmap", "remap_pfn_range", "munmap", "mmap", "remap_pfn_range"], id="by-munmap"),
    ],
)
def test_what_takes_the_place_of_a_mapping_is_known_by_who_unmaps_it(caller, ops, tmp_path):
    """Up to 6.11 all of it is freed before the new mapping is made."""
    returns = f"a-7  [000] .....  2.700000: do_mas_munmap__ret: ({caller}+0xf0/0x770 <- do_mas_munmap) ret=0"
    again = [line.replace("  1.", "  3.") for line in MAPPED]
    file = recording(tmp_path, *MAPPED, UNMAPS, *UNMAPPED, returns, *again)
    text = check_conversion(file, "vm-pat", [(0xFD000000, 0xFD004000, 1)])
    assert [one.op for one in flattened(parse(text, "converted.pat").statements) if isinstance(one, Operation)] == ops
    assert ("mmap 16K, at v1, wc {\n" in text) == (caller == "mmap_region")


def test_a_huge_entry_is_inserted_where_its_mapping_is(tmp_path):
    huge = "vma=0xff01 mm=0xff02 vm_start=0x7f0000200000 vm_end=0x7f0000600000 vm_flags=0x444bb"
    file = recording(
        tmp_path,
        "a-7  [000] .....  0.000000: memtype_reserve: start=0xfd000000 end=0xfd004000 req=1",
        "a-7  [000] .....  0.100000: memtype_reserve__ret: (x+0x10/0x20 <- memtype_reserve) ret=0",
        f"a-7  [000] .....  1.000000: vmf_insert_pfn_prot: {huge} addr=0x7f0000200000 pfn=0xfd000 prot=0x2f",
        "a-7  [000] .....  1.100000: vmf_insert_pfn_prot__ret: (x+0x10/0x20 <- vmf_insert_pfn_prot) ret=0x100",
        "a-7  [000] .....  1.200000: vmf_insert_pfn_pmd: vma=0xff01 addr=0x7f0000455000 pfn=0x20000000000fd200 write=1",
        "a-7  [000] .....  1.300000: vmf_insert_pfn_pmd__ret: (x+0x10/0x20 <- vmf_insert_pfn_pmd) ret=0x100",
        "a-7  [000] .....  1.400000: vmf_insert_pfn_pmd: vma=0xff77 addr=0x7e0000000000 pfn=0xfd000 write=1",
        "a-7  [000] .....  1.500000: unmap_vmas: vma=0xff01 start=0x7f0000200000 end=0x7f0000600000",
        f"a-7  [000] .....  1.600000: unmap_single_vma: {huge} start=0x7f0000200000 end=0x7f0000600000",
    )
    text = check_conversion(file, "vm-pat-6.12", [(0xFD000000, 0xFD004000, 1)])
    assert [one.op for one in operations(text)] == [
        *("memtype_reserve", "mmap", "vmf_insert_pfn", "vmf_insert_pfn_pmd", "munmap")
    ]
    assert "bar mem_fd200000 = 0xfd200000 size 2M\n" in text
    assert "vmf_insert_pfn_pmd v1 + 2M, mem_fd200000\n" in text


def test_what_something_else_has_replaced_before_is_not_replaced_again(tmp_path):
    """Anonymous memory took the place of the mapping, and a mapping that of the anonymous memory."""
    returns = "a-7  [000] .....  2.700000: do_mas_munmap__ret: (mmap_region+0xf0/0x770 <- do_mas_munmap) ret=0"
    plain = "vma=0xff04 mm=0xff02 vm_start=0x7f0000000000 vm_end=0x7f0000004000 vm_flags=0x73"
    over = [
        "a-7  [000] .....  2.800000: do_mas_munmap: mm=0xff02 start=0x7f0000000000 len=0x4000",
        "a-7  [000] .....  2.810000: unmap_vmas: vma=0xff04 start=0x7f0000000000 end=0x7f0000004000",
        f"a-7  [000] .....  2.820000: unmap_single_vma: {plain} start=0x7f0000000000 end=0x7f0000004000",
        f"a-7  [000] .....  2.830000: vm_area_free: {plain}",
        returns.replace("2.70", "2.84"),
    ]
    again = [line.replace("  1.", "  3.") for line in MAPPED]
    file = recording(tmp_path, *MAPPED, UNMAPS, *UNMAPPED, returns, *over, *again)
    text = check_conversion(file, "vm-pat", [(0xFD000000, 0xFD004000, 1)])
    assert [one.op for one in operations(text)] == ["mmap", "remap_pfn_range", "munmap", "mmap", "remap_pfn_range"]
