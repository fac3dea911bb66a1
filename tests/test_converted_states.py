"""The scenario of a recording against the kernel's own files, at every checkpoint: reservations and mappings.

Where a mapping cannot be what it was, a comment must say so just there; and that must stay rare.
"""

import re
from collections import Counter

import pytest

from pat_check import api
from pat_check.eras import era_of
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Checkpoint
from pat_check.sources.memtype_list import format_memtype_list
from tests.corpus import ABSENT, CORPUS, KEPT, LOST, UNKNOWABLE, captures, text_of

LONGEST = 420  # lines: all longer ones would take minutes
FLAGS = {
    0x2: "wr",
    0x8: "sh",
    0x400: "pf",
    0x4000: "io",
    0x40000: "de",
    0x1000000: "ar",
    0x4000000: "dd",
    0x10000000: "mm",
}
PROCESS = re.compile(r"^== pid (\d+)$", re.MULTILINE)
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*?^VmFlags:([^\n]*)", re.MULTILINE | re.DOTALL)


def able(found):
    return [one for one in found if not one.explained_by({**UNKNOWABLE, **LOST})]


def shown(capture):
    """What the kernel showed: number of the checkpoint to pid to its mappings, as (size, letters)."""
    found = {}
    for file in (capture.path / "snaps").glob("maps-*"):
        _, *parts = PROCESS.split(text_of(file))
        found[int(file.name.split("-")[1])] = {
            int(pid): Counter(
                (int(end, 16) - int(start, 16), frozenset(flags.split()) & set(FLAGS.values()))
                for start, end, flags in MAPPING.findall(text)
                if not {"pf", "io", "mm"}.isdisjoint(flags.split())
            )
            for pid, text in zip(parts[::2], parts[1::2], strict=True)
        }
    return found


def played(mm):
    """What a process of a scenario has mapped, the same way."""
    return Counter(
        (vma.end - vma.start, frozenset(letter for bit, letter in FLAGS.items() if vma.flags & bit)) for vma in mm.vmas
    )


def check(capture):
    """(processes whose mappings are the kernel's, those where a comment says that they are not)."""
    text = api.convert(str(capture.path))
    lines = text.splitlines()
    scenario = parse(text, "converted.pat")
    stage = Stage(scenario, era_of(capture.input().era), lambda incident: None)
    mappings, equal, remarked = shown(capture), 0, 0
    for statement in scenario.statements:
        stage.run([statement])
        number = re.search(r"checkpoint-(\d+)-", statement.name) if isinstance(statement, Checkpoint) else None
        if number is None:
            continue
        nodes = [(node.start, node.end, node.type) for node in stage.world.machine.memtypes]
        assert format_memtype_list(nodes) == capture.snapshots[int(number[1])]
        alive = {name: actor.mm for name, actor in stage.names.actors.items() if actor.mm is not None}
        for pid, wanted in mappings.get(int(number[1]), {}).items():
            name = next((name for name in alive if name.endswith(f"_{pid}")), "")
            if wanted == (played(alive[name]) if name else Counter()):
                equal += bool(wanted)
                continue
            before = []
            while lines[statement.at - 2 - len(before)].startswith("#"):
                before.append(lines[statement.at - 2 - len(before)])
            said = any(f"the mappings of {name} are not" in line for line in before)
            assert said or "# Reserves and frees only" in text, f"{capture} {statement.name} {name}: no comment"
            remarked += said
    return equal, remarked


@pytest.mark.parametrize("capture", able(captures(KEPT)), ids=str)
def test_a_kept_capture_has_the_kernels_mappings_at_every_checkpoint(capture):
    equal, remarked = check(capture)
    assert remarked == 0
    assert equal or not shown(capture) or "Reserves and frees only" in api.convert(str(capture.path))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
def test_captures_have_the_kernels_mappings_at_every_checkpoint():
    found = [check(capture) for capture in able(captures()) if capture.length < LONGEST]
    equal, remarked = (sum(counts) for counts in zip(*found, strict=True))
    assert len(found) > 100
    assert equal > 300
    assert remarked * 100 <= equal
