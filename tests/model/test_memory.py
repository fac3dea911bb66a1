"""What lies where: RAM and its page types, the legacy hole, the MTRRs, and what may be made of a granted type."""

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pat_check.cachemode import (
    BY_NAME,
    NAMES,
    SHORT,
    UC,
    UC_MINUS,
    WB,
    WC,
    WP,
    WT,
    cachemode_name,
    errno_name,
    pgprot2cachemode,
    short_name,
)
from pat_check.model.machine import Machine
from pat_check.model.memory import ISA_END, ISA_START, Mtrr, Ram, is_untracked
from pat_check.model.memtype import Memtype
from pat_check.model.operations import is_new_memtype_allowed, lookup_memtype, memtype_reserve
from pat_check.model.owner import BEFORE

PAGE = 4096
MIB = 1 << 20
MODES = (WB, WC, UC_MINUS, UC, WT, WP)
FIRST = MIB // PAGE - 4
"""The page that the first character of a map shows; the bar stands at 1 MiB."""


def pieces(picture, mark):
    """The byte ranges that a map shows with a mark."""
    flat = picture.replace("|", "") + " "
    found, start = [], None
    for index, character in enumerate(flat):
        if character == mark and start is None:
            start = index
        elif character != mark and start is not None:
            found.append(((FIRST + start) * PAGE, (FIRST + index) * PAGE))
            start = None
    return found


# --- is a range RAM? ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory", "asked", "result"),
    [
        pytest.param("....|RRRR....", "    |****", 1, id="all of the RAM"),
        pytest.param("....|RRRRRRRR", "    | ***", 1, id="inside the RAM"),
        pytest.param("....|RRRR....", "    |    ****", 0, id="behind the RAM"),
        pytest.param("....|....RRRR", "    |****", 0, id="before the RAM"),
        pytest.param("....|........", "    |****", 0, id="no RAM at all"),
        pytest.param("....|..RRRR..", "    |****", -1, id="a hole and then RAM"),
        pytest.param("....|RR..RR..", "    |******", -1, id="RAM, a hole, RAM"),
        pytest.param("....|RR.R....", "    |***", 1, id="RAM and the beginning of a hole"),
        pytest.param("....|RRRR....", "    |  ******", 1, id="a trailing hole is never seen"),
        pytest.param("....|R.......", "    |********", 1, id="one page of RAM hides seven behind it"),
        pytest.param("RRRR|RRRR....", "****|", 0, id="RAM below 1 MiB is none"),
        pytest.param("RRRR|RRRR....", "   *|", 0, id="the last page below 1 MiB"),
        pytest.param("....|RRRR....", "    |*", 1, id="the first page above 1 MiB"),
        pytest.param("RRRR|RRRR....", "  **|**", -1, id="RAM across 1 MiB is mixed"),
        pytest.param("....|RRRR....", "   *|*", -1, id="a hole below 1 MiB and RAM above"),
        pytest.param("RRRR|....RRRR", "  **|**", 0, id="across 1 MiB without RAM above"),
        pytest.param("RRRR|....RRRR", "   *|******", -1, id="across 1 MiB with RAM far above"),
    ],
)
def test_whether_a_range_is_ram(memory, asked, result):
    ram = Ram(pieces(memory, "R"))
    ((start, end),) = pieces(asked, "*")
    assert ram.test(start, end) == result


def test_resources_that_touch_are_one_piece_of_ram():
    #  pages  |0123
    #  RAM    |AABB
    #  asked  |****
    assert Ram([(MIB, MIB + 2 * PAGE), (MIB + 2 * PAGE, MIB + 4 * PAGE)]).test(MIB, MIB + 4 * PAGE) == 1


def test_resources_may_come_in_any_order():
    #  pages  |0123
    #  RAM    |BBAA
    assert Ram([(MIB + 2 * PAGE, MIB + 4 * PAGE), (MIB, MIB + 2 * PAGE)]).test(MIB, MIB + 4 * PAGE) == 1


@pytest.mark.parametrize(("start", "end"), [(0x800, 0xF00), (0x800, 0x1800), (0, 0xFFF), (1, 0x1000)])
def test_ram_without_a_full_page_is_none(start, end):
    assert Ram([(2 * MIB + start, 2 * MIB + end)]).test(2 * MIB, 2 * MIB + 2 * PAGE) == 0


def test_a_page_that_is_ram_only_in_part_is_a_hole():
    #  pages  |0123
    #  RAM    |AAaB      a: half a page
    #  asked  |****
    ram = Ram([(MIB, MIB + 2 * PAGE + 0x800), (MIB + 3 * PAGE, MIB + 4 * PAGE)])
    assert ram.test(MIB, MIB + 4 * PAGE) == -1
    assert ram.test(MIB, MIB + 3 * PAGE) == 1


def test_a_range_within_a_page_asks_for_the_whole_page():
    ram = Ram([(MIB, MIB + PAGE)])
    assert ram.test(MIB + 0x200, MIB + 0x300) == 1
    assert ram.test(MIB + PAGE + 0x200, MIB + PAGE + 0x300) == 0


def test_a_range_that_ends_within_a_page_asks_for_all_of_it():
    #  pages  |01
    #  RAM    | R
    #  asked  |*+      +: one byte
    assert Ram([(MIB + PAGE, MIB + 2 * PAGE)]).test(MIB, MIB + PAGE + 1) == -1


def test_the_start_of_the_isa_hole_is_not_ram_and_not_untracked():
    #  pages  9e 9f | a0 a1
    #  RAM    RR RR |
    #  asked  ** ** | ** **
    assert Ram([(0x1000, 0xA0000), (MIB, 2 * MIB)]).test(0x9E000, 0xA2000) == 0
    assert not is_untracked(0x9E000, 0xA2000)


def test_without_a_map_nothing_is_ram():
    ram = Ram()
    assert not ram.known
    assert ram.test(0, 1 << 40) == 0
    assert Ram([]).known


def test_what_a_recording_shows_to_be_ram_is_ram_from_then_on():
    #  pages  |0123456
    #  learn  |  AA
    #  learn  |BB
    ram = Ram()
    ram.learn(MIB + 2 * PAGE, MIB + 4 * PAGE)
    assert ram.test(MIB + 2 * PAGE, MIB + 4 * PAGE) == 1
    assert ram.test(MIB, MIB + 4 * PAGE) == -1
    ram.learn(MIB, MIB + 2 * PAGE)
    assert ram.test(MIB, MIB + 4 * PAGE) == 1


PAGES = st.integers(0, 16)


@settings(deadline=None, max_examples=200)
@given(st.sets(PAGES), PAGES, st.integers(1, 16))
def test_any_range_of_any_memory_is_ram_as_counted_page_by_page(memory, first, count):
    ram = Ram([((FIRST + page) * PAGE, (FIRST + page + 1) * PAGE) for page in memory])
    asked = range(first, first + count)
    inside = [page for page in asked if page in memory and page >= 4]
    unbroken = inside == list(asked[: len(inside)])
    expected = (1 if unbroken else -1) if inside else 0
    assert ram.test((FIRST + first) * PAGE, (FIRST + first + count) * PAGE) == expected


def test_ioremap_finds_ram_anywhere_in_its_range_even_below_one_mebibyte():
    #  pages  9d 9e 9f | a0 a1
    #  RAM    RR RR    |
    ram = Ram([(0x9D000, 0x9F000)])
    assert ram.is_busy_ram(0x9E000, 0xA2000)
    assert ram.is_busy_ram(0x9C000, 0x9E000)
    assert not ram.is_busy_ram(0x9F000, 0xA2000)
    assert not ram.is_busy_ram(0x9C000, 0x9D000)


# --- what is not tracked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "untracked"),
    [
        (ISA_START, ISA_END, True),
        (ISA_START, ISA_START + PAGE, True),
        (ISA_END - PAGE, ISA_END, True),
        (0xB8000, 0xC0000, True),
        (ISA_START - PAGE, ISA_END, False),
        (ISA_START - 1, ISA_START + PAGE, False),
        (ISA_START, ISA_END + 1, False),
        (ISA_END - PAGE, ISA_END + PAGE, False),
        (ISA_START - PAGE, ISA_START, False),
        (ISA_END, ISA_END + PAGE, False),
        (0, 2 * MIB, False),
    ],
)
def test_only_what_lies_wholly_in_the_isa_hole_is_untracked(start, end, untracked):
    assert is_untracked(start, end) is untracked


def test_a_range_across_the_start_of_the_isa_hole_is_stored():
    outcome = memtype_reserve(Machine(Ram([(0x1000, 0x9F000), (MIB, 2 * MIB)])), 0x9E000, 0xA2000, WC, strict=False)
    assert (outcome.path, outcome.ret, outcome.new) == ("tree", 0, WC)


# --- MTRRs ----------------------------------------------------------------------------------------------------


GIB = 1 << 30


def registers(*kinds):
    """One register a GiB, from 0."""
    return Mtrr([(index * GIB, (index + 1) * GIB, kind) for index, kind in enumerate(kinds) if kind])


@pytest.mark.parametrize("mtrr", [Mtrr(), Mtrr([]), registers("uncachable"), registers("write-back")])
def test_below_the_isa_hole_the_fixed_registers_say_write_back(mtrr):
    assert mtrr.is_write_back(0x9E000, ISA_START)
    assert mtrr.is_write_back(0, PAGE)


@pytest.mark.parametrize("mtrr", [Mtrr(), Mtrr([]), registers(None, None, "uncachable"), registers("write-back")])
@pytest.mark.parametrize(("start", "end"), [(0x9E000, 0xA2000), (0xB0000, 0xB1000), (0xFF000, 0x101000), (0, 2 * MIB)])
def test_what_touches_the_isa_hole_is_not_write_back_whatever_the_variable_registers_say(mtrr, start, end):
    assert not mtrr.is_write_back(start, end)


@pytest.mark.parametrize("mtrr", [Mtrr(), Mtrr([])], ids=["unknown", "none-in-use"])
def test_without_registers_nothing_above_is_write_back(mtrr):
    assert not mtrr.is_write_back(ISA_END, ISA_END + PAGE)
    assert not mtrr.is_write_back(0xFD000000, 0xFD001000)


def test_a_register_that_covers_the_range_decides():
    #  GiB     0123
    #  wb       A
    mtrr = registers(None, "write-back")
    assert mtrr.is_write_back(GIB, 2 * GIB)
    assert mtrr.is_write_back(GIB + PAGE, GIB + 2 * PAGE)
    assert not mtrr.is_write_back(GIB - PAGE, GIB + PAGE)
    assert not mtrr.is_write_back(2 * GIB - PAGE, 2 * GIB + PAGE)
    assert not mtrr.is_write_back(2 * GIB, 2 * GIB + PAGE)


def test_registers_side_by_side_cover_a_range_together():
    #  GiB     0123
    #  wb       ABB
    #  asked    ***
    mtrr = Mtrr([(2 * GIB, 4 * GIB, "write-back"), (GIB, 2 * GIB, "write-back")])
    assert mtrr.is_write_back(GIB, 4 * GIB)
    assert mtrr.is_write_back(2 * GIB - PAGE, 2 * GIB + PAGE)


def test_registers_with_a_gap_between_them_do_not():
    #  GiB     0123
    #  wb       A B
    #  asked    ***
    assert not registers(None, "write-back", None, "write-back").is_write_back(GIB, 4 * GIB)


def test_a_short_register_inside_a_long_one_does_not_end_it():
    #  GiB     0123
    #  wb      AAAA
    #  wb       B
    #  asked   ****
    assert Mtrr([(0, 4 * GIB, "write-back"), (GIB, 2 * GIB, "write-back")]).is_write_back(MIB, 4 * GIB)


@pytest.mark.parametrize("kind", ["uncachable", "write-combining", "write-through", "write-protect"])
def test_any_other_type_in_the_range_spoils_it(kind):
    #  GiB     0123
    #  wb      AAAA
    #  other     B
    #  asked    ***
    mtrr = Mtrr([(0, 4 * GIB, "write-back"), (2 * GIB, 3 * GIB, kind)])
    assert not mtrr.is_write_back(GIB, 4 * GIB)
    assert not mtrr.is_write_back(2 * GIB, 2 * GIB + PAGE)
    assert not mtrr.is_write_back(3 * GIB - PAGE, 3 * GIB + PAGE)
    assert mtrr.is_write_back(GIB, 2 * GIB)
    assert mtrr.is_write_back(3 * GIB, 4 * GIB)


def test_where_every_register_says_uncachable_the_rest_is_write_back():
    #  GiB     0123
    #  uc         A
    mtrr = registers(None, None, None, "uncachable")
    assert mtrr.is_write_back(GIB, 2 * GIB)
    assert mtrr.is_write_back(8 * GIB, 9 * GIB)
    assert not mtrr.is_write_back(3 * GIB - PAGE, 3 * GIB + PAGE)
    assert not mtrr.is_write_back(0xFD000000, 0xFD001000)


def test_where_one_register_says_something_else_the_rest_is_not_write_back():
    assert not registers("write-back", None, "uncachable").is_write_back(8 * GIB, 9 * GIB)


# --- the types of RAM pages -----------------------------------------------------------------------------------


RAM = 16 * MIB
"""Page 0 of the maps below, all of them RAM."""


def machine_of_ram():
    return Machine(Ram([(MIB, 1 << 30)]))


def reserve(machine, first, last, req, *, strict=False):
    """Reserve RAM pages and set their type as the replay does; the errno and what `*new` became."""
    outcome = memtype_reserve(machine, RAM + first * PAGE, RAM + last * PAGE, req, strict=strict)
    assert outcome.path == "ram"
    if outcome.ret == 0:
        machine.ram.set_type(outcome.start, outcome.end, outcome.new, 1, BEFORE)
    return outcome.ret, outcome.new


def types(machine, count=8):
    return [lookup_memtype(machine, RAM + page * PAGE) for page in range(count)]


@pytest.mark.parametrize("req", [WC, UC_MINUS, WT])
def test_ram_keeps_its_type_in_each_page(req):
    #  pages  01234567
    #  asked    ***
    machine = machine_of_ram()
    assert reserve(machine, 2, 5, req) == (0, req)
    assert types(machine) == [WB, WB, req, req, req, WB, WB, WB]


def test_ram_is_not_in_the_tree():
    machine = machine_of_ram()
    reserve(machine, 0, 4, WC)
    assert len(machine.memtypes) == 0


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("req", [WB, WC, UC_MINUS, UC, WT])
def test_ram_is_exclusive_even_for_the_same_type(req, strict):
    #  pages  01234567
    #  wc     AAAA
    #  asked     ****     -EBUSY, and *new is what the page has
    machine = machine_of_ram()
    reserve(machine, 0, 4, WC)
    assert reserve(machine, 3, 7, req, strict=strict) == (-errno.EBUSY, WC)
    assert types(machine) == [WC] * 4 + [WB] * 4


def test_the_first_page_that_is_taken_is_named():
    #  pages  01234567
    #  wt          A
    #  wc       B
    #  asked  ********
    machine = machine_of_ram()
    reserve(machine, 5, 6, WT)
    reserve(machine, 2, 3, WC)
    outcome = memtype_reserve(machine, RAM, RAM + 8 * PAGE, UC, strict=False)
    assert (outcome.ret, outcome.first, outcome.second) == (-errno.EBUSY, UC_MINUS, WC)


def test_write_back_over_write_back_ram_succeeds_any_number_of_times():
    machine = machine_of_ram()
    assert [reserve(machine, 0, 4, WB) for _ in range(3)] == [(0, WB)] * 3
    assert reserve(machine, 0, 4, WC) == (0, WC)


def test_strong_uncached_ram_becomes_uncached_minus():
    machine = machine_of_ram()
    assert reserve(machine, 0, 2, UC) == (0, UC_MINUS)
    assert types(machine, 3) == [UC_MINUS, UC_MINUS, WB]


def test_write_protected_ram_is_refused_even_where_it_is_taken():
    machine = machine_of_ram()
    assert reserve(machine, 0, 2, WP) == (-errno.EINVAL, UC_MINUS)
    assert types(machine, 2) == [WB, WB]
    reserve(machine, 0, 2, WC)
    assert reserve(machine, 0, 2, WP) == (-errno.EINVAL, UC_MINUS)


def test_the_mtrr_is_not_asked_about_ram():
    machine = Machine(Ram([(MIB, 1 << 30)]), Mtrr([(0, 1 << 32, "uncachable")]))
    assert reserve(machine, 0, 2, WB) == (0, WB)


def test_ram_set_to_write_back_can_be_reserved_again():
    #  pages  01234567
    #  wc     AAAAAAAA
    #  wb       ----
    #  wt       BBBB
    machine = machine_of_ram()
    reserve(machine, 0, 8, WC)
    machine.ram.set_type(RAM + 2 * PAGE, RAM + 6 * PAGE, WB, 2, BEFORE)
    assert types(machine) == [WC, WC, WB, WB, WB, WB, WC, WC]
    assert reserve(machine, 2, 6, WT) == (0, WT)
    assert types(machine) == [WC, WC, WT, WT, WT, WT, WC, WC]


def test_a_page_that_a_range_only_begins_keeps_its_type():
    """From start>>12 to end>>12, so a last page that is not whole is neither looked at nor changed."""
    #  pages  0123
    #  wc     AA+       +: half a page, left out
    #  wt       B
    #  uc-    CCc       c: half a page, left out: not busy
    machine = machine_of_ram()
    machine.ram.set_type(RAM, RAM + 2 * PAGE + 0x800, WC, 1, BEFORE)
    assert types(machine, 4) == [WC, WC, WB, WB]
    machine.ram.set_type(RAM, RAM + 2 * PAGE, WB, 2, BEFORE)
    machine.ram.set_type(RAM + 2 * PAGE, RAM + 3 * PAGE, WT, 3, BEFORE)
    outcome = memtype_reserve(machine, RAM, RAM + 2 * PAGE + 0x800, UC_MINUS, strict=False)
    assert (outcome.path, outcome.ret) == ("ram", 0)
    machine.ram.set_type(RAM, RAM + 2 * PAGE + 0x800, WB, 4, BEFORE)
    assert types(machine, 4) == [WB, WB, WT, WB]


def test_a_page_that_a_range_begins_in_the_middle_of_is_set_whole():
    machine = machine_of_ram()
    machine.ram.set_type(RAM + 0x800, RAM + 2 * PAGE, WC, 1, BEFORE)
    assert types(machine, 3) == [WC, WC, WB]


def test_less_than_a_page_of_ram_succeeds_and_sets_nothing():
    machine = machine_of_ram()
    reserve(machine, 0, 1, WT)
    outcome = memtype_reserve(machine, RAM + 0x100, RAM + 0x200, WC, strict=False)
    assert (outcome.path, outcome.ret) == ("ram", 0)
    machine.ram.set_type(outcome.start, outcome.end, WC, 2, BEFORE)
    machine.ram.set_type(outcome.start, outcome.end, WB, 3, BEFORE)
    assert list(machine.ram.types) == [(RAM // PAGE, RAM // PAGE + 1, (WT, 1, BEFORE))]


def test_the_type_of_ram_remembers_who_set_it():
    machine = machine_of_ram()
    machine.ram.set_type(RAM, RAM + 4 * PAGE, WC, 7, BEFORE)
    assert machine.ram.first_busy(RAM - PAGE, RAM + PAGE) == (WC, 7, BEFORE)
    assert machine.ram.first_busy(RAM + 4 * PAGE, RAM + 8 * PAGE) is None


# --- may a caller keep what it was granted? -------------------------------------------------------------------

#            granted  WB   WC   UC-  UC   WT   WP
ACCEPTED = {
    WB: "          yes  yes  yes  yes  yes  yes",
    WC: "          NO   yes  yes  yes  yes  yes",
    UC_MINUS: "    NO   yes  yes  yes  yes  yes",
    UC: "          yes  yes  yes  yes  yes  yes",
    WT: "          NO   NO   yes  yes  yes  yes",
    WP: "          yes  yes  yes  yes  yes  yes",
}
MATRIX = [
    (req, got, word == "yes") for req, row in ACCEPTED.items() for got, word in zip(MODES, row.split(), strict=True)
]


@pytest.mark.parametrize(
    ("req", "got", "allowed"), MATRIX, ids=[f"{SHORT[req]}-{SHORT[got]}" for req, got, _ in MATRIX]
)
def test_whether_a_caller_may_keep_what_it_was_granted(req, got, allowed):
    assert is_new_memtype_allowed(0xFD000000, 0xFD001000, req, got) is allowed


@pytest.mark.parametrize("req", MODES)
@pytest.mark.parametrize("got", MODES)
def test_in_the_isa_hole_a_caller_may_keep_anything(req, got):
    assert is_new_memtype_allowed(0xA0000, 0xA1000, req, got)


def test_a_range_half_in_the_isa_hole_is_judged_like_any_other():
    assert not is_new_memtype_allowed(0x9F000, 0xA1000, WC, WB)


# --- looking up one page --------------------------------------------------------------------------------------


def looked_up(paddr, *nodes):
    machine = Machine(Ram([(MIB, 1 << 30)]))
    for start, end, type_ in nodes:
        machine.memtypes.insert(Memtype(start, end, type_, BEFORE, 0))
    machine.ram.set_type(RAM, RAM + PAGE, WT, 1, BEFORE)
    return lookup_memtype(machine, paddr)


def test_a_page_of_the_isa_hole_is_write_back_whatever_the_tree_holds():
    #  pages  9f | a0 a1
    #  uc     AA | AA AA
    across = (0x9F000, 0xA2000, UC)
    assert looked_up(0xA0000, across) == WB
    assert looked_up(ISA_END - PAGE) == WB
    assert looked_up(0x9F000, across) == UC


def test_a_page_of_ram_has_the_type_of_its_flags():
    assert looked_up(RAM) == WT
    assert looked_up(RAM + PAGE) == WB
    assert looked_up(RAM + 0xFFF) == WT


def test_a_page_of_a_device_has_the_type_of_its_first_reservation():
    #  pages  0123
    #  wc     AA
    node = (0xFD000000, 0xFD002000, WC)
    assert looked_up(0xFD001FFF, node) == WC
    assert looked_up(0xFD002000, node) == UC_MINUS


def test_an_address_inside_a_page_does_not_look_into_the_next():
    #  pages  0123
    #  wc      A
    #  asked  ^        its last byte
    assert looked_up(0xFD000FFF, (0xFD001000, 0xFD002000, WC)) == UC_MINUS


def test_a_page_that_nobody_reserved_is_uncached_minus():
    assert looked_up(0xFD000000) == UC_MINUS
    assert looked_up(0x9E000) == UC_MINUS


# --- cache modes in numbers, bits and words -------------------------------------------------------------------

#  PAT PCD PWT    000 001 010  011 100 101 110  111
SLOTS = (WB, WC, UC_MINUS, UC, WB, WP, UC_MINUS, WT)
PWT, PCD, PAT = 1 << 3, 1 << 4, 1 << 7


def protection(slot):
    return (slot & 1) * PWT | (slot >> 1 & 1) * PCD | (slot >> 2 & 1) * PAT


@pytest.mark.parametrize("slot", range(8))
@pytest.mark.parametrize("others", [0, 0x8000000000000067, ~(PWT | PCD | PAT) & (1 << 64) - 1])
def test_three_bits_of_an_entry_are_its_cache_mode(slot, others):
    assert pgprot2cachemode(protection(slot) | others) == SLOTS[slot]


@pytest.mark.parametrize(("mode", "read"), [(WC, WP), (UC, WT), (UC_MINUS, UC_MINUS), (WB, WB)])
def test_the_mark_of_a_huge_leaf_is_taken_for_the_pat_bit(mode, read):
    assert pgprot2cachemode(protection(SLOTS.index(mode)) | 1 << 7) == read


def test_cache_modes_have_the_numbers_and_names_that_the_kernel_prints():
    assert MODES == (0, 1, 2, 3, 4, 5)
    assert [cachemode_name(mode) for mode in MODES] == [
        "write-back",
        "write-combining",
        "uncached-minus",
        "uncached",
        "write-through",
        "write-protected",
    ]
    assert [short_name(mode) for mode in MODES] == ["WB", "WC", "UC-", "UC", "WT", "WP"]
    assert [BY_NAME[name] for name in NAMES] == list(MODES)


@pytest.mark.parametrize("mode", [-1, 6, 255])
def test_an_unknown_cache_mode_is_called_broken(mode):
    assert cachemode_name(mode) == "broken"
    assert short_name(mode) == "broken"


def test_errors_are_called_by_their_names():
    assert (errno_name(-22), errno_name(-16), errno_name(0), errno_name(-5000)) == ("-EINVAL", "-EBUSY", "0", "-5000")
