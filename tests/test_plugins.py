"""Rules of other packages: found through an entry point, and refused with the name of who brought them."""

import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from pat_check import api
from pat_check.eras import ERAS
from pat_check.plugins import foreign_rules
from pat_check.rulebook import own_rules
from tests.claims import claims, found

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "plugin"
GOOD_RULE = '''
from pat_check.findings import Severity
from pat_check.incidents import MemtypeLeaked
from pat_check.rules.base import Rule

class {name}(Rule[MemtypeLeaked]):
    """A house rule."""
    id = "{id}"
    severity = Severity.INFO
    violating = clean = help = ""
    def judge(self, incident):
        {judge}
'''
BARE = "from pat_check.rules.base import Rule\nclass A(Rule):\n    def judge(self, incident): ...\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Install a package into a folder of its own, as pip leaves it; `site.path` is for other processes."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    known = set(sys.modules)
    foreign_rules.cache_clear()

    class Site:
        path = str(folder)

        def add(self, name, version, entry_points, **modules):
            info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
            (info / "entry_points.txt").write_text(f"[pat_check.rules]\n{lines}")
            for module, text in modules.items():
                (folder / f"{module}.py").write_text(textwrap.dedent(text))

        def add_rule(self, name="pat-check-house", **changes):
            words = {"name": "House", "id": "house-rule", "judge": "return iter(())"} | changes
            self.add(name, "2.0", {"house": name.replace("-", "_")}, **{name.replace("-", "_"): rule_text(words)})

    yield Site()
    foreign_rules.cache_clear()
    for name in set(sys.modules) - known:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


def rule_text(words):
    return GOOD_RULE.format(**words)


@pytest.fixture
def acme(site):
    """The sample plug-in, installed."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site.add(project["name"], project["version"], project["entry-points"]["pat_check.rules"])
    shutil.copytree(EXAMPLE / "pat_check_acme", Path(site.path) / "pat_check_acme")
    return site


def process(site, *args, **env):
    env = os.environ | {"PYTHONPATH": f"{site.path}{os.pathsep}{os.getcwd()}"} | env
    command = [sys.executable, "-m", "pat_check", *args]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


def test_without_plug_ins_the_rules_are_those_of_the_package():
    assert api.rule_ids() == [rule.rule_id() for rule in own_rules()]


def test_a_rule_of_another_package_is_a_rule_like_any_other(acme):
    info = next(info for info in api.rules() if info.id == "acme-wc-lost")
    assert (info.family, info.origin) == ("acme", "pat-check-acme 1.0")
    assert info.uri == "https://acme.example/rules/wc-lost"
    assert api.rule_ids() == sorted(api.rule_ids())
    assert api.bad_selector("acme") == ""


@pytest.mark.parametrize("era", [era.name for era in ERAS])
def test_the_sample_finds_what_its_own_traces_claim(acme, era, tmp_path):
    rule = next(rule for rule in foreign_rules() if rule.rule_id() == "acme-wc-lost")
    for trace, folder in ((rule.violating, tmp_path / "bad"), (rule.clean, tmp_path / "good")):
        assert found(trace, era, {}, folder) == claims(trace, era)


def test_plug_ins_are_left_out_when_asked(acme):
    api.use_plugins(False)
    try:
        assert "acme-wc-lost" not in api.rule_ids()
    finally:
        api.use_plugins(True)


def test_the_command_line_shows_selects_and_explains_a_foreign_rule(acme, tmp_path):
    listed = process(acme, "rules")
    assert "acme-wc-lost" in listed.stdout
    assert "pat-check-acme 1.0" in listed.stdout
    assert "from pat-check-acme 1.0" in process(acme, "explain", "acme-wc-lost").stdout
    trace = tmp_path / "trace.txt"
    rule = next(rule for rule in foreign_rules() if rule.rule_id() == "acme-wc-lost")
    trace.write_text("".join(line.split("#!")[0] + "\n" for line in rule.violating.strip().splitlines()))
    assert "[acme-wc-lost]" in process(acme, "replay", str(trace), "--select", "acme").stdout
    assert "[acme-wc-lost]" in process(acme, "replay", str(trace)).stdout
    assert "[acme-wc-lost]" not in process(acme, "replay", str(trace), "--isolated").stdout
    assert "[acme-wc-lost]" not in process(acme, "replay", str(trace), PAT_CHECK_ISOLATED="1").stdout


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "memtype-leak"}, "memtype-leak is a rule of pat-check already"),
        ({"id": "House rule"}, "'House rule' is no id"),
        ({"id": ""}, "House needs an `id`"),
        ({"judge": "return ("}, "cannot be imported: SyntaxError"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_named_in_one_line(site, changes, problem):
    site.add_rule(**changes)
    result = process(site, "rules")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("pat-check: error: the plug-in pat-check-house 2.0: ")
    assert problem in result.stderr
    assert "--isolated" in result.stderr
    assert result.stderr.count("\n") == 1
    assert process(site, "rules", "--isolated").returncode == 0


@pytest.mark.parametrize(
    ("value", "text", "problem"),
    [
        ("nosuch", "", "nosuch cannot be imported: ModuleNotFoundError"),
        ("empty", "", "empty defines no rule"),
        ("empty:thing", "thing = 7", "empty:thing is neither a module nor a rule"),
        (
            "empty",
            "from pat_check.rules.base import Rule\nclass A(Rule):\n    def judge(self, i): ...",
            "needs an `id`",
        ),
        (
            "empty",
            "from pat_check.rules.base import Rule\nclass A(Rule):\n    id = 'a-b'\n    def judge(self, i): ...",
            "has no `severity`",
        ),
    ],
)
def test_what_an_entry_point_may_not_be(site, value, text, problem):
    site.add("broken", "0.1", {"x": value}, empty=text)
    result = process(site, "rules")
    assert result.returncode == 2
    assert result.stderr.startswith("pat-check: error: the plug-in broken 0.1: ")
    assert problem in result.stderr


def test_two_plug_ins_cannot_share_an_id(site):
    site.add_rule("pat-check-one")
    site.add_rule("pat-check-two")
    with pytest.raises(api.PluginError, match=r"house-rule is a rule of pat-check-(one|two) 2\.0 already"):
        api.rules()


def test_one_class_can_be_named_alone(site):
    site.add("single", "1", {"x": "single:House"}, single=rule_text({"name": "House", "id": "a-b", "judge": "pass"}))
    assert "a-b" in api.rule_ids()


def test_a_foreign_rule_that_fails_is_named_with_the_line(site, tmp_path):
    site.add_rule(judge="yield 1 / 0")
    trace = tmp_path / "trace.txt"
    trace.write_text("drv-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd001000 req=1\n")
    result = process(site, "replay", str(trace))
    assert result.returncode == 2
    assert "the plug-in pat-check-house 2.0: house-rule failed at " in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
