"""The compiled program reports what the pure one reports, of every recording and of damaged ones."""

import os
import random
import subprocess
import sys

import pytest

from pat_check.api import rule_ids
from tests import compiled
from tests.corpus import CORPUS, KEPT, captures, text_of
from tests.lanes import damaged

PAT_CHECK = [sys.executable, "-P", "-m", "pat_check"]
PROGRAM = [*PAT_CHECK, "replay", "--isolated", "--output", "json"]
GROUPS = 12
SMALLER = 30_000  # lines: captures below it are replayed many at a time

CAPTURES = captures() if CORPUS.is_dir() else captures(KEPT)


@pytest.fixture(scope="module")
def installation():
    return compiled.installed()


def reports(paths, installation, program=PROGRAM):
    """What the compiled program says, and the one in this tree, without the compiled scanner."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PAT_CHECK_")}
    for root, pure in ((installation, "0"), (compiled.ROOT, "1")):
        environment = {**mine, "PYTHONPATH": str(root), "PAT_CHECK_PURE": pure}
        run = subprocess.run([*program, *map(str, paths)], capture_output=True, env=environment, check=False)
        yield run.returncode, run.stdout, run.stderr


def test_it_is_compiled(installation):
    modules = "pat_check.replay.loop as loop, pat_check.sources.native as native"
    script = f"import {modules}; print(loop.__file__, native.scanner_type())"
    run = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(installation), "PAT_CHECK_PURE": "0"},
    )
    assert str(installation) in run.stdout
    assert ".so" in run.stdout
    assert "Scanner" in run.stdout


@pytest.mark.parametrize("output", ["sarif", "gitlab", "junit"])
def test_what_reports_say_of_rules(output, installation):
    program = [*PROGRAM[:-1], output]
    fast, pure = reports([CAPTURES[0].path], installation, program)
    assert fast == pure


def test_every_rule_is_explained(installation):
    fast, pure = reports(rule_ids(), installation, [*PAT_CHECK, "explain", "--isolated", "--pager", "never"])
    assert fast == pure


@pytest.mark.parametrize("group", range(GROUPS))
def test_captures(group, installation):
    paths = [capture.path for capture in CAPTURES[group::GROUPS] if capture.length < SMALLER]
    fast, pure = reports(paths, installation)
    assert fast == pure


@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged_captures(group, installation, tmp_path):
    chance = random.Random(group)
    paths = []
    for capture in chance.sample(CAPTURES, min(12, len(CAPTURES))):
        if capture.trace is None:
            continue
        lines = text_of(capture.trace).splitlines()
        first = chance.randrange(max(len(lines) - 2_000, 1))
        lines = lines[:3] + lines[first : first + 2_000]
        for _ in range(chance.randrange(40)):
            del lines[chance.randrange(len(lines))]
        path = tmp_path / f"{len(paths)}.txt"
        path.write_bytes(damaged("\n".join(lines).encode(errors="surrogateescape"), chance))
        paths.append(path)
    fast, pure = reports(paths, installation)
    assert fast == pure


@pytest.mark.parametrize("capture", [one for one in CAPTURES if one.length >= SMALLER], ids=str)
def test_large_captures(capture, installation):
    fast, pure = reports([capture.path], installation)
    assert fast == pure


@pytest.mark.parametrize("capture", [one for one in CAPTURES if 1_000 < one.length < SMALLER][::12], ids=str)
def test_an_index_that_the_compiled_program_makes_is_read_by_the_pure_one(capture, installation, tmp_path):
    index = tmp_path / "index"
    program = [*PAT_CHECK, "state", "--isolated", "--at", str(capture.length // 2), "--index-file", index]
    fast, pure = reports([capture.path], installation, program)
    assert fast == pure
    assert (fast[0], index.is_file()) == (0, True)
