"""``pat-check stats`` counts what is in a recording."""

import json

import pytest
from click.testing import CliRunner

from pat_check import api
from pat_check.cli import cli
from tests import compiled
from tests.corpus import KEPT, captures

TRACE = """\
# tracer: nop
          patlab-240   [001] 1.000001: memtype_reserve: (memtype_reserve+0x0/0x3d0) start=0x0 end=0x2000 req=2
          patlab-240   [001] 1.000002: memtype_reserve__ret: (f+0x1/0x2 <- memtype_reserve) ret=0
          patlab-240   [001] 1.000003: memtype_reserve: (memtype_reserve+0x0/0x3d0) start=0x0 end=zzz req=2
          patlab-240   [001] 1.000004: sched_switch: prev_comm=a ==> next_comm=b
          patlab-240   [001] 1.000005: sys_mmap(addr: 0)
          patlab-240   [001] 1.000006: tracing_mark_write: checkpoint 1 a
"""


def run(*args):
    return CliRunner().invoke(cli, args)


@pytest.fixture(params=["reference", "compiled"])
def decoder(request, monkeypatch, tmp_path_factory):
    """Both ways to read ftrace text."""
    scanner = None
    if request.param == "compiled":
        folder = tmp_path_factory.mktemp("native")
        if why := compiled.why_no_scanner(folder):
            pytest.skip(why)
        scanner = compiled.load_scanner(folder)
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)


@pytest.fixture
def trace(tmp_path):
    file = tmp_path / "trace.txt"
    file.write_text(TRACE)
    return str(file)


def test_it_counts_by_kind(decoder, trace):
    counted = api.stats(trace)
    assert counted.entries == {"memtype_reserve": 1}
    assert counted.returns == {"memtype_reserve": 1}
    assert counted.others == {"malformed line": 1, "trace_marker": 1}
    assert counted.ignored == {"sched_switch": 1, "sys_mmap": 1}
    assert (counted.lines, counted.events, counted.format) == (7, 4, "ftrace")


@pytest.mark.parametrize("capture", captures(KEPT), ids=str)
def test_it_counts_what_a_replay_reads(capture, decoder):
    (replayed,) = api.check([str(capture.path)]).inputs
    if replayed.error:
        pytest.skip("is not replayed: it shows no values")
    counted = api.stats(str(capture.path))
    assert (counted.events, counted.ignored) == (replayed.events, replayed.ignored_names)
    assert counted.lines == replayed.lines


def test_for_people(trace):
    result = run("stats", trace)
    assert result.exit_code == 0
    assert "7 lines, 4 events, 2 not used" in result.stdout
    assert "memtype_reserve" in result.stdout
    assert max(map(len, result.stdout.removeprefix(trace).splitlines())) <= 80


def test_for_programs(trace):
    result = run("stats", trace, trace, "--json")
    (one,) = json.loads(result.stdout)["inputs"]
    assert one["entries"] == {"memtype_reserve": 1}
    assert one["events"] == 4


def test_what_cannot_be_read_is_one_line(tmp_path):
    result = run("stats", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr
    (tmp_path / "prose").write_text("nothing\n")
    assert run("stats", str(tmp_path / "prose")).exit_code == 2
