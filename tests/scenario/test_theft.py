"""What a free by end match leaves of a driver's entry is judged when the driver is gone."""

import pytest

from pat_check import plays
from pat_check.eras import ERAS
from pat_check.scenario.parser import parse
from tests.scenario.stories import HEAD, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)

TAIL = """
app: v = mmap 16K, card, {type}
app: remap_pfn_range v, fb + 48K, 16K
app: munmap v + 8K                              #! end-match-theft@!pfnmap-ctx
app: munmap v                                   #! end-match-theft@!pfnmap-ctx
"""
"""A mapping that ends where the driver's entry does is unmapped from its tail."""

SWAPPED = """
app: v = mmap 8K, card, {type}
app: remap_pfn_range v, big, 8K
drv: zap_vma_ptes v
app: fault v {{
  vmf_insert_pfn v, fb + 56K                    #! tracking-refault-pfn@!vm-pat*
}}
app: munmap v                                   #! end-match-theft@unmap-region
"""
"""A mapping that was refaulted with other frames, which end where the driver's entry does."""


HELD = {
    "mapped": "drv: p = ioremap fb\n{taken}drv: unload   #! ioremap-leak\n",
    "unmapped": """
drv: p = ioremap fb
{taken}
drv: iounmap p                                  #! memtype-invalid-free@{thieves}
expect memtypes fb = {left}                     @{thieves}
drv: unload                                     #! memtype-leak@{thieves}
""",
    "freed": """
drv: arch_io_reserve_memtype_wc fb
{taken}
drv: arch_io_free_memtype_wc fb                 #! memtype-invalid-free@{thieves}
drv: unload                                     #! memtype-leak@{thieves}
""",
    "reserved": "drv: arch_io_reserve_memtype_wc fb\n{taken}drv: unload   #! memtype-leak\n",
}


def after(way, taken, thieves, left):
    """A driver holds all of `fb` and lets go in some way; in the eras `thieves` only `left` remains of its entry."""
    taken = taken.format(type="uc-" if "mapped" in way else "wc")
    story = HELD[way].format(taken=taken, thieves=thieves, left=left)
    return f"{story}app: exit   #! memtype-leak@{thieves}\n"


@eras
@pytest.mark.parametrize("way", HELD)
def test_a_driver_that_lost_its_tail_is_judged_at_unload(era, way):
    assert broken(after(way, TAIL, "!pfnmap-ctx", "[0, 48K) uc-, [48K, 64K) uc-"), era) == []


@eras
@pytest.mark.parametrize("way", HELD)
def test_a_driver_that_lost_its_tail_to_another_frame_is_judged_at_unload(era, way):
    assert broken(after(way, SWAPPED, "unmap-region", "[0, 56K) uc-"), era) == []


@eras
def test_an_ioremap_is_told_as_it_was_made_whatever_is_left_of_its_entry(era):
    play = plays.play(parse(f"{HEAD}drv: p = ioremap fb\n{TAIL.format(type='uc-')}drv: unload\n", "story.pat"), era)
    (leak,) = [finding for finding in play.findings if finding.rule == "ioremap-leak"]
    assert "ioremap of [0xfd000000-0xfd010000) at " in leak.message
    shrunk = [note.message for note in leak.notes if "shrunk to" in note.message]
    assert len(shrunk) == (0 if era.name == "pfnmap-ctx" else 2)


@eras
def test_a_driver_that_lost_nothing_leaks_nothing(era):
    story = """
drv: p = ioremap fb
app: v = mmap 8K
app: remap_pfn_range v, fb, 8K
app: munmap v
drv: iounmap p
drv: unload
expect memtypes = none
"""
    assert broken(story, era) == []


SWAPPED_AND_MAPPED = """
app: v = mmap 8K, card
app: remap_pfn_range v, big, 8K
drv: zap_vma_ptes v
app: fault v {
  vmf_insert_pfn v, fb + 56K                    #! tracking-refault-pfn@!vm-pat*
}
"""


@eras
def test_what_another_frame_hides_is_not_leaked_while_its_mapping_is_there(era):
    """Its own frame may come back before it is unmapped."""
    assert broken(SWAPPED_AND_MAPPED, era) == []
    leaked = "#! memtype-invalid-free@unmap-region memtype-leak@unmap-region"
    assert broken(f"{SWAPPED_AND_MAPPED}app: munmap v  {leaked}\n", era) == []


TWO = """
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mmap {size}, card
app: remap_pfn_range w, {at}, {size}
"""
"""Two mappings of one process that end at the same page."""


@eras
def test_another_mapping_of_the_process_loses_its_tail(era):
    story = TWO.format(at="fb + 16K", size="16K")
    assert broken(f"{story}app: munmap w + 8K, 8K   #! end-match-theft@!pfnmap-ctx\n", era) == []


@eras
@pytest.mark.parametrize(
    "unmaps",
    [
        pytest.param("app: munmap v + 24K, 8K\n", id="the-first-is-cut-itself"),
        pytest.param("app: munmap w\n", id="all-of-the-second"),
        pytest.param("app: munmap v + 24K, 8K\napp: munmap w + 8K, 8K\n", id="both-are-cut"),
    ],
)
def test_what_a_mapping_gives_up_of_its_own_is_no_theft(era, unmaps):
    story = TWO.format(at="fb + 16K", size="16K")
    play = plays.play(parse(f"{HEAD}{story}{unmaps}", "story.pat"), era)
    assert "end-match-theft" not in {finding.rule for finding in play.findings}


@eras
def test_of_two_mappings_of_the_same_frames_either_may_be_cut(era):
    story = TWO.format(at="fb", size="32K")
    play = plays.play(parse(f"{HEAD}{story}app: munmap w + 24K, 8K\n", "story.pat"), era)
    assert "end-match-theft" not in {finding.rule for finding in play.findings}


@eras
def test_a_mapping_of_everything_around_does_not_hide_a_theft(era):
    whole = "app: u = mmap 64K, card\napp: remap_pfn_range u, fb\n"
    story = whole + TWO.format(at="fb + 16K", size="16K")
    assert broken(f"{story}app: munmap w + 8K, 8K   #! end-match-theft@!pfnmap-ctx\n", era) == []


@eras
def test_which_of_two_equals_was_robbed_nobody_can_tell(era):
    """Of two mappings of the same frames one loses its tail to a third: the other's is still there, for either."""
    story = """
app: u = mmap 32K, card
app: remap_pfn_range u, fb, 32K
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mmap 16K, card
app: remap_pfn_range w, fb + 16K, 16K
app: munmap w + 8K, 8K   #! end-match-theft@!pfnmap-ctx
app: munmap {} + 24K, 8K
"""
    assert broken(story.format("u"), era) == []
    assert broken(story.format("v"), era) == []
