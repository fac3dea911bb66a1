"""Scenarios have one layout: formatting changes how a story looks, never what it says."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_check.scenario.formatter import formatted
from pat_check.scenario.parser import ScenarioError, parse
from pat_check.scenario.statements import Statement

SAMPLES = Path(__file__).parent / "samples"
TIDY = sorted(path.name for path in SAMPLES.glob("*.pat") if path.name != "untidy.pat")


def tidy(text):
    return formatted(text, "story.pat")


def said(node):
    """A tree without what depends on the layout: places, and the text of lines."""
    if isinstance(node, list):
        return [said(item) for item in node]
    if not dataclasses.is_dataclass(node):
        return node
    layout = {"at", "column", "text"} if isinstance(node, Statement) else {"column", "lines"}
    fields = (field.name for field in dataclasses.fields(node))
    return type(node).__name__, {name: said(getattr(node, name)) for name in fields if name not in layout}


def meaning(text):
    return said(parse(text, "story.pat"))


# --- samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TIDY)
def test_a_tidy_story_stays_as_it_is(name):
    text = (SAMPLES / name).read_text()
    assert tidy(text) == text


def test_an_untidy_story_becomes_tidy():
    assert tidy((SAMPLES / "untidy.pat").read_text()) == (SAMPLES / "tidy.pat").read_text()


@pytest.mark.parametrize("name", [*TIDY, "untidy.pat"])
def test_a_tidy_story_says_the_same(name):
    text = (SAMPLES / name).read_text()
    assert meaning(tidy(text)) == meaning(text)


# --- lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("app:exit", "app: exit"),
        ("app :v=mmap 16K,card ,shared", "app: v = mmap 16K, card, shared"),
        ("a: f v+4K*2,( v )", "a: f v + 4K * 2, (v)"),
        ("a: f v  -  4K, -22", "a: f v - 4K, -22"),
        ("a: f 64k, 3 \t pages, 0x10  page, 0xFDk", "a: f 64K, 3 pages, 0x10 page, 0xFDK"),
        ('a: f "two  spaces"', 'a: f "two  spaces"'),
        ("a: f offset  4K,at 0", "a: f offset 4K, at 0"),
        ("bar fb=0 size 4K", "bar fb = 0 size 4K"),
        ("expect memtypes fb=[ 0,16K )wc,[16K , 32K)uc-", "expect memtypes fb = [0, 16K) wc, [16K, 32K) uc-"),
        ("expect memtypes=none", "expect memtypes = none"),
        ("expect pte v+4K=fb wc@vm-pat", "expect pte v + 4K = fb wc  @vm-pat"),
        ("expect pte v=pfn  0x10k ,not  special,wc@vm-pat", "expect pte v = pfn 0x10K, not special, wc  @vm-pat"),
        ("expect vm_flags v=io,not pat", "expect vm_flags v = io, not pat"),
        ("expect ret=-EINVAL@x#why", "expect ret = -EINVAL  @x  #why"),
        ("a: f v#!x   y@z", "a: f v  #! x y@z"),
        ("#pat-check:ignore[ a ,b ]why  not ", "# pat-check: ignore[a, b] why  not"),
        ("a: f # pat-check: ignore[a]", "a: f  # pat-check: ignore[a]"),
        ("\t#  as it is \t", "#  as it is"),
    ],
)
def test_a_line_has_one_layout(text, line):
    assert tidy(text) == f"{line}\n"


def test_numbers_keep_their_notation():
    assert tidy("a: f 0x4000, 16384, 16K, 0") == "a: f 0x4000, 16384, 16K, 0\n"


def test_bodies_are_indented_by_two_spaces():
    text = "a: f {\ng {\n# why\nh v\n}\n      }\na: exit"
    assert tidy(text) == "a: f {\n  g {\n    # why\n    h v\n  }\n}\na: exit\n"


def test_one_of_several_blank_lines_stays():
    assert tidy("\n\na: f\n\n\n \t\na: g\na: h\n\n\n") == "a: f\n\na: g\na: h\n"


@pytest.mark.parametrize("text", ["", "\n", " \r\n\n", "\ufeff"])
def test_nothing_stays_nothing(text):
    assert tidy(text) == ""


def test_line_ends_become_those_of_unix():
    assert tidy("a: f {\r\n\r\n  # x \r\n}\r\n") == "a: f {\n\n  # x\n}\n"


# --- ends of lines ----------------------------------------------------------------------------------------


def test_the_ends_of_lines_stand_in_one_column_up_to_a_blank_line():
    text = "a: f # x\na: a-longer-one\n# alone\na: ffff {  #! y\ng v # z\n}\n\na: f # far"
    assert tidy(text).splitlines() == [
        "a: f       # x",
        "a: a-longer-one",
        "# alone",
        "a: ffff {  #! y",
        "  g v      # z",
        "}",
        "",
        "a: f  # far",
    ]


def test_eras_stand_in_the_column_of_comments():
    assert (
        tidy("expect ret = 0 @x\nexpect ret = -EINVAL # y") == "expect ret = 0        @x\nexpect ret = -EINVAL  # y\n"
    )


def test_the_end_of_a_line_begins_in_column_60_at_most():
    long, short = f"a: f {'x' * 80}", "a: f"
    fits = f"a: f {'x' * 52}"
    assert len(fits) == 57
    assert tidy(f"{long} # 1\n{short} # 2\n{fits} # 3").splitlines() == [
        f"{long}  # 1",
        f"{short}{' ' * 55}# 2",
        f"{fits}  # 3",
    ]


# --- errors -----------------------------------------------------------------------------------------------


def test_a_scenario_with_an_error_is_not_formatted():
    with pytest.raises(ScenarioError, match=r"^story\.pat:2:1: this '}' closes no block\n"):
        tidy("a: f\n}")


def test_parentheses_as_deep_as_you_like_are_formatted():
    text = f"a: f {'(' * 5_000}v{')' * 5_000}\n"
    assert tidy(text) == text


# --- random stories ---------------------------------------------------------------------------------------
#
# A story is a list of lines, a line a list of words; what stands between the words is drawn at the very end.

NAMES = st.from_regex(r"[a-z_][a-z0-9_.-]{0,6}", fullmatch=True).filter(
    lambda name: (
        name
        not in (
            "at",
            "offset",
            "none",
            "not",
            "pfn",
            "size",
            "bar",
            "ram",
            "mtrr",
            "paging",
            "file",
            "process",
            "driver",
        )
    )
)
NUMBERS = st.one_of(
    st.integers(0, 1 << 52).map(str),
    st.integers(0, 1 << 52).map(hex),
    st.builds("{}{}".format, st.integers(0, 4096), st.sampled_from(["K", "M", "G", "k", " pages", "\tpage"])),
)
COMMENTS = st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=12).map(
    lambda text: f"# {text}".replace("pat-check", "").rstrip()
)
CLAIMS = st.lists(st.sampled_from(["memtype-leak", "memtype-leak@vm-pat*", "x@!pfnmap-ctx"]), min_size=1, max_size=2)
TYPES = st.sampled_from(["wb", "wc", "uc-", "uc", "wt"])


def joined(parts, separator):
    return [word for part in parts for word in (separator, *part)][1:]


SUMS = st.recursive(
    st.one_of(NAMES, NUMBERS).map(lambda word: [word]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: [*parts[0], parts[1], *parts[2]]),
        inner.map(lambda words: ["(", *words, ")"]),
    ),
    max_leaves=4,
)
ARGUMENTS = st.one_of(
    SUMS,
    st.tuples(st.sampled_from(["at", "offset"]), SUMS).map(lambda parts: [parts[0], *parts[1]]),
    st.sampled_from([['"a  \\"text\\" # no comment"'], ["-EINVAL"], ["-22"]]),
)
OPERATIONS = st.builds(
    lambda task, result, op, args: [*task, *result, op, *joined(args, ",")],
    NAMES.map(lambda name: [name, ":"]),
    st.one_of(st.just([]), NAMES.map(lambda name: [name, "="])),
    NAMES,
    st.lists(ARGUMENTS, max_size=3),
)
RANGES = st.tuples(SUMS, SUMS, TYPES).map(lambda parts: ["[", *parts[0], ",", *parts[1], ")", parts[2]])
EXPECTATIONS = st.builds(
    lambda what, eras: ["expect", *what, *eras],
    st.one_of(
        st.tuples(SUMS, st.lists(RANGES, min_size=1, max_size=2)).map(
            lambda parts: ["memtypes", *parts[0], "=", *joined(parts[1], ",")]
        ),
        st.tuples(SUMS, SUMS, TYPES).map(lambda parts: ["pte", *parts[0], "=", *parts[1], parts[2]]),
        SUMS.map(lambda words: ["refs", *words, "=", "2"]),
        st.sampled_from(
            [["memtypes", "=", "none"], ["ret", "=", "-EINVAL"], ["dmesg", "none"], ["dmesg", '"a  text"']]
        ),
    ),
    st.sampled_from([[], ["@vm-pat*"], ["@!pfnmap-ctx"]]),
)
DECLARATIONS = st.one_of(
    st.builds(
        lambda kind, name, base, size: [kind, name, "=", *base, "size", *size],
        TYPES.map(lambda _: "bar"),
        NAMES,
        SUMS,
        SUMS,
    ),
    st.builds(lambda base, size: ["mtrr", *base, "size", *size, "uncachable"], SUMS, SUMS),
    st.builds(lambda kind, name: [kind, name], st.sampled_from(["file", "process", "driver", "checkpoint"]), NAMES),
)
REMARKS = st.one_of(
    COMMENTS.map(lambda comment: [comment]),
    st.sampled_from(
        [["# pat-check:", "ignore", "[", "a", ",", "b", "]", "a  reason"], ["#pat-check:", "ignore", "[", "a", "]"]]
    ),
)
ENDS = st.one_of(st.just([]), REMARKS, CLAIMS.map(lambda claims: ["#!", *claims]))
LINES = st.one_of(
    st.just([]),
    REMARKS,
    st.tuples(st.one_of(OPERATIONS, EXPECTATIONS, DECLARATIONS), ENDS).map(lambda parts: [*parts[0], *parts[1]]),
)
STORIES = st.recursive(
    st.lists(LINES, max_size=4),
    lambda inner: st.tuples(
        st.lists(LINES, max_size=2), OPERATIONS, ENDS, inner, REMARKS, st.lists(LINES, max_size=2)
    ).map(lambda p: [*p[0], [*p[1], "{", *p[2]], *p[3], ["}", *p[4]], *p[5]]),
    max_leaves=3,
)
TIGHT = frozenset("()[],=:{")


@st.composite
def texts(draw):
    """A story as somebody may type it."""
    out = []
    for words in draw(STORIES):
        line, before = draw(st.sampled_from(["", "  ", "\t"])), "("
        for word in words:
            free = (before in TIGHT or word in TIGHT) and "-" not in (before, word)
            line += draw(st.sampled_from(["", " ", "  "] if free else [" ", "\t", "   "])) + word
            before = word
        out.append(line + draw(st.sampled_from(["", " ", "\t"])))
    return draw(st.sampled_from(["\n", "\r\n"])).join(out) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(texts())
def test_a_tidy_story_is_tidy(text):
    assert tidy(tidy(text)) == tidy(text)


@given(texts())
def test_formatting_changes_nothing_that_is_said(text):
    assert meaning(tidy(text)) == meaning(text)


@given(texts())
def test_nothing_but_space_is_added_or_lost(text):
    def without_space(text):
        return "".join(text.split()).lower()  # units are in capitals

    assert without_space(tidy(text)) == without_space(text)
