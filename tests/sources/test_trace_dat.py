"""trace.dat is printed by the trace-cmd that is installed; here by scripts that play it."""

import lzma
from pathlib import Path

import pytest

from pat_check import api
from pat_check.errors import TraceError
from pat_check.sources.opening import open_lines

MAGIC = b"\x17\x08\x44tracing6\0\0\0"
TRACE = Path(__file__).parents[1] / "captures" / "6.12" / "fork-partial" / "trace.txt.xz"


@pytest.fixture
def trace_cmd(tmp_path, monkeypatch):
    """Install a trace-cmd that does what a shell script says."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "trace-cmd").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "trace-cmd").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return install


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "trace.dat"
    path.write_bytes(MAGIC + bytes(range(256)))
    return path


def test_trace_dat_is_read_as_trace_cmd_prints_it(trace_cmd, recording, tmp_path):
    (tmp_path / "text").write_bytes(lzma.decompress(TRACE.read_bytes()))
    trace_cmd(f'[ "$1 $2 $3" = "report -i {recording}" ] && cat {tmp_path / "text"}')
    binary, text = api.check([str(recording)]), api.check([str(tmp_path / "text")])
    assert binary.inputs[0].events == text.inputs[0].events > 100
    assert len(binary.findings) == len(text.findings)


def test_a_directory_with_trace_dat_alone_is_a_capture(trace_cmd, recording):
    trace_cmd("echo '# tracer: nop'")
    assert api.check([str(recording.parent)]).inputs[0].error == ""


def test_without_trace_cmd_it_says_what_is_missing(recording, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TraceError, match=r"is trace\.dat: install trace-cmd, or print it"):
        open_lines(str(recording))


def test_a_trace_cmd_that_fails_at_once_is_told(trace_cmd, recording):
    trace_cmd("exit 3")
    with pytest.raises(TraceError, match="trace-cmd report ended with 3"):
        open_lines(str(recording))


def test_a_trace_cmd_that_fails_further_on_leaves_what_it_printed(trace_cmd, recording):
    trace_cmd("echo one; echo two; exit 3")
    lines = open_lines(str(recording), tolerant=True)
    assert list(lines) == ["one", "two"]
    assert "ended with 3" in lines.broken


def test_compressed_or_piped_it_is_refused_with_what_to_do(recording, tmp_path):
    (tmp_path / "trace.dat.xz").write_bytes(lzma.compress(recording.read_bytes()))
    with pytest.raises(TraceError, match="print it with `trace-cmd report`"):
        open_lines(str(tmp_path / "trace.dat.xz"))
