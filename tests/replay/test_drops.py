"""Recordings with only some layers: a probe that was not set is no fault of the kernel, and the summary names it.

Every function of some captures is left out in turn: wholly, its entries, its returns; then several at once.
"""

import random
import re
import shutil
from collections import Counter

import pytest

from pat_check import api
from pat_check.findings import Severity
from pat_check.replay.layered import LAYERS
from pat_check.sources.catalogue import resolve
from tests.corpus import CORPUS, KEPT, text_of

KEPT_CAPTURES = ("6.1/munmap-middle", "6.12/fork-partial", "6.16/conflict", "7.2/devmem-vs-bar", "7.2/pl-double-free")
MORE = (
    "6.1/mremap-over",
    "6.1/revoke-e1000e",
    "6.1/vfio",
    "6.12/fork-tree",
    "6.12/pl-switch-fork",
    "6.12/mapfixed",
    "6.16/devmem-cow",
    "6.16/mremap-move",
    "7.2/fork-split",
    "7.2/pl-all",
)
"""Of the corpus, where that is there: moves, zaps by others, faults that map, forks of three generations."""
FOLDERS = [KEPT / name for name in KEPT_CAPTURES] + [CORPUS / name for name in MORE if (CORPUS / name).is_dir()]
WRONG = ("model-divergence", "model-era", "snapshot-mismatch", "snapshot-maps", "dmesg-unexplained")
MAIN = {function: name for name, main, _ in LAYERS for function in main}
LOCKED = ("memtype_check_insert", "memtype_erase")
_EVENT = re.compile(r": (\w+): ")


class Recording:
    """A capture, of which parts can be left out."""

    def __init__(self, folder, tmp_path):
        self.own, self.copy = folder, tmp_path / folder.name
        shutil.copytree(folder, self.copy, ignore=shutil.ignore_patterns("trace*", "kprobe*"))
        self.lines = text_of(next(folder.glob("trace.txt*"))).split("\n")
        self.events = [resolve(match[1]) if (match := _EVENT.search(line)) else None for line in self.lines]
        self.functions = sorted({event[0].function for event in self.events if event})

    def without(self, functions, kind):
        """What is found without these events: (rule, range) of every error, and the facts."""

        def goes(event):
            return event and event[0].function in functions and kind in ("both", "return" if event[1] else "entry")

        kept = [line for line, event in zip(self.lines, self.events, strict=True) if not goes(event)]
        probed = {event[0].function + "__ret" * event[1] for event in self.events if event and not goes(event)}
        (self.copy / "trace.txt").write_text("\n".join(kept))
        (self.copy / "kprobe_profile.txt").write_text("".join(f"  {name}  1  0\n" for name in sorted(probed)))
        report = api.check([str(self.copy)])
        every = [one for root in report.findings for one in root.all()]
        bad = [one for one in every if one.severity >= Severity.ERROR or one.rule in WRONG[:2]]
        return Counter((one.rule, one.start, one.end) for one in bad), " ".join(report.inputs[0].facts)


@pytest.fixture
def recording(request, tmp_path):
    return Recording(request.param, tmp_path)


NAMES = ["/".join(folder.parts[-2:]) for folder in FOLDERS]
every_recording = pytest.mark.parametrize("recording", FOLDERS, indirect=True, ids=NAMES)


@every_recording
@pytest.mark.parametrize("kind", ["both", "entry", "return"])
def test_a_function_that_is_not_recorded_is_nobodys_fault_and_named(recording, kind):
    known, _ = recording.without((), "both")
    for function in recording.functions:
        found, facts = recording.without((function,), kind)
        assert found - known == Counter(), function
        if kind == "both" and function in {*MAIN, *LOCKED}:
            assert function in facts or MAIN[function] in facts


@every_recording
def test_layers_that_are_not_recorded_are_nobodys_fault(recording):
    known, _ = recording.without((), "both")
    chance = random.Random(recording.own.name)
    for _ in range(12):
        gone = chance.sample(recording.functions, chance.randrange(2, len(recording.functions)))
        found, _ = recording.without(gone, "both")
        assert found - known == Counter(), gone


@pytest.mark.parametrize("recording", FOLDERS[:1], indirect=True, ids=str)
@pytest.mark.parametrize(("kind", "other"), [("entry", "returns"), ("return", "entries")])
def test_half_a_function_is_none_and_the_summary_says_so(recording, kind, other):
    _, facts = recording.without(("remap_pfn_range",), kind)
    assert f"only the {other} of remap_pfn_range are recorded" in facts


FORKS = ("6.12/fork-partial", "6.12/fork-tree", "6.12/pl-switch-fork", "6.1/fork-split", "6.1/fork-parent-exits")
FORKED = [one for one in (KEPT / FORKS[0], *(CORPUS / name for name in FORKS[1:])) if one.is_dir()]
FORK, EXIT = "sched_process_fork", "sched_process_exit"
every_fork = pytest.mark.parametrize("recording", FORKED, indirect=True, ids=lambda one: "/".join(one.parts[-2:]))


@every_fork
def test_what_fork_reserves_is_the_childs_also_where_only_the_reservation_is_recorded(recording):
    known, _ = recording.without((), "both")
    assert recording.without(("copy_page_range", "track_pfn_copy"), "both")[0] == known


@every_fork
@pytest.mark.parametrize("gone", [(FORK,), (EXIT,), (FORK, EXIT)])
def test_whose_it_is_shows_without_the_tracepoints_of_tasks(recording, gone):
    known, _ = recording.without((), "both")
    kept = [place for place, line in enumerate(recording.lines) if not any(f": {name}: " in line for name in gone)]
    assert len(kept) < len(recording.lines)
    recording.lines = [recording.lines[place] for place in kept]
    recording.events = [recording.events[place] for place in kept]
    assert recording.without((), "both")[0] == known
