"""``state --at`` with an index: the same answers, whatever lies in the index, beside the recording or in the way."""

import bz2
import gzip
import lzma
import os
import random
import shutil
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from pat_check import api
from pat_check.cli import cli
from pat_check.errors import PatCheckError, TraceError
from pat_check.index import file as index_file
from pat_check.index.file import Index, Place, writing
from tests.corpus import ABSENT, CORPUS, KEPT, UNKNOWABLE, captures, text_of
from tests.test_state import LINES

SAMPLES = Path(__file__).parent.parent / "samples"
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "fork-partial-6.12"
TRACES = [
    *(file for name in ("ftrace", "function_graph", "perf", "bpftrace", "klog") for file in (SAMPLES / name).iterdir()),
    SAMPLES / "mmiotrace" / "e1000e-6.1.txt",
]
CAPTURES = [one for one in captures(KEPT) if one.is_small and not one.explained_by(UNKNOWABLE)]
SHORT = 100_000  # bytes of a trace, compressed
SOME = [one for one in captures(CORPUS) if one.trace.stat().st_size < SHORT and not one.explained_by(UNKNOWABLE)][::9]
PACKERS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def answer(path, at, indexing=None, **options):
    """The reservations, or the error."""
    try:
        return api.state(str(path), at, api.Options(**options), indexing)
    except PatCheckError as error:
        return str(error)


class Told:
    """An index in a file of its own, and what is said of it."""

    def __init__(self, file, every=1):
        self.said = []
        self.file = file
        self.indexing = api.Indexing(str(file), self.said.append, every=every)

    def same(self, path, at, **options):
        """Ask with and without the index; what is said of the index then."""
        self.said.clear()
        with_index = answer(path, at, self.indexing, **options)
        assert with_index == answer(path, at, **options), (at, options)
        return " ".join(self.said)


@pytest.fixture
def told(tmp_path):
    return Told(tmp_path / "index")


@pytest.fixture
def trace(tmp_path):
    file = tmp_path / "trace.txt"
    file.write_text(LINES)
    return file


def points_of(text, seed=1, count=12):
    """Some points of a recording, of every kind, and some that are none."""
    rng = random.Random(seed)
    lines = text.count("\n")
    times = [word.rstrip(":") for word in text.split() if word.rstrip(":").count(".") == 1]
    times = [word for word in rng.sample(times, min(count, len(times))) if word.replace(".", "").isdecimal()]
    markers = [line.partition("tracing_mark_write: ")[2] for line in text.split("\n") if "tracing_mark_write: " in line]
    markers += ["checkpoint", "checkpoint 1", "no such marker"]
    return [
        *(str(rng.randint(1, max(lines, 1))) for _ in range(count)),
        *("1", str(lines), str(lines + 1)),
        *times,
        *("time:0", "time:999999999"),
        *(f"marker:{marker}" for marker in rng.sample(markers, min(4, len(markers)))),
    ]


# --- the same answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        *map(str, range(9)),
        *("3.000001", "time:2", "6.5", "time:99", "nan"),
        *("round 1", "round 10", "lab:round 10", "round 11", "lab", "round", "other", "marker:round 10"),
    ],
)
def test_every_point_of_a_small_trace(trace, told, at):
    told.same(trace, at)
    assert "is made" not in told.same(trace, at)


@pytest.mark.parametrize("file", TRACES, ids=lambda file: file.name)
def test_points_of_every_format(file, told):
    told.indexing.every = max(file.stat().st_size // 20, 1)
    for at in points_of(file.read_text("utf-8", "replace")):
        told.same(file, at)


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_points_of_captures(capture, told):
    told.indexing.every = max(capture.trace.stat().st_size // 10, 1)
    for at in points_of(capture.text, count=6):
        told.same(capture.path, at)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("capture", SOME, ids=str)
def test_points_of_more_captures(capture, told):
    told.indexing.every = max(capture.trace.stat().st_size // 6, 1)
    for at in points_of(capture.text, count=2):
        told.same(capture.path, at)


RECORDED = text_of(EXAMPLE / "trace.txt.xz").split("\n")[:400]


@given_settings(max_examples=60)
@given(st.lists(st.integers(0, len(RECORDED) - 1), min_size=1, max_size=120), st.integers(1, 4000), st.data())
def test_points_of_recordings_that_never_were(tmp_path_factory, chosen, every, data):
    folder = tmp_path_factory.mktemp("any")
    file = folder / "trace.txt"
    chosen = sorted(chosen) if data.draw(st.booleans()) else chosen
    text = "\n".join(["# tracer: nop", *(RECORDED[place] for place in chosen)]) + data.draw(st.sampled_from(["\n", ""]))
    file.write_text(text)
    told = Told(folder / "index", every)
    for at in data.draw(st.lists(st.sampled_from(points_of(text)), min_size=1, max_size=4)):
        for strict in (False, True):
            told.same(file, at, strict=strict)


@pytest.mark.parametrize(
    "text",
    [
        LINES.replace("\n", "\r\n"),
        LINES.rstrip("\n"),
        LINES.rstrip("\n")[:-4],
        "\ufeff" + LINES,
        LINES.replace("app-7  ", "\ufeffapp-7", 2),
        LINES.replace("round 1\n", "x" * 70_000 + "\n"),
        LINES.replace("round 1\n", "x" * 3_000_000 + "\n"),
        LINES.replace("3.000001", "no time"),
        "\n\n" + LINES.replace("\n", "\n\n"),
        "CPU:0 [LOST 5 EVENTS]\n" + LINES,
    ],
    ids=["crlf", "no-end", "torn", "bom", "bom-inside", "long", "very-long", "malformed", "blank", "lost"],
)
def test_odd_texts(text, trace, told):
    trace.write_bytes(text.encode().replace(b"lab:", b"\xff\xfe:"))
    for at in points_of(text):
        for strict in (False, True):
            told.same(trace, at, strict=strict)


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
def test_compressed_recordings(ending, whole, told, tmp_path):
    text = "\n".join(RECORDED) * 5
    packed = PACKERS[ending](text.encode())
    file = tmp_path / f"trace.txt{ending}"
    file.write_bytes(packed if whole else packed[: len(packed) * 2 // 3])
    told.indexing.every = 20_000
    for at in ("1", "50", "400", "900", "99999", "checkpoint", "checkpoint 2"):
        for strict in (False, True):
            told.same(file, at, strict=strict)
    assert "is used" in told.same(file, "900") or not whole


def test_before_the_first_snapshot_of_a_capture(told, tmp_path):
    folder = tmp_path / "capture"
    (folder / "snaps").mkdir(parents=True)
    (folder / "trace.txt").write_text(LINES.replace("round 11", "checkpoint 1 late"))
    (folder / "snaps" / "snap-01-late.txt").write_text("PAT memtype list:\n")
    for at in (*"1234567", "round 1", "lab", "time:3"):
        told.same(folder, at)
    (folder / "trace.txt").write_text(LINES.replace("round 11", "checkpoint 2 never saved") * 3000)
    told.indexing.every = 50_000
    told.same(folder, "1")
    assert "is used" in told.same(folder, "20000")


def test_the_era_is_not_searched_for_again(told, trace, monkeypatch):
    monkeypatch.setattr("pat_check.session.PREVIEW", 5)
    trace.write_text("# tracer: nop\n" + "# nothing\n" * 20 + LINES)
    told.same(trace, "24")
    monkeypatch.setattr("pat_check.session._first", lambda *_: pytest.fail("searched again"))
    assert len(answer(trace, "24", told.indexing)) == 1


def test_too_many_markers_are_read_again(told, trace, monkeypatch):
    monkeypatch.setattr("pat_check.index.building._TEXTS", 20)
    for at in ("round 1", "lab", "round", "other", "5"):
        told.same(trace, at)
    assert "all lines must be read" in told.same(trace, "lab")


@pytest.mark.parametrize("made_by", ["reference", "scanner"])
def test_an_index_of_one_reader_serves_the_other(told, made_by, monkeypatch):
    pytest.importorskip("pat_check.sources.native._scanner", reason="the scanner is not built")
    told.indexing.every = 3000
    monkeypatch.setenv("PAT_CHECK_PURE", "1" if made_by == "reference" else "0")
    answer(EXAMPLE, "1", told.indexing)
    monkeypatch.setenv("PAT_CHECK_PURE", "0" if made_by == "reference" else "1")
    for at in points_of("\n".join(RECORDED)):
        assert "is made" not in told.same(EXAMPLE, at)


# --- when it is made anew ----------------------------------------------------------------------------------


def test_it_is_made_once_and_used_then(told, trace):
    assert "is made, for there is none yet" in told.same(trace, "5")
    assert "is used from line 5 on" in told.same(trace, "5")
    assert "is used from line 4 on" in told.same(trace, "time:4.5")
    assert "is used from line 3 on" in told.same(trace, "lab")


def test_another_recording_of_the_name(told, trace):
    told.same(trace, "5")
    trace.write_text(LINES + LINES)
    assert "the recording is another" in told.same(trace, "12")
    status = trace.stat()
    trace.write_text((LINES + LINES).replace("req=1", "req=2"))
    os.utime(trace, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "the recording is another" in told.same(trace, "3")
    os.utime(trace, ns=(1, 1))
    assert "the recording is another" in told.same(trace, "3")
    assert "is made" not in told.same(trace, "3")


@pytest.mark.parametrize("name", ["memtypes", "iomem", "mtrr", "era", "input_format"])
def test_other_options(told, trace, tmp_path, name):
    memtypes, iomem, mtrr = tmp_path / "memtypes", tmp_path / "iomem", tmp_path / "mtrr"
    memtypes.write_text("PAT memtype list:\nPAT: [mem 0x0000000000008000-0x0000000000009000] write-back\n")
    iomem.write_text("00000000-0009ffff : System RAM\n")
    mtrr.write_text("reg00: base=0x000000000 (    0MB), size= 1024MB, count=1: write-back\n")
    values = {"memtypes": memtypes, "iomem": iomem, "mtrr": mtrr, "era": "unmap-region", "input_format": "perf"}
    told.same(trace, "5")
    said = told.same(trace, "5", **{name: str(values[name])})
    assert "options, or files beside the recording, are others" in said
    assert "is made" not in told.same(trace, "5", **{name: str(values[name])})
    assert "are others" in told.same(trace, "5")


def test_what_lies_beside_changes(told, tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "capture")
    told.indexing.every = 3000
    told.same(folder, "200")
    snapshot = sorted((folder / "snaps").glob("snap-*"))[0]
    snapshot.write_text("PAT memtype list:\n")
    assert "are others" in told.same(folder, "200")
    (folder / "meta.json").unlink()
    told.same(folder, "200")
    assert "is made" not in told.same(folder, "200")


def test_another_version(told, trace, monkeypatch):
    told.same(trace, "5")
    monkeypatch.setattr("pat_check.index.using.code", lambda: "another")
    monkeypatch.setattr("pat_check.index.building.code", lambda: "another")
    assert "another version" in told.same(trace, "5")
    assert "is made" not in told.same(trace, "5")


def test_the_code_is_known_by_what_it_says():
    assert index_file.code() == index_file.code()
    assert index_file.code().startswith("0.")


def test_a_recording_that_grows_meanwhile_has_no_index(told, trace):
    told.indexing.progress = lambda path, lines: trace.write_text(LINES * 2)
    assert "changes while it is read" in answer(trace, "5", told.indexing)


# --- damage ------------------------------------------------------------------------------------------------


def test_a_damaged_byte_is_noticed(told, trace):
    told.indexing.every = 300
    told.same(trace, "5")
    whole = told.file.read_bytes()
    for place in (*range(16, 64, 5), *range(64, len(whole), 37)):
        told.file.write_bytes(whole[:place] + bytes((whole[place] ^ 0x21,)) + whole[place + 1 :])
        told.same(trace, "5")
    for length in range(16, len(whole), 97):
        told.file.write_bytes(whole[:length])
        assert "it is damaged" in told.same(trace, "5")


@pytest.mark.parametrize("content", [b"", b"pat", b"my notes\n", b"pat-check index\r\n" + b"x" * 99])
def test_a_file_of_somebody_else_is_not_written_over(told, trace, content):
    told.file.write_bytes(content)
    with pytest.raises(TraceError, match="is no index of pat-check, and so is not written over"):
        api.state(str(trace), "5", None, told.indexing)
    assert told.file.read_bytes() == content


def rewritten(file, change):
    """An index with sound checksums and other contents."""
    index = Index(str(file))
    directory = index.directory
    parts = [index.state(place) for place in directory.places]
    change(directory, parts)
    with writing(str(file)) as out:
        for place, part in enumerate(parts):
            was = directory.places[place]
            directory.places[place] = Place(was.line, was.offset, was.time, *out.add(part)[:3])
        out.finish(directory)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("searched", ["no era", "x"]),
        ("searched", [1, 2]),
        ("searched", "x"),
        ("searched", {}),
        ("markers", [(3, "lab")]),
        ("markers", [(99, "lab")]),
        ("markers", [(-5, "lab")]),
        ("anchors", "no"),
        ("damaged", 7),
        ("began", None),
        ("trace", 5),
        ("code", []),
    ],
)
def test_a_directory_that_lies_leads_to_no_failure(told, trace, name, value):
    told.same(trace, "lab")
    rewritten(told.file, lambda directory, parts: setattr(directory, name, value))
    for at in ("lab", "5", "time:4"):
        told.same(trace, at)


@given_settings(max_examples=80)
@given(st.data())
def test_a_state_that_lies_leads_to_no_failure(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("lies")
    told = Told(folder / "index", every=3000)
    answer(EXAMPLE, "1", told.indexing)

    def lie(directory, parts):
        part = data.draw(st.sampled_from(parts))
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            key = data.draw(st.sampled_from(keys))
            if isinstance(part[key], list | dict) and part[key] and data.draw(st.integers(0, 9)):
                part = part[key]
                continue
            part[key] = data.draw(st.sampled_from([None, -1, 1 << 70, "x", ["l"], ["again", 1], ["Task"], 0.5, {}, []]))
            return

    rewritten(told.file, lie)
    for at in ("100", "250", "checkpoint 3", "time:99999"):
        answer(EXAMPLE, at, told.indexing)


# --- the command -------------------------------------------------------------------------------------------


def run(*arguments, **more):
    return CliRunner().invoke(cli, ["state", *map(str, arguments)], **more)


def test_the_command_keeps_it_beside_the_trace(trace):
    plain = run(trace, "--at", "5", "--owners")
    first = run(trace, "--at", "5", "--owners", "--index")
    again = run(trace, "--at", "5", "--owners", "--index", "-v")
    assert first.output == plain.output
    assert (again.exit_code, again.stdout) == (0, plain.stdout)
    assert (trace.parent / "trace.txt.pci").read_bytes().startswith(b"pat-check index\n")
    assert sorted(one.name for one in trace.parent.iterdir()) == ["trace.txt", "trace.txt.pci"]


def test_the_command_says_what_it_does_when_asked(trace):
    told = run(trace, "--at", "5", "--index", "--verbose")
    assert f"pat-check: note: {trace}.pci: is made, for there is none yet" in told.stderr


def test_a_capture_directory_has_it_beside_its_trace(tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "capture")
    plain = run(folder, "--at", "200")
    assert run(folder, "--at", "200", "--index").output == plain.output
    assert (folder / "trace.txt.xz.pci").is_file()
    assert run(folder, "--at", "200").output == plain.output
    assert api.check([str(folder)]).inputs[0].lines == 309


def test_a_file_of_its_own(trace, tmp_path):
    target = tmp_path / "elsewhere"
    assert run(trace, "--at", "5", "--index-file", target).exit_code == 0
    assert target.is_file()
    assert not Path(f"{trace}.pci").exists()


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("absent/index", "cannot be written (No such file or directory): --index-file puts the index elsewhere"),
        ("trace.txt", "is the recording itself, and so no place for its index"),
        (".", "Is a directory"),
    ],
)
def test_a_place_where_none_can_be(trace, file, problem):
    told = run(trace, "--at", "5", "--index-file", trace.parent / file)
    assert told.exit_code == 2
    assert problem in told.stderr
    assert told.stderr.count("\n") == 1
    assert trace.read_text() == LINES


def test_a_folder_that_cannot_be_written(trace, monkeypatch):
    def refuse(**named):
        raise PermissionError(13, "Permission denied", str(trace.parent))

    monkeypatch.setattr("pat_check.index.file.tempfile.mkstemp", refuse)
    told = run(trace, "--at", "5", "--index")
    assert told.exit_code == 2
    assert told.stderr == (
        f"pat-check: error: {trace}.pci: cannot be written (Permission denied): --index-file puts the index elsewhere\n"
    )


def test_nothing_is_left_of_a_pass_that_was_interrupted(trace, told):
    def interrupt(path, lines):
        raise KeyboardInterrupt

    told.indexing.progress = interrupt
    with pytest.raises(KeyboardInterrupt):
        api.state(str(trace), "5", None, told.indexing)
    assert [one.name for one in trace.parent.iterdir()] == ["trace.txt"]


def test_what_cannot_be_read_twice_has_none(tmp_path):
    told = run("-", "--at", "5", "--index", input=LINES)
    assert (told.exit_code, "standard input has no index" in told.stderr) == (2, True)
    binary = tmp_path / "trace.dat"
    binary.write_bytes(b"\x17\x08\x44tracing" + bytes(99))
    told = run(binary, "--at", "5", "--index")
    assert (told.exit_code, "print it with `trace-cmd report`" in told.stderr) == (2, True)
    os.mkfifo(tmp_path / "pipe")
    told = run(tmp_path / "pipe", "--at", "5", "--index")
    assert (told.exit_code, "is no file, so it has no index" in told.stderr) == (2, True)


def test_what_is_not_there_is_said_as_ever(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        assert run(path, "--at", "5", "--index").stderr == run(path, "--at", "5").stderr
    assert not list(tmp_path.iterdir())


def test_a_link_to_an_index_is_replaced_and_not_what_it_names(trace, tmp_path):
    (tmp_path / "other").write_bytes(b"pat-check index\n")
    Path(f"{trace}.pci").symlink_to(tmp_path / "other")
    assert run(trace, "--at", "5", "--index").exit_code == 0
    assert (tmp_path / "other").read_bytes() == b"pat-check index\n"
    assert not Path(f"{trace}.pci").is_symlink()
