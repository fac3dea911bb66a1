"""The golden vectors G1 to G10 of the memtype layer and T1 to T32 of the tracking layer, as scenarios, in every era."""

import re
from pathlib import Path

import pytest

from pat_check import plays
from pat_check.eras import ERAS

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.pat"))


def told(play):
    """What a play did that the scenario does not claim, as lines."""
    lines = [f"{mark.line}: claimed {mark.rule}, not found" for mark in play.unmet]
    lines += [f"{mark.line}: found {mark.rule}: {mark.message}" for mark in play.unexpected]
    return lines + [f"{unmet.at}: {unmet.message}" for unmet in play.outcome.unmet]


@pytest.mark.parametrize("era", ERAS, ids=str)
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_vector_plays_as_the_kernel_does(path, era):
    assert told(plays.play(plays.read_scenario(str(path)), era)) == []


def test_all_vectors_are_there():
    memtype = [f"g{number:02}" for number in range(1, 11)]
    assert [path.stem for path in GOLDEN] == memtype + [f"t{number:02}" for number in range(1, 33)]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_vector_draws_its_pages(path):
    assert re.search(r"^#  (?:pages|frames|RAM|MiB) +\S.*\n#  \S+ .*\S", path.read_text(), re.MULTILINE)
