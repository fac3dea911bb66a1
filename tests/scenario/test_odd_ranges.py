"""Ranges that cannot be meant so: empty ones, parts of pages, and zaps of a part that do more than they say."""

import pytest

from pat_check.eras import ERAS, NEWEST
from tests.scenario.stories import broken


@pytest.mark.parametrize(
    ("operation", "found"),
    [
        ("memtype_reserve fb, 0, wc", "memtype_reserve of [0xfd000000-0xfd000000), which is empty"),
        ("memtype_reserve fb + 16, 4K, wc", "memtype_reserve of [0xfd000010-0xfd001010), which does not begin"),
        (
            "arch_io_reserve_memtype_wc fb, 100",
            "memtype_reserve of [0xfd000000-0xfd000064), which is smaller than a page",
        ),
        ("p = ioremap fb + 16, 100", ""),  # whole pages are reserved
        ("p = ioremap fb, 0", ""),  # refused before anything is reserved
        ("memtype_reserve fb, 4K, wc", ""),
    ],
)
def test_what_is_no_range_of_pages_is_told_in_scenarios_as_well(operation, found):
    said = [line for line in broken(f"drv: {operation}\n", NEWEST) if "memtype-range" in line]
    assert len(said) == bool(found)
    assert all(found in line for line in said)


def test_an_empty_range_is_refused_with_a_warning():
    story = "drv: memtype_reserve fb, 0, wc  #! memtype-range\nexpect ret = -EINVAL\n"
    assert broken(f'{story}expect dmesg "memtype_reserve failed"\n', NEWEST) == []
    assert (
        broken("drv: p = ioremap fb, 0\nexpect ret = -ENOMEM\nexpect dmesg none\nexpect memtypes = none\n", NEWEST)
        == []
    )


@pytest.mark.parametrize(
    ("zap", "lines"),
    [
        ("unmap_mapping_range card, 4K, 4K", 1),
        ("unmap_mapping_pages card, 3", 1),
        ("unmap_mapping_range card", 0),  # nothing is left that should be protected
        ("unmap_mapping_range card, 0, 16K", 0),
        ("unmap_mapping_range card, 16K", 0),  # nothing of it is hit
        ("zap_vma_ptes v, 4K", 1),
    ],
)
def test_a_zap_of_a_part_that_untracks_the_whole_is_told_whoever_makes_it(zap, lines):
    story = f"app: v = mmap 16K, card\napp: remap_pfn_range v, fb\ndrv: {zap}\napp: exit\n".replace("fb", "fb, 16K")
    for era in ERAS:
        said = [line for line in broken(story, era) if "tracking-partial-zap" in line]
        assert len(said) == (lines if era.name.startswith("vm-pat") else 0)
