"""Entries without a reservation of their own: found by the memory that they map, told of once."""

import pytest

from pat_check.cachemode import WC
from pat_check.eras import ERAS
from pat_check.events import Event
from pat_check.model.machine import Machine
from pat_check.model.memory import Ram
from pat_check.model.memtype import Memtype
from pat_check.model.owner import Owner
from pat_check.replay.loop import Replay

PAGE = 0x1000
FAR = 1 << 30


@pytest.fixture
def world():
    incidents = []
    replay = Replay(Machine(Ram([])), ERAS[0], incidents.append)
    replay.mappings.zaps_seen = True
    return replay, incidents


def at(number):
    return Event(number, 1.0, 0, 7, "app")


def reserve(replay, start, end):
    replay.context.machine.memtypes.insert(Memtype(start, end, WC, Owner("ioremap"), 1))
    replay.mappings.changed(at(2), start, end, "memtype_reserve")


@pytest.mark.parametrize(
    ("start", "size", "found"),
    [
        (FAR, PAGE, True),
        (FAR + 0x3FF000, 2 * PAGE, True),
        (FAR - 8 * PAGE, 16 * PAGE, True),
        (FAR - (1 << 40), 1 << 41, True),
        (FAR + 0x401000, PAGE, False),
        (FAR + (1 << 30), PAGE, False),
    ],
)
def test_a_reservation_changes_the_type_of_what_lies_in_it(world, start, size, found):
    replay, incidents = world
    replay.mappings.insert(at(1), 0x77, 0x7000, FAR // PAGE, 0x400000)
    replay.mappings.insert(at(1), 0x78, 0x7000, 4 * FAR // PAGE, PAGE)
    assert replay.mappings.are_far(FAR * 8, FAR * 9)
    assert replay.mappings.are_far(start, max(start + size, 0)) <= (not found)
    reserve(replay, max(start, 0x100000), start + size)
    assert {(one.first if hasattr(one, "first") else one.start) for one in incidents} == (
        {max(start, FAR)} | ({4 * FAR} if start + size > 4 * FAR else set()) if found else set()
    )
    told = len(incidents)
    replay.mappings.changed(at(3), max(start, 0x100000), start + size, "memtype_reserve")
    assert len(incidents) == told


def test_what_is_cleared_is_not_told_of_and_not_kept(world):
    replay, incidents = world
    mappings = replay.mappings
    mappings.insert(at(1), 0x77, 0x7000, FAR // PAGE, PAGE)
    mappings.insert(at(1), 0x77, 0x9000, FAR // PAGE + 1, PAGE)
    mappings.zap(0x77, 0x7000, 0x8000)
    reserve(replay, FAR, FAR + PAGE)
    assert incidents == []
    reserve(replay, FAR + PAGE, FAR + 2 * PAGE)
    assert [(one.start, one.end) for one in incidents] == [(FAR + PAGE, FAR + 2 * PAGE)]
    assert mappings._near == {FAR >> 21: {(0x77, 0x9000, 0xA000)}}


def test_what_is_known_of_memory_does_not_grow_with_what_was_cleared(world):
    mappings = world[0].mappings
    for mm in range(1, 5000):
        mappings.insert(at(1), mm, 0x7000, FAR // PAGE, PAGE)
        mappings.exit(mm)
    assert len(mappings._near.get(FAR >> 21, ())) <= 1001


def test_what_is_as_large_as_nothing_can_be_takes_no_memory(world):
    replay, incidents = world
    mappings = replay.mappings
    mappings.insert(at(1), 0x77, 0x7000, FAR // PAGE, 1 << 40)
    assert len(mappings._near) <= 1025
    reserve(replay, 8 * FAR, 8 * FAR + PAGE)
    assert [(one.start, one.end) for one in incidents] == [(8 * FAR, 8 * FAR + PAGE)]
    mappings.zap(0x77, 0, 1 << 48)
    reserve(replay, 9 * FAR, 9 * FAR + PAGE)
    assert len(incidents) == 1
