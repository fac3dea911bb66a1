"""memtype_reserve() and memtype_free() as one decision: which path a range takes, and what comes back."""

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pat_check import events
from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.eras import NEWEST
from pat_check.events import Return
from pat_check.model.machine import Iomap, Machine
from pat_check.model.memory import PHYSICAL_MASK, Mtrr, Ram
from pat_check.model.memtype import Memtype
from pat_check.model.operations import FIND_EXACT, FIND_EXACT_OR_END, memtype_free, memtype_reserve
from pat_check.model.owner import BEFORE
from pat_check.replay.loop import Replay

PAGE = 4096
MIB = 1 << 20
BAR = 0xFD000000
RAM = 16 * MIB
TOP = 1 << 30
"""Where RAM ends."""
DECOY = 1 << 63
BUSY, INVALID = -errno.EBUSY, -errno.EINVAL
MODES = (WB, WC, UC_MINUS, UC, WT, WP)
FINDERS = pytest.mark.parametrize("find", [FIND_EXACT, FIND_EXACT_OR_END], ids=["exact", "exact-or-end"])

#  a machine      9f | a0 .. ff | 100 .. 3ffff | 40000 .. | fd000 ..
#                    | ISA hole | RAM          |          | BAR
ROOM = (BAR, BAR + 8 * PAGE)
HOLE = (0xB8000, 0xC0000)
MEMORY = (RAM, RAM + 2 * PAGE)
MIXED = (0xFF000, MIB + PAGE)
REVERSED = (BAR + PAGE, BAR)


def booted(*nodes, pat=True):
    """A machine with 1 GiB of RAM; nodes are (start, end, type)."""
    machine = Machine(Ram([(0x1000, 0x9FC00), (MIB, TOP)]), Mtrr([(3 << 30, 1 << 32, "uncachable")]))
    machine.pat_enabled = pat
    for node in nodes:
        machine.memtypes.insert(Memtype(*node, BEFORE, 0))
    return machine


def reserved(machine, range_, req, *, strict=False):
    """(path, errno, *new) of one memtype_reserve()."""
    outcome = memtype_reserve(machine, *range_, req, strict=strict)
    return outcome.path, outcome.ret, outcome.new


def freed(machine, range_, find=FIND_EXACT_OR_END):
    """(path, errno) of one memtype_free()."""
    outcome = memtype_free(machine, *range_, find)
    return outcome.path, outcome.ret


# --- which way a reservation goes -----------------------------------------------------------------------------


@pytest.mark.parametrize("req", MODES)
@pytest.mark.parametrize("pat", [True, False], ids=["pat", "nopat"])
@pytest.mark.parametrize("range_", [REVERSED, (BAR, BAR), (HOLE[1], HOLE[0]), (MEMORY[1], MEMORY[0])])
def test_an_empty_or_reversed_range_is_invalid_before_anything_else(range_, pat, req):
    assert reserved(booted(pat=pat), range_, req)[:2] == ("range", INVALID)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("req", MODES)
@pytest.mark.parametrize("range_", [ROOM, HOLE, MEMORY, MIXED], ids=["device", "hole", "ram", "mixed"])
def test_without_pat_every_reservation_succeeds_as_asked(range_, req, strict):
    machine = booted((*ROOM, WC), pat=False)
    machine.ram.set_type(*MEMORY, WC, 1, BEFORE)
    assert reserved(machine, range_, req, strict=strict) == ("off", 0, req)


@FINDERS
@pytest.mark.parametrize("range_", [ROOM, HOLE, MEMORY, MIXED], ids=["device", "hole", "ram", "mixed"])
def test_without_pat_every_free_succeeds(range_, find):
    assert freed(booted(pat=False), range_, find) == ("off", 0)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("req", MODES)
def test_in_the_isa_hole_every_reservation_is_granted_write_back(req, strict):
    assert reserved(booted((0x9F000, 0xC0000, UC)), HOLE, req, strict=strict) == ("untracked", 0, WB)


def test_in_the_isa_hole_even_ram_is_untracked():
    machine = Machine(Ram([(0, TOP)]))
    assert reserved(machine, HOLE, WC) == ("untracked", 0, WB)
    assert freed(machine, HOLE) == ("untracked", 0)


def test_ram_is_asked_for_its_page_types():
    machine = booted()
    assert reserved(machine, MEMORY, WC) == ("ram", 0, WC)
    machine.ram.set_type(*MEMORY, WT, 1, BEFORE)
    assert reserved(machine, MEMORY, WC) == ("ram", BUSY, WT)


@pytest.mark.parametrize(("req", "new"), [(WB, UC_MINUS), (WC, WC), (UC, UC), (WP, WP)])
def test_a_mixed_range_is_invalid_after_the_mtrr_was_asked(req, new):
    #  pages  ff | 100
    #  RAM       | RRR
    #  asked  ** | ***
    assert reserved(booted(), MIXED, req) == ("mixed", INVALID, new)


@pytest.mark.parametrize("req", [WC, UC_MINUS, UC, WT, WP])
def test_a_device_gets_what_it_asks_for(req):
    assert reserved(booted(), ROOM, req) == ("tree", 0, req)


def test_write_back_becomes_uncached_minus_where_the_mtrr_is_not_write_back():
    outcome = memtype_reserve(booted(), *ROOM, WB, strict=True)
    assert (outcome.ret, outcome.actual, outcome.new) == (0, UC_MINUS, UC_MINUS)


def test_write_back_stays_where_the_mtrr_is_write_back():
    assert reserved(booted(), (TOP, TOP + PAGE), WB) == ("tree", 0, WB)


@pytest.mark.parametrize("req", [WC, UC, WT, WP])
def test_only_write_back_asks_the_mtrr(req):
    assert reserved(booted(), (TOP, TOP + PAGE), req) == reserved(booted(), ROOM, req) == ("tree", 0, req)


def test_a_strict_write_back_request_over_uncached_minus_succeeds_thanks_to_the_mtrr():
    #  pages  01234567
    #  uc-    AAAAAAAA
    #  wb     ********     becomes UC- before the types are compared
    assert reserved(booted((*ROOM, UC_MINUS)), ROOM, WB, strict=True) == ("tree", 0, UC_MINUS)


def test_a_strict_request_is_refused_with_the_types_that_clash():
    outcome = memtype_reserve(booted((*ROOM, WC)), *ROOM, WB, strict=True)
    assert (outcome.ret, outcome.actual, outcome.first, outcome.second) == (BUSY, UC_MINUS, UC_MINUS, WC)
    assert outcome.overlap is outcome.clash


def test_a_lenient_request_adopts_and_says_from_whom():
    machine = booted((*ROOM, WC))
    outcome = memtype_reserve(machine, *ROOM, UC, strict=False)
    assert (outcome.ret, outcome.actual, outcome.new) == (0, UC, WC)
    assert [outcome.overlap] == list(machine.memtypes)
    assert outcome.clash is None


def test_a_reservation_over_two_types_names_both():
    #  pages  0123
    #  uc-    AA
    #  wc       BB
    #  wt     ****
    middle = BAR + 2 * PAGE
    machine = booted((BAR, middle, UC_MINUS), (middle, BAR + 4 * PAGE, WC))
    outcome = memtype_reserve(machine, BAR, BAR + 4 * PAGE, WT, strict=False)
    assert (outcome.ret, outcome.first, outcome.second) == (BUSY, UC_MINUS, WC)
    assert [outcome.overlap, outcome.clash] == list(machine.memtypes)


def test_a_range_is_stored_as_given_and_not_by_whole_pages():
    outcome = memtype_reserve(booted(), BAR + 0x10, BAR + 0x30, WC, strict=False)
    assert (outcome.path, outcome.start, outcome.end) == ("tree", BAR + 0x10, BAR + 0x30)


# --- which way a free goes ------------------------------------------------------------------------------------


@FINDERS
def test_a_free_in_the_isa_hole_succeeds_and_touches_nothing(find):
    assert freed(booted((*HOLE, WC)), HOLE, find) == ("untracked", 0)


@FINDERS
def test_freeing_ram_never_fails(find):
    assert freed(booted(), MEMORY, find) == ("ram", 0)


@FINDERS
def test_freeing_a_mixed_range_fails_although_it_is_in_the_tree(find):
    assert freed(booted((*MIXED, WC)), MIXED, find) == ("mixed", INVALID)


@FINDERS
def test_freeing_what_was_reserved_finds_the_entry(find):
    machine = booted((*ROOM, WC))
    outcome = memtype_free(machine, *ROOM, find)
    assert (outcome.path, outcome.ret, outcome.shrinks) == ("tree", 0, False)
    assert [outcome.victim] == list(machine.memtypes)


@FINDERS
def test_freeing_what_was_not_reserved_is_invalid(find):
    outcome = memtype_free(booted((*ROOM, WC)), BAR, BAR + PAGE, find)
    assert (outcome.path, outcome.ret, outcome.victim) == ("tree", INVALID, None)


def test_freeing_a_tail_shrinks_only_where_the_end_may_match():
    #  pages  01234567
    #  wc     AAAAAAAA
    #  free       ----
    machine, tail = booted((*ROOM, WC)), (BAR + 4 * PAGE, BAR + 8 * PAGE)
    outcome = memtype_free(machine, *tail, FIND_EXACT_OR_END)
    assert (outcome.ret, outcome.shrinks) == (0, True)
    assert freed(machine, tail, FIND_EXACT) == ("tree", INVALID)


# --- physical addresses ---------------------------------------------------------------------------------------


def test_a_decoy_address_is_masked_when_it_is_reserved():
    outcome = memtype_reserve(booted(), ROOM[0] | DECOY, ROOM[1] | DECOY, WC, strict=False)
    assert (outcome.path, outcome.start, outcome.end) == ("tree", *ROOM)


@FINDERS
def test_a_decoy_address_is_masked_when_it_is_freed(find):
    outcome = memtype_free(booted((*ROOM, WC)), ROOM[0] | DECOY, ROOM[1] | DECOY, find)
    assert (outcome.start, outcome.end, outcome.ret) == (*ROOM, 0)


@pytest.mark.parametrize(("range_", "path"), [(MEMORY, "ram"), (HOLE, "untracked"), (MIXED, "mixed")])
def test_a_decoy_address_takes_the_path_of_the_real_one(range_, path):
    decoy = tuple(address | DECOY for address in range_)
    assert reserved(booted(), decoy, WC)[0] == path
    assert freed(booted(), decoy)[0] == path


def test_a_range_up_to_the_last_physical_byte_keeps_its_end_in_a_reserve_but_not_in_a_free():
    """The reserve masks end - 1 and adds 1 again, the free masks the end itself: it becomes 0."""
    last = (PHYSICAL_MASK + 1 - PAGE, PHYSICAL_MASK + 1)
    outcome = memtype_reserve(booted(), *last, WC, strict=False)
    assert (outcome.path, outcome.ret, outcome.start, outcome.end) == ("tree", 0, *last)
    released = memtype_free(booted((*last, WC)), *last, FIND_EXACT_OR_END)
    assert (released.end, released.victim) == (0, None)


def test_a_reserve_of_nothing_at_zero_is_of_everything():
    outcome = memtype_reserve(booted(), 0, 0, WC, strict=False)
    assert (outcome.path, outcome.ret, outcome.start, outcome.end) == ("mixed", INVALID, 0, PHYSICAL_MASK + 1)


def test_the_mask_is_that_of_52_bits():
    outcome = memtype_reserve(booted(), 1 << 51, (1 << 51) + PAGE, WC, strict=False)
    assert outcome.start == 1 << 51
    outcome = memtype_reserve(booted(), 1 << 52 | BAR, (1 << 52 | BAR) + PAGE, WC, strict=False)
    assert outcome.start == BAR


# --- deciding is not doing ------------------------------------------------------------------------------------


ADDRESSES = st.sampled_from(
    [base + page * PAGE for base in (0x9D000, 0xFD000, RAM, TOP - 4 * PAGE, BAR) for page in range(9)]
)


@settings(deadline=None, max_examples=100)
@given(ADDRESSES, st.integers(-1, 8), st.sampled_from(MODES), st.booleans(), st.booleans())
def test_a_decision_changes_nothing_and_is_the_same_the_second_time(start, count, req, strict, pat):
    machine = booted((BAR, BAR + 4 * PAGE, UC_MINUS), (BAR + 4 * PAGE, BAR + 8 * PAGE, WC), pat=pat)
    machine.ram.set_type(RAM + PAGE, RAM + 2 * PAGE, WC, 1, BEFORE)
    range_ = (start, start + count * PAGE)
    tree, ram = list(machine.memtypes), list(machine.ram.types)
    first = reserved(machine, range_, req, strict=strict), freed(machine, range_)
    assert first == (reserved(machine, range_, req, strict=strict), freed(machine, range_))
    assert (list(machine.memtypes), list(machine.ram.types)) == (tree, ram)


@settings(deadline=None, max_examples=200)
@given(ADDRESSES, st.integers(1, 8), st.sampled_from(MODES))
def test_a_free_takes_the_path_that_the_reserve_of_the_same_range_took(start, count, req):
    range_ = (start, start + count * PAGE)
    assert reserved(booted(), range_, req)[0] == freed(booted(), range_)[0]


# --- the paths beside the tree, replayed ----------------------------------------------------------------------


class Told:
    """A replay of the newest kernel on one machine, told what memtype_reserve() and memtype_free() returned."""

    def __init__(self, machine):
        machine.origin_known = True
        self.incidents = []
        self.replay = Replay(machine, NEWEST, self.incidents.append)
        self.at = 0

    def call(self, kind, api, ret, *fields):
        for event in (kind, *fields), (Return, kind, api, ret):
            self.at += 1
            self.replay.run([event[0](self.at, None, 0, 500, "patlab", *event[1:])])

    def reserve(self, range_, req, ret=0):
        self.call(events.MemtypeReserve, "memtype_reserve", ret, *range_, req)

    def free(self, range_, ret=0):
        self.call(events.MemtypeFree, "memtype_free", ret, *range_)

    @property
    def noticed(self):
        return [type(incident).__name__ for incident in self.incidents]


@pytest.mark.parametrize("range_", [ROOM, HOLE, MEMORY, MIXED], ids=["device", "hole", "ram", "mixed"])
def test_without_pat_a_replay_stores_nothing_and_says_nothing(range_):
    machine = booted(pat=False)
    told = Told(machine)
    told.reserve(range_, WC)
    told.reserve(range_, UC_MINUS)
    told.free(range_)
    assert (len(machine.memtypes), len(machine.ram.types), told.noticed) == (0, 0, [])


def test_a_free_of_a_mixed_range_fails_without_a_message():
    told = Told(booted())
    told.free(MIXED, INVALID)
    assert told.noticed == []
    assert told.replay.messages.expected.console.rest() == []


def test_a_refused_mixed_range_is_stored_nowhere_and_has_no_message():
    machine = booted()
    told = Told(machine)
    told.reserve(MIXED, WC, INVALID)
    assert [(one.cause, one.ret) for one in told.incidents] == [("mixed-ram", INVALID)]
    assert len(machine.memtypes) == 0
    assert told.replay.messages.expected.console.rest() == []


def test_ram_is_taken_once_and_free_again_after_its_free():
    #  pages  01
    #  wc     AA
    #  wc     **     -EBUSY with #5
    #  free   --
    #  wc     BB
    machine = booted()
    told = Told(machine)
    told.reserve(MEMORY, WC)
    told.reserve(MEMORY, WC, BUSY)
    assert [(one.cause, one.first, one.second) for one in told.incidents] == [("ram-busy", WC, WC)]
    assert [one.number for one in told.replay.messages.expected.console.rest()] == [5]
    told.free(MEMORY)
    assert len(machine.ram.types) == 0
    told.reserve(MEMORY, WC)
    assert [(one.cause, one.first, one.second) for one in told.incidents] == [("ram-busy", WC, WC)]
    assert machine.ram.first_busy(*MEMORY) is not None


def test_freeing_ram_sets_it_to_write_back_even_what_was_not_reserved():
    #  pages  0123
    #  wc     AAAA
    #  free    --
    machine = booted()
    told = Told(machine)
    told.reserve((RAM, RAM + 4 * PAGE), WC)
    told.free((RAM + PAGE, RAM + 3 * PAGE))
    told.free((RAM + PAGE, RAM + 3 * PAGE))
    first = RAM // PAGE
    assert [(start - first, end - first) for start, end, _ in machine.ram.types] == [(0, 1), (3, 4)]
    assert told.noticed == []


def test_strong_uncached_ram_warns_and_is_uncached_minus():
    machine = booted()
    told = Told(machine)
    told.reserve(MEMORY, UC)
    assert [(one.cause, one.ret) for one in told.incidents] == [("ram-type", 0)]
    assert machine.ram.first_busy(*MEMORY)[0] == UC_MINUS


def test_write_protected_ram_is_refused_without_a_message():
    machine = booted()
    told = Told(machine)
    told.reserve(MEMORY, WP, INVALID)
    assert [(one.cause, one.ret) for one in told.incidents] == [("ram-type", INVALID)]
    assert len(machine.ram.types) == 0
    assert told.replay.messages.expected.console.rest() == []


# --- what a machine remembers ---------------------------------------------------------------------------------


def test_a_machine_remembers_when_a_range_was_freed_last():
    machine = Machine()
    machine.remember_freed(*ROOM, born=1, at=2)
    machine.remember_freed(*ROOM, born=3, at=4)
    assert machine.freed == {ROOM: (3, 4)}


def test_a_machine_forgets_the_oldest_of_very_many_frees():
    machine = Machine()
    for page in range(20_000):
        machine.remember_freed(page, page + 1, 0, page)
    machine.remember_freed(0, 1, 0, 20_000)
    machine.remember_freed(20_000, 20_001, 0, 20_001)
    assert len(machine.freed) == 20_000
    assert (0, 1) in machine.freed
    assert (1, 2) not in machine.freed


def test_a_machine_forgets_the_oldest_of_very_many_unmapped_addresses():
    machine = Machine()
    for addr in range(20_001):
        machine.remember_unmapped(Iomap(addr, BAR, *ROOM, None, BEFORE, 1), 2)
    assert len(machine.unmapped) == 20_000
    assert 0 not in machine.unmapped
    assert machine.unmapped[20_000] == (1, 2)
