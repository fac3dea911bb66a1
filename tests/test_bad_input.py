"""Whatever is fed to pat-check, it answers with a report or one clear line, and never with a traceback."""

import bz2
import gzip
import json
import lzma
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pat_check import api
from pat_check.cli import cli
from pat_check.errors import PatCheckError
from tests.corpus import KEPT, text_of

CAPTURE = KEPT / "6.1" / "munmap-middle"
GOOD = text_of(CAPTURE / "trace.txt.xz").encode()
SNAPSHOT = (CAPTURE / "snaps" / "snap-00-before.txt").read_bytes()
FINDINGS = ["memtype-invalid-free"]  # another one and a leak are notes of it
COMPRESSED = {
    "xz": lzma.compress,
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": bz2.compress,
}
CONTROL = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - {"\n"}


def run(*args, stdin=None):
    """Run the command line in this process; what it calls an internal error fails the test."""
    result = CliRunner().invoke(cli, [*map(str, args)], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "internal error" not in result.stderr
    return result


def process(*args, timeout=60, **options):
    command = [sys.executable, "-m", "pat_check", *map(str, args)]
    return subprocess.run(command, capture_output=True, timeout=timeout, check=False, **options)


def report(*args, stdin=None):
    """The report as JSON, and the exit code."""
    result = run("replay", *args, "--output", "json", stdin=stdin)
    return json.loads(result.stdout), result.exit_code


def rules(*args, stdin=None):
    return [finding["rule"] for finding in report(*args, stdin=stdin)[0]["findings"]]


def refusal(*args, stdin=None):
    """The one line that says why nothing can be done."""
    result = run("replay", *args, stdin=stdin)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert not CONTROL & set(result.stderr)
    return result.stderr.removeprefix("pat-check: error: ").rstrip("\n")


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def written(name, content):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return written


@pytest.fixture
def capture(tmp_path):
    """A copy of a good capture, to be damaged."""
    return shutil.copytree(CAPTURE, tmp_path / "capture")


def line(event, fields, ret=None, comm="app"):
    """An event of ftrace text, and its return."""
    context = f"{comm:>16}-7       [000] .....     1.000001: "
    text = f"{context}{event}: ({event}+0x4/0x100) {fields}\n"
    return text if ret is None else text + f"{context}{event}__ret: (caller+0x4/0x100 <- {event}) ret={ret}\n"


def trace(*lines):
    return "# tracer: nop\n" + "".join(lines)


# --- nothing that could be a trace ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (bytes(range(256)) * 40, "is binary data, not a text recording"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(1000), "is a JPEG image, not a text recording"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a PNG image, not a text recording"),
        (b"\x7fELF\2\1\1" + bytes(100), "is an ELF binary, not a text recording"),
        (b"PERFILE2" + bytes(100), "is perf.data (print it with `perf script`), not a text recording"),
        (b"\n\n\n", "is no recording that pat-check knows"),
        (b"Dear diary,\ntoday nothing was mapped.\n", "is no recording that pat-check knows"),
        (bytes(range(1, 256)) * 40, "is no recording that pat-check knows"),
        (b"\xff\xfe" + "# tracer: nop\n".encode("utf-16-le"), "is binary data, not a text recording"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_by_name(write, content, problem):
    file = write("strange.txt", content)
    assert refusal(file).startswith(f"{file}: {problem}")


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_file_that_is_no_recording_is_refused_by_name(write, kind):
    file = write(f"photo.{kind}", COMPRESSED[kind](b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(1000)))
    assert refusal(file) == f"{file}: is a JPEG image, not a text recording"


def test_an_unusable_request_is_told_by_the_installed_program_too(write):
    file = write("empty.txt", b"")
    result = process("replay", file)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.decode() == f"pat-check: error: {file}: is empty\n"


def test_a_directory_without_a_trace_lists_the_names_that_were_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    assert refusal(tmp_path).startswith(f"{tmp_path}: is a directory without a trace: none of trace.txt, ")


def test_a_directory_whose_trace_is_empty_has_no_trace(capture):
    (capture / "trace.txt.xz").write_bytes(b"")
    (capture / "dmesg.txt").unlink()
    assert refusal(capture).startswith(f"{capture}: is a directory without a trace")


def test_one_bad_input_does_not_spoil_the_good_one(write):
    good, bad = write("good.txt", GOOD), write("bad.txt", b"")
    seen, code = report(bad, good)
    assert code == 2
    assert [finding["rule"] for finding in seen["findings"]] == FINDINGS


# --- compression and streams ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_trace_gives_the_same_findings(write, kind):
    assert rules(write(f"trace.{kind}", COMPRESSED[kind](GOOD))) == FINDINGS


@pytest.mark.parametrize("kind", COMPRESSED)
def test_compression_is_seen_by_content_not_by_name(write, kind):
    assert rules(write("trace.txt", COMPRESSED[kind](GOOD))) == FINDINGS


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_file_of_several_parts_is_read_to_its_end(write, kind):
    half = GOOD.index(b"\n", len(GOOD) // 2) + 1
    assert rules(write("trace", COMPRESSED[kind](GOOD[:half]) + COMPRESSED[kind](GOOD[half:]))) == FINDINGS


def is_told_apart_from_a_whole_one(file):
    """What could be read is checked and the end said to be missing; with --strict, and without any text, refused."""
    result = run("replay", file)
    if result.exit_code == 2:
        assert f"{file}: cannot be decompressed" in result.stderr
    else:
        assert result.exit_code == 1
        assert "[trace-truncated]" in result.stdout
        assert "cannot be decompressed to its end" in " ".join(result.stdout.split())
    assert refusal(file, "--strict")
    return result.exit_code


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_truncated_compressed_trace_is_not_taken_for_a_whole_one(write, kind, keep):
    whole = COMPRESSED[kind](GOOD)
    is_told_apart_from_a_whole_one(write(f"trace.{kind}", whole[: int(len(whole) * keep)]))


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_trace_with_a_changed_byte_never_ends_in_a_traceback(write, kind):
    """It is read as it is, to where the damage shows, or refused."""
    whole, refused = COMPRESSED[kind](GOOD), 0
    for place in range(12, len(whole), len(whole) // 40):
        changed = whole[:place] + bytes((whole[place] ^ 0x55,)) + whole[place + 1 :]
        file = write(f"trace.{kind}", changed)
        seen = api.check([str(file)])
        told = {finding.rule for finding in seen.findings}
        refused += "cannot be decompressed" in seen.inputs[0].error or "trace-truncated" in told
    assert refused


@pytest.mark.parametrize("kind", COMPRESSED)
def test_no_part_of_a_tiny_compressed_trace_is_clean(write, kind):
    whole = COMPRESSED[kind](b"\n".join(GOOD.split(b"\n")[:3]) + b"\n")
    magic = 8
    for length in range(magic, len(whole) - 1, max(1, len(whole) // 40)):
        seen = api.check([str(write(f"trace.{kind}", whole[:length]))])
        told = [finding.rule for finding in seen.findings]
        assert "cannot be decompressed" in seen.inputs[0].error or "trace-truncated" in told, length


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_tiny_compressed_trace_of_a_format_that_is_asked_for_is_not_clean(write, kind):
    file = write(f"trace.{kind}", COMPRESSED[kind](b"# tracer: nop\n")[:-2])
    result = run("replay", file, "--input-format", "ftrace")
    assert result.exit_code == 2 or "[trace-truncated]" in result.stdout


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_long_trace_that_is_truncated_late_is_checked_as_far_as_it_goes(write, kind):
    ranges = (f"start={page:#x} end={page + 0x1000:#x}" for page in range(0x1000, 0x7530000, 0x1000))
    many = "".join(line("memtype_free", fields, -22) for fields in ranges).encode()
    file = write(f"trace.{kind}", COMPRESSED[kind](GOOD + many)[:-50])
    assert is_told_apart_from_a_whole_one(file) == 1
    assert FINDINGS[0] in rules(file)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_damaged_compressed_trace_is_not_taken_for_a_whole_one(write, kind):
    whole = bytearray(COMPRESSED[kind](GOOD))
    for place in range(len(whole) // 2, len(whole) // 2 + 8):
        whole[place] ^= 0xFF
    is_told_apart_from_a_whole_one(write(f"trace.{kind}", bytes(whole)))


@pytest.mark.parametrize("content", [GOOD, lzma.compress(GOOD)], ids=["plain", "xz"])
def test_a_dash_reads_standard_input(content):
    seen, code = report("-", stdin=content)
    assert code == 1
    assert [finding["rule"] for finding in seen["findings"]] == FINDINGS


def test_an_empty_standard_input_is_refused():
    assert refusal("-", stdin=b"") == "<stdin>: is empty"


def test_standard_input_of_a_process_is_quoted_as_stdin():
    result = process("replay", "-", input=GOOD)
    assert result.returncode == 1
    assert b"<stdin>:114: error: " in result.stdout


def through_a_fifo(path, content, *options, timeout=60):
    """Replay what another thread writes into a named pipe, once."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    try:
        return process("replay", path, *(options or ("--output", "json")), timeout=timeout)
    finally:
        writer.join(10)


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@needs_pipes
def test_a_named_pipe_is_read_once(tmp_path):
    result = through_a_fifo(tmp_path / "pipe", GOOD)
    assert [finding["rule"] for finding in json.loads(result.stdout)["findings"]] == FINDINGS


@needs_pipes
def test_a_named_pipe_is_not_opened_again_to_quote_its_lines(tmp_path):
    result = through_a_fifo(tmp_path / "pipe", GOOD, "--output", "text", timeout=5)
    assert b"[memtype-leak]" in result.stdout


@needs_pipes
def test_a_long_named_pipe_without_evidence_of_an_era_is_read_once(tmp_path):
    """Such a file is searched for evidence before it is replayed; a pipe would lose those lines."""
    pair = line("memtype_reserve", "start=0xfd000000 end=0xfd001000 req=1", 0)
    pair += line("memtype_free", "start=0xfd000000 end=0xfd001000", 0)
    seen = json.loads(through_a_fifo(tmp_path / "pipe", trace(pair * 8000).encode()).stdout)
    assert seen["findings"] == []
    assert seen["inputs"][0]["events"] == 4 * 8000


# --- a trace with damage ----------------------------------------------------------------------------------


def test_the_good_trace_has_the_findings_that_the_damaged_ones_must_keep(write):
    assert rules(write("trace.txt", GOOD)) == FINDINGS


def damaged(write, content, *options):
    """The report on a trace that is damaged: what it found besides, with the place of each."""
    file = write("trace.txt", content)
    seen, code = report(file, *options)
    assert code == 1
    extra = [finding for finding in seen["findings"] if finding["rule"] not in FINDINGS]
    assert [finding["rule"] for finding in seen["findings"] if finding not in extra] == FINDINGS
    return [(finding["rule"], finding["line"]) for finding in extra], seen["inputs"][0]


LENGTH = GOOD.count(b"\n")


def test_crlf_line_ends_are_line_ends(write):
    assert damaged(write, GOOD.replace(b"\n", b"\r\n"))[0] == []


def test_a_missing_last_newline_is_nothing_to_talk_about(write):
    assert damaged(write, GOOD.rstrip(b"\n"))[0] == []


def test_a_last_line_that_is_cut_off_is_told(write):
    last = GOOD.rindex(b"\n", 0, -1) + 1
    assert damaged(write, GOOD[: last + 60])[0] == [("trace-truncated", LENGTH)]


def test_an_unknown_event_is_ignored_and_counted(write):
    extra, seen = damaged(write, GOOD + line("brand_new_function", "flux=1").encode())
    assert extra == []
    assert seen["ignored_names"]["brand_new_function"] == 1


def test_a_line_of_a_megabyte_is_told_and_passed_over(write):
    extra, seen = damaged(write, GOOD + b"x" * 1_000_000 + b"\n" + line("brand_new_function", "flux=1").encode())
    assert extra == [("trace-malformed", LENGTH + 1)]
    assert seen["ignored_names"]["brand_new_function"] == 1


def test_a_line_of_a_megabyte_is_not_quoted_in_full(write):
    result = run("replay", write("trace.txt", GOOD + b"x" * 1_000_000 + b"\n"))
    assert "the line is longer than 65,536 characters" in result.stdout
    assert len(result.stdout) < 20_000


def test_nul_bytes_late_in_a_file_are_told(write):
    """A machine that crashed leaves a file whose last blocks were never written."""
    assert damaged(write, GOOD + bytes(5000) + b"\n")[0] == [("trace-malformed", LENGTH + 1)]


def test_bytes_that_are_no_text_are_told_with_their_line(write):
    half = GOOD.index(b"\n", 3000) + 1
    extra, _ = damaged(write, GOOD[:half] + b"\x80\x81\xfe\xff garbage\n" + GOOD[half:])
    assert extra == [("trace-malformed", GOOD[:half].count(b"\n") + 1)]


def test_damage_everywhere_is_one_finding_with_the_first_places(write):
    noisy = b"".join(b"?? noise ??\n" + text + b"\n" for text in GOOD.splitlines())
    extra, seen = damaged(write, noisy)
    assert extra == [("trace-malformed", 1)]
    assert seen["malformed"] == LENGTH


def test_a_trace_of_headers_alone_says_that_nothing_was_checked(write):
    result = run("replay", write("trace.txt", b"# tracer: nop\n#\n"))
    assert result.exit_code == 0
    assert "nothing of this layer was checked" in result.stdout


@pytest.mark.parametrize(
    ("content", "at", "problem"),
    [
        (GOOD + b"x" * 1_000_000 + b"\n", LENGTH + 1, "the line is longer than 65,536 characters"),
        (GOOD + b"?? noise ??\n", LENGTH + 1, "expected "),
        (GOOD[: GOOD.rindex(b"\n", 0, -1) + 61], LENGTH, "expected "),
        (trace(line("memtype_free", "start=0x1000 end=banana")).encode(), 2, "'banana' is not a number"),
    ],
    ids=["long", "noise", "cut", "no number"],
)
def test_strict_makes_damage_an_error_with_file_and_line(write, content, at, problem):
    file = write("trace.txt", content)
    assert run("replay", file).exit_code in (0, 1)
    assert refusal("--strict", file).startswith(f"{file}:{at}: {problem}")


def test_strict_has_nothing_against_a_good_trace(write):
    assert rules("--strict", write("trace.txt", GOOD)) == FINDINGS


# --- hostile text -----------------------------------------------------------------------------------------

HOSTILE = {
    "escapes": "\x1b[2J\x1b]0;x\x07",
    "html": "<script>&amp;\"'",
    "quotes": 'a"b\'c\\"d',
    "newline": "a\\nb\\x1b[0m",
    "markup": "[bold red]x[/]",
    "fake": "x-1 [000] 9.9: ",
    "reversed": "abc\u202edef",
    "empty": "",
    "bell": "\x07\x08\x7f",
    "format": "%s%n{0}{x}",
}


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("comm", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_process_name_is_shown_harmlessly(write, comm, output):
    content = trace(line("memtype_free", "start=0xfd000000 end=0xfd001000", -22, comm=comm))
    result = run("replay", write("trace.txt", content), "--output", output)
    assert result.exit_code == 1
    assert not (CONTROL | {"\u202e"}) & set(result.stdout)
    assert "memtype-invalid-free" in result.stdout


@pytest.mark.parametrize(
    "comm", [comm for comm in HOSTILE.values() if comm], ids=[name for name in HOSTILE if HOSTILE[name]]
)
def test_a_hostile_process_name_survives_in_json(write, comm):
    content = trace(line("memtype_free", "start=0xfd000000 end=0xfd001000", -22, comm=comm))
    (finding,) = report(write("trace.txt", content))[0]["findings"]
    assert finding["task"] == {"comm": comm.strip(), "pid": 7}


def test_a_hostile_file_name_is_shown_harmlessly(tmp_path):
    assert r"evil\x1b[2J\x0a.txt: No such file or directory" in refusal(tmp_path / "evil\x1b[2J\n.txt")


# --- absurd numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (f"start=0x{'f' * 32} end=0x1000 req=1", "is wider than 64 bits"),
        ("start=340282366920938463463374607431768211456 end=0x1000 req=1", "is wider than 64 bits"),
        (f"start={'9' * 5000} end=0x1000 req=1", "is not a number"),
        ("start=0xfd000000 end=1e9 req=1", "'1e9' is not a number"),
        ("start=0xfd000000 end= req=1", "'' is not a number"),
        ("start=0xfd000000 req=1", "has no field end="),
    ],
    ids=["128 bits", "2**128", "5000 digits", "float", "nothing", "absent"],
)
def test_a_number_that_is_none_is_told_with_its_line(write, fields, problem):
    seen, code = report(write("trace.txt", trace(line("memtype_reserve", fields))))
    (finding,) = seen["findings"]
    assert code == 1
    assert (finding["rule"], finding["line"]) == ("trace-malformed", 2)
    assert problem in finding["message"]


@pytest.mark.parametrize(
    ("fields", "ret"),
    [
        ("start=0x2000000 end=0x1000000 req=1", -22),
        ("start=0x2000000 end=0x2000000 req=1", -22),
        ("start=0x1fd001 end=0x1fd003 req=2", 0),
    ],
    ids=["reversed", "no size", "no page"],
)
def test_a_range_that_is_none_is_an_offence_of_the_caller(write, fields, ret):
    content = trace(line("memtype_reserve", fields, ret))
    found = [(finding["rule"], finding["line"]) for finding in report(write("trace.txt", content))[0]["findings"]]
    assert [one for one in found if one[0] != "memtype-leak"] == [("memtype-range", 2)]


ABSURD = [
    line("memtype_reserve", "start=0x0 end=0xffffffffffffffff req=1", 0),
    line("memtype_reserve", "start=-4096 end=-1 req=1", 0),
    line("memtype_reserve", "start=0x2000000 end=0x3000000 req=99", 0),
    line("memtype_reserve", "start=0x2000000 end=0x3000000 req=-1", 0),
    line("memtype_reserve", "start=0x2000000 end=0x3000000 req=1", "9" * 30),
    line("memtype_free", "start=0x0 end=0x8000000000000000", 0),
    line("remap_pfn_range", "vma=1 mm=2 vm_start=0 vm_end=0x8000000000000000 addr=0 pfn=0 size=0x8000000000000000", 0),
    line("remap_pfn_range", "vma=1 mm=2 vm_start=0 vm_end=1 addr=0 pfn=0xffffffffffffffff size=-1", 0),
    line("set_memory_wc", "addr=0xff11000000000000 numpages=0x7fffffff", 0),
    line("arch_io_reserve_memtype_wc", "start=0xfffffffffffff000 size=0x8000000000000000", 0),
    line("__ioremap_caller", "phys=0xfffffffffffff001 size=0x8000000000000000 pcm=2", "0x0"),
    line("unmap_vmas", "vma=1 start=0x0 end=0xffffffffffffffff"),
    line("vmf_insert_pfn_pud", "vma=1 mm=2 addr=0xfffffffffffff000 pfn=0xffffffffffffffff", 256),
]


@pytest.mark.parametrize("iomem", [False, True], ids=["", "iomem"])
@pytest.mark.parametrize("event", ABSURD, ids=lambda event: event.split("+")[0].split("(")[-1])
def test_absurd_numbers_disturb_nothing_that_comes_after_them(write, event, iomem):
    options = ["--iomem", CAPTURE / "iomem.txt"] if iomem else []
    content = trace(event, line("memtype_free", "start=0xfee00000 end=0xfee01000", -22))
    assert "memtype-invalid-free" in rules(write("trace.txt", content), *options)


def test_a_checkpoint_with_an_absurd_number_is_no_checkpoint(write):
    marker = f"{'app':>16}-7       [000] .....     1.000001: tracing_mark_write: checkpoint {'9' * 5000} x\n"
    assert rules(write("trace.txt", trace(marker, line("memtype_free", "start=0x1000 end=0x2000", -22)))) != []


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_time_that_no_clock_shows_is_no_time(write, output):
    late = line("memtype_free", "start=0x1000 end=0x2000", -22).replace("1.000001", "9" * 400)
    result = run("replay", write("trace.txt", trace(late)), "--output", output)
    assert "memtype-invalid-free" in result.stdout or "trace-malformed" in result.stdout
    assert "Infinity" not in result.stdout


# --- side inputs ------------------------------------------------------------------------------------------

KINDS = {"--memtypes": "pat_memtype_list", "--iomem": "/proc/iomem", "--mtrr": "/proc/mtrr"}


@pytest.mark.parametrize("option", KINDS)
def test_a_side_input_of_the_wrong_kind_is_refused_with_its_line(write, option):
    good, wrong = write("trace.txt", GOOD), write("wrong.txt", b"\nWinter is coming\n")
    assert refusal(good, option, wrong).startswith(f"{wrong}:2: is not a line of {KINDS[option]}: ")


@pytest.mark.parametrize("option", KINDS)
def test_a_trace_is_no_side_input(write, option):
    good = write("trace.txt", GOOD)
    assert refusal(good, option, good).startswith(f"{good}:1: is not a line of {KINDS[option]}: ")


@pytest.mark.parametrize("option", KINDS)
@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "is empty"), (bytes(99), "is binary data"), (b"\xff\xd8\xff\xe0", "is a JPEG image")]
)
def test_a_side_input_that_is_no_text_is_refused(write, option, content, problem):
    good, wrong = write("trace.txt", GOOD), write("wrong", content)
    assert refusal(good, option, wrong).startswith(f"{wrong}: {problem}")


@pytest.mark.parametrize("option", KINDS)
def test_a_side_input_that_does_not_exist_is_refused(write, tmp_path, option):
    good, absent = write("trace.txt", GOOD), tmp_path / "absent"
    assert refusal(good, option, absent) == f"{absent}: No such file or directory"


@pytest.mark.parametrize(
    ("option", "content", "problem"),
    [
        ("--memtypes", "PAT: [mem 0x0000000000002000-0x0000000000001000] write-back\n", "1: the range 0x2000-0x1000"),
        (
            "--memtypes",
            "PAT: [mem 0x0000000000001000-0x0000000000002000] write-purple\n",
            "1: 'write-purple' is no cache",
        ),
        ("--iomem", "00002000-00001000 : System RAM\n", "1: the range 00002000-00001000 ends before it starts"),
        ("--iomem", "00000000-00000000 : System RAM\n", " all addresses are zero: /proc/iomem must be read as root"),
        ("--mtrr", "reg00: base=0x0 (0MB), size=1MB, count=1: write-purple\n", "1: "),
    ],
)
def test_a_side_input_that_makes_no_sense_is_refused(write, option, content, problem):
    good, wrong = write("trace.txt", GOOD), write("wrong.txt", content)
    assert refusal(good, option, wrong).startswith(f"{wrong}:{problem}")


def test_a_side_input_may_be_compressed(write):
    assert rules(write("trace.txt", GOOD), "--memtypes", write("list.xz", lzma.compress(SNAPSHOT))) == FINDINGS


# --- captures ---------------------------------------------------------------------------------------------


def test_the_good_capture_has_the_same_findings(capture):
    assert rules(capture) == FINDINGS


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON: "),
        (b"[" * 100_000, "is not JSON: "),
        (b"[]", "is not a JSON object"),
        (b"\xff", "is not JSON: "),
    ],
    ids=["cut", "deep", "list", "binary"],
)
def test_a_meta_json_that_cannot_be_read_is_refused_by_strict(capture, content, problem):
    (capture / "meta.json").write_bytes(content)
    assert refusal("--strict", capture).startswith(f"{capture / 'meta.json'}: {problem}")


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"[]", b"\xff"], ids=["cut", "deep", "list", "binary"])
def test_a_meta_json_that_cannot_be_read_is_told_and_not_used(capture, content):
    (capture / "meta.json").write_bytes(content)
    seen, code = report(capture)
    assert code == 1
    assert told_beside(seen) == [("capture/meta.json", 1)]
    assert seen["inputs"][0]["era"] == "vm-pat"
    assert [finding["rule"] for finding in seen["findings"] if finding["rule"] != "trace-malformed"] == FINDINGS


def told_beside(seen):
    """Which files beside the trace cannot be read, and where."""
    found = [finding for finding in seen["findings"] if finding["rule"] == "trace-malformed"]
    return [(finding["file"], finding["line"]) for finding in found if "is not used" in finding["message"]]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that cannot be read by anyone")
def test_a_meta_json_that_fails_to_be_read_is_told(capture):
    (capture / "meta.json").unlink()
    (capture / "meta.json").symlink_to("/proc/self/mem")
    assert refusal("--strict", capture) == f"{capture / 'meta.json'}: Input/output error"
    assert told_beside(report(capture)[0]) == [("capture/meta.json", 1)]


@pytest.mark.parametrize(
    "content", [b"{}", b'{"kernel": 6.1}', b'{"kernel": "banana"}'], ids=["empty", "number", "word"]
)
def test_a_meta_json_without_a_release_leaves_the_trace_to_tell_the_era(capture, content):
    (capture / "meta.json").write_bytes(content)
    seen = report(capture)[0]["inputs"][0]
    assert seen["era"] == "vm-pat"
    assert seen["era_reason"].startswith("line ")


def test_two_snapshots_of_one_checkpoint_are_refused(capture):
    first, second = capture / "snaps" / "snap-01-mapped.txt", capture / "snaps" / "snap-01-other.txt"
    second.write_bytes(SNAPSHOT)
    assert refusal(capture) == f"{second}: is a second snapshot 1 beside {first}"


def test_a_damaged_snapshot_is_refused_with_its_line(capture):
    file = capture / "snaps" / "snap-03-right-gone.txt"
    file.write_bytes(file.read_bytes()[:-20] + b"\n")
    assert refusal(capture).startswith(f"{file}:{file.read_text().count(chr(10))}: ")


def test_a_snapshot_of_another_machine_is_a_finding_not_a_crash(capture):
    other = next((KEPT / "7.2" / "pl-double-free" / "snaps").glob("snap-00-*")).read_bytes()
    (capture / "snaps" / "snap-04-left-gone.txt").write_bytes(other)
    assert "snapshot-mismatch" in rules(capture)


@pytest.mark.parametrize("name", ["iomem.txt", "dmesg.txt"])
def test_a_damaged_file_beside_the_trace_is_refused_by_name(capture, name):
    (capture / name).write_bytes(bytes(range(256)) * 10)
    assert refusal("--strict", capture).startswith(f"{capture / name}: is binary data")


@pytest.mark.parametrize(
    ("content", "line"),
    [(bytes(range(256)) * 10, 1), (b"00001000-00001fff : System RAM\nWinter is coming\n", 2)],
    ids=["binary", "prose"],
)
@pytest.mark.parametrize("name", ["iomem.txt", "mtrr.txt"])
def test_a_damaged_file_beside_the_trace_is_told_and_not_used(capture, name, content, line):
    (capture / name).write_bytes(content)
    seen, code = report(capture)
    assert code == 1
    ((file, at),) = told_beside(seen)
    assert (file, at) == (f"capture/{name}", line if name == "iomem.txt" else 1)
    assert any(name.partition(".")[0] in fact for fact in seen["inputs"][0]["facts"])
    assert refusal("--strict", capture).startswith(str(capture / name))


def test_a_kernel_log_of_another_run_is_told_message_by_message(capture):
    said = "[   12.000000] x86/PAT: patlab:553 freeing invalid memtype [mem 0xdead0000-0xdead0fff]\n"
    (capture / "dmesg.txt").write_text(said)
    found = [finding for finding in report(capture)[0]["findings"] if finding["rule"] == "dmesg-unexplained"]
    assert [finding["line"] for finding in found if finding["range"] and finding["range"]["start"] == "0xdead0000"] == [
        1
    ]


# --- random damage ----------------------------------------------------------------------------------------

SMALL_TRACES = [
    text_of(KEPT / name).encode()
    for name in ("6.1/munmap-middle/trace.txt.xz", "7.2/latency-format/trace.txt.xz", "6.1/perf/perf-script.txt.xz")
]
NUMBERS = [b"0", b"-1", b"0x7fffffffffffffff", b"18446744073709551615", b"", b"0x", b"9" * 40, b"banana"]
PIECES = [b"\x1b[2J", b"\0", b"\r", b"\xff\xfe", b"\n", b"\x0b", b"\xc2\x85", b"((((", b" <- ", b"=", b": ", b" " * 99]


@st.composite
def damaged_traces(draw):
    """A real trace after a few accidents."""
    lines = draw(st.sampled_from(SMALL_TRACES)).split(b"\n")
    for _ in range(draw(st.integers(1, 5))):
        one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        text = lines[one]
        column = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["flip", "delete", "swap", "repeat", "number", "piece", "cut", "rotate"])):
            case "flip" if column < len(text):
                lines[one] = text[:column] + bytes([text[column] ^ (1 << draw(st.integers(0, 7)))]) + text[column + 1 :]
            case "delete" if len(lines) > 10:
                del lines[one : one + draw(st.integers(1, 9))]
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case "repeat":
                lines[one:one] = lines[other : other + draw(st.integers(1, 20))]
            case "number":
                name, equals, _ = text.rpartition(b"=")
                lines[one] = name + equals + draw(st.sampled_from(NUMBERS))
            case "piece":
                lines[one] = text[:column] + draw(st.sampled_from(PIECES)) + text[column:]
            case "cut":
                lines[one] = text[:column]
            case "rotate":
                lines = lines[one:] + lines[:one]
            case _:
                pass
    return b"\n".join(lines)


@given(content=damaged_traces(), era=st.sampled_from(["auto", "vm-pat", "pfnmap-ctx"]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_damage_always_ends_in_a_report(tmp_path_factory, content, era):
    file = tmp_path_factory.getbasetemp() / "damaged.txt"
    file.write_bytes(content)
    try:
        seen = api.check([str(file)], api.Options(era=era, iomem=str(CAPTURE / "iomem.txt")))
    except PatCheckError as error:
        assert str(error)
    else:
        assert [one.path for one in seen.inputs] == [str(file)]
        assert seen.inputs[0].error or seen.inputs[0].lines >= content.count(b"\n")


@given(content=damaged_traces())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_damage_is_always_reported_in_clean_text(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "damaged-too.txt"
    file.write_bytes(content)
    result = run("replay", file, "--output", "text")
    assert result.exit_code in (0, 1, 2)
    assert not CONTROL & set(result.output)
