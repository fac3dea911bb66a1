"""The tree of reservations against a list of three-tuples, and in small worlds all there is."""

import errno
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from intervaltree import Interval, IntervalTree

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.model.memtype import Memtype
from pat_check.model.operations import FIND_EXACT, FIND_EXACT_OR_END
from pat_check.model.owner import BEFORE, Owner
from pat_check.model.tree import MemtypeTree, validate_tree

PAGE = 4096
BUSY = -errno.EBUSY
MODES = (WB, WC, UC_MINUS, UC, WT, WP)
EXACT = pytest.param(FIND_EXACT, id="exact")
OR_END = pytest.param(FIND_EXACT_OR_END, id="exact-or-end")


class Listed:
    """memtype.md section 6 in its plainest form: a list of (start, end, type) in the order of the tree."""

    def __init__(self, *, shrinks):
        self.nodes = []
        self.shrinks = shrinks  # whether a free may shrink an entry with the same end

    def reserve(self, start, end, req, *, strict):
        """(errno or 0, type): the table of section 6.2."""
        types = [node[2] for node in self.nodes if node[0] < end and start < node[1]]
        if strict and types and types[0] != req:
            return BUSY, req
        if len(set(types)) > 1:
            return BUSY, types[0]
        type_ = types[0] if types else req
        self.insert((start, end, type_))
        return 0, type_

    def insert(self, node):
        """Behind every entry that starts at the same place or before."""
        self.nodes.insert(sum(other[0] <= node[0] for other in self.nodes), node)

    def erase(self, start, end):
        """Whether an entry was hit: the rules of section 6.4."""
        for place, node in enumerate(self.nodes):
            if node[:2] == (start, end):
                del self.nodes[place]
                return True
        for place, node in enumerate(self.nodes):
            if self.shrinks and start < end and node[0] < start and node[1] == end:
                del self.nodes[place]
                self.insert((node[0], start, node[2]))
                return True
        return False


def reserve(tree, first, last, type_, *, strict=False):
    """Reserve pages [first, last); the errno and the type."""
    ret, granted, _, _ = tree.check_conflict(first * PAGE, last * PAGE, type_, strict=strict)
    if ret == 0:
        tree.insert(Memtype(first * PAGE, last * PAGE, granted, BEFORE, 0))
    return ret, granted


def erase(tree, find, first, last):
    """Free pages [first, last) by the rule of `find`; whether an entry was hit."""
    victim, shrinks = find.of(tree, first * PAGE, last * PAGE)
    if victim is not None and shrinks:
        tree.shrink(victim, first * PAGE)
    elif victim is not None:
        tree.remove(victim)
    return victim is not None


def pages(tree):
    """What the tree holds, in its order, in pages."""
    return [(node.start // PAGE, node.end // PAGE, node.type) for node in tree]


def planted(*nodes):
    """A tree of (first page, last page, type), inserted in this order, and the entries."""
    tree = MemtypeTree()
    entries = [Memtype(first * PAGE, last * PAGE, type_, BEFORE, 0) for first, last, type_ in nodes]
    for entry in entries:
        tree.insert(entry)
    return tree, entries


# --- the conflict table, row by row ---------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("type_", MODES)
def test_a_request_that_overlaps_nothing_gets_its_own_type(type_, strict):
    #  pages  0123456789
    #  wc     AA    BB
    #  asked    ****
    tree, _ = planted((0, 2, WC), (6, 8, WC))
    assert tree.check_conflict(2 * PAGE, 6 * PAGE, type_, strict=strict) == (0, type_, None, None)


@pytest.mark.parametrize("strict", [False, True])
def test_a_request_of_the_type_that_all_overlaps_have_is_inserted(strict):
    #  pages  0123456789
    #  wc     AAAA BB
    #  asked    ****
    tree, (first, _) = planted((0, 4, WC), (5, 7, WC))
    assert tree.check_conflict(2 * PAGE, 6 * PAGE, WC, strict=strict) == (0, WC, first, None)


def test_a_strict_request_of_another_type_than_the_first_overlap_is_refused():
    #  pages  0123456789
    #  wc     AAAA
    #  uc-      **
    tree, (first,) = planted((0, 4, WC))
    assert tree.check_conflict(2 * PAGE, 4 * PAGE, UC_MINUS, strict=True) == (BUSY, UC_MINUS, first, first)


@pytest.mark.parametrize("req", [mode for mode in MODES if mode != WC])
def test_a_lenient_request_adopts_the_type_that_all_overlaps_have(req):
    #  pages  0123456789
    #  wc     AAAA BB
    #  asked    ****
    tree, (first, _) = planted((0, 4, WC), (5, 7, WC))
    assert tree.check_conflict(2 * PAGE, 6 * PAGE, req, strict=False) == (0, WC, first, None)


@pytest.mark.parametrize("strict", [False, True])
def test_a_later_overlap_of_another_type_refuses_a_request_of_the_first_type(strict):
    #  pages  0123456789
    #  uc-    AA
    #  wc       BB
    #  uc-    ****
    tree, (first, second) = planted((0, 2, UC_MINUS), (2, 4, WC))
    assert tree.check_conflict(0, 4 * PAGE, UC_MINUS, strict=strict) == (BUSY, UC_MINUS, first, second)


@pytest.mark.parametrize("req", [mode for mode in MODES if mode != UC_MINUS])
def test_a_lenient_request_over_two_types_is_refused_for_the_types_of_the_entries(req):
    #  pages  0123456789
    #  uc-    AA
    #  wc       BB
    #  asked  ****
    tree, (first, second) = planted((0, 2, UC_MINUS), (2, 4, WC))
    assert tree.check_conflict(0, 4 * PAGE, req, strict=False) == (BUSY, UC_MINUS, first, second)


def test_a_strict_request_over_two_types_is_refused_at_the_first():
    #  pages  0123456789
    #  uc-    AA
    #  wc       BB
    #  wc     ****
    tree, (first, _) = planted((0, 2, UC_MINUS), (2, 4, WC))
    assert tree.check_conflict(0, 4 * PAGE, WC, strict=True) == (BUSY, WC, first, first)


def test_the_clash_is_the_first_entry_that_differs_and_not_the_last():
    #  pages  0123456789
    #  wc     AABB
    #  wt         CC
    #  uc           DD
    #  wc     ********
    tree, (first, _, third, _) = planted((0, 2, WC), (2, 4, WC), (4, 6, WT), (6, 8, UC))
    assert tree.check_conflict(0, 8 * PAGE, WC, strict=False) == (BUSY, WC, first, third)


def test_the_first_overlap_is_the_lowest_start_and_not_the_oldest():
    #  pages  0123456789
    #  wt     BB            came second
    #  wc       AA          came first
    #  uc     ****
    tree, (oldest, lowest) = planted((2, 4, WC), (0, 2, WT))
    assert tree.check_conflict(0, 4 * PAGE, UC, strict=False) == (BUSY, WT, lowest, oldest)


def test_a_check_changes_nothing():
    tree, _ = planted((0, 4, WC))
    tree.check_conflict(2 * PAGE, 6 * PAGE, UC, strict=False)
    assert pages(tree) == [(0, 4, WC)]


# --- order and duplicates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("find", [EXACT, OR_END])
def test_identical_ranges_are_entries_of_their_own(find):
    #  pages  01234567
    #  wc     AAAAAAAA
    #  wc     BBBBBBBB
    tree = MemtypeTree()
    reserve(tree, 0, 8, WC)
    reserve(tree, 0, 8, WC)
    assert pages(tree) == [(0, 8, WC), (0, 8, WC)]
    assert erase(tree, find, 0, 8)
    assert pages(tree) == [(0, 8, WC)]
    assert erase(tree, find, 0, 8)
    assert not erase(tree, find, 0, 8)
    assert len(tree) == 0


@pytest.mark.parametrize("find", [EXACT, OR_END])
def test_the_oldest_of_identical_entries_goes_first(find):
    tree, (oldest, _, _) = planted((0, 8, WC), (0, 8, WC), (0, 8, WC))
    assert find.of(tree, 0, 8 * PAGE) == (oldest, False)


@pytest.mark.parametrize("find", [EXACT, OR_END])
def test_exact_bounds_win_over_an_earlier_entry_with_the_same_end(find):
    #  pages  01234567
    #  A      ********
    #  B          ****
    #  free       ----      B, although A comes first
    tree, (_, second) = planted((0, 8, WC), (4, 8, WC))
    assert find.of(tree, 4 * PAGE, 8 * PAGE) == (second, False)


@pytest.mark.parametrize("find", [FIND_EXACT, FIND_EXACT_OR_END])
def test_hundreds_of_identical_entries_go_one_by_one_oldest_first(find):
    tree, entries = planted(*[(2, 6, WC)] * 300)
    for entry in entries:
        assert tree.exact(2 * PAGE, 6 * PAGE)[0] is entry
        assert erase(tree, find, 2, 6)
    assert (len(tree), tree.exact(2 * PAGE, 6 * PAGE), tree.ending_at(6 * PAGE, 9 * PAGE)) == (0, [], [])


def test_entries_with_one_end_are_ordered_by_start_and_then_by_age():
    #  pages  0123456789
    #  1st        CC
    #  2nd     BBBBB
    #  3rd      DDDD
    #  4th     EEEEE
    tree, (first, second, third, fourth) = planted((4, 6, WC), (1, 6, WC), (2, 6, WC), (1, 6, WC))
    assert tree.ending_at(6 * PAGE, 6 * PAGE) == [second, fourth, third, first]
    assert tree.ending_at(6 * PAGE, 4 * PAGE) == [second, fourth, third]
    tree.remove(second)
    assert tree.ending_at(6 * PAGE, 2 * PAGE) == [fourth]


# --- the two erase rules --------------------------------------------------------------------------------------


def test_a_tail_free_shrinks_where_the_end_may_match():
    #  pages  01234567
    #  A      ********
    #  free       ----
    #  left   ****
    tree, _ = planted((0, 8, WC))
    assert erase(tree, FIND_EXACT_OR_END, 4, 8)
    assert pages(tree) == [(0, 4, WC)]


def test_a_tail_free_misses_where_only_exact_bounds_match():
    #  pages  01234567
    #  A      ********
    #  free       ----
    tree, _ = planted((0, 8, WC))
    assert not erase(tree, FIND_EXACT, 4, 8)
    assert pages(tree) == [(0, 8, WC)]


@pytest.mark.parametrize("find", [EXACT, OR_END])
@pytest.mark.parametrize(("first", "last"), [(0, 4), (2, 6), (-1, 8), (0, 9), (8, 9), (7, 9)])
def test_a_free_that_is_neither_whole_nor_tail_misses_in_every_kernel(find, first, last):
    #  pages  -0123456789
    #  A       ********
    #  free    ----            head
    #  free      ----          middle
    #  free   ---------        begins before it
    #  free    ---------       ends behind it
    #  free            -       beside it
    #  free           --       over its end
    tree, _ = planted((10, 18, WC))
    assert not erase(tree, find, 10 + first, 10 + last)
    assert pages(tree) == [(10, 18, WC)]


@pytest.mark.parametrize(("first", "last"), [(8, 8), (9, 8)], ids=["empty", "reversed"])
def test_an_empty_free_at_the_end_of_an_entry_overlaps_nothing_and_misses(first, last):
    #  pages  0123456789
    #  A      ********
    #  free           |
    tree, _ = planted((0, 8, WC))
    assert FIND_EXACT_OR_END.of(tree, first * PAGE, last * PAGE) == (None, False)


def test_the_shrink_hits_the_lowest_start_and_not_the_callers_entry():
    #  pages  01234567
    #  B        ******      came first
    #  A      ********
    #  free         --
    #  left   AAAAAA, and B as it was
    tree, (_, lowest) = planted((2, 8, WC), (0, 8, WC))
    assert FIND_EXACT_OR_END.of(tree, 6 * PAGE, 8 * PAGE) == (lowest, True)
    assert erase(tree, FIND_EXACT_OR_END, 6, 8)
    assert pages(tree) == [(0, 6, WC), (2, 8, WC)]


def test_of_equal_starts_the_shrink_hits_the_first_in_order():
    tree, (first, _) = planted((0, 8, WC), (0, 8, WC))
    assert FIND_EXACT_OR_END.of(tree, 6 * PAGE, 8 * PAGE) == (first, True)


def test_a_shrunk_entry_goes_behind_its_equal_starts():
    #  pages  01234567
    #  A      ********      shrinks to [0,4): out, and in again
    #  B      ******
    tree, (shrunk, other) = planted((0, 8, WC), (0, 6, WC))
    assert list(tree) == [shrunk, other]
    assert erase(tree, FIND_EXACT_OR_END, 4, 8)
    assert list(tree) == [other, shrunk]
    assert pages(tree) == [(0, 6, WC), (0, 4, WC)]


def test_the_new_order_after_a_shrink_decides_the_next_free():
    #  pages  01234567
    #  A      ********      shrinks to [0,6), behind B
    #  B      ******
    #  free       --        hits B, which is first now
    tree, (shrunk, other) = planted((0, 8, WC), (0, 6, WC))
    assert erase(tree, FIND_EXACT_OR_END, 6, 8)
    assert FIND_EXACT_OR_END.of(tree, 0, 6 * PAGE) == (other, False)
    assert FIND_EXACT_OR_END.of(tree, 4 * PAGE, 6 * PAGE) == (other, True)
    assert erase(tree, FIND_EXACT_OR_END, 4, 6)
    assert list(tree) == [shrunk, other]


def test_a_shrunk_entry_is_freed_by_its_new_bounds_only():
    tree, _ = planted((0, 8, WC))
    assert erase(tree, FIND_EXACT_OR_END, 4, 8)
    assert not erase(tree, FIND_EXACT_OR_END, 0, 8)
    assert erase(tree, FIND_EXACT_OR_END, 0, 4)
    assert len(tree) == 0


# --- lookup ---------------------------------------------------------------------------------------------------


def test_what_nobody_reserved_is_looked_up_as_uncached_minus():
    assert MemtypeTree().lookup(0xFD000000) == UC_MINUS


def test_lookup_finds_an_entry_from_its_first_to_its_last_page():
    #  pages  0123456789
    #  wc       AAAA
    #  asked   ^^  ^^
    tree, _ = planted((2, 6, WC))
    assert [tree.lookup(page * PAGE) for page in (1, 2, 5, 6)] == [UC_MINUS, WC, WC, UC_MINUS]


def test_lookup_touches_every_byte_of_a_page():
    tree = MemtypeTree()
    tree.insert(Memtype(5 * PAGE + 0xFFF, 6 * PAGE + 1, WT, BEFORE, 0))
    assert [tree.lookup(page * PAGE) for page in (4, 5, 6, 7)] == [UC_MINUS, WT, WT, UC_MINUS]


def test_lookup_takes_the_first_of_the_entries_in_a_page():
    tree = MemtypeTree()
    tree.insert(Memtype(5 * PAGE + 0x800, 6 * PAGE, WC, BEFORE, 0))
    tree.insert(Memtype(5 * PAGE, 5 * PAGE + 0x800, WT, BEFORE, 0))
    assert tree.lookup(5 * PAGE) == WT


# --- what an entry tells of itself ----------------------------------------------------------------------------


def test_a_copy_for_an_incident_does_not_change_with_the_entry():
    tree, (entry,) = planted((0, 8, WC))
    entry.tell(3, "reserved")
    seen = entry.seen()
    entry.tell(9, "shrunk")
    tree.shrink(entry, 4 * PAGE)
    assert (seen.start, seen.end, seen.type, seen.story) == (0, 8 * PAGE, WC, [(3, "reserved")])


def test_a_long_story_keeps_its_beginning_and_its_end():
    _, (entry,) = planted((0, 8, WC))
    for line in range(1, 101):
        entry.tell(line, "")
    lines = [line for line, _ in entry.story]
    assert len(lines) == 12
    assert (lines[0], lines[1], lines[-1]) == (1, 2, 100)


# --- validate_tree itself -------------------------------------------------------------------------------------


def test_the_validation_finds_two_types_in_one_place():
    #  pages  01234567
    #  wc     AAAA
    #  wc      B
    #  uc-       CCC
    tree, _ = planted((0, 4, WC), (1, 2, WC), (3, 6, UC_MINUS))
    with pytest.raises(AssertionError):
        validate_tree(tree)


def test_the_validation_accepts_neighbours_of_different_types():
    tree, _ = planted((0, 4, WC), (4, 6, UC_MINUS))
    validate_tree(tree)


# --- small worlds, all of them --------------------------------------------------------------------------------

#  pages  012
#         *        [0,1)
#         **       [0,2)
#         ***      [0,3)
#          *       [1,2)
#          **      [1,3)
#           *      [2,3)
SMALL = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
OPERATIONS = [
    *(("reserve", *range_, type_, strict) for range_ in SMALL for type_ in (WC, UC_MINUS) for strict in (False, True)),
    *(("free", *range_) for range_ in SMALL),
]


def step(tree, naive, find, operation):
    """Do the same to both; what each answered."""
    match operation:
        case ("reserve", first, last, type_, strict):
            ours = reserve(tree, first, last, type_, strict=strict)
            return ours, naive.reserve(first, last, type_, strict=strict)
        case ("free", first, last):
            return erase(tree, find, first, last), naive.erase(first, last)


@pytest.mark.parametrize("find", [EXACT, OR_END])
def test_every_three_operations_over_three_pages_agree_with_a_list(find):
    for operations in product(OPERATIONS, repeat=3):
        tree, naive = MemtypeTree(), Listed(shrinks=find is FIND_EXACT_OR_END)
        for operation in operations:
            ours, expected = step(tree, naive, find, operation)
            assert ours == expected, operations
        assert pages(tree) == naive.nodes, operations
        validate_tree(tree)


@pytest.mark.parametrize("find", [EXACT, OR_END])
def test_every_free_after_every_three_nested_reservations_agrees_with_a_list(find):
    """Of one type, so that none is refused: this reaches shrinks among peers, which three operations cannot."""
    for ranges in product(SMALL, repeat=3):
        for frees in product(SMALL, repeat=2):
            tree, naive = MemtypeTree(), Listed(shrinks=find is FIND_EXACT_OR_END)
            for operation in (*(("reserve", *range_, WC, True) for range_ in ranges), *(("free", *f) for f in frees)):
                ours, expected = step(tree, naive, find, operation)
                assert ours == expected, (ranges, frees)
            assert pages(tree) == naive.nodes, (ranges, frees)


# --- random worlds --------------------------------------------------------------------------------------------

WORLD = 10
BOUNDS = st.integers(0, WORLD - 1).flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, WORLD)))
ANY_BOUNDS = st.tuples(st.integers(0, WORLD), st.integers(0, WORLD))


class Worlds(RuleBasedStateMachine):
    """Any reserving and freeing over ten pages, against the list and against intervaltree."""

    @initialize(find=st.sampled_from((FIND_EXACT, FIND_EXACT_OR_END)))
    def boot(self, find):
        self.find = find
        self.tree = MemtypeTree()
        self.naive = Listed(shrinks=find is FIND_EXACT_OR_END)
        self.intervals = IntervalTree()

    @rule(bounds=BOUNDS, req=st.sampled_from(MODES), strict=st.booleans())
    def reserve(self, bounds, req, strict):
        before = set(self.tree)
        assert reserve(self.tree, *bounds, req, strict=strict) == self.naive.reserve(*bounds, req, strict=strict)
        for node in set(self.tree) - before:
            self.intervals.add(Interval(node.start, node.end, node))

    @rule(bounds=ANY_BOUNDS)
    def free(self, bounds):
        before = {node: (node.start, node.end) for node in self.tree}
        assert erase(self.tree, self.find, *bounds) == self.naive.erase(*bounds)
        after = {node: (node.start, node.end) for node in self.tree}
        for node, (start, end) in before.items():
            if after.get(node) != (start, end):
                self.intervals.remove(Interval(start, end, node))
                if node in after:
                    self.intervals.add(Interval(*after[node], node))

    @precondition(lambda self: len(self.tree) > 0)
    @rule(data=st.data())
    def free_a_whole_entry(self, data):
        first, last, _ = data.draw(st.sampled_from(pages(self.tree)))
        self.free((first, last))

    @precondition(lambda self: any(last - first > 1 for first, last, _ in pages(self.tree)))
    @rule(data=st.data())
    def free_a_tail(self, data):
        first, last, _ = data.draw(st.sampled_from([node for node in pages(self.tree) if node[1] - node[0] > 1]))
        self.free((data.draw(st.integers(first + 1, last - 1)), last))

    @rule(bounds=BOUNDS)
    def overlaps_are_those_that_intervaltree_finds(self, bounds):
        start, end = bounds[0] * PAGE, bounds[1] * PAGE
        found = list(self.tree.overlapping(start, end))
        assert len(found) == len(set(found))
        assert set(found) == {interval.data for interval in self.intervals.overlap(start, end)}
        assert found == [node for node in self.tree if node in set(found)]

    @rule(page=st.integers(0, WORLD))
    def a_page_has_the_type_of_whatever_covers_it(self, page):
        types = {interval.data.type for interval in self.intervals.at(page * PAGE)}
        assert {self.tree.lookup(page * PAGE)} == (types or {UC_MINUS})

    @invariant()
    def the_tree_is_the_list(self):
        assert pages(self.tree) == self.naive.nodes
        assert len(self.tree) == len(self.naive.nodes) == len(self.intervals)

    @invariant()
    def the_tree_is_valid(self):
        validate_tree(self.tree)


Worlds.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestAnyReservingAndFreeing = Worlds.TestCase


def test_abandoned_reservations_keep_what_all_their_stories_say_once():
    nodes = [Memtype(at * PAGE, (at + 1) * PAGE, WC, Owner("remap_pfn_range", "app", at), at) for at in range(2)]
    for node in nodes:
        node.tell(node.born, " ".join(("reserved", "here")))
        node.owner.gone = True
        node.stays()
        node.tell(9, " ".join(("a", "free", "missed", "it")))
    one, other = (node.story for node in nodes)
    assert [at for at, _ in one] == [0, 9]
    assert all(said is again for (_, said), (_, again) in zip(one, other, strict=True))
    assert all(node.owner.gone for node in nodes)


def test_who_shares_one_reservation_shares_no_other():
    one, other = Owner("fork"), Owner("fork")
    one.share(7)
    one.share(8)
    one.leave(7)
    other.leave(8)
    assert (one.sharers, other.sharers) == ({8}, set())
