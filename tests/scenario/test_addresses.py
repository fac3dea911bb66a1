"""User space ends where the page tables let it: nothing is mapped, cut or moved beyond."""

import pytest

from pat_check import plays
from pat_check.eras import ERAS, NEWEST
from pat_check.errors import TraceError
from pat_check.model.page_table import FIVE_LEVELS, FOUR_LEVELS
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from tests.scenario.stories import HEAD, broken

END = 0x7FFF_FFFF_F000
FIVE = "paging 5-level\n"
FAR_END = 0xFF_FFFF_FFFF_F000


def refused(text):
    with pytest.raises(TraceError) as caught:
        plays.play(parse(HEAD + text, "story.pat"), NEWEST)
    return str(caught.value).split("\n")[0].removeprefix("story.pat:")


def world(text):
    return Stage(parse(HEAD + text, "story.pat"), NEWEST, lambda incident: None).play().world


def mapped(text):
    return [(vma.start, vma.end) for mm in world(text).machine.mms.values() for vma in mm.vmas]


def test_user_space_is_the_lower_half_of_the_top_table_but_for_a_page():
    assert (FOUR_LEVELS.user_end, FIVE_LEVELS.user_end) == (END, FAR_END) == ((1 << 47) - 4096, (1 << 56) - 4096)


def test_four_levels_have_no_p4d():
    assert FOUR_LEVELS.spans == {"pte": 1 << 12, "pmd": 1 << 21, "pud": 1 << 30, "pgd": 1 << 39}
    assert FIVE_LEVELS.spans == {"pte": 1 << 12, "pmd": 1 << 21, "pud": 1 << 30, "p4d": 1 << 39, "pgd": 1 << 48}


@pytest.mark.parametrize(
    ("paging", "place"),
    [("", 0x10000), ("", END - 0x4000), ("paging 4-level\n", END - 0x4000), (FIVE, END), (FIVE, FAR_END - 0x4000)],
)
def test_a_mapping_may_be_anywhere_in_user_space(paging, place):
    assert mapped(f"{paging}app: v = mmap 16K, at {place:#x}\n") == [(place, place + 0x4000)]


@pytest.mark.parametrize(
    ("paging", "place"),
    [
        ("", END - 0x3000),
        ("", END),
        ("", 1 << 63),
        ("paging 4-level\n", 1 << 47),
        (FIVE, FAR_END - 0x3000),
        (FIVE, 1 << 63),
        (FIVE, (1 << 64) - 0x4000),
    ],
)
def test_a_mapping_outside_of_user_space_is_refused_where_it_stands(paging, place):
    message = refused(f"{paging}app: v = mmap 16K, at {place:#x}\n")
    at = (HEAD + paging).count("\n") + 1
    end = FAR_END if paging == FIVE else END
    assert message.startswith(
        f"{at}:23: [{place:#x}-{place + 0x4000:#x}) is outside of user space, which ends at {end:#x}"
    )
    assert message.endswith("`paging 5-level` it would reach further") == (paging != FIVE and place < 1 << 56)


@pytest.mark.parametrize(
    ("operation", "column"),
    [
        ("munmap v + 128T", 13),
        ("munmap v - 128T", 13),
        ("munmap v, 128T", 13),
        ("mprotect v, 128T, ro", 15),
        ("read v + 8 * 16T", 11),
        ("zap_vma_ptes v, 128T", 19),
        ("mremap v, 16K, 16K, 0x800000000000", 26),
    ],
)
def test_no_operation_reaches_outside_of_user_space(operation, column):
    line = f"app: {operation}"
    message = refused(f"app: v = mmap 16K\n{line}\n")
    assert message.startswith(f"{HEAD.count(chr(10)) + 2}:{column}: [")
    assert "is outside of user space" in message


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_what_has_no_address_stays_below_the_window_of_four_levels(era):
    story = """
app: a = mmap 16K, at 0x90000000000000
app: b = mmap 64T
expect ret = 0
app: c = mmap 64T
expect ret = -ENOMEM
app: d = mmap 32T
expect ret = 0
app: read d + 32T - 4K
app: e = mremap d, 32T, 32T
expect ret = -ENOMEM
app: munmap b
app: e = mremap d, 32T, 32T
expect ret = 0
"""
    assert broken(FIVE + story, era) == []
    assert all(start == 0x90000000000000 or end <= END for start, end in mapped(FIVE + story))


def test_a_mapping_does_not_grow_out_of_user_space():
    story = f"app: v = mmap 16K, at {END - 0x4000:#x}\napp: mremap v, 16K, 32K\nexpect ret = -ENOMEM\n"
    assert broken(story, NEWEST) == []
    assert broken(FIVE + story.replace("-ENOMEM", "0"), NEWEST) == []


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ("munmap v + 1, 4K", "-EINVAL"),
        ("munmap v, 0", "-EINVAL"),
        ("munmap v + 4K, 1", "0"),
        ("mprotect v + 1, 4K, ro", "-EINVAL"),
        ("mprotect v, 0, ro", "0"),
        ("madvise v + 1, 4K, dontfork", "-EINVAL"),
        ("mremap v + 1, 4K, 4K", "-EINVAL"),
        ("mremap v, 16K, 0", "-EINVAL"),
        ("mremap v, 16K, 16K, v + 1G + 1", "-EINVAL"),
        ("mremap v, 4K, 1", "0"),
    ],
)
def test_pages_are_whole(operation, result):
    story = f"app: v = mmap 16K, card\napp: {operation}\nexpect ret = {result}\n"
    assert broken(story, NEWEST) == []
    assert all(start % 4096 == end % 4096 == 0 for start, end in mapped(story))


@pytest.mark.parametrize(
    ("operation", "column"),
    [("mremap v, 4K, 0 - 8K", 20), ("munmap v, 0 - 1", 16), ("w = mmap 0 - 4K, card", 15), ("ioremap fb, 0 - 4K", 18)],
)
def test_no_size_is_below_zero(operation, column):
    message = refused(f"app: v = mmap 16K\napp: {operation}\n")
    assert message.startswith(f"{HEAD.count(chr(10)) + 2}:{column}: -0x")
    assert message.endswith(" is no size")


def test_paging_is_said_once():
    assert refused(FIVE + "paging 4-level\n") == f"{HEAD.count(chr(10)) + 2}:1: paging is 5-level already"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("paging 6-level", "1:8: expected 4-level or 5-level, not '6-level'"),
        ("paging", "1:7: expected 4-level or 5-level, not the end of the statement"),
        ("pagign 5-level", "1:1: no statement begins with 'pagign'; did you mean 'paging'?"),
        ("mtrr 0 size 1G uncachabel", "1:16: no MTRR is 'uncachabel'; did you mean 'uncachable'?"),
    ],
)
def test_a_slip_in_a_declaration_is_told(line, said):
    with pytest.raises(TraceError) as caught:
        plays.play(parse(line + "\n", "story.pat"), NEWEST)
    assert str(caught.value).split("\n")[0] == f"story.pat:{said}"


@pytest.mark.parametrize(
    ("operation", "column", "meant"), [("munmap v-4K", 13, "v - 4K"), ("remap_pfn_range v, fb-8K-4K", 25, "fb - 8K-4K")]
)
def test_a_difference_without_spaces_is_told_how_it_is_written(operation, column, meant):
    message = refused(f"app: v = mmap 16K\napp: {operation}\n")
    assert message.startswith(f"{HEAD.count(chr(10)) + 2}:{column}: ")
    assert message.endswith(f"names nothing here; a minus has a space on each side: {meant}")


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_mremap_over_a_mapping_goes_to_its_address_and_may_have_a_name(era):
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb
app: w = mmap 16K
app: x = mremap v + 8K, 8K, 8K, w
expect pte w = fb + 8K
expect pte x = fb + 8K
expect pte v + 8K = none
"""
    assert broken(story, era) == []


@pytest.mark.parametrize("era", ERAS, ids=str)
@pytest.mark.parametrize("size", ["20K", "32K"])
def test_a_move_across_the_end_of_a_mapping_is_refused(era, size):
    story = f"app: v = mmap 16K, card\napp: remap_pfn_range v, fb, 16K\napp: w = mremap v, {size}, {size}\n"
    kept = "expect memtypes fb = [0, 16K) uc-\napp: munmap v\nexpect memtypes fb = none\n"
    assert broken(f"{story}expect ret = -EFAULT\n{kept}", era) == []
