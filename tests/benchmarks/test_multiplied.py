"""Binary recordings that the benchmarks multiply are read by the tools that made the first of them."""

import lzma
import re
import shutil
import subprocess

import perfdata
import pytest
import tracedat

from pat_check import api
from tests.corpus import ABSENT, CORPUS

STAMP = re.compile(r" +(\d+\.\d{6}): ")


def unpacked(path, target):
    if not path.is_file():
        pytest.skip(ABSENT)
    target.write_bytes(lzma.decompress(path.read_bytes()))
    return target


def printed(*command):
    """The lines of events that a tool prints, and what it says on stderr."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this {command[0]} cannot read the recording: {done.stderr.strip()}")
    return [line for line in done.stdout.splitlines() if not line.startswith("cpus=")], done.stderr


def repeats(lines, once):
    """Whether the lines are the first ones again and again, in times that go on; a task keeps the name of its exec."""
    bare = [STAMP.sub(" ", line[17:]) for line in lines]
    times = [float(STAMP.search(line)[1]) for line in lines]
    first = bare[: len(once)]
    rounds = len(lines) // len(once)
    return lines[: len(once)] == once and bare == first * rounds and times == sorted(times)


def test_trace_cmd_prints_every_event_of_a_multiplied_trace_dat(tmp_path):
    one, many = unpacked(CORPUS / "7.2" / "tracecmd" / "trace.dat.xz", tmp_path / "one.dat"), tmp_path / "many.dat"
    once, said = printed("trace-cmd", "report", str(one))
    count = tracedat.multiply(one, many, 2000)
    lines, said_of_many = printed("trace-cmd", "report", str(many))
    assert count >= 2000
    assert len(lines) == count
    assert repeats(lines, once)
    assert said_of_many == said


def test_perf_prints_every_sample_of_a_multiplied_perf_data(tmp_path):
    one, many = unpacked(CORPUS / "6.1" / "perf" / "perf.data.xz", tmp_path / "one.data"), tmp_path / "many.data"
    once, said = printed("perf", "script", "-i", str(one))
    count = perfdata.multiply(one, many, 3000)
    lines, said_of_many = printed("perf", "script", "-i", str(many))
    assert count >= 3000
    assert len(lines) == count
    assert repeats(lines, once)
    assert said_of_many == said


def test_what_the_tools_print_of_a_multiplied_recording_replays(tmp_path):
    one, many = unpacked(CORPUS / "7.2" / "tracecmd" / "trace.dat.xz", tmp_path / "one.dat"), tmp_path / "many.dat"
    printed("trace-cmd", "report", str(one))
    count = tracedat.multiply(one, many, 1000)
    (tmp_path / "many.txt").write_text("\n".join(printed("trace-cmd", "report", str(many))[0]) + "\n")
    (found,) = api.check([str(tmp_path / "many.txt")]).inputs
    assert (found.lines, found.malformed) == (count, 0)


@pytest.mark.parametrize("module", [tracedat, perfdata], ids=["trace.dat", "perf.data"])
def test_another_file_is_refused(tmp_path, module):
    if module is tracedat and shutil.which("trace-cmd") is None:
        pytest.skip("trace-cmd is not installed")
    (tmp_path / "text").write_bytes(b"# tracer: nop\n" * 100)
    with pytest.raises(module.NotUsable):
        module.multiply(tmp_path / "text", tmp_path / "many", 10)
