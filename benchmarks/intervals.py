#!/usr/bin/env python3
"""Measure the interval operations of the memtype tree, in microseconds, at 100 to 100,000 live reservations.

Each shape of reservations is as bad as it can be in its own way. Only the standard library is needed.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = 4096
WC = 1
SIZES = (100, 1_000, 10_000, 100_000)
OPERATIONS = ("insert", "overlap query", "lookup of a page", "exact remove")
ROUNDS = 7
"""The best of so many rounds is taken, in processor time: what comes on top is of other programs."""

SHAPES = {
    "apart": lambda index, count: (4 * index, 4 * index + 2),
    "one over all": lambda index, count: (0, 4 * count) if index == 0 else (4 * index, 4 * index + 2),
    "one start": lambda index, count: (8, 9 + index),
    "one end": lambda index, count: (index, count),
    "one range": lambda index, count: (8, 9),
    "nested": lambda index, count: (index, 2 * count - index),
}
"""Pages of a reservation, by its index and how many there are."""

PROBES = {
    "apart": lambda start, end, count: (end, end + 1),  # between two
    "one over all": lambda start, end, count: (end, end + 1) if end < 4 * count else (4 * count - 1, 4 * count),
    "one start": lambda start, end, count: (8 + count - 1, 8 + count),  # reached by one alone
    "one end": lambda start, end, count: (0, 1),
    "one range": lambda start, end, count: (7, 8),
    "nested": lambda start, end, count: (0, 1),
}
"""Pages to ask for, beside one of the reservations: at most one of them is there, as when a kernel reserves."""


def measured(shape, count):
    """Microseconds of each operation while `count` reservations of this shape are live."""
    from pat_check.model.memtype import Memtype
    from pat_check.model.owner import BEFORE
    from pat_check.model.tree import MemtypeTree

    chance = random.Random(count)
    spans = [SHAPES[shape](index, count) for index in range(count)]
    chance.shuffle(spans)
    nodes = [Memtype(start * PAGE, end * PAGE, WC, BEFORE, 0) for start, end in spans]
    tree = MemtypeTree()
    for node in nodes:
        tree.insert(node)
    some = chance.sample(nodes, min(count, 1000))
    asked = [PROBES[shape](node.start // PAGE, node.end // PAGE, count) for node in some]
    asked = [(start * PAGE, end * PAGE) for start, end in asked]
    times = {operation: [] for operation in OPERATIONS}
    for _ in range(ROUNDS):
        started = time.process_time()
        for start, end in asked:
            tree.check_conflict(start, end, WC, strict=True)
        times["overlap query"].append(time.process_time() - started)
        started = time.process_time()
        for start, _ in asked:
            tree.lookup(start)
        times["lookup of a page"].append(time.process_time() - started)
        started = time.process_time()
        for node in some:
            tree.remove(node)
        times["exact remove"].append(time.process_time() - started)
        started = time.process_time()
        for node in some:
            tree.insert(node)
        times["insert"].append(time.process_time() - started)
    return {operation: min(taken) / len(some) * 1e6 for operation, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--installed", action="store_true", help="measure the installed pat-check, not this checkout")
    arguments = parser.parse_args()
    if not arguments.installed:
        sys.path.insert(0, str(ROOT))
    found = []
    if not arguments.json:
        print(f"{'shape':<13} {'live':>8}  " + "  ".join(f"{operation:>16}" for operation in OPERATIONS) + "   [us]")
    for shape in SHAPES:
        for count in SIZES:
            times = measured(shape, count)
            found.append({"shape": shape, "live": count, "microseconds": times})
            if not arguments.json:
                print(f"{shape:<13} {count:>8,}  " + "  ".join(f"{times[name]:>16.2f}" for name in OPERATIONS))
    if arguments.json:
        json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
