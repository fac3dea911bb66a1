"""Text of the mmiotrace tracer."""

import io
from pathlib import Path

import pytest

from pat_check import api
from pat_check.events import IoremapCaller, Iounmap, LostEvents, Malformed, Marker, Return
from pat_check.sources.formats import SOURCES, source_of
from pat_check.sources.mmiotrace import Mmiotrace
from pat_check.sources.opening import lines_of

SAMPLES = Path(__file__).parents[1] / "samples" / "mmiotrace"
MAP = "MAP 30.411207 1 0xfeb80010 0xffffc900003c0010 0x1ff0 0x0 0"
UNMAP = "UNMAP 31.960800 1 0x0 0"


def lines(text):
    return lines_of(io.BytesIO(text.encode()), "sample")


def events(*shown):
    return list(Mmiotrace().events(lines("".join(f"{line}\n" for line in shown))))


def test_a_mapping_is_an_ioremap_and_its_return():
    call, returned = events(MAP)
    assert isinstance(call, IoremapCaller)
    assert (call.at, call.time, call.cpu, call.pid) == (1, 30.411207, -1, -1)
    assert (call.phys, call.size, call.pcm) == (0xFEB80010, 0x1FF0, -1)
    assert isinstance(returned, Return)
    assert (returned.call, returned.api, returned.ret) == (IoremapCaller, "__ioremap_caller", 0xFFFFC900003C0010)


def test_an_unmap_has_the_address_of_its_mapping():
    *_, call = events(MAP, UNMAP)
    assert isinstance(call, Iounmap)
    assert (call.at, call.time, call.addr) == (2, 31.9608, 0xFFFFC900003C0010)


def test_what_was_mapped_before_the_trace_has_no_address():
    source = Mmiotrace()
    assert list(source.events(lines("UNMAP 31.960800 -1 0x0 0\nUNMAP 31.960800 7 0x0 0\n"))) == []
    assert source.ignored == {"UNMAP": 2}


def test_accesses_are_counted_and_headings_are_not():
    source = Mmiotrace()
    text = (
        "VERSION 20070824\nPCIDEV 0018 808610d3 b feb80000\nLSPCI 00:02.0 Ethernet controller\n# tracer: mmiotrace\n\n"
        "R 4 30.411501 1 0xfeb80008 0x80080783 0xffffffffc0353a3b 0\n"
        "W 8 30.411501 1 0xfeb80008 0xffffffffffffffff 0xffffffffc0353a3b 0\n"
        "UNKNOWN 30.420400 2 0xfebd0014 0f,b6,07 0xffffffffc0353b00 0\n"
    )
    assert list(source.events(lines(text))) == []
    assert source.ignored == {"R": 1, "W": 1, "UNKNOWN": 1}
    assert source.lines == 8


def test_a_mark_is_a_marker_or_says_what_was_lost():
    marker, lost, other = events("MARK 31.961 X is up", "MARK 0.000000 Lost 12 events.", "MARK 1.0 Lost my events.")
    assert isinstance(marker, Marker) and (marker.text, marker.time) == ("X is up", 31.961)
    assert isinstance(lost, LostEvents) and lost.count == 12
    assert isinstance(other, Marker) and other.text == "Lost my events."


@pytest.mark.parametrize(
    "line",
    [
        "map what?",
        "rw what?",
        "MAP 30.4 1 0xfeb80010 0xffffc900003c0010 0x1ff0 0x0",
        "MAP 30.4 1 feb80010 0xffffc900003c0010 0x1ff0 0x0 0",
        "MAP 30.4 1 0xfeb80010 0xffffc900003c00100 0x1ff0 0x0 0",
        "UNMAP 31.9 0x0 0",
        "R 4 30.411501 1 0xfeb80008 0x80080783 0xffffffffc0353a3b",
        "          patlab-515     [000] d..1.    31.010954: memtype_free: (memtype_free+0x4/0x2a0) start=0x1 end=0x2",
    ],
)
def test_a_damaged_line_is_malformed(line):
    (event,) = events(line)
    assert isinstance(event, Malformed) and event.problem.startswith("expected ") and not event.cut


def test_the_last_line_may_be_cut():
    (event,) = Mmiotrace().events(lines(MAP[:40]))
    assert isinstance(event, Malformed) and event.cut


@pytest.mark.parametrize(
    "line", ["MAP 1.0 " + "1" * 60_000, "MARK 1.0 " + "Lost " * 12_000, "R " * 30_000, "9" * 60_000]
)
def test_a_long_line_takes_no_long_time(line):
    assert len(events(line)) == 1
    assert Mmiotrace.sniff([line]) in (True, False)


@pytest.mark.parametrize("head", [["# tracer: mmiotrace", "#"], ["VERSION 20070824"], ["PCIDEV 0 1 2", MAP]])
def test_a_recording_is_recognised(head):
    assert source_of(head, "x") is Mmiotrace


@pytest.mark.parametrize("source", [source for source in SOURCES if source is not Mmiotrace])
def test_recordings_of_other_formats_are_not_claimed(source):
    folder = {"ftrace": "ftrace", "klog": "klog", "perf": "perf", "bpftrace": "bpftrace"}.get(source.name, source.name)
    for path in sorted((SAMPLES.parent / folder).glob("*.txt")):
        assert not Mmiotrace.sniff(path.read_text().splitlines()[:1000]), path


def test_a_recording_of_a_driver_that_comes_and_goes_is_read_whole():
    """Debian's 6.1 in QEMU; most accesses are left out."""
    found = events(*(SAMPLES / "e1000e-6.1.txt").read_text().splitlines())
    mapped = [event for event in found if isinstance(event, IoremapCaller)]
    assert [(call.phys, call.size) for call in mapped] == [(0xFEBA0000, 0x20000), (0xFEBE0000, 0x50)]
    returned = [event.ret for event in found if isinstance(event, Return)]
    assert [event.addr for event in found if isinstance(event, Iounmap)] == returned[::-1]
    assert sum(isinstance(event, Marker) for event in found) == 3
    assert not [event for event in found if isinstance(event, Malformed)]


# --- replayed ---------------------------------------------------------------------------------------------


def replayed(folder, *shown, **files):
    (folder / "mmiotrace.txt").write_text("".join(f"{line}\n" for line in ("VERSION 20070824", *shown)))
    return api.check([str(folder)])


def test_a_driver_that_unmaps_what_it_mapped_is_clean(tmp_path):
    report = replayed(tmp_path, MAP, UNMAP, MAP.replace(" 1 ", " 2 "), UNMAP.replace(" 1 ", " 2 "))
    assert report.findings == []
    (seen,) = report.inputs
    assert (seen.format, seen.events, seen.layers) == ("mmiotrace", 6, ["drivers"])


def test_a_second_unmap_of_one_mapping_is_told(tmp_path):
    (finding,) = replayed(tmp_path, MAP, UNMAP, UNMAP).findings
    assert (finding.rule, finding.line) == ("iounmap-mismatch", 4)
    assert {note.line for note in finding.notes} >= {2, 3}


def test_lists_of_reservations_are_not_compared_with_what_shows_none(tmp_path):
    (tmp_path / "snaps").mkdir()
    for number, name, text in ((0, "before", ""), (1, "loaded", "uncached-minus @ 0xfeb80000-0xfeb82000\n")):
        (tmp_path / "snaps" / f"snap-0{number}-{name}.txt").write_text("PAT memtype list:\n" + text)
    for marks in (["MARK 1.0 checkpoint 0 before", MAP, "MARK 40.0 checkpoint 1 loaded"], [MAP]):
        report = replayed(tmp_path, *marks)
        assert report.findings == []
        assert report.inputs[0].snapshots == 0
        assert any("nothing of this layer was checked" in fact for fact in report.inputs[0].facts)
