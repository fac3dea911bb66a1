"""Output of the function_graph tracer, in its many columns."""

import io
from pathlib import Path

import pytest

from pat_check.events import (
    NO_PID,
    LostEvents,
    Malformed,
    Marker,
    MemtypeCheckInsert,
    MemtypeErase,
    MemtypeFree,
    MemtypeReserve,
    Message,
    Return,
)
from pat_check.sources.base import PREVIEW
from pat_check.sources.fgraph import FunctionGraph
from pat_check.sources.opening import lines_of, open_lines

SAMPLES = Path(__file__).parents[1] / "samples" / "function_graph"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

ARGS = "start=0x180800000, end=0x180810000, req_type=1 [_PAGE_CACHE_MODE_WC], new_type=0xffa000000071f7e4"
FREE = "memtype_free(start=0x1000, end=0x2000)"


def lines(text):
    return lines_of(io.BytesIO(text.encode()), "sample")


def events(text):
    return list(FunctionGraph().events(lines(text)))


def context(event):
    return event.time, event.cpu, event.pid, event.comm


COLUMNS = {
    "default": (" 1)               |  ", (None, 1, NO_PID, "")),
    "proc": (" 1)   patlab-511   |               |  ", (None, 1, 511, "patlab")),
    "abstime-proc": ("   35.595304 |   1)   patlab-511   |               |  ", (35.595304, 1, 511, "patlab")),
    "abstime": ("   35.595304 |   1)               |  ", (35.595304, 1, NO_PID, "")),
    "reltime": ("    3 us |   1)               |  ", (None, 1, NO_PID, "")),
    "latency": (" 1)   patlab-511   |  d..1. |               |  ", (None, 1, 511, "patlab")),
    "no-cpu": ("               |  ", (None, -1, NO_PID, "")),
    "no-duration": (" 1)  ", (None, 1, NO_PID, "")),
    "duration-only": ("   4.383 us    |  ", (None, -1, NO_PID, "")),
    "long-duration": (" 1) # 1075.170 us |  ", (None, 1, NO_PID, "")),
    "idle": (" 0)    <idle>-0    |               |  ", (None, 0, 0, "<idle>")),
    "odd-comm": (" 0)  a-1) b-12 |               |  ", (None, 0, 12, "a-1) b")),
}


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_function_is_read_behind_any_columns(columns):
    prefix, expected = COLUMNS[columns]
    call, end = events(f"{prefix}memtype_reserve({ARGS}) {{\n{prefix}}}\n")
    assert isinstance(call, MemtypeReserve)
    assert (call.start, call.end, call.req, call.newp) == (0x180800000, 0x180810000, 1, 0xFFA000000071F7E4)
    assert context(call) == context(end) == expected
    assert (end.call, end.api, end.ret) == (MemtypeReserve, "memtype_reserve", None)


RESULTS = {
    "none": ("}", None),
    "tail": ("} /* memtype_reserve */", None),
    "6.4": ("} /* memtype_reserve = -16 */", -16),
    "6.4-zero": ("} /* memtype_reserve = 0x0 */", 0),
    "6.4-hex": ("} /* memtype_reserve = 0xfffffff0 */", -16),
    "unnamed": ("} /* = -16 */", -16),
    "6.13": ("} /* memtype_reserve ret=-16 */", -16),
    "6.13-hex": ("} /* memtype_reserve ret=0xfffffffffffffff0 */", -16),
    "overrun": ("} (Overruns: 0)", None),
}


@pytest.mark.parametrize("style", RESULTS)
def test_the_end_of_a_function_shows_its_result(style):
    text, ret = RESULTS[style]
    _, end = events(f" 1)               |  memtype_reserve({ARGS}) {{\n 1)   5.0 us      |  {text}\n")
    assert end.ret == ret


@pytest.mark.parametrize(
    ("comment", "ret", "caller"),
    [
        ("", None, ""),
        (" /* = 0x0 */", 0, ""),
        (" /* = -22 */", -22, ""),
        (" /* ret=-22 */", -22, ""),
        (" /* <-reserve_pfn_range+0x9a/0x2b0 ret=-22 */", -22, "reserve_pfn_range"),
        (" /* <-nv_unmap+0x9a/0x2b0 [nv] ret=0x0 */", 0, "nv_unmap [nv]"),
    ],
)
def test_a_leaf_is_a_call_and_its_return(comment, ret, caller):
    call, end = events(f" 1)   4.383 us    |  {FREE};{comment}\n")
    assert isinstance(call, MemtypeFree) and isinstance(end, Return)
    assert (call.start, call.end, end.ret, end.caller) == (0x1000, 0x2000, ret, caller)


def test_a_return_address_may_follow_the_brace():
    call, _ = events(f" 1)               |  {FREE} {{ /* <-foo+0x1/0x2 */\n 1)               |  }}\n")
    assert isinstance(call, MemtypeFree)


def test_an_error_pointer_is_an_address():
    _, end = events(" 1)   4.383 us    |  memtype_erase(start=0x1000, end=0x2000); /* = -22 */\n")
    assert (end.call, end.ret) == (MemtypeErase, (1 << 64) - 22)


def test_unnamed_arguments_go_by_their_place():
    call, _ = events(" 1)   4.383 us    |  memtype_reserve(0x1000, 0x2000, 0x1, 0x0);\n")
    assert (call.start, call.end, call.req, call.newp) == (0x1000, 0x2000, 1, 0)


def test_unnamed_arguments_of_other_functions_are_no_event():
    source = FunctionGraph()
    assert list(source.events(lines(" 1)   4.383 us    |  remap_pfn_range(0x1000, 0x2000, 0x1, 0x0);\n"))) == []
    assert source.ignored["remap_pfn_range"] == 1


def test_an_insert_whose_arguments_show_no_range_is_that_of_the_open_reserve():
    call, _ = events(" 1) + 11.053 us   |  memtype_check_insert(entry_new=0xff1100010183b480, ret_type=0x0);\n")
    assert isinstance(call, MemtypeCheckInsert) and call.start == -1


def test_calls_without_arguments_are_counted_and_no_events():
    source = FunctionGraph()
    text = " 1)               |  memtype_free() {\n 1)   1.0 us      |    memtype_erase();\n 1)   5.0 us      |  }\n"
    assert list(source.events(lines(text))) == []
    assert (source.ignored["memtype_free"], source.ignored["memtype_erase"]) == (1, 1)


def test_braces_match_by_depth():
    found = events(
        f" 1)               |  {FREE} {{\n"
        " 1)               |    foo(a=1) {\n"
        " 1)   1.0 us      |      bar();\n"
        " 1)   2.0 us      |    }\n"
        " 1)   5.0 us      |  }\n"
    )
    assert [(type(event), event.at) for event in found] == [(MemtypeFree, 1), (Return, 5)]


def test_a_lost_brace_does_not_end_the_function_around_it():
    found = events(
        f" 1)               |  {FREE} {{\n"
        " 1)               |    foo(a=1) {\n"
        " 1)               |    bar(a=1) {\n"
        " 1)   2.0 us      |    }\n"
        " 1)   5.0 us      |  }\n"
    )
    assert [event.at for event in found] == [1, 5]


def test_cpus_do_not_close_the_functions_of_each_other():
    found = events(
        f" 0)               |  {FREE} {{\n"
        " 1)               |  foo() {\n 1)   2.0 us      |  }\n 0)   5.0 us      |  }\n"
    )
    assert [(event.at, event.cpu) for event in found] == [(1, 0), (4, 0)]


def test_a_task_that_moved_to_another_cpu_ends_its_own_function():
    found = events(
        f" 0)   patlab-511   |               |  {FREE} {{\n"
        " 0)   patlab-512   |               |  foo() {\n"
        " 1)   patlab-511   |   5.0 us      |  }\n"
    )
    assert [(event.at, event.pid) for event in found] == [(1, 511), (3, 511)]


def test_context_switches_name_the_tasks_of_a_cpu():
    found = events(
        f" 0)   1.0 us      |  {FREE};\n"
        " ------------------------------------------\n"
        " 0)    bash-123    =>   a-b c-456 \n"
        " ------------------------------------------\n\n"
        f" 0)   1.0 us      |  {FREE};\n"
        f" 1)   1.0 us      |  {FREE};\n"
    )
    assert [(event.pid, event.comm) for event in found[::2]] == [(123, "bash"), (456, "a-b c"), (NO_PID, "")]


def test_an_end_whose_entry_was_not_recorded_is_told_by_its_tail():
    (end,) = events(" 1)   5.0 us      |  } /* memtype_free = 0x0 */\n")
    assert (end.call, end.ret) == (MemtypeFree, 0)


def test_an_end_of_a_function_without_arguments_is_no_event():
    assert events(" 1)               |  memtype_free() {\n 1)   5.0 us      |  } /* memtype_free */\n") == []


def test_comments_are_markers():
    (marker,) = events(" 0)               |  /* patlab:checkpoint 0 before */\n")
    assert isinstance(marker, Marker) and marker.text == "patlab:checkpoint 0 before"


def test_events_recorded_besides_the_tracer_are_read():
    found = events(
        " 0)               |  /* memtype_free: (memtype_free+0x4/0x2a0) start=0x1000 end=0x2000 */\n"
        " 0)               |  /* console: x86/PAT: memtype_free request [mem 0x00001000-0x00001fff] */\n"
        " 0)               |  /* sched_switch: prev_comm=a prev_pid=1 */\n"
    )
    assert [type(event) for event in found] == [MemtypeFree, Message]


def test_marks_of_interrupts_are_skipped():
    found = events(
        " 0)   ==========>  |\n 0)               |  smp_apic_timer_interrupt() {\n"
        " 0)   1.0 us      |  }\n 0)   <==========  |\n"
    )
    assert found == []


def test_lost_events_are_told():
    (lost,) = events("CPU:1 [LOST 42 EVENTS]\n")
    assert isinstance(lost, LostEvents) and (lost.cpu, lost.count) == (1, 42)


@pytest.mark.parametrize(
    "line",
    [
        " 1)               |  memtype_reserve(start=0x18080",
        " 1)               |  memtype_free(start=0xzz, end=0x2000) {",
        " 1)               |  memtype_free(start=0x1000, end=0x20000000000000000) {",
        "what is this",
    ],
)
def test_a_damaged_line_is_malformed(line):
    (event,) = events(f"{line}\n")
    assert isinstance(event, Malformed) and not event.cut


def test_the_last_line_may_be_cut():
    (event,) = events(" 1)               |  memtype_reserve(start=0x18080")
    assert isinstance(event, Malformed) and event.cut


@pytest.mark.parametrize(
    "line",
    [
        " " * 60_000,
        " 1)" + " " * 60_000,
        " 1)               |  a(" + "); /*" * 10_000,
        " 1)               |  } /* " + "*/ " * 20_000,
        " 1)               |  /* " + " */" * 20_000 + "x",
        " 1)  " + "a-1 " * 15_000,
        " 1)  a-1 " + "=> a-1" * 10_000,
        "9" * 60_000 + ")",
        " 1)  a-" + "9" * 60_000 + " => b-1",
        " 1)               |  memtype_free(start=" + "9" * 60_000 + ", end=1);",
        " 1)               |  } /* memtype_free = " + "9" * 60_000 + " */",
        " 1)               |  } /* " + "a" * 60_000,
    ],
    ids=lambda line: line[:30].strip(),
)
def test_a_long_line_takes_no_long_time(line):
    assert len(events(line)) <= 1
    assert FunctionGraph.sniff([line]) in (True, False)


def test_the_header_names_the_tracer():
    assert FunctionGraph.sniff(["# tracer: function_graph"])
    assert not FunctionGraph.sniff(["# tracer: function", " 1)               |  foo() {"])


def test_lines_without_a_header_are_recognised():
    assert FunctionGraph.sniff([" 1)               |  foo() {"])


@pytest.mark.parametrize(
    "line",
    [
        "          patlab-515     [000] d..1.    31.010954: memtype_free: (memtype_free+0x4/0x2a0) start=0x1 end=0x2",
        "[   30.390376] x86/PAT: memtype_free request [mem 0x180404000-0x180407fff]",
        "       perf-exec  1151 [000]    96.263360: pat:memtype_free: (ffffffff8109e100) start=0x1 end=0x2",
        "230328887511 0 1614 patlab memtype_free start=0x1 end=0x2",
    ],
)
def test_other_formats_are_not_claimed(line):
    assert not FunctionGraph.sniff([line])


def test_a_recording_without_arguments_is_unusable():
    head = (SAMPLES / "no-args-6.12.txt").read_text().splitlines()
    assert "funcgraph-args" in FunctionGraph().unusable(head)


def test_a_recording_with_arguments_is_usable():
    head = (SAMPLES / "args-7.2.txt").read_text().splitlines()
    assert FunctionGraph().unusable(head) == ""


def test_a_recording_of_other_functions_is_not_called_unusable():
    assert FunctionGraph().unusable([" 1)               |  foo() {"]) == ""


def test_the_sample_of_7_2_holds_one_reservation_and_its_free():
    found = events((SAMPLES / "args-7.2.txt").read_text())
    wanted = [event for event in found if isinstance(event, MemtypeReserve | MemtypeFree)]
    assert [(event.start, event.end) for event in wanted] == [(0x180800000, 0x180810000)] * 2
    assert len([event for event in found if isinstance(event, Marker)]) == 7


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_recording_of_the_corpus_is_read_whole():
    paths = list(CORPUS.glob("*/fgraph*/trace.txt*"))
    assert paths
    for path in paths:
        calls = sum("memtype_reserve(start=" in line for line in open_lines(str(path)))
        found = list(FunctionGraph().events(open_lines(str(path))))
        assert not [event for event in found if isinstance(event, Malformed)], path
        assert len([event for event in found if isinstance(event, MemtypeReserve)]) == calls, path
        assert bool(FunctionGraph().unusable(open_lines(str(path)).preview(PREVIEW))) == (calls == 0), path
