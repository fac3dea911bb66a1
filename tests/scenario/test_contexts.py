"""Contexts by themselves, and what a recording without a list or /proc/iomem can hold: words that `convert` writes."""

import pytest

from pat_check.eras import ERAS, era_of
from pat_check.errors import TraceError
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from tests.scenario.stories import HEAD, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)


@eras
def test_the_last_reference_frees_what_a_context_reserved(era):
    story = """
drv: c = pfnmap_track_ctx_alloc fb, 32K, wc
expect refs c = 1
drv: kref_get c
app: kref_put c
expect memtypes fb = [0, 32K) wc
expect refs c = 1
drv: kref_put c
expect memtypes fb = none
expect refs c = 0
"""
    assert broken(story, era) == []


@eras
def test_a_context_gets_the_type_that_is_there_or_is_refused(era):
    story = """
mtrr 0xfd000000 size 64K write-back
drv: memtype_reserve fb, 8K, wb
drv: c = pfnmap_track_ctx_alloc fb, 8K, uc- #! memtype-fallback
expect ret = -EINVAL
drv: memtype_reserve fb + 8K, 4K, uc-
drv: d = pfnmap_track_ctx_alloc fb + 8K, 4K, wc #! memtype-downgrade
expect ret = 0
expect memtypes fb = [0, 8K) wb, [8K, 12K) uc-, [8K, 12K) uc-
drv: kref_put d
expect memtypes fb = [0, 8K) wb, [8K, 12K) uc-
"""
    assert broken(story, era) == []


@eras
def test_any_refusal_of_a_context_is_invalid_and_it_has_whole_pages(era):
    story = """
drv: memtype_reserve fb, 4K, wc
drv: memtype_reserve fb + 4K, 4K, uc-
drv: c = pfnmap_track_ctx_alloc fb, 8K         #! memtype-conflict
expect ret = -EINVAL
drv: d = pfnmap_track_ctx_alloc fb + 32K + 1, 100
expect memtypes fb = [0, 4K) wc, [4K, 8K) uc-, [32K, 36K) uc-
drv: kref_put d
expect memtypes fb = [0, 4K) wc, [4K, 8K) uc-
app: spin_lock {
  d = pfnmap_track_ctx_alloc fb + 32K, 4K      #! locking-may-sleep
}
"""
    assert broken(story, era) == []


@eras
def test_a_listed_context_asks_nobody(era):
    story = """
drv: memtype_reserve fb, wc
drv: c = pfnmap_track_ctx_alloc fb + 4K, 4K, uc-, listed
expect memtypes fb = [0, 64K) wc, [4K, 8K) uc-
drv: kref_put c
drv: memtype_free fb
expect memtypes fb = none
"""
    assert broken(story, era) == []


@eras
def test_ram_pages_are_ram_from_then_on(era):
    story = """
drv: memtype_reserve big, 8K, wc, ram_pages
expect memtypes = none
app: v = mmap 4K, card
app: remap_pfn_range v, big, wc
expect pte v = big wc
app: munmap v
drv: memtype_free big, 8K, ram_pages
drv: memtype_reserve big, 8K, uc-
expect memtypes big = [0, 8K) uc-
drv: memtype_free big, 8K
"""
    assert broken(story, era) == []


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("drv: c = pfnmap_track_ctx_alloc fb\ndrv: kref_put c\ndrv: kref_put c", "c has no reference left"),
        ("drv: c = pfnmap_track_ctx_alloc fb\ndrv: kref_get d", "'d' names nothing here|d is no context"),
        ("drv: kref_get fb", "fb is no context"),
        (
            "drv: c = pfnmap_track_ctx_alloc fb\ndrv: c = pfnmap_track_ctx_alloc fb",
            "c is a context that has a reference",
        ),
        ("drv: c = pfnmap_track_ctx_alloc fb\ndrv: kref_get c + 4K", "c is no context"),
        ("drv: c = pfnmap_track_ctx_alloc fb\napp: munmap c", "c is a context: it has no address"),
        ("drv: c = pfnmap_track_ctx_alloc fb\napp: c = mmap 4K", "'c' is a context already, since line 9"),
        ("drv: memtype_reserve fb, listed, ram_pages", "'ram_pages' contradicts 'listed'"),
    ],
)
def test_what_makes_no_sense_is_an_error_at_its_place(story, message):
    with pytest.raises(TraceError, match=message):
        Stage(parse(HEAD + story, "story.pat"), era_of("pfnmap-ctx"), lambda incident: None).play()


def test_an_expectation_that_a_context_does_not_meet_says_what_it_has():
    story = "drv: c = pfnmap_track_ctx_alloc fb\nexpect refs c = 2\ndrv: kref_put c\nexpect refs c = 2\n"
    (one, none) = broken(story, era_of("pfnmap-ctx"))
    assert one.endswith("the context has 1 reference, not 2")
    assert none.endswith("the context has no reference, not 2")
