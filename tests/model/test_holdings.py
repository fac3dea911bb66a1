"""Whose entries are, looked up and counted one by one."""

import random

import pytest

from pat_check.events import NO_PID
from pat_check.model.memtype import Memtype
from pat_check.model.owner import BEFORE, Owner
from pat_check.model.tree import MemtypeTree, validate_tree

MMS, PIDS, KEYS = (0, 5, 6), (NO_PID, 0, 1, 2), (5, 6, -1, -2)


class World:
    """A tree on which anything happens, and what it must hold."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tree = MemtypeTree()

    def step(self):
        pick = self.random
        nodes = list(self.tree)
        if len(nodes) < 3 or pick.random() < 0.4:
            start = pick.randrange(4)
            owner = Owner("fork", "app", pick.choice(PIDS), pick.choice(MMS))
            owner = BEFORE if pick.random() < 0.1 else owner
            self.tree.insert(Memtype(start, start + pick.randrange(1, 4), pick.randrange(2), owner, 1))
            return
        node = pick.choice(nodes)
        change = pick.randrange(7)
        if change == 0:
            self.tree.remove(node)
        elif change == 1 and node.end - node.start > 1:
            self.tree.shrink(node, node.end - 1)
        elif change == 2:
            self.tree.swap(node, pick.choice(self.tree.exact(node.start, node.end)))
        elif change == 3:
            self.tree.retype(node, pick.randrange(3))
        elif node.owner is not BEFORE:
            if change == 4:
                self.tree.name(node.owner, pick.choice(PIDS), pick.choice(MMS))
            elif change == 5:
                self.tree.leave(node.owner)
            elif pick.random() < 0.5:
                self.tree.share(node, pick.choice(KEYS))
            else:
                self.tree.unshare(node.owner, pick.choice(KEYS))

    def check(self):
        nodes = list(self.tree)
        live = [node for node in nodes if not node.owner.gone]
        for pid in PIDS:
            for mm in MMS:
                held = [node for node in live if node.owner.holds(pid, mm)]
                assert self.tree.holdings.of(pid, mm) == held
                assert self.tree.holdings.count(pid, mm) >= len(held)
                for start, end in ((0, 9), (2, 3), (3, 3)):
                    near = [node for node in held if node.start < end and start < node.end]
                    assert self.tree.held_within(pid, mm, start, end) == near
        for key in KEYS:
            known = [node for node in nodes if key in {node.owner.mm, -node.owner.pid, *node.owner.sharers}]
            assert self.tree.holdings.under(key) == [node for node in known if not node.owner.gone]
            assert self.tree.holdings.left_by(key) == [node for node in known if node.owner.gone]


@pytest.mark.parametrize("many", [0, 3, 64])
@pytest.mark.parametrize("seed", range(8))
def test_owners_are_found_whatever_becomes_of_them(seed, many, monkeypatch):
    monkeypatch.setattr("pat_check.model.tree._MANY", many)
    world = World(seed)
    for _ in range(150):
        world.step()
        world.check()
    assert len(world.tree) > 3


@pytest.mark.parametrize("seed", range(10))
def test_entries_are_found_by_place_end_and_type(seed):
    world = World(seed)
    for _ in range(150):
        world.step()
        tree, nodes = world.tree, list(world.tree)
        for start, end in ((0, 1), (1, 3), (2, 6), (3, 4)):
            meeting = [node for node in nodes if node.start < end and start < node.end]
            assert tree.overlapping(start, end) == meeting
            assert tree.first_overlap(start, end) is next(iter(meeting), None)
            around = [node for node in nodes if node.start <= start and end <= node.end]
            assert tree.first_around(start, end) is next(iter(around), None)
            for type_ in range(3):
                others = [node for node in meeting if node.type != type_]
                assert tree.first_other(start, end, type_) is next(iter(others), None)
            exact = [node for node in nodes if (node.start, node.end) == (start, end)]
            assert tree.exact(start, end) == exact
            assert tree.first_exact(start, end) is next(iter(exact), None)
            ending = [node for node in nodes if node.end == end and node.start < start]
            assert tree.first_ending_at(end, start) is next(iter(ending), None)


def test_nothing_is_left_of_owners_whose_entries_are_gone():
    tree = MemtypeTree()
    nodes = [Memtype(1, 3, 2, Owner("fork", "app", pid, mm), 1) for pid in PIDS for mm in MMS]
    for node in nodes:
        tree.insert(node)
        tree.share(node, 9)
    tree.leave(nodes[3].owner)
    for node in nodes:
        tree.remove(node)
    assert (tree.holdings._held, tree.holdings._gone, len(tree), tree._of, tree._by_end) == ({}, {}, 0, [], {})
    validate_tree(tree)
