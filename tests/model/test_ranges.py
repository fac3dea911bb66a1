"""Range containers against the simplest thing that could work: a sorted list, a dictionary of points."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pat_check.model.ranges import Ranged, RangeList, RangeMap

WORLD = 24
"""Points of the random worlds."""


class Span(Ranged):
    """A range with a name; two of them are never equal."""

    def __init__(self, start, end, name=""):
        super().__init__(start, end)
        self.name = name

    def __repr__(self):
        return f"{self.name}[{self.start},{self.end})"


def listed(spans):
    """A RangeList that was given these in order."""
    ranges = RangeList()
    for span in spans:
        ranges.add(span)
    return ranges


def ordered(spans):
    """The oracle: sorting is stable, so equal starts stay in the order they came."""
    return sorted(spans, key=lambda span: span.start)


def meeting(spans, start, end):
    return [span for span in ordered(spans) if span.start < end and start < span.end]


def levels(node):
    """How many levels a tree has, of which each node is ranked above those below it and knows how far they reach."""
    if node is None:
        return 0
    below = [one for one in (node._left, node._right) if one is not None]
    assert all(one._rank <= node._rank for one in below)
    assert node._reach == max([node.end, *(one._reach for one in below)])
    return 1 + max(levels(node._left), levels(node._right))


def names(spans):
    return "".join(span.name for span in spans)


# --- RangeList: examples --------------------------------------------------------------------------------------


def test_an_empty_list_has_nothing_to_find():
    ranges = RangeList()
    assert len(ranges) == 0
    assert list(ranges) == []
    assert ranges.overlapping(0, 100) == []
    assert ranges.first(0, 100) is None


def test_ranges_are_ordered_by_start_and_then_by_arrival():
    #  points  0123456789
    #  1st  a      ****
    #  2nd  b  **
    #  3rd  c      **
    #  4th  d    *****
    #  5th  e      *****
    spans = [Span(4, 8, "a"), Span(0, 2, "b"), Span(4, 6, "c"), Span(2, 7, "d"), Span(4, 9, "e")]
    assert names(listed(spans)) == "bdace"


def test_neighbours_that_only_touch_the_query_do_not_intersect_it():
    #  points  0123456789
    #  a       ***
    #  b          **
    #  c            ***
    #  asked      ??
    ranges = listed([Span(0, 3, "a"), Span(3, 5, "b"), Span(5, 8, "c")])
    assert names(ranges.overlapping(3, 5)) == "b"
    assert names(ranges.overlapping(2, 5)) == "ab"
    assert names(ranges.overlapping(3, 6)) == "bc"
    assert ranges.first(3, 6).name == "b"
    assert ranges.first(8, 9) is None


def test_an_early_long_range_is_found_behind_short_ones():
    #  points  0123456789
    #  a       **********
    #  b        *
    #  c          *
    #  asked          ?
    ranges = listed([Span(0, 10, "a"), Span(1, 2, "b"), Span(3, 4, "c")])
    assert names(ranges.overlapping(7, 8)) == "a"


def test_removing_takes_out_the_very_object_among_equals():
    spans = [Span(0, 4, "a"), Span(0, 4, "b"), Span(0, 4, "c")]
    ranges = listed(spans)
    ranges.remove(spans[1])
    assert names(ranges) == "ac"
    assert len(ranges) == 2


def test_the_longest_range_is_not_missed_after_a_longer_one_went():
    #  points  0123456789
    #  a       **********    goes
    #  b        *****
    #  asked         ?
    spans = [Span(0, 10, "a"), Span(1, 6, "b")]
    ranges = listed(spans)
    ranges.remove(spans[0])
    assert names(ranges.overlapping(5, 6)) == "b"
    assert names(ranges.overlapping(6, 7)) == ""


def test_a_list_that_was_emptied_can_be_filled_again():
    span = Span(3, 5, "a")
    ranges = listed([span])
    ranges.remove(span)
    assert list(ranges.overlapping(0, 10)) == []
    ranges.add(span)
    assert names(ranges.overlapping(0, 10)) == "a"


# --- RangeList: many ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_hundreds_of_equal_starts_keep_the_order_they_came_in(seed):
    spans = [Span(7, 8 + index % 5, str(index)) for index in range(400)]
    ranges = listed(spans)
    assert list(ranges) == spans
    left, order = list(spans), random.Random(seed)
    while left:
        gone = left.pop(order.randrange(len(left)))
        ranges.remove(gone)
        assert list(ranges) == left
    assert len(ranges) == 0


@pytest.mark.parametrize("starts", [1, 3, 50, 10_000], ids="{}-starts".format)
def test_hundreds_of_ranges_survive_removal_in_random_order(starts):
    order = random.Random(starts)
    spans = []
    for index in range(500):
        start = order.randrange(starts)
        spans.append(Span(start, start + order.choice((1, 2, 40, starts)), str(index)))
    ranges, left = listed(spans), ordered(spans)
    assert list(ranges) == left
    order.shuffle(spans)
    for gone in spans:
        ranges.remove(gone)
        left.remove(gone)
        start = order.randrange(starts)
        assert len(ranges) == len(left)
        assert list(ranges.overlapping(start, start + 3)) == meeting(left, start, start + 3)
    assert list(ranges) == []


def test_equal_starts_among_others_stay_in_order_when_buckets_split():
    """The equal starts grow in the middle, so they lie on both sides of every split."""
    spans = [Span(start, start + 1, f"outer{start}") for start in range(0, 400, 2)]
    spans += [Span(200, 201 + index % 3, f"equal{index}") for index in range(300)]
    ranges = listed(spans)
    assert list(ranges) == ordered(spans)
    late = Span(200, 300, "late")
    ranges.add(late)
    assert list(ranges.overlapping(200, 201))[-1] is late


@pytest.mark.parametrize("where", [0, 10, 64, 128])
def test_one_long_range_is_found_behind_hundreds_of_short_ones(where):
    #  points  0123456789...399
    #  short   ****************
    #  long      **************   begins among the first, reaches over all
    #  asked                  ?
    spans = [Span(point, point + 1) for point in range(400)]
    long = Span(where, 400, "long")
    ranges = listed([long, *spans])
    assert list(ranges.overlapping(399, 400)) == [long, spans[399]]
    late = listed([*spans, long])
    assert list(late.overlapping(399, 400)) == [long, spans[399]]


SPANS = st.tuples(st.integers(0, WORLD), st.integers(1, 8)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(SPANS, st.integers(0, 1000)), max_size=60), st.integers(0, WORLD), st.integers(1, WORLD))
def test_any_adding_and_removing_agrees_with_a_sorted_list(steps, start, length):
    ranges, left = RangeList(), []
    for step in steps:
        if isinstance(step, Span):
            ranges.add(step)
            left.append(step)
        elif left:
            ranges.remove(left.pop(step % len(left)))
        assert list(ranges) == ordered(left)
        assert list(ranges.overlapping(start, start + length)) == meeting(left, start, start + length)
        assert ranges.first(start, start + length) is next(iter(meeting(left, start, start + length)), None)
        levels(ranges._root)
    assert len(ranges) == len(left)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=201, max_size=330), st.randoms(use_true_random=False))
def test_more_ranges_than_a_bucket_holds_agree_with_a_sorted_list(starts, order):
    spans = [Span(start, start + order.randint(1, 6)) for start in starts]
    ranges, left = listed(spans), list(spans)
    order.shuffle(spans)
    for count, gone in enumerate(spans):
        if count % 20 == 0:
            assert list(ranges) == ordered(left)
            assert list(ranges.overlapping(3, 5)) == meeting(left, 3, 5)
        ranges.remove(gone)
        left.remove(gone)
    assert list(ranges) == []


SHAPES = {
    "apart": lambda index, count: (4 * index, 4 * index + 2),
    "one start": lambda index, count: (7, 8 + index),
    "one range": lambda index, count: (7, 9),
    "nested": lambda index, count: (index, 2 * count - index),
    "one over all": lambda index, count: (0, 4 * count) if index == count // 2 else (4 * index, 4 * index + 2),
    "staircase": lambda index, count: (index, index + 40),
}
"""Ranges that are hard to keep: index and count to (start, end)."""


@pytest.mark.parametrize("shape", SHAPES)
def test_thousands_of_ranges_agree_with_a_sorted_list_while_they_come_and_go(shape):
    """The tree has some 2 ln n levels, and seldom more than twice as many."""
    order = random.Random(shape)
    spans = [Span(*SHAPES[shape](index, 5000), str(index)) for index in range(5000)]
    order.shuffle(spans)
    ranges, left = listed(spans), ordered(spans)
    assert list(ranges) == left
    assert levels(ranges._root) < 40
    for gone in order.sample(spans, 4000):
        ranges.remove(gone)
        left.remove(gone)
        if order.random() < 0.02:
            start = order.choice((order.randrange(20_000), gone.start, gone.end))
            end = start + order.choice((1, 5, 400))
            assert ranges.overlapping(start, end) == meeting(left, start, end)
            assert ranges.first(start, end) is next(iter(meeting(left, start, end)), None)
    assert list(ranges) == left
    assert levels(ranges._root) < 40
    back = [span for span in spans if span not in set(left)]
    for span in back:
        ranges.add(span)
    assert list(ranges) == ordered([*left, *back])
    assert len(ranges) == 5000
    assert levels(ranges._root) < 40


@pytest.mark.parametrize("step", [1, 7, 89, 4096])
def test_the_tree_stays_low_where_ranges_come_in_order_and_only_every_so_many_stays(step):
    ranges, before = RangeList(), []
    for index in range(20_000):
        span = Span(index, index + 3)
        ranges.add(span)
        if index % step:
            before.append(span)
        if len(before) > 5:
            ranges.remove(before.pop(0))
    assert levels(ranges._root) < 45


# --- RangeMap -------------------------------------------------------------------------------------------------


def mapped(*pieces):
    values = RangeMap()
    for start, end, value in pieces:
        values.set(start, end, value)
    return values


def test_what_was_never_set_has_no_value():
    assert RangeMap().overlapping(0, 100) == []


def test_a_query_returns_pieces_cut_to_it():
    #  points  0123456789
    #  set      aaaa bbb
    #  asked      ?????
    values = mapped((1, 5, "a"), (6, 9, "b"))
    assert values.overlapping(3, 8) == [(3, 5, "a"), (6, 8, "b")]


def test_touching_pieces_are_not_in_the_query():
    values = mapped((0, 3, "a"), (3, 5, "b"), (5, 8, "c"))
    assert values.overlapping(3, 5) == [(3, 5, "b")]


def test_setting_replaces_what_was_there_and_keeps_the_rest():
    #  points  0123456789
    #  set     aaaaaaaaaa
    #  set        bbb
    #  is      aaabbbaaaa
    assert list(mapped((0, 10, "a"), (3, 6, "b"))) == [(0, 3, "a"), (3, 6, "b"), (6, 10, "a")]


def test_setting_over_several_pieces_swallows_them():
    #  points  0123456789
    #  set     aa bb cc d
    #  set      eeeeee
    #  is      aeeeeeec d
    values = mapped((0, 2, "a"), (3, 5, "b"), (6, 8, "c"), (9, 10, "d"), (1, 7, "e"))
    assert list(values) == [(0, 1, "a"), (1, 7, "e"), (7, 8, "c"), (9, 10, "d")]


def test_clearing_the_middle_leaves_both_ends():
    #  points  0123456789
    #  set     aaaaaaaaaa
    #  clear     ----
    values = mapped((0, 10, "a"))
    values.clear(2, 6)
    assert list(values) == [(0, 2, "a"), (6, 10, "a")]
    assert len(values) == 2


def test_clearing_what_has_no_value_changes_nothing():
    values = mapped((0, 2, "a"), (6, 8, "b"))
    values.clear(2, 6)
    assert list(values) == [(0, 2, "a"), (6, 8, "b")]


def test_an_empty_range_sets_clears_and_finds_nothing():
    values = mapped((0, 10, "a"), (4, 4, "b"))
    values.clear(5, 5)
    assert list(values) == [(0, 10, "a")]
    assert values.overlapping(5, 5) == []
    assert values.overlapping(7, 3) == []


CHANGES = st.tuples(st.integers(0, WORLD), st.integers(0, WORLD), st.sampled_from("abc-"))


@settings(deadline=None, max_examples=150)
@given(st.lists(CHANGES, max_size=25), st.integers(0, WORLD), st.integers(0, WORLD))
def test_any_setting_and_clearing_agrees_with_a_dictionary_of_points(changes, start, end):
    values, points = RangeMap(), {}
    for first, last, value in changes:
        if value == "-":
            values.clear(first, last)
            points = {point: old for point, old in points.items() if not first <= point < last}
        else:
            values.set(first, last, value)
            points.update(dict.fromkeys(range(first, last), value))
        pieces = list(values)
        assert all(begin < stop for begin, stop, _ in pieces)
        assert all(one[1] <= other[0] for one, other in pairwise(pieces))
        assert spelled(pieces) == points
        assert len(values) == len(pieces)
    asked = {point: value for point, value in points.items() if start <= point < end}
    assert spelled(values.overlapping(start, end)) == asked


def spelled(pieces):
    """Pieces as a dictionary of points."""
    return {point: value for start, end, value in pieces for point in range(start, end)}
