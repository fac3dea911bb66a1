"""Notifiers: brackets, secondary invalidates, and what the kernel's own operations tell."""

import pytest

from pat_check.eras import ERAS
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from tests.scenario.stories import HEAD, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)

MAPPED = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: vmf_insert_pfn v + 4K, fb + 4K
"""


def brackets(story, era):
    """The brackets of the kernel itself in the last line of a story, with addresses counted from the first mapping."""
    head, _, last = story.rstrip().rpartition("\n")
    stage = Stage(parse(HEAD + head + "\n", "story.pat"), era, lambda incident: None)
    stage.run(stage.scenario.statements)
    base = stage.names.mappings["v"].start
    stage.world.notifiers.seen.clear()
    stage.run(parse(last + "\n", "story.pat").statements)
    return [
        (event, (start - base) // 4096 if start else 0, (end - base) // 4096 if start else "max")
        for event, start, end in stage.world.notifiers.seen
    ]


@eras
def test_munmap_tells_once_for_the_whole_call(era):
    assert brackets(MAPPED + "app: munmap v", era) == [("UNMAP", 0, 4)]


@eras
def test_a_zap_tells_the_zapped_range_of_each_mapping(era):
    assert brackets(MAPPED + "drv: zap_vma_ptes v + 4K, 8K", era) == [("CLEAR", 1, 3)]
    story = """
app: v = mmap 16K, card, pfnmap
app: fork other
drv: unmap_mapping_range card, 0, 8K"""
    assert brackets(story, era) == [("CLEAR", 0, 2)] * 2


@eras
def test_mprotect_tells_from_the_first_entry_on(era):
    story = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v + 4K, fb
app: mprotect v, ro"""
    assert brackets(story, era) == [("PROTECTION_VMA", 1, 4)]


@eras
def test_fork_tells_the_whole_parent_of_a_private_mapping_and_nothing_of_a_shared_one(era):
    story = """
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: fork child"""
    assert brackets(story, era) == [("PROTECTION_PAGE", 0, 4)]
    assert brackets(story.replace(", private", ""), era) == []


@eras
def test_copy_on_write_tells_one_page(era):
    story = """
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: write v + 8K"""
    assert brackets(story, era) == [("CLEAR", 2, 3)]


@eras
def test_a_huge_entry_is_split_with_the_range_of_the_entry(era):
    story = """
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, big
app: mprotect v + 4K, 4K, ro"""
    told = brackets(story, era)
    assert told[:1] == ([("CLEAR", 0, 512)] if era.name != "vm-pat" else [])


@eras
def test_exit_tells_everything_and_installing_tells_nothing(era):
    assert brackets(MAPPED + "app: exit", era) == [("UNMAP", 0, "max")]
    assert brackets(MAPPED + "app: vmf_insert_pfn v + 8K, fb + 8K", era) == []


@eras
def test_a_bracket_is_ended_by_who_started_it_with_the_same_range(era):
    story = """
app: register_notifier app
app: mmap_read_lock {
  invalidate_range_start v, 8K
  invalidate_range_end v, 4K            #! notifier-unpaired
}
app: mmap_read_lock {
  invalidate_range_start v, 8K
}
app: thread t2
t2: mmap_read_lock {
  invalidate_range_end v, 8K            #! notifier-unpaired
}
app: mmap_read_lock {
  invalidate_range_end v, 8K            #! notifier-unpaired
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_brackets_of_different_tasks_may_overlap(era):
    story = """
app: thread t2
app: mmap_read_lock {
  invalidate_range_start v, 8K
  t2: mmap_read_lock {
    invalidate_range_start v + 4K, 8K
    invalidate_range_end v + 4K, 8K
  }
  invalidate_range_end v, 8K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_a_bracket_of_another_task_covers_nothing(era):
    story = """
app: thread t2
app: mmap_read_lock {
  invalidate_range_start v, 8K
  t2: mmap_read_lock {
    ptep_get_and_clear v                #! notifier-not-covered
  }
  invalidate_secondary v, 8K
  invalidate_range_end v, 8K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_a_start_that_must_not_block_may_fail_and_then_nothing_may_be_touched(era):
    story = """
app: register_notifier app, sleeps
app: mmap_read_lock {
  invalidate_range_start v, 4K, nonblock
}
expect ret = -EAGAIN
app: mmap_read_lock {
  ptep_get_and_clear v                  #! notifier-not-covered
  invalidate_range_end v, 4K            #! notifier-unpaired
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_flushing_the_tlb_counts_as_secondary_invalidate_since_6_12(era):
    story = """
app: mmap_read_lock {
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_clear_flush v
    set_pte_at v, fb + 32K              #! notifier-install-first@vm-pat
  }
  invalidate_range_end v, 4K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_the_end_of_a_bracket_invalidates_in_old_kernels(era):
    story = """
app: mmap_read_lock {
  invalidate_range_start v, 16K
  invalidate_range_start v, 4K
  ptep_get_and_clear v
  invalidate_range_end v, 4K
  set_pte_at v, fb + 32K                #! notifier-install-first@!vm-pat
  invalidate_secondary v, 16K
  invalidate_range_end v, 16K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_the_same_frame_may_come_back_at_once(era):
    story = """
app: mmap_read_lock {
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    set_pte_at v, fb
  }
  invalidate_range_end v, 4K
}
expect pte v = fb
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_an_inner_bracket_needs_its_own_invalidate(era):
    story = """
app: mmap_read_lock {
  invalidate_range_start v, 16K
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    set_pte_at v, fb + 32K              #! notifier-install-first
  }
  invalidate_range_end v, 4K
  invalidate_secondary v, 16K
  invalidate_range_end v, 16K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_write_protecting_the_same_pages_needs_nothing_under_the_lock(era):
    story = """
app: mmap_read_lock {
  invalidate_range_start v, 8K
  page_table_lock v {
    ptep_set_wrprotect v, 8K
  }
  invalidate_range_end v, 8K
}
"""
    assert broken(MAPPED + story, era) == []


@eras
def test_an_exited_process_has_no_notifier_any_more(era):
    story = """
app: thread t2
app: register_notifier app, sleeps
app: exit
t2: mmap_read_lock {
  invalidate_range_start v, 4K, nonblock
}
expect ret = -EAGAIN
t2: exec
t2: v = mmap 4K, pfnmap
t2: mmap_read_lock {
  invalidate_range_start v, 4K, nonblock
  invalidate_range_end v, 4K
}
"""
    assert broken(MAPPED + story, era) == []
