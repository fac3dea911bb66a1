"""How a team meets the tool: a gate that is clean, breaks, is silenced with a reason, and breaks for what is new."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import KEPT

GOOD = KEPT / "7.2" / "latency-format"
BAD = KEPT / "6.12" / "fork-partial"
WORSE = KEPT / "7.2" / "pl-double-free"
ENTRY = """\
# The test module frees twice on purpose.
{
   twice
   rule: memtype
   trace: captures/double/*
   reason: it is what the test module is for
}
"""


@pytest.fixture
def team(tmp_path):
    """A folder with recordings; runs the gate there as a CI job would, and gives exit code, stdout and stderr."""

    class Team:
        folder = tmp_path

        def record(self, capture, name):
            shutil.copytree(capture, tmp_path / "captures" / name)

        def write(self, name, text):
            (tmp_path / name).write_text(text)

        def run(self, *args):
            root = Path(__file__).resolve().parents[1]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PAT_CHECK_")}
            done = subprocess.run(
                [sys.executable, "-m", "pat_check", *args],
                cwd=tmp_path,
                env=environment | {"PYTHONPATH": str(root)},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert "Traceback" not in done.stderr
            return done.returncode, done.stdout, done.stderr

        def gate(self, *args):
            captures = sorted(f"captures/{path.name}" for path in (tmp_path / "captures").iterdir())
            return self.run("replay", *captures, *args)

    return Team()


def test_the_story_of_a_gate(team):
    # Monday: the gate is switched on, and clean.
    team.record(GOOD, "boot")
    assert team.gate()[0] == 0

    # Tuesday: a regression fails it, and the message says what, where, by whom and what led there.
    team.record(BAD, "fork")
    code, said, _ = team.gate()
    assert code == 1
    assert "captures/fork/trace.txt" in said
    assert "is leaked: its owner, patlab:880 (fork), is gone [memtype-leak]" in said
    assert "note: reserved as write-combining by a child of patlab:879 (fork)" in said

    # Wednesday: nobody can fix it this week; a baseline lets the gate pass, and still shows it.
    team.write("pat-check.toml", 'baseline = "known.json"\n')
    code, _, told = team.run("baseline", "write", "captures/boot", "captures/fork")
    assert (code, told) == (0, "known.json: 1 finding of 2 inputs\n")
    code, said, _ = team.gate()
    assert code == 0
    assert "baselined" in said

    # Thursday: a second regression fails it again, for what is new and for nothing else.
    team.record(WORSE, "double")
    code, said, _ = team.gate("--output", "json")
    assert code == 1
    new = [one for one in json.loads(said)["findings"] if one["baseline"] == "new"]
    assert {(one["rule"], one["file"].split("/")[1]) for one in new} == {
        ("memtype-double-free", "double"),
        ("memtype-invalid-free", "double"),
    }

    # Friday: it is meant so; a suppression says why.
    team.write("known.supp", ENTRY)
    team.write("pat-check.toml", 'baseline = "known.json"\nsuppressions = ["known.supp"]\n')
    assert team.gate()[0] == 0

    # Next week: both are fixed. The baseline's findings are listed as gone, the suppression is unused and says so.
    shutil.rmtree(team.folder / "captures" / "double")
    shutil.rmtree(team.folder / "captures" / "fork")
    team.record(GOOD, "fork")
    code, said, _ = team.gate()
    assert code == 1
    assert "known.supp:2: warning: the suppression 'twice' of memtype silences nothing" in said
    assert "no longer found" in said

    # And cleaned up, the gate is as on Monday.
    team.write("pat-check.toml", "")
    assert team.gate()[0] == 0


def test_a_gate_fails_alike_in_every_format(team):
    team.record(BAD, "fork")
    codes = {name: team.gate("--output", name)[0] for name in ("text", "json", "suppressions")}
    assert set(codes.values()) == {1}


def test_a_gate_that_cannot_read_its_configuration_does_not_pass(team):
    team.record(GOOD, "boot")
    team.write("pat-check.toml", 'fail-om = "error"\n')
    code, _, told = team.gate()
    assert code == 2
    assert told == "pat-check: error: pat-check.toml:1: unknown key 'fail-om'; did you mean 'fail-on'?\n"


def test_generated_suppressions_silence_the_gate_once_they_have_reasons(team):
    team.record(BAD, "fork")
    code, _, _ = team.gate("--output", "suppressions=known.supp")
    assert code == 1
    code, _, told = team.gate("--suppressions", "known.supp")
    assert code == 2
    assert "the reason is still the placeholder" in told
    text = (team.folder / "known.supp").read_text()
    team.write("known.supp", text.replace("<why is this fine?>", "fixed in 6.16"))
    assert team.gate("--suppressions", "known.supp")[0] == 0
