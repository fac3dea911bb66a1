import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_check.findings import Extent
from pat_check.reporters.drawing import page_map

PAGE = 0x1000


def drawn(*extents):
    return list(page_map(extents))


def test_a_column_is_a_page():
    assert drawn(Extent("reserved", 0xFD000000, 0xFD010000, "WC"), Extent("freed", 0xFD004000, 0xFD008000)) == [
        "each 4 KiB   0xfd000000-0xfd010000",
        "reserved WC  |WWWWWWWWWWWWWWWW|",
        "freed            |xxxx|",
    ]


def test_a_large_range_is_scaled():
    assert drawn(Extent("reserved", 0, 0x1000_0000, "UC-"), Extent("freed", 0xFFFF_F000, 0xFFFF_F000)) == [
        "each 8 MiB    0x0-0x10000000",
        "reserved UC-  |" + "u" * 32 + "|",
    ]


def test_a_small_extent_of_a_large_map_is_still_seen():
    rows = drawn(Extent("a", 0, 0x1000_0000), Extent("b", 0x800_0000, 0x800_1000))
    assert rows[2] == "b           " + " " * 16 + "|x|"


def test_what_lies_far_apart_is_drawn_apart():
    assert drawn(Extent("a", 0x1000, 0x2000, "WB"), Extent("b", 0x9000_0000, 0x9000_2000, "WT")) == [
        "each 4 KiB  0x1000-0x2000",
        "a WB        |B|",
        "each 4 KiB  0x90000000-0x90002000",
        "b WT        |TT|",
    ]


def test_rows_stay_in_the_order_they_were_given():
    assert [row[0] for row in drawn(Extent("b", PAGE, 3 * PAGE), Extent("a", 0, 2 * PAGE))] == ["e", "b", "a"]


def test_an_unknown_mode_is_a_question():
    assert drawn(Extent("a", 0, PAGE, "broken"))[1] == "a broken    |?|"


def test_many_rows_are_counted():
    assert drawn(*(Extent("a", at * PAGE, (at + 1) * PAGE) for at in range(20)))[-1] == "and 8 more"


@pytest.mark.parametrize("extent", [Extent("a", -1, -1), Extent("a", PAGE, PAGE), Extent("a", 2 * PAGE, PAGE)])
def test_no_range_is_no_map(extent):
    assert drawn(extent) == []


BYTES = st.integers(0, 1 << 52)
EXTENTS = st.builds(
    lambda start, size, mode: Extent("reserved", start, start + size, mode),
    BYTES,
    st.integers(1, 1 << 46),
    st.sampled_from(["", "WC", "UC-", "WB"]),
)


@given(st.lists(EXTENTS, min_size=1, max_size=6))
def test_every_map_fits_80_columns_and_has_a_row_for_each_extent(extents):
    rows = drawn(*extents)
    assert max(len(row) for row in rows) + 4 <= 80
    assert sum("|" in row for row in rows) == len(extents)
    assert all(row.isascii() for row in rows)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_columns_stand_where_the_bytes_are(first, first_size, second, second_size):
    """The oracle paints one page after the other; small worlds only, where a column is one page."""
    extents = [
        Extent("a", first * PAGE, (first + first_size) * PAGE),
        Extent("b", second * PAGE, (second + second_size) * PAGE),
    ]
    low, high = min(first, second), max(first + first_size, second + second_size)
    rows = drawn(*extents)
    if high - low > 56 or len(rows) != 3:
        return
    for row, at, size in ((rows[1], first, first_size), (rows[2], second, second_size)):
        painted = row[len("each 4 KiB  ") + 1 :]
        assert {column for column, letter in enumerate(painted) if letter == "x"} == set(
            range(at - low, at - low + size)
        )
