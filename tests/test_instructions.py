"""No change makes a line dearer: instructions are counted, which a busy machine does not change."""

import importlib.util
import json
import platform
import sys

import pytest

from tests import compiled

BENCHMARKS = compiled.ROOT / "benchmarks"


@pytest.fixture(scope="module")
def counting():
    sys.path.insert(0, str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("instructions", BENCHMARKS / "instructions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(BENCHMARKS))


def test_a_line_costs_what_it_did(counting):
    if why := counting.missing():
        pytest.skip(why)
    compiled.installed()
    if platform.machine() != "x86_64" or sys.version_info[:2] != (3, 11):
        pytest.skip("the figures that are kept are of CPython 3.11 on x86-64")
    kept = json.loads(counting.KEPT.read_text())
    found = counting.figures(counting.CAPTURES[0])
    assert set(found) == set(kept)
    dearer = {name: (found[name], kept[name]) for name in kept if found[name] > kept[name] * (1 + counting.TOLERANCE)}
    assert not dearer, "a line costs more than what benchmarks/instructions.json keeps; --update where that is meant"
