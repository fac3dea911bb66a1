"""vm_iomap_memory(): the whole mapping from its offset on, or nothing."""

import pytest

from pat_check import plays
from pat_check.eras import ERAS
from pat_check.scenario.parser import parse

STORY = """
bar b = 0xfd000000 size 64K
process app
app: v = mmap 16K, uc-
app: vm_iomap_memory v, b, 8K
expect ret = -EINVAL
expect pte v = none
app: w = mmap 16K, uc-, offset 4K
app: vm_iomap_memory w, b, 64K
expect ret = 0
expect pte w = b + 4K
expect memtypes b = [4K, 20K) uc-
app: x = mmap 16K, uc-, offset 4K
app: vm_iomap_memory x, b, 16K
expect ret = -EINVAL
app: exit
"""


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_vm_iomap_memory_maps_all_of_a_mapping_from_its_offset_or_nothing(era):
    play = plays.play(parse(STORY, "iomap.pat"), era)
    assert (play.unmet, play.unexpected, play.outcome.unmet) == ([], [], [])
