"""Replay while recording, and the flight recorder."""

import lzma
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pat_check import api
from pat_check.cli import cli
from pat_check.findings import Severity, counted
from pat_check.live import Live
from pat_check.record import recorder
from pat_check.record.folder import Folder
from pat_check.record.recorder import record
from pat_check.record.request import Request
from pat_check.record.ring import Ring
from pat_check.sources.opening import open_lines
from tests.record.fake import LIST, FakeKernel

CAPTURES = Path(__file__).parents[1] / "captures"
PATHS = [CAPTURES / name for name in ("6.1/munmap-middle", "6.12/fork-partial", "6.16/conflict", "7.2/devmem-vs-bar")]
PROBED = re.compile(rb": (\w+?)(?:__ret)?: \(")
PRIVATE = {"snapshot-mismatch", "snapshot-maps", "dmesg-unexplained"}


def text_of(capture):
    return lzma.decompress((capture / "trace.txt.xz").read_bytes())


def release_of(capture):
    return {"6.1": "6.1.0", "6.12": "6.12.107", "6.16": "6.16.12", "7.2": "7.2.12"}[capture.parent.name]


def seen_live(capture, folder, pieces, without=frozenset()):
    """The findings of a capture that comes in pieces, `without` some functions."""
    shutil.copytree(capture / "snaps", folder / "snaps")
    for name in ("iomem.txt", "mtrr.txt"):
        if (capture / name).exists():
            shutil.copy(capture / name, folder)
    found = []
    live = Live(found.append)
    functions = {name.decode() for name in PROBED.findall(text_of(capture))}
    live.begin(str(folder), release_of(capture), functions - without)
    for piece in pieces:
        live.feed(piece)
    live.end()
    assert live.error == ""
    return live, found


@pytest.mark.parametrize("size", [100, 1 << 20])
@pytest.mark.parametrize("capture", PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_told_live_is_what_a_replay_finds(capture, tmp_path, size):
    text = text_of(capture)
    live, found = seen_live(capture, tmp_path, [text[at : at + size] for at in range(0, len(text), size)])
    report = api.check([str(capture)])
    expected = {(one.rule, one.line, one.start) for one in report.findings if one.severity >= Severity.WARNING}
    told = {(one.rule, one.line, one.start) for one in found if one.severity >= Severity.WARNING}
    assert {one for one in told if one[0] not in PRIVATE} == {one for one in expected if one[0] not in PRIVATE}
    assert (live.events, live.reservations) == (report.inputs[0].events, report.inputs[0].live)


def test_leaks_are_not_told_where_no_frees_are_probed(tmp_path):
    capture, frees = PATHS[0], {"memtype_free", "memtype_erase"}
    lines = text_of(capture).splitlines(keepends=True)
    kept = [line for line in lines if b": memtype_free" not in line and b": memtype_erase" not in line]
    (tmp_path / "told").mkdir()
    _, found = seen_live(capture, tmp_path / "told", kept)
    assert "memtype-leak" in {finding.rule for finding in found}
    (tmp_path / "open").mkdir()
    _, found = seen_live(capture, tmp_path / "open", kept, frees)
    assert "memtype-leak" not in {finding.rule for finding in found}


def test_a_recording_that_never_began_to_be_watched_ends():
    live = Live(lambda finding: None)
    live.feed(b"x\n")
    live.end()
    assert (live.events, live.reservations, live.wants_end()) == (0, 0, False)


# --- the ring ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("pat_check.record.ring.time.monotonic", lambda: now[0])
    return now


def mark(number):
    return f"  python-7 [000] ..... {number}.0: tracing_mark_write: pat-check:checkpoint {number} kept\n".encode()


def kept(folder):
    folder.close()
    (path,) = folder.path.glob("trace.txt.*")
    return list(open_lines(str(path)))[2:]


def test_the_ring_keeps_the_last_seconds_from_a_checkpoint_on(tmp_path, clock):
    folder = Folder(str(tmp_path / "capture"))
    ring = Ring(folder, 10)
    for number in range(8):
        folder.save_list(number, "kept", "PAT memtype list:\n")
        ring.add(b"one line " + str(number).encode() + b"\nhalf")
        ring.add(b" of another\n" + mark(number))
        clock[0] += 5
    ring.finish()
    lines = kept(folder)
    assert lines[0].endswith("pat-check:checkpoint 4 kept")
    assert lines[-1].endswith("pat-check:checkpoint 7 kept")
    assert [line for line in lines if "line" in line] == ["one line 5", "one line 6", "one line 7"]
    assert sorted(path.name for path in (folder.path / "snaps").iterdir()) == [
        f"snap-0{number}-kept.txt" for number in (4, 5, 6, 7)
    ]


def test_the_ring_keeps_whole_lines(tmp_path, clock):
    folder = Folder(str(tmp_path / "capture"))
    ring = Ring(folder, 1)
    ring.add(b"old li")
    ring.add(b"ne\nnew")
    clock[0] += 10
    ring.add(b" line\n")
    ring.finish()
    assert kept(folder) == ["new line"]


# --- through the recorder ---------------------------------------------------------------------------------


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "_TURN", 0.005)
    monkeypatch.setattr(recorder, "_SETTLE", 0.0)
    kernel = FakeKernel(tmp_path / "kernel", "6.12")
    monkeypatch.setattr("pat_check.cli.record.Files", lambda: kernel)
    return kernel


def happening(kernel, capture, then="pass"):
    """A command during which the events of a capture happen; also lets the list be the capture's first."""
    first = min((capture / "snaps").glob("snap-*"))
    kernel.put(LIST, first.read_bytes())
    kernel.put("/proc/iomem", (capture / "iomem.txt").read_bytes())
    source = Path(kernel.path("/events"))
    lines = text_of(capture).splitlines(keepends=True)
    source.write_bytes(b"".join(line for line in lines if b"checkpoint" not in line and not line.startswith(b"#")))
    pipe = "os.environ['PAT_CHECK_TRACE_MARKER'].replace('trace_marker', 'trace_pipe')"
    return [
        sys.executable,
        "-c",
        f"import os, time; open({pipe}, 'ab').write(open({str(source)!r}, 'rb').read()); {then}",
    ]


def test_findings_are_shown_while_recording(kernel, tmp_path):
    command = happening(kernel, PATHS[1])
    result = CliRunner().invoke(cli, ["record", "--live", "-o", str(tmp_path / "capture"), "--", *command])
    assert result.exit_code == 0
    assert "[memtype-invalid-free]" in result.stderr
    told = [line for line in result.stderr.splitlines() if re.search(r"live: \w+, line \d+: ", line)]
    report = api.check([str(PATHS[1])])
    assert [line.rpartition("[")[2] for line in told] == [f"{finding.rule}]" for finding in report.findings]
    more = sum(len(list(finding.all())) - 1 for finding in report.findings)
    assert more > 0
    assert f"live: {counted(len(told), 'finding')}, which led to {more} more, in " in result.stderr
    assert kernel.instances() == kernel.probes() == []


def test_a_flight_recorder_stops_at_the_first_finding_and_keeps_what_led_to_it(kernel, tmp_path):
    out = tmp_path / "capture"
    command = happening(kernel, PATHS[1], "time.sleep(60)")
    result = CliRunner().invoke(cli, ["record", "--until-finding", "-o", str(out), "--", *command])
    assert result.exit_code == 0
    assert kernel.instances() == kernel.probes() == []
    report = api.check([str(out)])
    assert "memtype-invalid-free" in {finding.rule for finding in report.findings}


def test_a_recording_without_findings_goes_on(kernel, tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    result = CliRunner().invoke(cli, ["record", "--until-finding", "-o", str(tmp_path / "capture"), "--", *command])
    assert result.exit_code == 0
    assert "0 findings in " in result.stderr


def test_only_the_last_seconds_are_kept(kernel, tmp_path):
    request = Request([sys.executable, "-c", "import time; time.sleep(1)"], str(tmp_path / "capture"), keep=0.2)
    record(request, kernel, lambda line: None)
    markers = [
        line for line in open_lines(str(next((tmp_path / "capture").glob("trace.txt.*")))) if "checkpoint" in line
    ]
    numbers = [int(line.partition("checkpoint ")[2].split()[0]) for line in markers]
    assert numbers[0] > 2
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    report = api.check([str(tmp_path / "capture")])
    assert report.inputs[0].snapshots_equal == report.inputs[0].snapshots == len(numbers) - 1
    assert report.inputs[0].snapshots_unanchored == 0
    assert os.path.exists(tmp_path / "capture" / "meta.json")
