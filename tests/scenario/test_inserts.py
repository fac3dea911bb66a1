"""Inserts and revokes that are repeated, or find what they cannot take: nothing is told of what does not happen."""

import pytest

from tests.scenario.stories import ERAS, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)

HUGE = """
app: v = mmap 4M, card, pfnmap
app: fault v + 8K {
  vmf_insert_pfn_pmd v + 8K, big
}
"""


@eras
def test_a_huge_insert_at_any_page_of_a_leaf_that_is_there_keeps_what_it_would_install(era):
    #  a fault hits any page of the leaf, and drivers hand over the first frame of it
    assert broken(HUGE + HUGE.partition("\n")[2].partition("\n")[2].replace("8K", "12K"), era) == []


@eras
def test_a_huge_insert_of_other_frames_over_a_leaf_keeps_the_old_ones(era):
    claim = "  #! mapping-insert-kept@!vm-pat"
    story = f"{HUGE}app: fault v {{\n  vmf_insert_pfn_pmd v, big + 2M{claim}\n}}\nexpect pte v = big @!vm-pat\n"
    assert broken(story, era) == []


@eras
def test_small_entries_keep_a_huge_one_out_and_nothing_is_told_of_its_type(era):
    story = """
drv: memtype_reserve big, 4M, wt
app: v = mmap 4M, card, pfnmap, wt
app: fault v + 4K {
  vmf_insert_pfn v + 4K, big + 4K
}
app: fault v {
  vmf_insert_pfn_pmd v, big
}
expect ret = NOPAGE  @!vm-pat
expect pte v = none
app: munmap v
drv: memtype_free big, 4M
"""
    assert broken(story, era) == []


@eras
def test_a_copied_page_that_a_revoke_leaves_is_not_missed_by_it(era):
    story = """
app: v = mmap 16K, card, private, wb
app: remap_pfn_range v, fb, 16K, wb
app: write v
drv: unmap_mapping_range card
expect pte v = anon
expect pte v + 4K = none
"""
    assert broken(story, era) == []


@eras
def test_a_revoke_by_file_offset_misses_a_private_remap_and_its_copied_pages_when_they_are_asked_for(era):
    story = """
app: v = mmap 16K, card, private, wb
app: remap_pfn_range v, fb, 16K, wb
app: write v
drv: unmap_mapping_range card, 0, 4K{word}
"""
    assert broken(story.format(word=""), era) == []
    assert broken(story.format(word=", cows  #! mapping-pgoff-overwritten"), era) == []
    assert broken(story.format(word="").replace("0, 4K", "0, 8K  #! mapping-pgoff-overwritten"), era) == []


@eras
def test_a_leaf_that_begins_before_the_mapping_is_a_bus_error_and_maps_nothing(era):
    story = """
app: v = mmap 4M, card, pfnmap, at 0x700000100000
app: fault v {
  vmf_insert_pfn_pmd v, big  #! mapping-huge-aligned@!vm-pat
}
expect ret = SIGBUS          @!vm-pat
expect pte v = none
expect pte v + 1M = none
"""
    assert broken(story, era) == []


@eras
def test_a_leaf_that_ends_behind_the_mapping_is_made_all_the_same(era):
    story = """
app: v = mmap 1M, card, pfnmap, at 0x700000000000
app: fault v {
  vmf_insert_pfn_pmd v, big  #! mapping-huge-aligned@!vm-pat
}
expect ret = NOPAGE          @!vm-pat
expect pte v = big, pmd      @!vm-pat
"""
    assert broken(story, era) == []
