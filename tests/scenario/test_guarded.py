"""Rows of the catalogue that the model keeps by construction: what must hold in every era, shown and not judged.

`GUARDED` of pat_check.docs names the test of each row that no rule can notice.
"""

from pathlib import Path

import pytest

from pat_check import plays
from pat_check.docs import GUARDED
from pat_check.eras import ERAS
from pat_check.rulebook import own_rules
from tests.scenario.stories import HEAD, broken, frees, watched

eras = pytest.mark.parametrize("era", ERAS, ids=str)

ROWS = (*range(1, 26), *range(30, 62), *range(70, 100), *range(110, 120), *range(130, 141), *range(150, 161))

FOLDER = Path(__file__).parent
STORIES = [path.read_text() for path in sorted((FOLDER / "golden").glob("*.pat"))]
STORIES += [trace for rule in own_rules() if rule.language == "pat" for trace in (rule.violating, rule.clean)]


def test_every_row_of_the_catalogue_has_a_rule_or_a_guard():
    covered = {number for rule in own_rules() for number in rule.invariants}
    assert sorted(set(ROWS) - covered - set(GUARDED)) == []


def test_every_guard_is_a_test():
    tests = "".join((FOLDER / f"test_{name}.py").read_text() for name in ("guarded", "walkers"))
    assert [name for name in GUARDED.values() if f"def {name}(era" not in tests] == []


@eras
@pytest.mark.parametrize("number", range(0, len(STORIES), 8))
def test_a_context_counts_its_mappings_after_every_operation(era, number):
    for story in STORIES[number : number + 8]:
        watched(story.lstrip("\n"), era)


@eras
@pytest.mark.parametrize("part", ["v", "v + 4K, 4K"])
def test_a_zap_frees_where_it_untracks_and_nowhere_else(era, part):
    story = f"""
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes {part}
"""
    gone = era.name in ("vm-pat", "vm-pat-6.12")
    assert frees(story, era) == [0, 1, 0 if gone else 1]
    assert frees(story.replace("zap_vma_ptes v + 4K, 4K", "unmap_mapping_range card, 4K, 4K"), era)[-1] == (not gone)


@eras
def test_a_zap_of_an_untracked_mapping_frees_nothing(era):
    story = """
drv: arch_io_reserve_memtype_wc fb, 16K
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
drv: zap_vma_ptes v
"""
    assert frees(story, era) == [1, 1, 1, 1]


@eras
def test_fork_adds_one_equal_reservation_or_none(era):
    story = """
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
app: fork child
expect memtypes fb = [0, 16K) wc, [0, 16K) wc   @!pfnmap-ctx
expect memtypes fb = [0, 16K) wc                @pfnmap-ctx
app: w = mmap 8K, wb
app: remap_pfn_range w, buf, 8K
app: madvise v, 16K, dontfork
app: fork other
expect memtypes fb = [0, 16K) wc, [0, 16K) wc   @!pfnmap-ctx
expect memtypes fb = [0, 16K) wc                @pfnmap-ctx
"""
    assert broken(story, era) == []


@eras
def test_a_fork_that_fails_later_gives_back_what_it_reserved(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: w = mmap 16K, private
app: remap_pfn_range w, fb + 32K, 16K
app: write w                        #! mapping-cow-mode
app: fork child                     #! tracking-fork-failed@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [32K, 48K) uc-
"""
    assert broken(story, era) == []


@eras
@pytest.mark.parametrize(
    ("mapping", "remap", "error"),
    [
        ("16K", "v, fb, 16K, enomem", "-ENOMEM"),
        ("16K", "v, fb + 4K, 8K", "-EINVAL"),
        ("16K, private", "v, fb + 32K, 8K", "-EINVAL"),
        ("16K, uc-", "v, fb + 4K, 16K", "-EINVAL"),
    ],
    ids=["no-memory", "partly-of-another-type", "private-part", "two-types"],
)
def test_a_failed_remap_leaves_no_reservation_no_flag_and_no_context(era, mapping, remap, error):
    story = f"""
drv: memtype_reserve fb, 8K, wc
drv: memtype_reserve fb + 16K, 8K, wt
app: v = mmap {mapping}
app: remap_pfn_range {remap}
expect ret = {error}
"""
    story = story.replace("fb, 16K, enomem", "fb + 32K, 16K, enomem")
    assert [line for line in broken(story, era) if "the operation returned" in line] == []
    world = watched(HEAD + story, era)
    (vma,) = [vma for mm in world.machine.mms.values() for vma in mm.vmas]
    assert (vma.ctx, vma.flags & 0x01000000, len(vma.mm.page_table)) == (None, 0, 0)
    assert [(node.start, node.end) for node in world.machine.memtypes] == [
        (0xFD000000, 0xFD002000),
        (0xFD004000, 0xFD006000),
    ]


@eras
def test_a_mmap_that_fails_after_its_remap_leaves_nothing(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: munmap v
expect memtypes = none
app: w = mmap 16K, fb, wc, deferred
expect memtypes fb = [0, 16K) wc
expect pte w = fb wc
drv: memtype_reserve fb + 32K, 4K, wc
drv: memtype_reserve fb + 36K, 4K, uc-
app: mmap 16K, fb + 32K, wc, deferred       #! memtype-conflict
expect ret = -EINVAL
expect memtypes fb = [0, 16K) wc, [32K, 36K) wc, [36K, 40K) uc-
"""
    assert broken(story, era) == []


@eras
def test_a_context_is_freed_after_the_last_entry_is_cleared(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: munmap v {
  drv: memtype_reserve fb + 32K, 4K
}
expect memtypes fb = [32K, 36K) uc-
"""
    assert broken(story, era) == []
    inside = [0, 1, 1 if era.name != "pfnmap-ctx" else 2, 1]
    assert frees(story, era) == inside


@eras
def test_a_pfn_mapping_neither_grows_nor_stays_behind(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: mremap v, 16K, 32K
expect ret = -EFAULT
app: w = mremap v, 0, 16K
expect ret = -EFAULT
app: w = mremap v, 16K, 16K, dontunmap
expect ret = -EINVAL
app: mremap v, 16K, 8K
expect ret = 0
app: n = mmap 16K
app: mremap n, 16K, 32K
expect ret = 0
"""
    assert broken(story, era) == []


@eras
def test_pieces_of_a_pfn_mapping_never_merge_again(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: mprotect v, 8K, ro
app: mprotect v, 8K, rw
app: w = mmap 16K, at 0x7f0000204000
app: remap_pfn_range w, fb + 16K, 16K
"""
    world = watched(HEAD + story, era)
    (mm,) = [mm for mm in world.machine.mms.values() if mm.vmas]
    assert [vma.size // 4096 for vma in mm.vmas] == [2, 2, 4]


@eras
def test_an_entry_has_the_type_that_a_look_up_finds_when_it_is_made(era):
    story = """
drv: arch_io_reserve_memtype_wc fb, 16K
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
expect pte v = fb wc
app: vmf_insert_pfn v + 4K, fb + 32K
expect pte v + 4K = fb + 32K uc-
app: w = mmap 32K
app: remap_pfn_range w, fb, 16K
expect pte w + 12K = fb + 12K wc
app: x = mmap 16K, mixedmap
app: vmf_insert_mixed x, fb + 4K
expect pte x = fb + 4K wc
"""
    assert broken(story, era) == []


@eras
def test_frame_and_type_survive_mprotect_fork_and_mremap(era):
    story = """
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
app: mprotect v, ro
expect pte v + 4K = fb + 4K wc
app: fork child
child: read v
expect pte v + 4K = fb + 4K wc
app: w = mremap v, 16K, 16K
expect pte w + 4K = fb + 4K wc
expect pte v + 4K = none
"""
    assert broken(story, era) == []


@eras
def test_a_refault_in_the_upper_part_of_a_split_mapping_is_of_the_same_frames(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: madvise v, 8K, dontfork
drv: zap_vma_ptes v + 8K, 8K
app: vmf_insert_pfn v + 8K, fb + 8K
app: vmf_insert_pfn v + 12K, fb + 12K
"""
    assert broken(story, era) == []


@eras
def test_threads_share_an_address_space_until_the_last_is_gone(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: thread t2
app: exit
expect memtypes fb = [0, 16K) uc-
t2: mprotect v, ro
t2: vfork child
child: exec
child: exit
expect memtypes fb = [0, 16K) uc-
t2: exit
expect memtypes fb = none
"""
    assert broken(story, era) == []


@eras
def test_memremap_pages_tracks_a_range_without_a_mapping(era):
    story = """
drv: memremap_pages fb, 32K
expect memtypes fb = [0, 32K) uc-
drv: memunmap_pages fb, 32K
expect memtypes fb = none
drv: memremap_pages buf, 16K
expect ret = -ENXIO
"""
    assert broken(story, era) == []


@eras
def test_vm_insert_page_makes_a_mapping_mixed_and_tracks_nothing(era):
    story = """
app: v = mmap 16K, wb
app: vm_insert_page v, buf
expect pte v = buf wb
app: vm_insert_page v, buf + 4K
expect ret = -EBUSY
app: vm_insert_pages v + 4K, buf + 4K, 12K
expect ret = 0
expect memtypes = none
app: vm_insert_page v + 12K, fb
expect ret = -EINVAL
app: w = mmap 16K, wb, pfnmap
app: vm_insert_page w, buf                #! mapping-insert-flags
expect ret = BUG
app: vm_insert_pages w, buf, 8K           #! mapping-insert-flags
expect ret = BUG                          @!pfnmap-ctx
"""
    assert broken(story, era) == []


@eras
def test_the_pgprot_helpers_add_bits_until_they_replace_them(era):
    story = """
app: v = mmap 16K, uc-
app: pgprot_writecombine v                #! mapping-strong-uc@!pfnmap-ctx
app: vm_page_prot v, wc
app: pgprot_noncached v                   #! mapping-strong-uc
app: vm_page_prot v, wb
app: pgprot_noncached v
app: pgprot_noncached v
"""
    assert broken(story, era) == []


@eras
def test_a_downgraded_munmap_that_clears_the_flag_is_no_offence(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: mmap_read_lock {
  munmap v
}
"""
    assert broken(story, era) == []


@eras
def test_what_others_do_in_the_middle_of_an_unmap_comes_before_its_entries_are_cleared(era):
    story = """
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: munmap v {
  drv: memtype_reserve fb + 32K, 4K
  drv: memtype_free fb + 32K, 4K
}
"""
    assert broken(story, era) == []
    play = plays.play(plays.parse(HEAD + story, "story.pat"), era)
    assert [at for at, _ in play.outcome.results] == [10, 11, 13, 14, 12]


@eras
def test_only_dax_has_huge_entries_before_6_12(era):
    story = """
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, big
expect ret = FALLBACK      @vm-pat
expect pte v = none        @vm-pat
expect pte v = big uc-     @!vm-pat
app: w = mmap 4M
app: vmf_insert_pfn_pmd w, big           #! mapping-insert-flags
expect ret = BUG
"""
    assert broken(story, era) == []


@eras
def test_vm_flags_set_warns_since_6_3_when_the_lock_is_not_held(era):
    story = """
app: v = mmap 4M
app: fault v {
  vm_flags_set v, pfnmap                 #! locking-vm-flags
}
expect dmesg none                        @vm-pat
expect dmesg "include/linux/rwsem.h"     @!vm-pat
"""
    assert broken(story, era) == []
