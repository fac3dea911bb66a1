import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_check import api
from pat_check.errors import TraceError
from pat_check.findings import Finding, Input, Note, Report, Severity, Task
from pat_check.gate.policy import Policy, apply_policy
from pat_check.gate.suppressions import read_suppressions
from pat_check.reporters import reporters
from pat_check.reporters.base import Style
from tests.sample_report import HOSTILE_COMM

ERAS = [era.name for era in api.eras()]
RULES = ["memtype-invalid-free", "memtype-leak", "ioremap-leak"]


def read(text):
    return read_suppressions(text.split("\n"), "s.supp", lambda: RULES, ERAS)


def entry(*fields, rule="memtype-leak"):
    (one,) = read("\n".join(["{", "name", f"rule: {rule}", *fields, "reason: known", "}"]))
    return one


def finding(**fields):
    made = {
        "rule": "memtype-leak",
        "severity": Severity.ERROR,
        "message": "untrack_pfn leaks it",
        "line": 7,
        "notes": [Note(3, "reserved by remap_pfn_range")],
        "file": "lab/trace.txt",
        "task": Task("Xorg", 5),
        "start": 0xFD000000,
        "end": 0xFD004000,
        "era": "vm-pat",
        "place": "0000:00:02.0 (PCI Bus 0000:00)",
        "fingerprint": "f",
    }
    return Finding(**made | fields)


def test_entries_have_names_comments_and_reasons():
    one, two = read("# why\n{\n  a name\n  rule: memtype-leak\n  reason: x: y\n}\n\n{\nrule:memtype\nreason: z\n}\n")
    assert (one.name, one.rule, one.reason, one.line) == ("a name", "memtype-leak", "x: y", 2)
    assert (two.name, two.rule, two.reason, two.line) == ("", "memtype", "z", 8)


@pytest.mark.parametrize(
    ("fields", "silences"),
    [
        ((), True),
        (("comm: Xorg",), True),
        (("comm: X*",), True),
        (("comm: Wayland",), False),
        (("fun: remap_pfn_range",), True),
        (("fun: untrack_*",), True),
        (("fun: ioremap*",), False),
        (("range: fd000000-fd003fff",), True),
        (("range: 0xfd000000-0xfdffffff",), True),
        (("range: fd000000-fd002fff",), False),
        (("bar: 0000:00:02.0*",), True),
        (("bar: vga",), False),
        (("era: vm-pat*",), True),
        (("era: pfnmap-ctx",), False),
        (("trace: lab/*",), True),
        (("trace: other/*",), False),
        (("comm: X*", "era: pfnmap-ctx"), False),
    ],
)
def test_all_that_an_entry_says_must_hold(fields, silences):
    assert entry(*fields).silences(finding()) is silences


@pytest.mark.parametrize(("rule", "silences"), [("memtype", True), ("*-leak", True), ("ioremap-leak", False)])
def test_the_rule_is_a_selector_or_a_glob(rule, silences):
    assert entry(rule=rule).silences(finding()) is silences


@pytest.mark.parametrize("path", ["captures/lab/trace.txt", "./captures/lab/trace.txt", "lab/trace.txt", "trace.txt"])
@pytest.mark.parametrize(
    ("glob", "silences"),
    [
        ("lab/*", True),
        ("captures/lab/*", True),
        ("captures/*", True),
        ("*/lab/*", True),
        ("ab/*", False),
        ("lab", False),
        ("*.log", False),
    ],
)
def test_a_trace_is_the_same_wherever_a_run_is_started(tmp_path, monkeypatch, path, glob, silences):
    lab = tmp_path / "captures" / "lab"
    lab.mkdir(parents=True)
    monkeypatch.chdir({"captures": tmp_path, ".": tmp_path, "lab": lab.parent, "trace.txt": lab}[path.split("/")[0]])
    assert entry(f"trace: {glob}").silences(finding(file=path)) is silences
    assert entry(f"trace: {glob}").silences(finding(file=str(lab / "trace.txt"))) is silences


@pytest.mark.parametrize(("era", "hint"), [("vm-pta", "'vm-pat'"), ("6.12", "known: vm-pat, "), ("vm_pat*", "")])
def test_an_era_that_no_kernel_has_is_refused(era, hint):
    with pytest.raises(TraceError, match=f"^s.supp:1: no era is called '{re.escape(era)}'.*{re.escape(hint)}"):
        entry(f"era: {era}")


def test_a_finding_without_a_range_is_in_no_range():
    assert not entry("range: 0-ffffffff").silences(finding(start=-1, end=-1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x\n{\n}", "s.supp:1: expected `{` that begins an entry, not 'x'"),
        ("{\nrule: memtype-leak\n}", "s.supp:1: the entry has no `reason:`"),
        ("{\nreason: x\n}", "s.supp:1: the entry has no `rule:`"),
        ("{\nrule: memtype-leak\nreason: x", "s.supp:3: the entry that begins in line 1 has no `}`"),
        ("{\nn\nrulle: x\n}", "s.supp:3: unknown field 'rulle' of an entry; did you mean `rule:`?"),
        ("{\nn\nx\n}", "s.supp:3: unknown field 'x' of an entry; known: "),
        ("{\nrule:\n}", "s.supp:2: `rule:` has no value"),
        ("{\nrule: memtype\nrule: memtype\n}", "s.supp:3: a second `rule:` in one entry"),
        ("{\nrange: 2-1\n}", "s.supp:2: '2-1' is no range as in /proc/iomem: fd000000-fdffffff"),
        (
            "{\nrule: memtype-lek\nreason: x\n}",
            "s.supp:1: no rule is called 'memtype-lek'; did you mean 'memtype-leak'?",
        ),
        ("{\nrule: memtype\nreason: <why is this fine?>\n}", "s.supp:1: the reason is still the placeholder"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, said):
    with pytest.raises(TraceError) as error:
        read(text)
    assert str(error.value).startswith(said)


@given(st.text(alphabet="{}:#\n rule-asonmety\x1b", max_size=80))
def test_no_text_makes_it_stumble(text):
    try:
        read(text)
    except TraceError as error:
        assert error.at >= 0


# --- unused ones ------------------------------------------------------------------------------------------


def applied(*entries, era="vm-pat", error="", **policy):
    report = Report("0", [Input("lab", "ftrace", era, "", error=error)], [finding()], rules=api.rule_texts())
    apply_policy(report, Policy(suppressions=entries, **policy))
    return report


def test_what_is_suppressed_stays_and_does_not_fail():
    report = applied(entry())
    (one,) = report.findings
    assert (one.suppression.reason, one.suppression.file, one.suppression.in_source) == ("known", "s.supp", False)
    assert report.failing() == []


def test_an_entry_that_silences_nothing_is_a_finding():
    report = applied(entry("comm: Wayland"))
    assert [(one.rule, one.file, one.line) for one in report.findings] == [
        ("memtype-leak", "lab/trace.txt", 7),
        ("suppression-unused", "s.supp", 1),
    ]
    assert report.findings[1].message == "the suppression 'name' of memtype-leak silences nothing"


@pytest.mark.parametrize(
    "case",
    [
        {"entries": ["era: pfnmap-ctx"]},  # no input is of this era
        {"entries": ["comm: Wayland"], "error": "cannot be read"},  # who knows what is in it
        {"entries": ["comm: Wayland"], "ignore": ("memtype",)},  # nobody looked
        {"entries": ["comm: Wayland"], "ignore": ("suppression-unused",)},
    ],
)
def test_an_entry_is_not_unused_where_it_could_not_be_used(case):
    report = applied(entry(*case.pop("entries")), **case)
    assert "suppression-unused" not in {one.rule for one in report.findings}


def test_all_entries_that_fit_are_used():
    assert [one.rule for one in applied(entry("comm: X*"), entry("era: vm-pat")).findings] == ["memtype-leak"]


# --- generated ones ---------------------------------------------------------------------------------------


def generated(*findings):
    out = io.StringIO()
    reporters()["suppressions"]().write(Report("0", findings=list(findings)), out, Style())
    return out.getvalue()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"place": ""},
        {"start": -1, "end": -1, "place": ""},
        {"task": Task(HOSTILE_COMM, 1)},
        {"task": Task("a[b]*?{}#", 1)},
        {"task": None},
        {"place": "x\n}\n{ "},
    ],
)
def test_a_generated_entry_silences_its_finding_once_a_reason_is_given(fields):
    one = finding(**fields)
    text = generated(one)
    with pytest.raises(TraceError, match="still the placeholder"):
        read(text)
    (made,) = read(text.replace("<why is this fine?>", "because"))
    assert made.silences(one)


def test_an_entry_is_generated_once_for_equals_and_not_for_what_does_not_count():
    silent = finding(message="silent", suppression=applied(entry()).findings[0].suppression)
    assert generated(finding(), finding(line=9), silent).count("{") == 1


def test_generated_text_has_nothing_that_a_terminal_obeys():
    text = generated(finding(message=HOSTILE_COMM, task=Task(HOSTILE_COMM, 1), place=HOSTILE_COMM))
    assert all(character.isprintable() or character == "\n" for character in text)
