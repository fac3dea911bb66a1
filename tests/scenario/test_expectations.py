"""What a scenario can expect of an entry and of a mapping: each word holds where it should, and only there."""

import pytest

from pat_check import plays
from pat_check.eras import ERAS, NEWEST
from pat_check.errors import TraceError
from pat_check.scenario.parser import parse
from tests.scenario.stories import HEAD, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)

SHARED = "app: v = mmap 16K, card, wc\napp: remap_pfn_range v, fb, 16K\n"
PLAIN = "app: v = mmap 16K, card\n"
PRIVATE = "app: v = mmap 16K, private, wb\napp: remap_pfn_range v, fb, 16K, wb\napp: write v\n"
HUGE = "app: v = mmap 2M, pfnmap\napp: fault v {\n  vmf_insert_pfn_pmd v, big\n}\n"


@eras
@pytest.mark.parametrize(
    ("story", "expectation"),
    [
        (SHARED, "pte v + 4K = pfn 0xfd001, wc, special, write, present, pte, not anon"),
        (SHARED, "pte v + 4K = pfn fb + 4K, wc"),
        (SHARED, "pte v + 4K + 8 = pfn fb + 4K"),
        (SHARED, "pte v + 4K = 0xfd001000 wc, special"),
        (SHARED, "pte v + 4K = not uc-, not pmd"),
        (SHARED, "pte v = special"),
        (SHARED, "pte v = wc, write"),
        (SHARED + "app: mprotect v, ro\n", "pte v = pfn 0xfd000 wc, not write"),
        (SHARED + "app: zap_vma_ptes v\n", "pte v = none"),
        (PRIVATE, "pte v = anon, wb, write, not special"),
        (PRIVATE, "pte v + 4K = fb + 4K uc-, special, not write, not anon"),
        (HUGE, "pte v + 1M = big + 1M, pmd, not pte"),
        (
            SHARED,
            "vm_flags v = pfnmap, io, dontexpand, dontdump, shared, write, maywrite, read, not mixedmap, not dontcopy",
        ),
        (SHARED + "app: madvise v + 4K, dontfork\n", "vm_flags v + 4K = dontcopy"),
        (SHARED + "app: madvise v + 4K, dontfork\n", "vm_flags v = not dontcopy"),
        (SHARED + "app: madvise v + 4K, 4K, dontfork\n", "vm_flags v + 8K = not dontcopy"),
        (SHARED + "app: madvise v, dofork\n", "ret = -EINVAL"),
        (SHARED + "app: madvise v, dontfork\napp: madvise v, dofork\n", "vm_flags v = dontcopy"),
        (SHARED + "app: munmap v\napp: madvise v, dontfork\n", "ret = -ENOMEM"),
        (PLAIN + "app: madvise v, dontfork\napp: madvise v, dofork\n", "ret = 0"),
        (PLAIN + "app: madvise v, dontfork\napp: madvise v, dofork\n", "vm_flags v = not dontcopy"),
        (PRIVATE, "vm_flags v = not shared, maywrite"),
    ],
)
def test_what_is_so_meets_the_expectation(era, story, expectation):
    if story == HUGE and not era.huge_pfnmap:
        expectation = "pte v + 1M = none"  # the insert falls back
    assert [line for line in broken(f"{story}expect {expectation}\n", era) if "found" not in line] == []


@pytest.mark.parametrize(
    ("story", "expectation", "said"),
    [
        (SHARED, "pte v = pfn 0xfd001", "the entry is 0xfd000000 wc special write, not 0xfd001000"),
        (SHARED, "pte v = fb, anon", "the entry is 0xfd000000 wc special write, not anon"),
        (SHARED, "pte v = not special", "the entry is 0xfd000000 wc special write, and not expected to be special"),
        (SHARED, "pte v = uc-", "the entry is 0xfd000000 wc special write, not uc-"),
        (SHARED, "pte v = fb, pmd", "the entry is 0xfd000000 wc special write, not pmd"),
        (HUGE, "pte v = pte", "the entry is 0x100000000 uc- special write pmd, not pte"),
        (PRIVATE, "pte v = fb", "the entry is anon wb write, not 0xfd000000"),
        (SHARED, "pte v = none", "the entry is 0xfd000000 wc special write, not none"),
        (SHARED, "memtypes fb + 4K = none", "memtypes of fb + 4K are [0, 12K) wc, not none"),
        (SHARED, "refs v = 3", "the context has 1 reference, not 3"),
        (PLAIN, "refs v = 1", "the mapping has no context, not 1 references to one"),
        (SHARED, "pte v + 16K = present", "the entry is none, not present"),
        (SHARED, "pte v + 16K = not anon", "the entry is none, and not expected to be anon"),
        (SHARED, "vm_flags v + 16K = io", "nothing is mapped there"),
        ("app: v = mmap 4K\n", "vm_flags v = io", "the flags are read write maywrite shared, without io"),
        ("app: v = mmap 4K\n", "vm_flags v = none", "the flags are read write maywrite shared, not none"),
        (
            "app: v = mmap 4K\n",
            "vm_flags v = not read",
            "the flags are read write maywrite shared, and not expected with read",
        ),
    ],
)
def test_what_is_not_so_is_told(story, expectation, said):
    (line,) = [line for line in broken(f"{story}expect {expectation}\n", NEWEST) if "found" not in line]
    assert line == f"{(HEAD + story).count(chr(10)) + 1}: {said}"


@eras
def test_the_flag_of_the_tracking_layer_is_expected_where_it_exists(era):
    story = SHARED + "expect vm_flags v = pat   @!pfnmap-ctx\nexpect vm_flags v = not pat   @pfnmap-ctx\n"
    assert broken(story, era) == []


@pytest.mark.parametrize(
    ("expectation", "column", "said"),
    [
        ("pte v = fb wcc", 19, "not 'wcc'; did you mean 'wc'?"),
        ("pte v = fb, specail", 20, "not 'specail'; did you mean 'special'?"),
        ("pte v = fb, not wirte", 24, "not 'wirte'; did you mean 'write'?"),
        ("vm_flags v = pfnmpa", 21, "not 'pfnmpa'; did you mean 'pfnmap'?"),
        ("memtypes fb = [0, 4K) ucc", 30, "not 'ucc'; did you mean 'uc'?"),
        ("pte v = fbb", 16, "'fbb' names nothing here; did you mean 'fb'?"),
        ("pte v = specail", 16, "'specail' names nothing here; did you mean 'special'?"),
    ],
)
def test_a_word_that_does_not_exist_is_refused_whatever_the_era(expectation, column, said):
    text = f"{HEAD}{SHARED}expect {expectation} @!pfnmap-ctx\n"
    with pytest.raises(TraceError) as caught:
        plays.play(parse(text, "story.pat"), NEWEST)
    first = str(caught.value).split("\n")[0]
    assert first.startswith(f"story.pat:{(HEAD + SHARED).count(chr(10)) + 1}:{column}: ")
    assert first.endswith(said)


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("expect ret = -EINVALL", 14, "no result is called '-EINVALL'; did you mean '-EINVAL'?"),
        ("expect ret = EINVAL", 14, "no result is called 'EINVAL'; did you mean '-EINVAL'?"),
        ("expect ret = SIGBUSS", 14, "no result is called 'SIGBUSS'; did you mean 'SIGBUS'?"),
        ("expect ret = fb", 14, "no result is called 'fb'"),
    ],
)
def test_a_result_that_does_not_exist_is_refused(line, column, said):
    text = HEAD + line
    with pytest.raises(TraceError) as caught:
        plays.play(parse(text, "story.pat"), NEWEST)
    assert str(caught.value).split("\n")[0] == f"story.pat:{text.count(chr(10)) + 1}:{column}: {said}"


@pytest.mark.parametrize("result", ["0", "-22", "-EINVAL", "-EFAULT", "SIGBUS", "NOPAGE", "FALLBACK", "BUG"])
def test_a_result_may_be_any_that_the_kernel_has(result):
    plays.play(parse(HEAD + f"app: v = mmap 4K\nexpect ret = {result}", "story.pat"), NEWEST)


@pytest.mark.parametrize(
    ("operation", "refs"),
    [
        ("split_vma v + 8K", 2),
        ("split_vma v", 1),
        ("split_vma v + 1", 1),
        ("madvise v + 8K, dontfork", 2),
        ("madvise v + 8K, dofork", 1),  # refused before anything is split
        ("madvise v, dontfork\napp: madvise v + 8K, dontfork", 1),  # it has the flag
    ],
)
def test_a_mapping_is_split_where_the_kernel_splits_it(operation, refs):
    assert broken(f"{SHARED}app: {operation}\nexpect refs v = {refs}\n", NEWEST) == []


def test_physical_addresses_are_told_as_they_are_written():
    story = f"{SHARED}expect memtypes = [0xfd000000, 0xfd001000) wc\n"
    (said,) = broken(story, NEWEST)
    assert said.endswith("are [0xfd000000, 0xfd004000) wc, not [0xfd000000, 0xfd001000) wc")


def test_of_a_message_with_addresses_the_known_part_is_named():
    story = f'{SHARED}drv: memtype_free fb, 4K\nexpect dmesg "freeing invalid memtype [mem 0xfd000000]"\n'
    said = broken(story, NEWEST)[-1]
    assert said.endswith('only so much of a message is known here: expect dmesg "freeing invalid memtype"')
