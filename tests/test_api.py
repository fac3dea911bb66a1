"""The public Python API: documented, typed, lazy, and what the command line uses."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pat_check import api
from pat_check.reporters import reporter_named, reporters

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text()
CLI = sorted((ROOT / "pat_check" / "cli").glob("*.py"))

names = pytest.mark.parametrize("name", api.__all__)


@names
def test_a_public_name_is_there_and_says_what_it_is(name):
    assert (inspect.getdoc(getattr(api, name)) or "").strip()


@names
def test_a_public_function_is_typed(name):
    value = getattr(api, name)
    if inspect.isfunction(value):
        signature = inspect.signature(value)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())


@names
def test_a_public_name_is_on_the_page(name):
    assert re.search(rf"`{name}\b", PAGE)


@pytest.mark.parametrize("function", re.findall(r"`(\w+)\(([\w, ]+)\)`", PAGE), ids=lambda found: found[0])
def test_the_page_gives_the_parameters_of_a_function(function):
    name, parameters = function
    assert list(inspect.signature(getattr(api, name)).parameters) == parameters.split(", ")


def test_names_are_in_order_and_once():
    assert sorted(set(api.__all__)) == api.__all__


def test_there_is_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = api.nonsense


@pytest.mark.parametrize("path", CLI, ids=lambda path: path.stem)
def test_the_command_line_uses_what_is_public(path):
    used = set(re.findall(r"\bapi\.(\w+)", path.read_text()))
    assert used <= set(api.__all__)


def test_the_example_of_the_page_runs():
    code = PAGE.split("```python\n")[1].split("```")[0]
    shown = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
    assert "[memtype-invalid-free]" in shown


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from pat_check import api", {"pat_check.session", "pat_check.scenario", "rich", "lark", "intervaltree"}),
        ("from pat_check import api; api.eras()", {"pat_check.scenario", "pat_check.plays", "rich", "lark"}),
        (
            "from pat_check import api; api.check(['examples/fork-partial-6.12'])",
            {"pat_check.scenario", "pat_check.conversion", "lark", "jsonschema", "importlib.metadata"},
        ),
        (
            "from pat_check.cli import cli; cli(['replay', 'examples/fork-partial-6.12'], standalone_mode=False)",
            {"pat_check.reporters.junit", "pat_check.scenario", "lark", "xml.sax"},
        ),
        ("from pat_check.cli import cli; cli(['--help'], standalone_mode=False)", {"lark", "pat_check.session"}),
    ],
)
def test_what_is_not_needed_is_not_imported(code, absent):
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stderr
    assert absent & set(result.stderr.split()) == set()


@pytest.mark.parametrize("name", reporters())
def test_a_reporter_is_found_by_the_name_of_its_module(name):
    assert reporter_named(name) is reporters()[name]
    assert reporters()[name].__module__ == f"pat_check.reporters.{name}"


def test_a_module_beside_the_reporters_is_no_reporter():
    assert reporter_named("page") is None
    assert reporter_named("nonsense") is None
