import pytest
from markdown_it import MarkdownIt

from pat_check.findings import Finding, Input, Note, Report, Severity
from pat_check.reporters.base import Style
from pat_check.reporters.markdown import LIMIT
from tests.reporters.writing import hostile, written
from tests.sample_report import HOSTILE_TEXT, SAMPLE


def tokens(report):
    """Block tokens and, in their places, the inline ones, as a reader of Markdown with tables sees them."""
    for token in MarkdownIt("commonmark").enable("table").parse(written("markdown", report)):
        yield token
        yield from token.children or ()


def cells(report):
    """The cells of the tables, each as the content of its inline tokens."""
    rows, cell = [], False
    for token in MarkdownIt("commonmark").enable("table").parse(written("markdown", report)):
        if token.type == "tr_open":
            rows.append([])
        cell = token.type in ("th_open", "td_open") or (cell and token.type == "inline")
        if cell and token.type == "inline":
            rows[-1].append("".join(child.content for child in token.children))
    return rows


def many(number, message="m", **fields):
    return [Finding("r-a", Severity.ERROR, f"{message} {at}", at + 1, file="t", **fields) for at in range(number)]


def test_the_verdict_comes_first():
    assert written("markdown").startswith(
        "### pat-check failed: 4 findings (1 error, 2 warnings, 1 info) in 2 inputs\n"
    )
    assert written("markdown", Report("")) == "### pat-check passed: no findings in 0 inputs\n"


def test_findings_that_do_not_fail_the_run_pass():
    report = Report("", [], many(1), fail_on=None)
    assert written("markdown", report).startswith("### pat-check passed: 1 finding (1 error) in 0 inputs\n")


def test_the_worst_come_first():
    assert [row[0] for row in cells(SAMPLE)] == ["severity", "error", "warning", "warning", "info"]


def test_a_rule_is_a_link_to_its_page():
    links = [token.attrGet("href") for token in tokens(SAMPLE) if token.type == "link_open"]
    assert links[0] == "https://pat-check.example/rules/memtype-invalid-free.md"


def test_a_story_is_folded_below():
    fences = [token.content for token in tokens(SAMPLE) if token.type == "fence"]
    assert len(fences) == 1
    assert "  fork-partial/trace.txt:77: note: reserved here" in fences[0]


def test_a_table_is_bounded():
    assert "\nand 10 more\n" in written("markdown", Report("", [], many(60)))
    assert len(cells(Report("", [], many(60)))) == 51


@pytest.mark.parametrize(
    "findings",
    [
        many(100, "m" * 5000, help="h" * 5000),
        many(60, "m", notes=[Note(at, "n" * 100) for at in range(200)]),
        many(60, "|" * 1000 + "`" * 1000),
    ],
    ids=["long", "many notes", "escapes"],
)
def test_the_whole_fits_a_comment(findings):
    inputs = [Input(f"{at}" * 200, "", "", "", error="x" * 10_000) for at in range(100)]
    assert len(written("markdown", Report("", inputs, findings))) <= LIMIT


def test_statistics_leave_out_the_stories():
    assert "<details>" not in written("markdown", style=Style(statistics=True))


def test_a_hostile_report_is_text_and_code_alone():
    html = [token.content for token in tokens(hostile()) if token.type in ("html_block", "html_inline")]
    assert len(html) == 2
    assert html[0].startswith("<details><summary><code>error: memtype-leak at ")
    assert html[0].count("<") == 5
    assert html[1] == "</details>\n"
    assert not [token for token in tokens(hostile()) if token.type in ("link_open", "image", "strong_open")]
    written_text = "".join(token.content for token in tokens(hostile()) if token.type == "text")
    for word in ("@user", "#1", "http", "script"):
        assert word not in written_text


def test_a_hostile_message_stays_in_its_cell():
    (_, row) = cells(hostile())
    assert len(row) == 4
    assert row[3].startswith("a|b `x` ```<script>alert(1)</script> [y](http://evil) @user #1")


def test_a_hostile_story_stays_in_its_fence():
    (fence,) = [token for token in tokens(hostile()) if token.type == "fence"]
    assert fence.content.count("</details>") == HOSTILE_TEXT.count("</details>") * fence.content.count("a|b")
