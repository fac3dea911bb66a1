"""ftrace text, in every layout that trace options and trace-cmd give it."""

import io
import time
from pathlib import Path

import pytest

from pat_check.events import (
    NO_PID,
    ArchIoFreeMemtypeWc,
    DupMmap,
    ExitMmap,
    FreePfnRange,
    LostEvents,
    Malformed,
    Marker,
    MemtypeErase,
    MemtypeFree,
    MemtypeReserve,
    Message,
    ModuleFree,
    ModuleLoad,
    Return,
    SchedProcessExec,
    SchedProcessExit,
    SchedProcessFork,
)
from pat_check.sources.ftrace import Ftrace, context_of
from pat_check.sources.opening import lines_of, open_lines

SAMPLES = Path(__file__).parents[1] / "samples" / "ftrace"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

FREE = "memtype_free: (memtype_free+0x4/0x110) start=0x180400000 end=0x180410000"
TASK = "          patlab-444     [000] .....    31.877580: "


def lines(text):
    data = text if isinstance(text, bytes) else text.encode()
    return lines_of(io.BytesIO(data), "sample")


def events(text):
    return list(Ftrace().events(lines(text)))


def event(text):
    (found,) = events(f"{text}\n")
    return found


def ignored(text):
    source = Ftrace()
    assert list(source.events(lines(f"{text}\n"))) == []
    return dict(source.ignored)


# --- layouts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param("          patlab-444     [000] ...1.    31.877580: ", id="five flags"),
        pytest.param("          patlab-444     [000] ...1    31.877580: ", id="four flags, before 5.17"),
        pytest.param("          patlab-444     [000] d..h1.    31.877580: ", id="six flags"),
        pytest.param("          patlab-444     [000] d.Lh1.2    31.877580: ", id="seven flags of PREEMPT_RT"),
        pytest.param("          patlab-444     [000] DbLZ1.2.    31.877580: ", id="eight flags"),
        pytest.param("          patlab-444     [000]     31.877580: ", id="noirq-info"),
        pytest.param("          patlab-444     (    444) [000] ...1.    31.877580: ", id="record-tgid"),
        pytest.param("          patlab-444     (-------) [000] ...1.    31.877580: ", id="tgid not known"),
        pytest.param("          patlab-444   [000] .....    31.877580: ", id="trace-cmd report"),
        pytest.param("          patlab-444   [000]-0x0    31.877580: ", id="trace-cmd report -R"),
        pytest.param("  patlab-444     0.....    31.877580: ", id="trace-cmd report -l -t"),
        pytest.param("patlab-444 [000] ..... 31.877580: ", id="blanks trimmed by hand"),
    ],
)
def test_a_layout_shows_task_cpu_and_time(columns):
    found = event(columns + FREE)
    assert found == MemtypeFree(1, 31.87758, 0, 444, "patlab", 0x180400000, 0x180410000)


@pytest.mark.parametrize(
    ("columns", "seconds"),
    [
        pytest.param("  patlab-444       0...1. 78813us : ", 0.078813, id="latency-format"),
        pytest.param("  patlab-444       0...1. 78813us+: ", 0.078813, id="latency-format, a delay"),
        pytest.param("  patlab-444       0...1.  4us!: ", 4e-6, id="latency-format, a long delay"),
        pytest.param("  patlab-444       0...1.    7: ", 7.0, id="latency-format, clock counter"),
        pytest.param(
            "          patlab     444   0 0 00000001 00000000 [0158d370] 76.586ms (+1.337ms): ", 0.076586, id="verbose"
        ),
        pytest.param(
            "          patlab     444   0 0 00000001 00000000 000000000158d370 77 (+1): ", 77.0, id="verbose, counter"
        ),
    ],
)
def test_a_latency_layout_shows_time_since_the_start(columns, seconds):
    found = event(columns + FREE)
    assert found == MemtypeFree(1, seconds, 0, 444, "patlab", 0x180400000, 0x180410000)


@pytest.mark.parametrize(("shown", "value"), [("            4", 4.0), ("103364018168", 103364018168.0)])
def test_a_clock_without_seconds_counts_ticks(shown, value):
    assert event(f"          patlab-342     [000] ...1. {shown}: {FREE}").time == value


def test_without_context_there_is_no_task_and_no_time():
    assert event(FREE) == MemtypeFree(1, None, -1, NO_PID, "", 0x180400000, 0x180410000)


def test_a_name_alone_is_no_event_without_context():
    assert isinstance(event("hello: world"), Malformed)


def test_layouts_may_change_within_a_file():
    latency = "  patlab-444       0...1. 78813us : "
    found = events(f"{TASK}{FREE}\n{latency}{FREE}\n{FREE}\n{TASK}{FREE}\n")
    assert [type(one) for one in found] == [MemtypeFree] * 4
    assert [one.time for one in found] == [31.87758, 0.078813, None, 31.87758]


# --- names of tasks ---------------------------------------------------------------------------------------

COMMS = (
    "has space",
    "dash-123",
    "-",
    "a-1",
    "[002]",
    "(paren)",
    "(  12) [000]",
    "a: b=c",
    "<...>",
    "<idle>",
    "#hash",
    "=> frame",
    "x-9 [001] d..1.",
    "a-1 [000] 1: b:",
    "fifteen-bytes-x",
    "kworker/0:1-eve",
    "",
)


@pytest.mark.parametrize("comm", COMMS)
def test_a_comm_may_hold_anything(comm):
    found = event(f"{comm:>16}-315     [001] .....    18.322374: {FREE}")
    assert (type(found), found.comm, found.pid, found.cpu) == (MemtypeFree, comm, 315, 1)


@pytest.mark.parametrize("comm", [comm[:8] for comm in COMMS])
def test_a_comm_may_hold_anything_in_the_eight_columns_of_latency_format(comm):
    found = event(f"{comm:>8}-315       1..... 78813us : {FREE}")
    assert (type(found), found.comm, found.pid, found.cpu) == (MemtypeFree, comm.strip(), 315, 1)


@pytest.mark.parametrize("comm", COMMS)
def test_a_comm_may_hold_anything_in_verbose_format(comm):
    found = event(f"{comm:>16}     315   1 0 00000001 00000000 [0158d370] 76.586ms (+1.337ms): {FREE}")
    assert (type(found), found.comm, found.pid, found.cpu) == (MemtypeFree, comm, 315, 1)


@pytest.mark.parametrize(
    "comm",
    ["ünïcode", "日本語テスト", b"\xff\xfe-9 [1] 1.0: a".decode(errors="backslashreplace"), "\\xff-1 [0] 1:"],
    ids=ascii,
)
def test_a_comm_is_padded_in_bytes(comm):
    raw = comm.encode() if not comm.startswith("\\xff\\xfe") else b"\xff\xfe-9 [1] 1.0: a"
    (found,) = events(raw.rjust(16) + f"-315     [001] .....    18.322374: {FREE}\n".encode())
    assert (type(found), found.comm, found.pid, found.cpu) == (MemtypeFree, comm, 315, 1)


# --- probes -----------------------------------------------------------------------------------------------


def test_an_entry_has_the_arguments():
    found = event(f"{TASK}memtype_reserve: (memtype_reserve+0x4/0x2d0) start=0x18b400000 end=0x18b410000 req=1")
    assert found == MemtypeReserve(1, 31.87758, 0, 444, "patlab", 0x18B400000, 0x18B410000, 1)


def test_a_return_has_the_result_the_granted_type_and_the_caller():
    found = event(
        f"{TASK}memtype_reserve__ret: (pfnmap_track+0xaa/0x160 <- memtype_reserve) "
        "ret=-16 start=0x180800000 end=0x180900000 req=1 new=2"
    )
    assert isinstance(found, Return)
    assert (found.call, found.ret, found.got) == (MemtypeReserve, -16, 2)
    assert found.caller == "pfnmap_track+0xaa/0x160"
    assert found.entry is not None and (found.entry.start, found.entry.req) == (0x180800000, 1)


def test_a_caller_in_a_module_keeps_its_module():
    found = event(f"{TASK}__ioremap_caller__ret: (bochs_pci_probe+0x21a/0x360 [bochs] <- __ioremap_caller) ret=0x10")
    assert found.caller == "bochs_pci_probe+0x21a/0x360 [bochs]"


def test_an_unknown_caller_is_told_as_the_kernel_tells_it():
    found = event(f"{TASK}remap_pfn_range__ret: ([unknown/kretprobe'd] <- remap_pfn_range) ret=0")
    assert found.caller == "[unknown/kretprobe'd]"


def test_sym_offset_and_sym_addr_add_to_every_symbol():
    found = events(
        f"{TASK}tracing_mark_write+0x75/0x140 <ffffffff81514a25>: patlab:step x\n"
        f"{TASK}dup_mmap: (dup_mmap+0x4/0x8f0 <ffffffff816cb9a4>) mm=0x1 oldmm=0x2\n"
        f"{TASK}myret: (move_vma+0x2af/0x450 <ffffffff816d1fef> <- memtype_free <ffffffff816eb314>) ret=0\n"
    )
    assert [type(one) for one in found] == [Marker, DupMmap, Return]
    assert found[2].caller == "move_vma+0x2af/0x450 <ffffffff816d1fef>"


def test_trace_cmd_shows_the_function_before_the_caller():
    found = event(f"{TASK}memtype_free__ret:    (ffffffff8134f2e4 <- ffffffff8134fbea) ret=0")
    assert (type(found), found.call, found.caller) == (Return, MemtypeFree, "ffffffff8134fbea")


def test_trace_cmd_raw_output_has_the_place_among_the_fields():
    found = events(
        f"{TASK}memtype_erase:         __probe_ip=ffffffff8134f2e4 start=0x1c0070000 end=0x1c0078000\n"
        f"{TASK}memtype_erase__ret:    __probe_func=ffffffff8134f2e4 __probe_ret_ip=ffffffff816ed4fd ret=0x0\n"
    )
    assert [type(one) for one in found] == [MemtypeErase, Return]
    assert (found[1].caller, found[1].ret) == ("ffffffff816ed4fd", 0)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param("p_memtype_free_0: (memtype_free+0x0/0x110)", id="default name of a kprobe"),
        pytest.param("f_memtype_free__entry: (memtype_free+0x4/0x110)", id="name after the function, unknown prefix"),
        pytest.param("memtype_free__entry: (memtype_free+0x4/0x110)", id="default name of an fprobe"),
        pytest.param("myname: (memtype_free+0x0/0x110)", id="name of the user's"),
        pytest.param("myname: (memtype_free+0x4/0x110)", id="behind endbr64"),
        pytest.param("myname: (memtype_free)", id="no offset"),
    ],
)
def test_an_entry_may_have_any_name(shown):
    assert isinstance(event(f"{TASK}{shown} start=0x1000 end=0x2000"), MemtypeFree)


@pytest.mark.parametrize("name", ["r_memtype_free_0", "memtype_free__exit", "memtype_free__return", "myname"])
def test_a_return_may_have_any_name(name):
    found = event(f"{TASK}{name}: (untrack_pfn+0xce/0xe0 <- memtype_free) ret=0")
    assert (type(found), found.call) == (Return, MemtypeFree)


def test_a_user_probe_inside_a_function_is_no_entry():
    assert ignored(f"{TASK}myname: (memtype_free+0x52/0x110) start=0x1000 end=0x2000") == {"myname": 1}


def test_a_probe_of_another_function_is_counted_by_its_name():
    line = f"{TASK}do_vmi_munmap: (do_vmi_munmap+0x4/0x180) vma=0x1\n"
    assert ignored(line * 3) == {"do_vmi_munmap": 3}


def test_a_quoted_value_is_one_value():
    found = event(f'{TASK}{FREE} comm="x end=0x5 y" last=1')
    assert found == MemtypeFree(1, 31.87758, 0, 444, "patlab", 0x180400000, 0x180410000)


def test_fields_that_nobody_asked_for_do_no_harm():
    assert isinstance(event(f"{TASK}{FREE} x y=z = =3 start2=5"), MemtypeFree)


# --- other events -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        "tracing_mark_write: patlab:checkpoint 3 (paren) a=b: c-1 [000]",
        "print:                tracing_mark_write: patlab:checkpoint 3 (paren) a=b: c-1 [000]",
        "print:    ip=tracing_mark_write (0xffffffff81514a25) buf=patlab:checkpoint 3 (paren) a=b: c-1 [000]",
        "bprint:               patlab:checkpoint 3 (paren) a=b: c-1 [000]",
    ],
)
def test_a_marker_is_its_text(shown):
    found = event(TASK + shown)
    assert isinstance(found, Marker) and found.text == "patlab:checkpoint 3 (paren) a=b: c-1 [000]"


def test_a_marker_that_looks_like_a_probe_is_a_marker():
    probe = f"{TASK}{FREE}\n"
    found = events(f"{probe}{TASK}tracing_mark_write: (memtype_free+0x4/0x110) start=0x1 end=0x2\n{probe}")
    assert [type(one) for one in found] == [MemtypeFree, Marker, MemtypeFree]


def test_an_empty_marker_is_a_marker():
    assert event(f"{TASK}tracing_mark_write: ").text == ""


def test_the_console_tracepoint_shows_the_kernel_log():
    found = event(f"{TASK}console: x86/PAT: memtype_free request [mem 0x180400000-0x18040ffff]")
    assert isinstance(found, Message)
    assert (found.pid, found.start, found.end) == (444, 0x180400000, 0x180410000)


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ("sched_process_fork: comm=a pid=444 child_comm=b pid=1 child_pid=445", SchedProcessFork),
        ("sched_process_fork:    parent_comm=a b parent_pid=444 child_comm=b child_pid=445", SchedProcessFork),
        ("sched_process_exec: filename=/bin/a b pid=444 old_pid=444", SchedProcessExec),
        ("sched_process_exit: comm=a b pid=444 prio=120 group_dead=true", SchedProcessExit),
        ("module_load: e1000e ", ModuleLoad),
        ("module_free: e1000e", ModuleFree),
    ],
)
def test_tracepoints_of_tasks_and_modules_are_events(shown, kind):
    assert type(event(TASK + shown)) is kind


def test_the_function_tracer_shows_arguments_with_func_args():
    found = event(
        f"{TASK}memtype_reserve(start=0x181000000, end=0x181010000, req_type=1 [_PAGE_CACHE_MODE_WC], "
        "new_type=0xffa00000006ef4c4) <-pfnmap_track"
    )
    assert found == MemtypeReserve(1, 31.87758, 0, 444, "patlab", 0x181000000, 0x181010000, 1, 0xFFA00000006EF4C4)


def test_the_function_tracer_may_show_structures_and_dots():
    assert isinstance(event(f"{TASK}exit_mmap(mm=0x1, prot=(STRUCT)[0x8], ...) <-mmput"), ExitMmap)


def test_arguments_without_names_of_a_function_whose_order_is_not_known_are_no_event():
    assert ignored(f"{TASK}remap_pfn_range(0x1, 0x2, 0x3, 0x4) <-f") == {"remap_pfn_range": 1}


def test_arguments_without_names_go_by_their_place():
    assert isinstance(event(f"{TASK}arch_io_free_memtype_wc(0x1000, 0x2000) <-f"), ArchIoFreeMemtypeWc)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("memtype_free <-untrack_pfn", "memtype_free"),
        ("memtype_free() <-untrack_pfn", "memtype_free"),
        ("pci_mmap_resource.isra.0(a=1) <-kernfs_fop_mmap", "pci_mmap_resource.isra.0"),
        ("sys_mmap(addr: 0, len: 4000, prot: 3)", "sys_mmap"),
        ("sys_mmap(unsigned long addr: 0, unsigned long len: 0x10000)", "sys_mmap"),
        ("sys_exit_group -> 0x0", "sys_exit_group"),
        ("page_fault_user: address=0x401048 ip=0x401048 error_code=0x14", "page_fault_user"),
        ("never_heard_of: some (text) of its own", "never_heard_of"),
        ("<stack trace>", "stack trace"),
        ("<user stack trace>", "stack trace"),
    ],
)
def test_other_events_are_counted(shown, name):
    assert ignored(TASK + shown) == {name: 1}


@pytest.mark.parametrize("text", ["# tracer: nop", "#", " => remap_pfn_range", "=> f (ffff)", "cpus=2", "", "   "])
def test_some_lines_are_no_events(text):
    assert ignored(text) == {}


# --- what is lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("CPU:1 [LOST 807 EVENTS]", 807),
        ("CPU:1 [LOST EVENTS]", -1),
        ("CPU:1 [807 EVENTS DROPPED]", 807),
        ("CPU:1 [EVENTS DROPPED]", -1),
    ],
)
def test_lost_events_are_told(text, count):
    assert event(text) == LostEvents(1, None, 1, NO_PID, "", count)


def test_the_header_tells_how_many_events_were_overwritten():
    assert event("# entries-in-buffer/entries-written: 561/40501   #P:2").count == 39940


def test_a_header_of_a_whole_recording_tells_of_no_loss():
    assert events("# entries-in-buffer/entries-written: 122/122   #P:2\n") == []


# --- lines that cannot be read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem", "column"),
    [
        ("garbage", "expected a task and its pid, an event name and a colon or a function and its caller", 1),
        ("          patlab-444     [000] ...1.    31.87", "expected a time and a colon after flags", 41),
        (f"{TASK}m", "expected an event name and a colon or a function and its caller after the time and a colon", 52),
        (f"{TASK}memtype_free: (memtype_free+0x4/0x1", "expected a closing bracket", 87),
        (f"{TASK}memtype_free: (memtype_free+0x4/0x110) start=0x1", "memtype_free has no field end=", 52),
        (f"{TASK}memtype_free: (memtype_free+0x4/0x110) start=0x1 end=", "'' is not a number", 52),
        (f"{TASK}memtype_free: (memtype_free+0x4/0x110) start=0x1 end=abc", "'abc' is not a number", 52),
        (f"{TASK}sched_process_fork: comm=a", "sched_process_fork has no child_pid=", 52),
        (f"{TASK}myname: (memtype_free+0x0/0x110)", "memtype_free has no field start=", 52),
    ],
)
def test_a_line_that_cannot_be_read_says_what_was_expected_and_where(line, problem, column):
    found = event(line)
    assert isinstance(found, Malformed)
    assert (found.problem, found.column) == (problem, column)


@pytest.mark.parametrize("value", ["0x1" + 16 * "0", "1" * 30, "-0x1" + 16 * "0", "0x" + "f" * 60_000])
def test_a_number_wider_than_64_bits_is_malformed(value):
    found = event(f"{TASK}memtype_free: (memtype_free+0x4/0x110) start=0x1 end={value}")
    assert isinstance(found, Malformed) and "wider than 64 bits" in found.problem


def test_a_last_line_without_its_end_is_cut():
    found = events(f"{TASK}{FREE}\n{TASK}memtype_free: (memtype_free+0x4/0x110) start=0x1804")
    assert [(type(one), one.at) for one in found] == [(MemtypeFree, 1), (Malformed, 2)]
    assert found[1].cut


def test_a_line_in_the_middle_is_not_cut():
    assert not events(f"{TASK}mem\n{TASK}{FREE}\n")[0].cut


def test_many_unreadable_lines_are_explained_briefly():
    found = events("x\n" * 5_000)
    assert len(found) == 5_000
    assert found[-1].problem == "expected a line of ftrace text"


UNITS = [*' -[]():="1,é', "-1 ", "-1 [0] ", "a=", ' a="b', " <- ", ": (", "\\xff"]


@pytest.mark.parametrize("after", ["", "          a-1", "          a-1 ", TASK, f"{TASK}memtype_free: ("], ids=repr)
@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_no_line_takes_long(unit, after):
    line = after + unit * (60_000 // len(unit))
    started = time.perf_counter()
    events(f"{line}\n")
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "line",
    [
        f"{TASK}sched_process_fork: " + "comm= pid=1 child_comm=" * 2_600,
        f"{TASK}sched_process_exec: " + "filename= pid=" * 4_000,
        f"{TASK}sched_process_exit: " + "comm= pid=1 " * 5_000,
        f"{TASK}{'p_1' * 20_000}: x",
        f"{TASK}memtype_free({'a=1) ' * 12_000}) <-",
        "          a-" + "1" * 60_000,
        "          a-1 [" + "1" * 60_000 + "]",
        f"          a-1 [000] ..... {'1' * 60_000}: {FREE}",
        "CPU:1 [LOST " + "1" * 60_000 + " EVENTS]",
        "# entries-in-buffer/entries-written: " + "1" * 30_000 + "/" + "1" * 30_000,
    ],
    ids=range(10),
)
def test_no_long_number_or_text_takes_long(line):
    started = time.perf_counter()
    events(f"{line}\n")
    assert time.perf_counter() - started < 1


# --- whole files ------------------------------------------------------------------------------------------

USABLE = sorted(path for path in SAMPLES.glob("*.txt") if not path.stem.startswith(("raw", "printk-msg-only")))


@pytest.mark.parametrize("path", USABLE, ids=lambda path: path.stem)
def test_a_recording_has_no_line_that_cannot_be_read(path):
    assert [one for one in Ftrace().events(open_lines(str(path))) if isinstance(one, Malformed)] == []


@pytest.mark.parametrize("path", USABLE, ids=lambda path: path.stem)
def test_a_recording_is_recognised(path):
    head = open_lines(str(path)).preview(100)
    assert Ftrace.sniff(head)
    assert Ftrace.sniff([line for line in head if not line.startswith("#")])


@pytest.mark.parametrize("tracer", ["function_graph", "mmiotrace"])
def test_other_tracers_are_left_to_others(tracer):
    assert not Ftrace.sniff([f"# tracer: {tracer}", f"{TASK}{FREE}"])


@pytest.mark.parametrize(
    "line",
    [
        "[    1.0] x86/PAT: Overlap at 0x1000-0x2000",
        "audit: type=2000 audit(1.5:1): state=initialized",
        "ACPI: (supports S0 S5)",
        "console: colour dummy device 80x25",
        "print: hello",
        "iounmap: bad address 0000000078877fed",
    ],
)
def test_a_kernel_log_is_no_ftrace_text(line):
    assert not Ftrace.sniff([line])


UNUSABLE = {"raw-7.2": "raw or hex", "printk-msg-only-7.2": "raw or hex", "function-6.1": "func-args"}


@pytest.mark.parametrize(("name", "reason"), UNUSABLE.items())
def test_a_recording_without_fields_is_unusable(name, reason):
    head = open_lines(str(SAMPLES / f"{name}.txt")).preview(1000)
    assert reason in Ftrace().unusable(head)


@pytest.mark.parametrize("name", [path.stem for path in USABLE if path.stem not in UNUSABLE])
def test_every_other_recording_is_usable(name):
    assert Ftrace().unusable(open_lines(str(SAMPLES / f"{name}.txt")).preview(1000)) == ""


def test_the_context_of_a_line_is_what_stands_before_the_event():
    assert context_of(TASK + FREE) == ("patlab", 444, 0, 31.87758, FREE)
    assert context_of(FREE) is None


def test_every_event_of_a_real_recording_is_read_or_counted():
    path = CORPUS / "6.12" / "stress-2" / "trace.txt.xz"
    if not path.exists():
        pytest.skip("the recordings of ../shared/corpus are not here")
    source = Ftrace()
    read = list(source.events(open_lines(str(path))))
    headers = sum(1 for line in open_lines(str(path)) if line.startswith("#"))
    assert len(read) + source.ignored.total() + headers == source.lines
    frees = sum(1 for line in open_lines(str(path)) if ": memtype_free: " in line)
    assert sum(isinstance(one, MemtypeFree) for one in read) == frees
    unused = sum(1 for line in open_lines(str(path)) if ": do_vmi_munmap: " in line)
    assert source.ignored["do_vmi_munmap"] == unused
    assert not any(isinstance(one, (Malformed, FreePfnRange)) and one.pid == NO_PID for one in read)
