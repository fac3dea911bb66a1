"""Walkers: what each sees of a PFN mapping and what it refuses, in every era."""

import pytest

from pat_check.eras import ERAS
from tests.scenario.stories import broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)

PRIVATE = """
app: v = mmap 16K, private, wb
app: remap_pfn_range v, fb, 16K
app: write v + 4K
"""


@eras
def test_get_user_pages_refuses_frames_and_even_the_copied_pages_among_them(era):
    story = """
app: get_user_pages v, 4K
expect ret = -EFAULT
app: get_user_pages v + 4K, 4K
expect ret = -EFAULT
app: get_user_pages_fast v, 16K
expect ret = -EFAULT
"""
    assert broken(PRIVATE + story, era) == []


@eras
def test_get_user_pages_fast_pins_a_copied_page_for_it_looks_at_entries_only(era):
    story = """
app: get_user_pages_fast v + 4K, 4K
expect ret = 1
app: get_user_pages_fast v + 4K, 8K
expect ret = 1
"""
    assert broken(PRIVATE + story, era) == []


@eras
def test_get_user_pages_pins_pages_and_stops_at_a_raw_frame(era):
    story = """
app: v = mmap 16K, mixedmap, wb
app: vm_insert_page v, buf
app: vmf_insert_mixed v + 4K, fb     #! tracking-unreserved
app: get_user_pages v, 16K
expect ret = 1
app: get_user_pages_fast v, 16K
expect ret = 1
app: get_user_pages v + 4K, 4K
expect ret = -EFAULT
"""
    assert broken(story, era) == []


@eras
def test_get_user_pages_refuses_an_io_mapping(era):
    story = """
app: v = mmap 16K, io, wb
app: get_user_pages v, 4K
expect ret = -EFAULT
app: w = mmap 16K, wb
app: get_user_pages w, 8K
expect ret = 2
"""
    assert broken(story, era) == []


@eras
def test_a_fast_walk_never_pins_a_huge_special_entry(era):
    story = """
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, big
app: get_user_pages_fast v + 1M, 8K
expect ret = -EFAULT
app: w = mmap 16K, pfnmap
app: vmf_insert_pfn w, fb
app: get_user_pages_fast w, 4K
expect ret = -EFAULT
"""
    assert broken(story, era) == []


@eras
def test_walk_page_range_skips_pfn_mappings_but_not_io_ones(era):
    story = """
app: walk_page_range v, 16K
expect ret = 0
app: walk_page_range v, 16K, test_walk
expect ret = 4
app: walk_page_range_vma v + 4K, 8K
expect ret = 2
app: w = mmap 16K, io, mixedmap, wb
app: vm_insert_page w, buf
app: walk_page_range w
expect ret = 1
"""
    assert broken(PRIVATE + story, era) == []


@eras
def test_walk_page_vma_skips_pfn_mappings_in_old_kernels_only(era):
    story = """
app: walk_page_vma v
expect ret = 0   @vm-pat
expect ret = 4   @!vm-pat
app: walk_page_vma v, test_walk
expect ret = 4
"""
    assert broken(PRIVATE + story, era) == []


@eras
def test_folio_walk_finds_the_copied_page_and_no_frame(era):
    story = """
app: folio_walk_start v
expect ret = NULL      @!vm-pat
expect ret = -ENOSYS   @vm-pat
app: folio_walk_start v + 4K
expect ret = 0         @!vm-pat
app: h = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd h, big
app: folio_walk_start h + 1M
expect ret = NULL      @!vm-pat
app: folio_walk_start h + 2M
expect ret = NULL      @!vm-pat
"""
    assert broken(PRIVATE + story, era) == []


@eras
def test_a_special_entry_in_a_mapping_without_the_flag_is_a_bad_page_map_for_every_walk(era):
    story = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: vm_flags_clear v, pfnmap
app: get_user_pages v, 4K           #! mapping-bad-page-map
expect ret = -EFAULT
expect dmesg "BUG: Bad page map"
app: folio_walk_start v             #! mapping-bad-page-map@!vm-pat
app: munmap v                       #! mapping-bad-page-map
"""
    assert broken(story, era) == []


@eras
def test_following_reads_huge_entries_since_follow_pfnmap_start(era):
    story = """
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, big
app: p = follow_pfnmap_start v + 1M
expect ret = -EINVAL   @vm-pat
expect ret = 0         @!vm-pat
app: w = mmap 16K, wb
app: follow_pfn w
expect ret = -EINVAL
app: follow_pfnmap_start v + 2M
expect ret = -EINVAL
"""
    assert broken(story, era) == []


@eras
def test_what_was_followed_may_be_mapped_until_the_end(era):
    story = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: p = follow_pfnmap_start v
app: secondary_map v, p
app: follow_pfnmap_end p
app: secondary_map v, p            #! walker-follow-late
app: q = follow_pfn v
app: secondary_map v, q            #! walker-follow-late
"""
    assert broken(story, era) == []


@eras
def test_a_notifier_does_not_help_who_does_not_look_at_the_sequence(era):
    story = """
app: v = mmap 16K, pfnmap
app: register_notifier app
app: vmf_insert_pfn v, fb
app: p = follow_pfnmap_start v
app: follow_pfnmap_end p
drv: zap_vma_ptes v
app: secondary_map v, p, retry
expect ret = -EAGAIN
app: secondary_map v, p            #! walker-follow-late
"""
    assert broken(story, era) == []


@eras
def test_generic_access_phys_reserves_for_a_moment_and_refuses_what_is_not_there(era):
    story = """
app: v = mmap 16K, pfnmap
app: generic_access_phys v, 8
expect ret = -EINVAL
app: vmf_insert_pfn v, fb
app: generic_access_phys v, 8
expect ret = 8
expect memtypes = none
app: w = mmap 16K, wb
app: generic_access_phys w, 8
expect ret = -EINVAL
"""
    assert broken(story, era) == []


@eras
def test_generic_access_phys_does_not_read_the_copied_page(era):
    assert broken(PRIVATE + "app: generic_access_phys v + 4K, 8\nexpect ret = -ENOMEM\n", era) == []


@eras
def test_apply_to_page_range_fills_what_is_empty_without_a_bracket(era):
    story = """
app: v = mmap 16K, pfnmap, wc
drv: apply_to_page_range v, 16K, fb
expect pte v + 12K = fb + 12K wc
expect memtypes = none
drv: apply_to_page_range v, 0
expect ret = -EINVAL
drv: apply_to_page_range v, 16K, fb   # the same once more changes nothing
"""
    assert broken(story, era) == []


@eras
def test_apply_to_page_range_leaves_the_order_to_its_caller(era):
    story = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K
  apply_to_page_range v, 4K, fb + 32K   #! notifier-install-first
  invalidate_range_end v, 4K            #! walker-apply-flush
}
app: mmap_read_lock {
  invalidate_range_start v, 4K
  ptep_clear_flush_notify v
  apply_to_page_range v, 4K, fb + 48K
  invalidate_range_end v, 4K
}
expect pte v = fb + 48K
"""
    assert broken(story, era) == []
