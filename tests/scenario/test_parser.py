"""Scenarios are read as people mean them; the first error says where it is, what was expected and what was meant."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pat_check.errors import TraceError
from pat_check.scenario.parser import ScenarioError, parse
from pat_check.scenario.statements import (
    Binary,
    Bit,
    Checkpoint,
    Claim,
    Declare,
    Expect,
    Ignore,
    Name,
    Number,
    Operation,
    Range,
    Text,
)
from pat_check.scenario.words import near, size_text

SAMPLES = Path(__file__).parent / "samples"
K = 1 << 10


def statements(text):
    return parse(text, "story.pat").statements


def only(text):
    """The one statement of a text."""
    (statement,) = statements(text)
    return statement


def argument(text):
    """The one argument of an operation."""
    (found,) = only(f"app: f {text}").args
    return found


def value(text):
    """What an expression without names comes to."""

    def computed(node):
        if isinstance(node, Number):
            return node.value
        left, right = computed(node.left), computed(node.right)
        return {"+": left + right, "-": left - right, "*": left * right}[node.op]

    return computed(argument(text))


def error(text):
    with pytest.raises(ScenarioError) as caught:
        parse(text, "story.pat")
    return caught.value


# --- statements -------------------------------------------------------------------------------------------


def test_a_statement_knows_its_line_its_column_and_its_text():
    exit_ = statements("# title\n\n  app: exit  # bye")[0]
    assert (exit_.at, exit_.column, exit_.text) == (3, 3, "  app: exit  # bye")


@pytest.mark.parametrize("kind", ["bar", "ram"])
def test_physical_memory_has_a_name_a_base_and_a_size(kind):
    text = f"{kind} fb = 0xfd000000 size 64K"
    assert only(text) == Declare(1, 1, text, [], kind, "fb", Number(0xFD000000, 10), Number(64 * K, 26))


def test_an_mtrr_has_a_base_a_size_and_a_type():
    text = "mtrr 0xc0000000 size 1G uncachable"
    assert only(text) == Declare(1, 1, text, [], "mtrr", "", Number(0xC0000000, 6), Number(1 << 30, 22), "uncachable")


@pytest.mark.parametrize("kind", ["file", "process", "driver"])
def test_files_processes_and_drivers_have_a_name(kind):
    assert only(f"{kind} x") == Declare(1, 1, f"{kind} x", [], kind, "x")


@pytest.mark.parametrize("name", ["all-gone", "00-before", "expect", "v1.2_x"])
def test_a_checkpoint_has_a_name_of_any_letters_and_digits(name):
    assert only(f"checkpoint {name}") == Checkpoint(1, 1, f"checkpoint {name}", [], name)


def test_an_operation_has_a_task_a_result_and_arguments():
    text = "app: v = mmap 16K, card, shared"
    args = [Number(16 * K, 15), Name("card", 20), Name("shared", 26)]
    assert only(text) == Operation(1, 1, text, [], "app", "v", "mmap", args)


@pytest.mark.parametrize("text", ["app:exit", "app :exit", "\tapp\t:\texit\t"])
def test_spaces_around_a_colon_are_free(text):
    found = only(text)
    assert (found.task, found.result, found.op, found.args) == ("app", "", "exit", [])


def test_the_words_at_and_offset_stand_before_their_value_among_the_arguments():
    found = only("app: v = mmap 16K, offset 4K, at 0x7f00 + 1").args
    assert found[1:3] == [Name("offset", 20), Number(4 * K, 27)]
    assert found[3] == Name("at", 31)
    assert found[4] == Binary("+", Number(0x7F00, 34), Number(1, 43, plain=True), 34)


def test_an_argument_can_be_a_text():
    assert argument(r'"say \"no\" \\ \n # x"') == Text(r'say "no" \ \n # x', 8)


def test_an_argument_can_be_an_error_number():
    assert argument("-EINVAL") == Name("-EINVAL", 8)
    assert argument("-22") == Number(-22, 8, plain=True)


def test_words_of_expectations_are_names_elsewhere():
    assert only("app: pte ret, refs, dmesg, none").args == [
        Name("ret", 10),
        Name("refs", 15),
        Name("dmesg", 21),
        Name("none", 28),
    ]


# --- blocks -----------------------------------------------------------------------------------------------


def test_a_block_holds_the_statements_up_to_its_brace():
    block, after = statements("app: fault v {   # why\n  vmf_insert_pfn v, fb\n  checkpoint in\n} # done\napp: exit")
    assert (block.op, block.at, after.op) == ("fault", 1, "exit")
    assert [(inner.at, inner.column) for inner in block.body] == [(2, 3), (3, 3)]
    assert block.body[0].task == ""


def test_blocks_nest():
    outer = only("a: lock {\n a: fault v {\n  f v\n }\n}")
    assert outer.body[0].body[0].op == "f"


def test_a_block_can_be_empty():
    assert only("a: lock {\n}").body == []


def test_an_operation_without_a_block_has_no_body():
    assert only("a: lock").body is None


# --- ends of lines ----------------------------------------------------------------------------------------


def test_claims_name_a_rule_and_where_it_applies():
    found = only("a: f v  #! memtype-leak@vm-pat* tracking-lost@!pfnmap-ctx  model-divergence")
    assert found.claims == [
        Claim("memtype-leak", "vm-pat*"),
        Claim("tracking-lost", "!pfnmap-ctx"),
        Claim("model-divergence"),
    ]


def test_the_opening_of_a_block_and_an_expectation_can_have_claims():
    assert only("a: f v {  #! x\n}").claims == [Claim("x")]
    assert only("expect ret = 0  @vm-pat  #! x").claims == [Claim("x")]


def test_a_comment_may_hold_anything():
    assert statements('# bar { " \x1b[0m \u2028 \r #! x\na: f#x') == [Operation(2, 1, "a: f#x", [], "a", "", "f")]


def test_a_remark_on_a_line_of_its_own_ignores_rules():
    text = "# pat-check: ignore[memtype-leak, memtype-downgrade]  known to be UC-  "
    assert only(text) == Ignore(1, 1, text, [], ["memtype-leak", "memtype-downgrade"], "known to be UC-")


def test_a_remark_stands_before_the_statement_that_shares_its_line():
    remark, operation = statements("a: f v #pat-check:ignore[x]")
    assert (remark.at, remark.column, remark.rules, remark.reason) == (1, 8, ["x"], "")
    assert (operation.at, operation.op) == (1, "f")


def test_a_remark_can_stand_at_either_end_of_a_block():
    first, block, last = statements(
        "a: f v {  # pat-check: ignore[x]\n  # pat-check: ignore[y]\n}  # pat-check: ignore[z]"
    )
    assert [first.rules, block.body[0].rules, last.rules] == [["x"], ["y"], ["z"]]


def test_the_title_is_the_first_comment_line():
    text = "\n# pat-check: ignore[x]\na: f  # no\n  ##  A story  \n# more"
    assert parse(text, "story.pat").title == "A story"


def test_a_scenario_without_comment_lines_has_no_title():
    assert parse("a: f  # no", "story.pat").title == ""


# --- expectations -----------------------------------------------------------------------------------------


def expected(text):
    """Its fields that are not the line's."""
    found = only(text)
    assert isinstance(found, Expect)
    return found


def test_memtypes_can_be_none():
    found = expected("expect memtypes fb = none")
    assert (found.what, found.subject, found.ranges, found.none) == ("memtypes", Name("fb", 17), [], True)


def test_memtypes_are_ranges_with_a_type():
    found = expected("expect memtypes fb = [0, 16K) wc,[16K,8*4K)uc-")
    product = Binary("*", Number(8, 39, plain=True), Number(4 * K, 41), 39)
    assert found.ranges == [
        Range(Number(0, 23, plain=True), Number(16 * K, 26), "wc"),
        Range(Number(16 * K, 35), product, "uc-"),
    ]
    assert not found.none


def test_memtypes_of_everything_have_no_subject():
    found = expected("expect memtypes = [0x1000, 0x2000) wb")
    assert (found.subject, found.ranges) == (None, [Range(Number(0x1000, 20), Number(0x2000, 28), "wb")])


def test_a_pte_can_be_none():
    found = expected("expect pte v + 4K = none")
    assert (found.subject, found.value, found.none) == (Binary("+", Name("v", 12), Number(4 * K, 16), 12), None, True)


def test_a_pte_maps_an_address_with_or_without_a_type():
    found = expected("expect pte v = fb + 4K wc")
    assert (found.value, found.bits) == (Binary("+", Name("fb", 16), Number(4 * K, 21), 16), [Bit("wc")])
    found = expected("expect pte v = fb")
    assert (found.value, found.bits, found.pfn) == (Name("fb", 16), [], False)


def test_a_pte_maps_a_frame_and_has_bits_or_not():
    found = expected("expect pte v = pfn 0xfd001, wc, not special, write @vm-pat")
    assert (found.value, found.pfn, found.eras) == (Number(0xFD001, 20), True, "vm-pat")
    assert found.bits == [Bit("wc"), Bit("special", off=True), Bit("write")]
    assert [bit.word.column for bit in found.bits] == [29, 37, 46]
    found = expected("expect pte v = not anon, wc")
    assert (found.value, found.bits) == (None, [Bit("anon", off=True), Bit("wc")])


def test_flags_of_a_mapping_are_words():
    found = expected("expect vm_flags v + 4K = pfnmap, not pat")
    assert found.subject == Binary("+", Name("v", 17), Number(4 * K, 21), 17)
    assert found.bits == [Bit("pfnmap"), Bit("pat", off=True)]
    assert expected("expect vm_flags v = none").none


def test_a_result_is_a_word_or_a_number():
    assert expected("expect ret = -EINVAL").word == "-EINVAL"
    assert expected("expect ret = SIGBUS").word == "SIGBUS"
    assert expected("expect ret = -22").value == Number(-22, 14, plain=True)
    assert expected("expect ret = 0").value == Number(0, 14, plain=True)


def test_the_kernel_log_says_a_text_or_nothing():
    assert expected('expect dmesg "freeing invalid \\"memtype\\""').word == 'freeing invalid "memtype"'
    found = expected("expect dmesg none")
    assert (found.word, found.none) == ("", True)


def test_references_are_counted():
    found = expected("expect refs v = 2")
    assert (found.subject, found.value) == (Name("v", 13), Number(2, 17, plain=True))


@pytest.mark.parametrize(
    "what",
    [
        "memtypes fb = none",
        "pte v = fb wc",
        "pte v = wc, not write",
        "vm_flags v = io",
        "ret = 0",
        "dmesg none",
        'dmesg "x"',
        "refs v = 1",
    ],
)
def test_an_expectation_can_be_for_some_eras(what):
    assert expected(f"expect {what}@!vm-pat-6.1?*").eras == "!vm-pat-6.1?*"
    assert expected(f"expect {what}").eras == ""


# --- expressions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("4096", 4096),
        ("010", 10),
        ("0x1000", 0x1000),
        ("0xFD000000", 0xFD000000),
        ("4K", 4 * K),
        ("64k", 64 * K),
        ("2M", 2 << 20),
        ("1G", 1 << 30),
        ("3T", 3 << 40),
        ("1 page", 4 * K),
        ("3 \t pages", 12 * K),
        ("0x10 pages", 64 * K),
        ("0x10K", 16 * K),
        ("18446744073709551615", (1 << 64) - 1),
    ],
)
def test_numbers_have_units(text, bytes_):
    assert argument(text) == Number(bytes_, 8, plain=text.isdigit())


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("2 + 3 * 4", 14),
        ("2*3+4", 10),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ("10 - (3 - 2)", 9),
        ("2 * 3 * 4", 24),
        ("((7))", 7),
        ("4 - -2", 6),
    ],
)
def test_arithmetic_is_that_of_school(text, bytes_):
    assert value(text) == bytes_


@pytest.mark.parametrize(
    "name", ["v", "uc-", "pfn-1", "v-4K", "v.2", "_x", "barrier", "sizes", "offset-2", "E-", "fb1"]
)
def test_a_hyphen_or_dot_belongs_to_the_name_it_touches(name):
    assert argument(name) == Name(name, 8)


@pytest.mark.parametrize("text", ["v+4K", "v +4K", "v+ 4K", "v + 4K", "v\t+\t4K"])
def test_a_plus_needs_no_spaces(text):
    found = argument(text)
    assert (found.op, found.left.text, found.right.value) == ("+", "v", 4 * K)


@pytest.mark.parametrize("text", ["v - 4K", "v\t-\t4K", "(v) - (4K)"])
def test_a_minus_has_a_space_on_each_side(text):
    found = argument(text)
    assert (found.op, found.left.text, found.right.value) == ("-", "v", 4 * K)


# --- lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "\r\n", " \t\n\n ", "# x", "\ufeff"])
def test_a_text_without_statements_is_a_scenario(text):
    assert statements(text) == []


def test_line_ends_make_no_difference():
    text = "a: f v {\n  g v  # x\n}\n"
    assert statements(text) == statements(text.replace("\n", "\r\n")) == statements(text.removesuffix("\n"))


def test_a_byte_order_mark_makes_no_difference():
    assert statements("\ufeffa: f v") == statements("a: f v")


def test_a_long_line_is_read():
    assert len(only("a: f " + ", ".join(["v"] * 100_000)).args) == 100_000


# --- errors -----------------------------------------------------------------------------------------------


def test_an_error_shows_the_place_the_line_and_a_caret():
    assert str(error("# title\n\tapp: munmap v 8K  # why")) == (
        "story.pat:2:16: expected an operator, a comma, '{' or the end of the line, not '8K'\n"
        "     app: munmap v 8K  # why\n"
        "                   ^"
    )


def test_an_error_is_one_of_an_unusable_trace():
    found = error("\n$")
    assert isinstance(found, TraceError)
    assert (found.path, found.at, found.column, found.message) == ("story.pat", 2, 1, "expected a statement, not '$'")


CASES = [
    # a statement
    ("$", "1:1", "expected a statement, not '$'"),
    ("3", "1:1", "expected a statement, not '3'"),
    ("\u2028", "1:1", r"expected a statement, not '\u2028'"),
    ("exepct pte v = none", "1:1", "no statement begins with 'exepct'; did you mean 'expect'?"),
    ("  barr fb = 0 size 4K", "1:3", "no statement begins with 'barr'; did you mean 'bar'?"),
    ("EXPECT ret = 0", "1:1", "no statement begins with 'EXPECT'; did you mean 'expect'?"),
    ("proces app", "1:1", "no statement begins with 'proces'; did you mean 'process'?"),
    ("a: f\nflie card", "2:1", "no statement begins with 'flie'; did you mean 'file'?"),
    ("checkpont all-gone", "1:1", "no statement begins with 'checkpont'; did you mean 'checkpoint'?"),
    # declarations
    ("driver", "1:7", "expected a name, not the end of the statement"),
    ("bar = 3", "1:5", "expected a name, not '='"),
    ("bar fb 0x1000 size 4K", "1:8", "expected '=', not '0x1000'"),
    ("bar fb = # later", "1:10", "expected a name or a number, not the end of the statement"),
    ("bar fb = #! later", "1:10", "expected a name or a number, not the end of the statement"),
    ("bar fb = 0x1000", "1:16", "expected 'size', not the end of the statement"),
    ("bar fb = 0x1000 sise 4K", "1:17", "expected 'size', not 'sise'; did you mean 'size'?"),
    ("mtrr 0 size 1G", "1:15", "expected a name, not the end of the statement"),
    ("process a, b", "1:10", "expected the end of the line, not ','"),
    ("process file", "1:9", "'file' is a word of the language and no name"),
    ("a: at = mmap 4K", "1:4", "'at' is a word of the language and no name"),
    ("checkpoint", "1:11", "expected a name, not the end of the statement"),
    # operations
    ("a:", "1:3", "expected a name, not the end of the statement"),
    ("a: v =", "1:7", "expected a name, not the end of the statement"),
    ("app: checkpoint x", "1:6", "a statement that begins with 'checkpoint' has no task"),
    (
        "app: expect ret = 0",
        "1:17",
        "expected a comma, '{' or the end of the line, not '='; a statement that begins with 'expect' has no task",
    ),
    ("a: f v,", "1:8", "expected an argument, not the end of the statement"),
    ("a: f v,, w", "1:8", "expected an argument, not ','"),
    ("a: f 16K card", "1:10", "expected a comma, '{' or the end of the line, not 'card'"),
    ("a: f v 'x'", "1:8", "expected an operator, a comma, '{' or the end of the line, not \"'x'\""),
    ("a: f v\xa0+ 4K", "1:7", r"expected an operator, a comma, '{' or the end of the line, not '\xa0'"),
    ("a: f [0, 4K)", "1:6", "expected an argument, '=', '{' or the end of the line, not '['"),
    ("a: f at", "1:8", "expected a name or a number, not the end of the statement"),
    (
        "a: f v, ofset 4K",
        "1:15",
        "expected an operator, a comma, '{' or the end of the line, not '4K'; did you mean 'offset'?",
    ),
    # expressions
    ("a: f v + * 3", "1:10", "expected a name or a number, not '*'"),
    ("a: f (v", "1:8", "expected ')', not the end of the statement"),
    ("a: f 3 pags", "1:8", "expected a comma, '{' or the end of the line, not 'pags'; did you mean 'pages'?"),
    (
        "a: f v -4K",
        "1:8",
        "expected an operator, a comma, '{' or the end of the line, not '-4K'; a minus has a space on each side",
    ),
    (
        "a: f v- 4K",
        "1:9",
        "expected an operator, a comma, '{' or the end of the line, not '4K'; a minus has a space on each side",
    ),
    (
        "a: f v, 64KiB",
        "1:9",
        "expected an argument, not '64KiB'; numbers look like 4096, 0x1000, 4K, 2M, 1G and 3 pages",
    ),
    (
        "a: f v, 4K-1",
        "1:9",
        "expected an argument, not '4K-1'; numbers look like 4096, 0x1000, 4K, 2M, 1G and 3 pages",
    ),
    # expectations
    ("expect", "1:7", "expected 'memtypes', 'pte', 'vm_flags', 'ret', 'dmesg' or 'refs', not the end of the statement"),
    (
        "expect memtype fb = none",
        "1:8",
        "expected 'memtypes', 'pte', 'vm_flags', 'ret', 'dmesg' or 'refs', not 'memtype'; did you mean 'memtypes'?",
    ),
    ("expect memtypes fb = (0, 16K) wc", "1:22", "expected 'none' or '[', not '('"),
    ("expect memtypes fb = [0 16K) wc", "1:25", "expected an operator or a comma, not '16K'"),
    ("expect memtypes fb = [0, 16K] wc", "1:29", "expected an operator or ')', not ']'"),
    ("expect memtypes fb = [0, 16K)", "1:30", "expected a name, not the end of the statement"),
    ("expect pte v none", "1:14", "expected '=', not 'none'"),
    ("expect pte v = ", "1:15", "expected a name, a number, 'none', 'not' or 'pfn', not the end of the statement"),
    ("expect ret -EINVAL", "1:12", "expected '=', not '-EINVAL'"),
    ("expect ret = 0 pfnmap-ctx", "1:16", "expected '@' and eras or the end of the line, not 'pfnmap-ctx'"),
    ("expect dmesg freeing", "1:14", "expected a text in quotation marks or 'none', not 'freeing'"),
    (
        'expect dmesg "freeing',
        "1:14",
        "expected a text in quotation marks or 'none', not '\"freeing'; the quotation mark is not closed",
    ),
    # ends of lines
    ("#! x", "1:1", "expected a statement, not '#!'; claims stand behind the statement that they are about"),
    (
        "a: f {\n} #! x",
        "2:3",
        "expected the end of the line, not '#!'; claims stand behind the statement that they are about",
    ),
    ("a: f v #!", "1:10", "expected a rule, not the end of the statement"),
    ("a: f v #! x # why", "1:13", "expected a rule or the end of the line, not a comment"),
    ("# pat-check:", "1:13", "expected 'ignore', not the end of the statement"),
    ("# pat-check: ignroe[x]", "1:14", "expected 'ignore', not 'ignroe'; did you mean 'ignore'?"),
    ("# pat-check: ignore x", "1:21", "expected '[', not 'x'"),
    ("# pat-check: ignore[]", "1:21", "expected a name, not ']'"),
    ("a: f # pat-check: ignore[x y]", "1:28", "expected a comma or ']', not 'y'"),
    # blocks
    (
        "a: f v { g v }",
        "1:10",
        "expected the end of the line, not 'g'; what is done inside of a block stands on lines of its own, and so does "
        "its '}'",
    ),
    ("a: f v {\n  g v }", "2:7", "expected an operator, a comma, '{' or the end of the line, not '}'"),
    ("a: f v {\n} }", "2:3", "expected the end of the line, not '}'"),
    ("a: f v {\n}\n}", "3:1", "this '}' closes no block"),
    ("x\na: f v {\n  g v", "2:8", "the block that begins here is not closed by '}'"),
    ("a: f {\n  g {\n  }\n", "1:6", "the block that begins here is not closed by '}'"),
    ("a: f {\n  g {\n    h\n}\na: i", "2:5", "the block that begins here is not closed by '}'"),
    ('a: f "{" {  # }', "1:10", "the block that begins here is not closed by '}'"),
]


@pytest.mark.parametrize(("text", "place", "message"), CASES, ids=[text for text, _, _ in CASES])
def test_an_error_says_what_was_expected(text, place, message):
    found = error(text)
    assert (f"{found.at}:{found.column}", found.message) == (place, message)


def test_line_ends_make_no_difference_to_an_error():
    assert str(error("a: f v {\r\n} }\r\n")) == str(error("a: f v {\n} }\n"))


def test_control_characters_are_escaped():
    assert str(error("a\x07b: \x1b[31m")).split("\n") == [
        r"story.pat:1:2: expected an argument, ':', '=', '{' or the end of the line, not '\x07b'",
        r"    a\x07b: \x1b[31m",
        "     ^",
    ]


def test_of_a_long_line_the_surroundings_of_the_error_are_shown():
    message, line, caret = str(error(f"a: f {'x' * 1_000_000} $ {'y' * 1_000}")).split("\n")
    assert message == "story.pat:1:1000007: expected an operator, a comma, '{' or the end of the line, not '$'"
    assert line == f"    ...{'x' * 59} $ {'y' * 58}..."
    assert caret.index("^") == line.index("$")


def test_of_a_long_word_the_beginning_is_named():
    found = error(f"a: f v {'9' * 1_000_000}")
    assert found.message == f"expected an operator, a comma, '{{' or the end of the line, not '{'9' * 40}...'"


def test_what_is_nested_too_deep_to_play_is_refused():
    deep = "a: f {\n" * 51 + "}\n" * 51
    assert error(deep).message == "a block can stand in 50 others at most"
    assert error(deep).at == 51
    assert error(f"a: f {'(' * 51}v{')' * 51}").message == "parentheses can stand in 50 others at most"
    assert error(f"a: f v{' + v' * 201}").message == "an expression has 200 operators at most"


def test_what_is_nested_as_deep_as_allowed_is_read():
    assert statements("a: f {\n" * 50 + f"a: f {'(' * 50}v{')' * 50}, v{' + v' * 200}\n" + "}\n" * 50)


@pytest.mark.parametrize(
    "text", ["a: f " + "(" * 20_000, "a: f {\n" * 5_000, "a: f " + '"' * 99_999, "a: f " + "- " * 9_999]
)
def test_an_error_is_short_whatever_the_text(text):
    assert len(str(error(text))) < 500


@given(st.text(st.sampled_from(' \t\n\r#!@"\\{}[](),:=+-*abc09Kx.\x1b\xa0') | st.characters(), max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text, "story.pat")
    except ScenarioError as found:
        assert 1 <= found.at <= text.count("\n") + 1
        assert found.column >= 1
        assert all(line.isprintable() for line in str(found).split("\n"))


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_story_is_read_or_refused_in_words_for_people(data):
    text = (SAMPLES / "every-form.pat").read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 3, len(text))))
    damage = data.draw(st.sampled_from(["", " ", "#", "{", "}", '"', "-", "=", "\n", "none", "\x00", ")", "size 4K"]))
    try:
        parse(text[:start] + damage + text[end:], "story.pat")
    except ScenarioError as found:
        assert re.search("[A-Z_]{4,}", found.message.partition(", not ")[0]) is None  # the name of a terminal
        assert len(found.message) < 200


# --- words ------------------------------------------------------------------------------------------------


def test_a_near_miss_is_suggested():
    assert near("vmf_insert_pnf", ["vmf_insert_pfn", "mmap"]) == "; did you mean 'vmf_insert_pfn'?"
    assert near("FB", ["fb"]) == "; did you mean 'fb'?"


@pytest.mark.parametrize("word", ["", "fb", "entirely-different", "x" * 100_000])
def test_nothing_is_suggested_for_what_is_known_or_unlike_anything(word):
    assert near(word, ["fb", "mmap", ""]) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "1"),
        (1000, "1000"),
        (0x4000, "16K"),
        (4097, "0x1001"),
        (3 << 20, "3M"),
        (1 << 30, "1G"),
        (1 << 40, "1T"),
    ],
)
def test_a_size_is_written_in_its_largest_unit(size, text):
    assert size_text(size) == text


@given(st.integers(0, 1 << 52) | st.integers(0, 1 << 40).map(lambda pages: pages << 12))
def test_a_size_is_read_as_it_was_written(size):
    assert argument(size_text(size)).value == size
