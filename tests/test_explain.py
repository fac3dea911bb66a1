"""``explain``, ``rules`` and ``eras``: what they tell people, and programs."""

import json

import pytest

from pat_check import api
from pat_check.findings import Severity
from tests.test_cli import on_a_terminal, run

OSC8 = "\x1b]8;"


def test_several_names_are_explained_each_once_in_the_order_given():
    shown = run("explain", "memtype-leak", "vm-pat", "memtype-leak").stdout
    assert shown.index("memtype-leak (error)") < shown.index("vm-pat (up to 6.11)")
    assert shown.count("memtype-leak (error)") == 1


@pytest.mark.parametrize("rule", [rule.id for rule in api.rules()])
def test_all_that_is_known_of_a_rule_is_told(rule):
    info = next(info for info in api.rules() if info.id == rule)
    shown = run("explain", rule).stdout
    for part in (info.summary, "## Why it matters", info.help, info.uri, *info.beside):
        assert part in shown
    for number in info.invariants:
        assert f"{number} " in shown
    for line in (*info.violating.split("\n"), *info.clean.split("\n")):
        assert line.rstrip() in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("era", [era.name for era in api.eras()])
def test_all_that_is_known_of_an_era_is_told(era):
    info = next(info for info in api.eras() if info.name == era)
    shown = run("explain", era).stdout
    for part in (f"{info.name} ({info.kernels})", info.text, *info.changes, info.uri):
        assert part in shown


def test_an_era_is_found_by_a_kernel_release():
    assert run("explain", "6.12").stdout == run("explain", "vm-pat-6.12").stdout


def test_prose_is_laid_out_on_a_terminal_and_claims_stand_out():
    _, shown = on_a_terminal("explain", "memtype-leak", "--links", "never")
    assert "## Why it matters" not in shown
    assert "Why it matters" in shown
    assert "\x1b[1;31m#! memtype-leak\x1b[0m" in shown


def test_prose_on_a_terminal_is_no_wider_than_it():
    _, shown = on_a_terminal("explain", "memtype-leak", NO_COLOR="1")
    prose = shown[: shown.index("A trace that breaks it")]
    assert max(map(len, prose.splitlines())) <= 80


@pytest.mark.parametrize("args", [("rules", "memtype"), ("explain", "memtype-leak"), ("eras",)], ids=" ".join)
def test_names_link_to_their_pages_on_a_terminal_that_shows_colour(args):
    assert OSC8 in on_a_terminal(*args)[1]
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert OSC8 not in on_a_terminal(*args, **plain)[1]
    assert OSC8 not in on_a_terminal(*args, "--links", "never")[1]
    assert OSC8 not in run(*args).stdout


def test_a_link_leads_to_the_page_of_the_rule():
    assert (
        ";https://pat-check.readthedocs.io/en/latest/rules/memtype-leak.html\x1b\\"
        in (on_a_terminal("explain", "memtype-leak")[1])
    )


def listed(*args):
    result = run("rules", "--json", *args)
    assert result.exit_code == 0
    return [rule["id"] for rule in json.loads(result.stdout)["rules"]]


def test_rules_are_chosen_as_with_select():
    every = [rule.id for rule in api.rules()]
    assert listed() == listed("ALL") == every
    assert listed("ioremap") == [rule for rule in every if rule.startswith("ioremap-")]
    assert listed("ioremap", "memtype-leak") == [*listed("ioremap"), "memtype-leak"]


@pytest.mark.parametrize("level", list(Severity))
def test_rules_are_chosen_by_severity(level):
    assert listed("--severity", str(level)) == [rule.id for rule in api.rules() if rule.severity >= level]


def test_rules_are_searched_in_name_and_text_whatever_the_case():
    found = listed("--search", "PAT_MEMTYPE_LIST")
    assert "memtype-leak" in found
    assert set(found) < set(listed())
    assert set(listed("--search", "walker")) >= set(listed("walker"))
    assert "no rule is like that" in run("rules", "--search", "no such word anywhere").stdout
    assert listed("--search", "no such word anywhere") == []


def test_the_keys_of_the_json_are_stable():
    document = json.loads(run("rules", "memtype-leak", "--json").stdout)
    assert list(document) == ["version", "rules"]
    rule = document["rules"][0]
    info = next(info for info in api.rules() if info.id == "memtype-leak")
    assert list(rule) == [
        "id",
        "family",
        "severity",
        "summary",
        "text",
        "help",
        "invariants",
        "language",
        "violating",
        "clean",
        "beside",
        "origin",
        "uri",
    ]
    assert (rule["severity"], rule["text"], rule["origin"]) == ("error", info.text, None)
    eras = json.loads(run("eras", "--json").stdout)
    assert [era["name"] for era in eras["eras"]] == [era.name for era in api.eras()]
    assert list(eras["eras"][0]) == ["name", "kernels", "summary", "text", "changes", "uri"]


@pytest.mark.parametrize(
    ("args", "suggestion"),
    [
        (("explian", "x"), "'explain'"),
        (("baseline", "wirte", "t"), "Unknown command 'wirte'. Did you mean 'write'?"),
        (("completion", "bsh"), "'bash'"),
        (("replay", "t", "--fial-on", "error"), "--fail-on"),
        (("replay", "t", "--fail-on", "eror"), "'error'"),
        (("replay", "t", "--select", "memtype-laek"), "'memtype-leak'"),
        (("replay", "t", "--ignore", "memtyp"), "'memtype'"),
        (("replay", "t", "--severity", "memtype-laek=error"), "'memtype-leak'"),
        (("replay", "t", "--severity", "memtype-leak=eror"), "'error'"),
        (("replay", "t", "--severity", "memtype-leak"), "is not RULE=LEVEL"),
        (("replay", "t", "--color", "alway"), "'always'"),
        (("lint", "t", "--era", "pfnmap_ctx"), "'pfnmap-ctx'"),
        (("compare", "t", "--era", "vm-pat-6.11", "--era", "vm-pat"), "'vm-pat"),
        (("state", "t", "--at", "1", "--era", "vm_pat"), "'vm-pat'"),
        (("explain", "vm-pt"), "'vm-pat'"),
        (("explain", "memtype-leak", "nonsense-rule"), "rule or era 'nonsense-rule'"),
        (("rules", "memtyp"), "'memtype'"),
        (("rules", "--severity", "wraning"), "'warning'"),
        (("eras", "--jsn"), "--json"),
    ],
    ids=" ".join,
)
def test_what_is_mistyped_has_a_near_miss_and_exits_with_2(args, suggestion):
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert suggestion in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_mistyped_name_reaches_no_terminal_as_it_is():
    for args in (("\x1b[2J",), ("explain", "\x1b[2J"), ("rules", "\x1b[2J"), ("replay", "t", "--\x1b[2J")):
        assert "\x1b" not in run(*args).stderr
