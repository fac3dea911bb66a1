import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_check.findings import Severity
from pat_check.gate.selection import closest, is_selected, matches


@pytest.mark.parametrize(
    ("selector", "rule", "means"),
    [
        ("ALL", "memtype-leak", True),
        ("memtype", "memtype-leak", True),
        ("memtype-leak", "memtype-leak", True),
        ("mapping-huge", "mapping-huge-aligned", True),
        ("memtype-l", "memtype-leak", False),
        ("mem", "memtype-leak", False),
        ("memtype-leak-x", "memtype-leak", False),
        ("ioremap", "memtype-leak", False),
    ],
)
def test_a_selector_is_a_rule_or_a_name_up_to_a_hyphen(selector, rule, means):
    assert matches(selector, rule) is means


@pytest.mark.parametrize(
    ("select", "ignore", "selected"),
    [
        (("ALL",), (), True),
        (("ALL",), ("memtype",), False),
        (("memtype-leak",), ("memtype",), True),
        (("memtype",), ("memtype-leak",), False),
        (("memtype",), ("memtype",), False),
        (("memtype",), ("ALL",), True),
        (("ioremap",), (), False),
        ((), (), False),
    ],
)
def test_the_longer_selector_wins_and_ignore_wins_a_draw(select, ignore, selected):
    assert is_selected("memtype-leak", select, ignore) is selected


SELECTORS = st.lists(st.sampled_from(["ALL", "memtype", "memtype-leak", "ioremap", "mapping-huge"]), max_size=3)


@given(SELECTORS, SELECTORS, st.randoms())
def test_the_order_of_selectors_does_not_matter(select, ignore, random):
    before = is_selected("memtype-leak", select, ignore)
    random.shuffle(select)
    random.shuffle(ignore)
    assert is_selected("memtype-leak", select, ignore) is before


def test_the_closest_override_counts_and_the_later_of_two():
    overrides = [("memtype-leak", Severity.INFO), ("memtype", Severity.FATAL), ("memtype-leak", Severity.WARNING)]
    assert closest("memtype-leak", overrides) is Severity.WARNING
    assert closest("memtype-downgrade", overrides) is Severity.FATAL
    assert closest("ioremap-leak", overrides) is None
