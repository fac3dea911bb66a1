"""Recordings on a kernel that is a directory: what is saved, and that all is taken away again, whatever happens."""

import errno
import gzip
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

from pat_check import api
from pat_check.errors import RecordError
from pat_check.record import recorder
from pat_check.record.folder import Folder
from pat_check.record.recorder import record
from pat_check.record.report import outcome_lines
from pat_check.record.request import Request
from pat_check.sources.capture import open_capture
from pat_check.sources.opening import open_lines
from tests.record.fake import LIST, NODES, TRACING, FakeKernel

TRUE = [sys.executable, "-c", "pass"]


@pytest.fixture
def kernel(tmp_path):
    return FakeKernel(tmp_path / "kernel")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(recorder, "_TURN", 0.005)
    monkeypatch.setattr(recorder, "_SETTLE", 0.0)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "capture"


def recorded(kernel, out, command=TRUE, **values):
    said = []
    request = Request(command=list(command), output=str(out), **values)
    return record(request, kernel, said.append), said


def refusal(kernel, out, command=TRUE, **values):
    """The one line that a refused recording ends with; nothing is left in tracefs or on the disk."""
    files_before = sorted(out.parent.iterdir())
    with pytest.raises(RecordError) as caught:
        recorded(kernel, out, command, **values)
    assert is_clean(kernel)
    assert sorted(out.parent.iterdir()) == files_before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def is_clean(kernel):
    return kernel.instances() == [] and kernel.probes() == []


def trace(out):
    (path,) = out.glob("trace.txt.*")
    return list(open_lines(str(path)))


def meta(out):
    return json.loads((out / "meta.json").read_text())


def probes_of(out):
    """The functions that replay takes as probed, by what stands beside the trace."""
    return open_capture(str(out)).probes.entries


# --- what is saved ----------------------------------------------------------------------------------------


def test_a_recording_is_a_capture_that_replays(kernel, out):
    outcome, said = recorded(kernel, out)
    assert said == []
    assert is_clean(kernel)
    assert (outcome.status, outcome.lists, outcome.refused) == (0, 2, 0)
    report = api.check([str(out)])
    assert report.inputs[0].error == ""
    assert (report.inputs[0].snapshots, report.inputs[0].snapshots_equal) == (1, 1)
    assert report.findings == []


def test_what_stands_beside_the_trace(kernel, out):
    recorded(kernel, out)
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names - {"trace.txt.zst", "trace.txt.gz"} == {
        "snaps/snap-00-before.txt",
        "snaps/snap-01-after.txt",
        "bars.txt",
        "cmdline.txt",
        "dmesg.txt",
        "dynamic_events.txt",
        "iomem.txt",
        "meta.json",
        "mtrr.txt",
    }
    read = probes_of(out)
    assert {"memtype_reserve", "memtype_free", "memtype_erase", "untrack_pfn", "vm_area_free"} <= read
    assert (out / "snaps" / "snap-00-before.txt").read_text() == NODES
    assert (out / "bars.txt").read_text() == (
        "0xfebd1000-0xfebd10ff 0000:00:04.0 bar0 1af4:1110 -\n"
        "0x180000000-0x183ffffff 0000:00:04.0 bar2 1af4:1110 - prefetchable\n"
    )
    assert meta(out)["kernel"] == "6.12.107+deb13-amd64"
    assert meta(out)["command"] == TRUE
    assert meta(out)["filter"] == "all"
    assert set(meta(out)["probes_left_out"]) >= {"pfnmap_track", "dup_mmap"}


def test_the_trace_begins_with_the_checkpoint_that_the_first_list_belongs_to(kernel, out):
    recorded(kernel, out)
    lines = trace(out)
    assert lines[0] == "# tracer: nop"
    assert [line.partition("write: ")[2] for line in lines[2:]] == [
        "pat-check:checkpoint 0 before",
        "pat-check:checkpoint 1 after",
    ]


def test_without_zstandard_the_trace_is_compressed_by_what_python_has(kernel, out, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    recorded(kernel, out)
    assert b"checkpoint 1 after" in gzip.decompress((out / "trace.txt.gz").read_bytes())


def test_the_command_runs_while_the_trace_is_on_and_not_before(kernel, out, tmp_path):
    switch = kernel.path(f"{TRACING}/instances/pat-check-{os.getpid()}/tracing_on")
    script = f"import shutil; shutil.copy({switch!r}, {str(tmp_path / 'seen')!r})"
    recorded(kernel, out, [sys.executable, "-c", script])
    assert (tmp_path / "seen").read_text() == "1"
    assert kernel.told[-1][1].startswith("-:")


def test_a_command_that_fails_is_told_and_the_recording_is_whole(kernel, out):
    outcome, _ = recorded(kernel, out, [sys.executable, "-c", "raise SystemExit(3)"])
    assert outcome.status == 3
    assert "the command ended with 3" in outcome_lines(outcome)
    outcome, _ = recorded(kernel, out.with_name("killed"), [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert outcome.status == 128 + 9


def test_the_messages_of_the_run_are_saved_and_none_from_before(kernel, out):
    script = f"open({kernel.path('/dev/kmsg')!r}, 'a').write('4,7,2500000,-;x86/PAT: first\\n4,9,2500001,-;second\\n')"
    recorded(kernel, out, [sys.executable, "-c", script])
    assert (out / "dmesg.txt").read_text() == (
        "[    2.500000] x86/PAT: first\n** 1 printk messages dropped **\n[    2.500001] second\n"
    )


def test_a_workload_asks_for_a_checkpoint_through_its_trace_marker(kernel, out):
    marker = "open(os.environ['PAT_CHECK_TRACE_MARKER'].replace('trace_marker', 'trace_pipe'), 'a')"
    line = "  python-9 [000] ..... 1.0: tracing_mark_write: snapshot half way\\n"
    recorded(kernel, out, [sys.executable, "-c", f"import os, time; {marker}.write('{line}'); time.sleep(0.3)"])
    assert (out / "snaps" / "snap-01-half-way.txt").read_text() == NODES
    assert any("checkpoint 1 half way" in text for text in trace(out))


def test_sigusr1_asks_for_a_checkpoint(kernel, out):
    def asked(name, text):
        if "checkpoint 0" in text:
            os.kill(os.getpid(), signal.SIGUSR1)

    kernel.hooks.append(asked)
    recorded(kernel, out)
    assert (out / "snaps" / "snap-01-signal.txt").exists()


def test_a_list_that_changes_around_the_marker_is_taken_again(kernel, out):
    changes = iter(["WC\n", "UC\n"])

    def changed(name, text):
        if "checkpoint" in text and (more := next(changes, None)):
            kernel.put(LIST, NODES.replace("uncached-minus", more.strip()))

    kernel.hooks.append(changed)
    outcome, _ = recorded(kernel, out)
    assert sorted(path.name for path in (out / "snaps").iterdir()) == ["snap-02-before.txt", "snap-03-after.txt"]
    assert outcome.lists == 2


def test_a_list_that_never_stands_still_is_not_saved_and_that_is_told(kernel, out):
    kernel.hooks.append(lambda name, text: kernel.put(LIST, f"{NODES}{len(kernel.told)}\n"))
    outcome, _ = recorded(kernel, out)
    assert list((out / "snaps").iterdir()) == []
    assert any("'before' is not saved" in line for line in outcome.advice)


def test_a_list_that_cannot_be_read_is_told_and_the_trace_is_recorded(kernel, out):
    kernel.remove(LIST)
    outcome, _ = recorded(kernel, out)
    assert outcome.lists == 0
    assert any("list of reservations is not saved" in line and "No such file" in line for line in outcome.advice)


# --- what is recorded -------------------------------------------------------------------------------------


def test_by_default_every_task_is_recorded(kernel, out):
    recorded(kernel, out)
    assert all(not name.endswith("set_event_pid") for name, text in kernel.told if text)


def test_only_the_command_and_its_children_with_follow(kernel, out):
    recorded(kernel, out, follow=True)
    told = {Path(name).name: text for name, text in kernel.told if text}
    assert told["event-fork"] == "1"
    assert int(told["set_event_pid"]) > 1
    assert meta(out)["filter"] == "pid"


def test_a_pid_is_followed_in_all_its_threads(kernel, out):
    for thread in (77, 79):
        kernel.put(f"/proc/77/task/{thread}/stat", "")
    recorded(kernel, out, pid=77)
    assert [text for name, text in kernel.told if name.endswith("set_event_pid")] == ["77 79", ""]


# --- mappings of the processes that are recorded ----------------------------------------------------------

BAR = "/sys/devices/pci0000:00/0000:00:04.0/resource2"
MAPS_OF_77 = f"""\
7f0000000000-7f0000010000 rw-s 00000000 00:15 21 {BAR}
Rss:                   0 kB
VmFlags: rd wr sh mr mw me ms pf io de dd
"""
HEAP = """\
555555000000-555555021000 rw-p 00000000 00:00 0 [heap]
Rss:                   4 kB
VmFlags: rd wr mr mw me ac sd
"""


def process(kernel, pid, parent=1, name="Xorg", smaps=HEAP + MAPS_OF_77, threads=()):
    kernel.put(f"/proc/{pid}/stat", f"{pid} ({name}) S {parent} 1 1")
    kernel.put(f"/proc/{pid}/smaps", smaps)
    for thread, called in {pid: name, **dict(threads)}.items():
        kernel.put(f"/proc/{pid}/task/{thread}/comm", called + "\n")


def maps(out):
    """By checkpoint, the processes whose mappings are saved."""
    files = sorted((out / "snaps").glob("maps-*"))
    return {path.name: re.findall(r"^== pid (\d+)$", path.read_text(), re.MULTILINE) for path in files}


def test_the_mappings_of_a_pid_and_of_what_it_forks_are_saved_at_every_checkpoint(kernel, out):
    def forks(name, text):
        if "checkpoint 0" in text:
            process(kernel, 79, 77)
            process(kernel, 80, 79)
            process(kernel, 82, 78)
            os.kill(os.getpid(), signal.SIGUSR1)

    process(kernel, 77)
    process(kernel, 78, 77)  # is not recorded: it was there before
    process(kernel, 90)
    kernel.hooks.append(forks)
    recorded(kernel, out, pid=77)
    saved = maps(out)
    assert saved == {
        "maps-00-before.txt": ["77"],
        "maps-01-signal.txt": ["77", "79", "80"],
        "maps-02-after.txt": ["77", "79", "80"],
    }
    assert (out / "snaps" / "maps-00-before.txt").read_text() == f"== pid 77\n{MAPS_OF_77}"


def test_of_a_process_that_is_gone_nothing_is_saved(kernel, out):
    process(kernel, 77)
    kernel.hooks.append(lambda name, text: kernel.remove("/proc/77") if "checkpoint 1" in text else None)
    recorded(kernel, out, pid=77)
    assert maps(out) == {"maps-00-before.txt": ["77"]}


def test_the_mappings_of_processes_of_a_name_are_saved_where_all_their_threads_have_it(kernel, out):
    process(kernel, 77)
    process(kernel, 78, name="sh")
    process(kernel, 79, threads={80: "Xorg:disk0"})
    process(kernel, 81, threads={82: "Xorg"})
    recorded(kernel, out, comm="Xorg")
    assert maps(out) == {"maps-00-before.txt": ["77", "81"], "maps-01-after.txt": ["77", "81"]}


def test_nobodys_mappings_are_saved_where_nobody_was_named(kernel, out):
    process(kernel, 77)
    recorded(kernel, out, [], duration=0.1)
    assert maps(out) == {}


def split_at(middle):
    """Process 77 unmaps the rest of its mapping from an address on."""
    vma = "vma=0xffff888100000000 mm=0xffff888200000000 vm_start=0x7f0000000000 vm_end=0x7f0000010000"
    rest = f"vma=0xffff888100000100 mm=0xffff888200000000 vm_start={middle:#x} vm_end=0x7f0000010000"
    more = "vm_flags=0x40444fb vm_pgoff=0x0"
    return (
        f"__split_vma: (__split_vma+0x0/0x10) {vma} {more} addr={middle:#x} new_below=0",
        f"vm_area_dup: (vm_area_dup+0x0/0x10) {vma} {more}",
        "vm_area_dup__ret: (__split_vma+0x10/0x20 <- vm_area_dup) ret=0xffff888100000100",
        "__split_vma__ret: (do_vmi_munmap+0x10/0x20 <- __split_vma) ret=0",
        f"vm_area_free: (vm_area_free+0x0/0x10) {rest} {more}",
    )


@pytest.mark.parametrize(("end", "rules"), [(0x7F0000008000, []), (0x7F0000009000, ["snapshot-maps"])])
def test_replay_compares_the_bounds_of_a_mapping_that_was_there_before(kernel, out, end, rules):
    def unmaps(name, text):
        if "checkpoint 0" in text:
            for line in split_at(0x7F0000008000):
                kernel.say(f"            Xorg-77      [000] .....     1.500000: {line}")
            process(kernel, 77, smaps=MAPS_OF_77.replace("7f0000010000", f"{end:x}"))

    process(kernel, 77)
    kernel.hooks.append(unmaps)
    recorded(kernel, out, [], pid=77, duration=0.1)
    assert list(maps(out)) == ["maps-01-after.txt"]  # at the first they were just changing
    report = api.check([str(out)])
    assert (report.inputs[0].mappings, [finding.rule for finding in report.findings]) == (1, rules)


def test_a_comm_filters_what_is_frequent_and_not_the_reservations(kernel, out):
    recorded(kernel, out, comm="Xorg")
    filtered = {Path(name).parent.name for name, text in kernel.told if text == 'comm == "Xorg"'}
    assert {"vm_area_dup", "vm_area_free", "copy_page_range"} <= filtered
    assert not filtered & {"memtype_reserve", "memtype_erase", "memtype_erase__ret", "track_pfn_remap", "iounmap"}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"pid": 4194999}, "no process has the pid"),
        ({"comm": 'a"b'}, "is the name of no process"),
        ({"comm": "longer than fifteen"}, "is the name of no process"),
    ],
)
def test_what_cannot_be_followed_is_refused(kernel, out, values, problem):
    assert problem in refusal(kernel, out, **values)


def test_lost_events_are_counted_and_the_buffer_that_would_hold_them_is_named(kernel, out):
    def lose(name, text):
        if "checkpoint 1" in text:
            folder = name.rpartition("/")[0]
            kernel.put(f"{folder}/per_cpu/cpu1/stats", "entries: 9\noverrun: 41\ndropped events: 1\n")
            kernel.put(f"{TRACING}/kprobe_profile", "  memtype_free    7    3\n  other    7    9\n")

    kernel.hooks.append(lose)
    outcome, _ = recorded(kernel, out)
    assert (outcome.lost.overrun, outcome.lost.dropped, outcome.lost.missed) == (41, 1, 3)
    assert "42 events were lost: record again with --buffer 32768, or with fewer --probes" in outcome.advice
    assert meta(out)["overrun"] == 41


@pytest.mark.parametrize(
    ("read", "available", "advice"),
    [
        (9, 3_000_000, "1 events were lost (10.0%): record again with --buffer 32768, or with fewer --probes"),
        (1, 3_000_000, "9 events were lost (90.0%): record again with --buffer 262144, or with fewer --probes"),
        (1, 300_000, "9 events were lost (90.0%): record again with --buffer 37500, or with fewer --probes"),
        (1, 50_000, "9 events were lost (90.0%): record again with --buffer 6250, or with fewer --probes"),
    ],
)
def test_the_buffer_to_ask_for_follows_the_share_that_was_lost(kernel, out, read, available, advice):
    def lose(name, text):
        if "checkpoint 1" in text:
            folder = name.rpartition("/")[0]
            kernel.put(f"{folder}/per_cpu/cpu1/stats", f"overrun: {10 - read}\nread events: {read}\n")

    kernel.put("/proc/meminfo", f"MemAvailable: {available} kB\n")
    kernel.hooks.append(lose)
    outcome, _ = recorded(kernel, out)
    assert outcome.advice == [advice]


def test_a_buffer_that_takes_all_that_it_may_is_not_asked_for_again(kernel, out):
    def lose(name, text):
        if "checkpoint 1" in text:
            kernel.put(f"{name.rpartition('/')[0]}/per_cpu/cpu1/stats", "overrun: 1\nread events: 99\n")

    kernel.put("/proc/meminfo", "MemAvailable: 300000 kB\n")
    kernel.hooks.append(lose)
    outcome, _ = recorded(kernel, out, buffer=65536)
    assert outcome.advice == ["1 events were lost (1.0%): record again with fewer --probes"]


def test_the_buffer_grows_while_events_are_lost(kernel, out):
    def lose(name, text):
        if "checkpoint 0" in text:
            kernel.put(f"{name.rpartition('/')[0]}/per_cpu/cpu0/stats", "overrun: 5\n")

    kernel.hooks.append(lose)
    _, said = recorded(kernel, out)
    assert said == ["5 events are lost; the buffer is now 16384 kB for each CPU"]
    assert meta(out)["buffer_kb_per_cpu"] == 16384


def test_a_buffer_that_was_asked_for_stays(kernel, out):
    kernel.hooks.append(lambda name, text: kernel.put(f"{TRACING}/x", ""))
    recorded(kernel, out, buffer=512)
    sizes = [text for name, text in kernel.told if name.endswith("buffer_size_kb")]
    assert sizes == ["512"]


def test_a_small_machine_gets_a_small_buffer(kernel, out):
    kernel.put("/proc/meminfo", "MemAvailable: 32000 kB\n")
    recorded(kernel, out)
    assert meta(out)["buffer_kb_per_cpu"] == 1000


# --- refusals ---------------------------------------------------------------------------------------------


def test_a_user_is_refused(kernel, out):
    kernel.root_user = False
    assert refusal(kernel, out) == "only root may trace the kernel: use sudo"


def test_a_machine_without_tracefs_is_refused(kernel, out):
    kernel.remove(TRACING)
    with pytest.raises(RecordError, match=r"^tracefs is not mounted: mount -t tracefs"):
        recorded(kernel, out)
    assert not out.exists()


def test_a_locked_kernel_is_refused(kernel, out):
    kernel.put("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n")
    assert "locked down (confidentiality)" in refusal(kernel, out)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_kernel_that_allows_no_probes_is_refused(kernel, out, number):
    kernel.fail("append", "memtype_reserve", number)
    assert "allows no probes" in refusal(kernel, out)


def test_a_kernel_without_kprobe_events_is_refused(kernel, out):
    kernel.remove(f"{TRACING}/kprobe_events")
    assert "has no kprobe events" in refusal(kernel, out)


def test_a_kernel_without_btf_is_refused(kernel, out):
    kernel.remove("/sys/kernel/btf/vmlinux")
    assert "give --kernel-btf vmlinux" in refusal(kernel, out)


def test_a_damaged_btf_is_refused(kernel, out):
    kernel.put("/sys/kernel/btf/vmlinux", b"\x9f\xeb\1\0" + bytes(30))
    assert "damaged BTF" in refusal(kernel, out)


def test_a_probe_that_fails_is_left_out_with_what_that_costs(kernel, out):
    kernel.put(
        f"{TRACING}/error_log", "[   13.656055] trace_kprobe: error: Failed to register probe event\n  Command: p\n"
    )
    kernel.fail("append", " copy_vma", errno.EINVAL)
    _, said = recorded(kernel, out)
    assert said == [
        "the kernel refuses the probe copy_vma: Failed to register probe event",
        "not recorded: mremap that moves a mapping is not followed",
    ]
    assert "copy_vma" not in (out / "dynamic_events.txt").read_text()
    assert list(meta(out)["probes_refused"]) == ["copy_vma"]


def test_a_probe_that_the_kernel_refuses_is_not_taken_as_recorded(kernel, out):
    kernel.fail("append", "/memtype_free", errno.EINVAL)
    recorded(kernel, out)
    assert "memtype_free" not in probes_of(out)
    assert "memtype_reserve" in probes_of(out)


def test_a_kernel_that_takes_no_fprobes_gets_kprobes(kernel, out):
    kernel.fail("append", "dynamic_events f:", errno.EINVAL)
    _, said = recorded(kernel, out)
    assert said == []
    kinds = {line.split(":")[0] for line in (out / "dynamic_events.txt").read_text().splitlines()}
    assert kinds == {"p", "r128"}


def test_a_kernel_that_reads_no_arguments_at_returns_gets_the_result_alone(kernel, out):
    kernel.fail("append", "dynamic_events f:", errno.EINVAL)
    kernel.fail("append", "$retval:s32 start=$arg1", errno.EINVAL)
    recorded(kernel, out)
    (line,) = [line for line in (out / "dynamic_events.txt").read_text().splitlines() if "memtype_free__ret" in line]
    assert line.endswith("memtype_free ret=$retval:s32")


def test_a_kernel_that_takes_no_probe_at_all_is_refused(kernel, out):
    kernel.fail("append", "dynamic_events", errno.ENOMEM)
    assert "takes none of the" in refusal(kernel, out)


def test_a_kernel_from_before_dynamic_events_takes_kprobe_events(kernel, out):
    kernel.remove(f"{TRACING}/dynamic_events")
    kernel.put("/sys/kernel/btf/vmlinux", kernel.btf_of("6.1"))
    recorded(kernel, out)
    assert Path(kernel.path(f"{TRACING}/kprobe_events")).read_text() == ""
    assert (out / "dynamic_events.txt").read_text().startswith("p:")


@pytest.mark.parametrize(
    ("operation", "holds", "number", "problem"),
    [
        ("mkdir", "instances", errno.ENOMEM, "cannot make an instance"),
        ("write", "tracing_on 0", errno.EIO, "cannot make an instance"),
        ("write", "buffer_size_kb", errno.ENOMEM, "a buffer of 8192 kB"),
        ("write", "/enable 1", errno.EINVAL, "cannot be enabled"),
        ("write", "tracing_on 1", errno.EIO, "Input/output error"),
        ("write", "checkpoint 0", errno.EBADF, "Bad file descriptor"),
        ("open", "trace_pipe", errno.EBUSY, "trace_pipe: Device or resource busy"),
    ],
)
def test_a_failure_at_any_step_leaves_nothing_behind(kernel, out, operation, holds, number, problem):
    kernel.fail(operation, holds, number, 1)
    assert problem in refusal(kernel, out)


def test_a_pid_that_cannot_be_followed_leaves_nothing_behind(kernel, out):
    kernel.fail("write", "set_event_pid", errno.ESRCH, 1)
    assert "cannot be followed: No such process" in refusal(kernel, out, follow=True)


@pytest.mark.parametrize("words", [["no-such-command-anywhere"], ["/no/such/file", "x"]])
def test_a_command_that_is_not_there_is_refused(kernel, out, words):
    assert refusal(kernel, out, words) == f"{words[0]}: command not found"
    assert kernel.told == []


def test_a_command_that_cannot_be_executed_is_refused(kernel, out, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    assert "Exec format error" in refusal(kernel, out, [str(broken)])


def test_a_directory_that_holds_something_is_refused_and_left_alone(kernel, out):
    out.mkdir()
    (out / "notes").write_text("mine")
    assert "is not empty" in refusal(kernel, out)
    assert (out / "notes").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_refused(kernel, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="Not a directory"):
        recorded(kernel, tmp_path / "file" / "capture")
    assert is_clean(kernel)


def test_a_full_disk_ends_the_recording_and_no_capture_is_left(kernel, out, monkeypatch):
    monkeypatch.setattr(Folder, "_create", lambda folder: Path("/dev/full").open("wb"))  # noqa: SIM115
    with pytest.raises(RecordError, match="cannot write the capture: No space left on device"):
        recorded(kernel, out)
    assert is_clean(kernel)
    assert not out.exists()


def test_a_trace_that_was_cut_by_a_full_disk_keeps_another_name(kernel, out, monkeypatch):
    def full(folder, name, text, save=Folder.save):
        if name == "dmesg.txt":
            raise RecordError(f"{folder.path}: cannot write the capture: No space left on device")
        save(folder, name, text)

    monkeypatch.setattr(Folder, "save", full)
    with pytest.raises(RecordError, match=r"what was recorded until then is in .*incomplete"):
        recorded(kernel, out)
    assert is_clean(kernel)
    assert next(path.name for path in out.glob("trace*")).endswith(".incomplete")


# --- others, and the end ----------------------------------------------------------------------------------


def left_behind(kernel, pid):
    kernel.mkdir(f"{TRACING}/instances/pat-check-{pid}")
    kernel.put(f"{TRACING}/dynamic_events", f"p:pat_check_{pid}/iounmap iounmap addr=$arg1:x64\np:mine/x iounmap\n")


def test_a_second_recorder_is_refused_and_the_first_one_left_alone(kernel, out):
    left_behind(kernel, 77)
    kernel.put("/proc/77/cmdline", b"python3\0-m\0pat_check.record\0")
    with pytest.raises(RecordError, match="another recorder is at work as pid 77"):
        recorded(kernel, out)
    assert kernel.instances() == ["pat-check-77"]
    assert len(kernel.probes()) == 2
    assert not out.exists()


def test_a_printed_script_that_runs_is_left_alone(kernel, out):
    left_behind(kernel, 77)
    kernel.put("/proc/77/cmdline", b"sh\0/tmp/record.sh\0capture\0./workload\0")
    kernel.put("/proc/77/comm", "pat-check\n")
    with pytest.raises(RecordError, match="another recorder is at work as pid 77"):
        recorded(kernel, out)
    assert kernel.instances() == ["pat-check-77"]


@pytest.mark.parametrize("command", [None, b"/usr/sbin/sshd\0"])
def test_what_a_killed_recorder_left_behind_is_removed_and_nothing_else(kernel, out, command):
    left_behind(kernel, 77)
    if command is not None:
        kernel.put("/proc/77/cmdline", command)  # the pid is somebody else's now
    _, said = recorded(kernel, out)
    assert said == ["the probes of recorder 77, which was killed, are removed"]
    assert kernel.instances() == []
    assert kernel.probes() == ["p:mine/x iounmap"]


def test_what_another_left_behind_and_somebody_uses_is_told(kernel, out, monkeypatch):
    monkeypatch.setattr("pat_check.record.tracefs._PAUSE", 0)
    left_behind(kernel, 77)
    kernel.fail("rmdir", "instances", errno.EBUSY)
    with pytest.raises(RecordError, match="pat-check-77: Device or resource busy: left by recorder 77"):
        recorded(kernel, out)
    assert kernel.probes() == ["p:mine/x iounmap"]


def test_what_is_busy_for_a_moment_is_removed_a_moment_later(kernel, out, monkeypatch):
    monkeypatch.setattr("pat_check.record.tracefs._PAUSE", 0)
    kernel.fail("rmdir", "instances", errno.EBUSY, 3)
    kernel.fail("append", "-:", errno.EBUSY, 2)
    _, said = recorded(kernel, out)
    assert said == []
    assert is_clean(kernel)


def test_what_stays_busy_is_told_and_the_rest_removed(kernel, out, monkeypatch):
    monkeypatch.setattr("pat_check.record.tracefs._PAUSE", 0)
    kernel.fail("rmdir", "instances", errno.EBUSY)
    _, said = recorded(kernel, out)
    assert said == [f"could not be removed: {TRACING}/instances/pat-check-{os.getpid()}: Device or resource busy"]
    assert kernel.probes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_recording_in_good_order(kernel, out, number):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
    timer.start()
    outcome, _ = recorded(kernel, out, [sys.executable, "-c", "import time; time.sleep(60)"])
    assert is_clean(kernel)
    assert outcome.status == 128 + signal.SIGTERM
    assert meta(out)["signal"] == number
    assert (out / "snaps" / "snap-01-after.txt").exists()


def test_a_duration_ends_the_recording_and_the_command(kernel, out):
    outcome, _ = recorded(kernel, out, [sys.executable, "-c", "import time; time.sleep(60)"], duration=0.2)
    assert outcome.status == 128 + signal.SIGTERM
    assert outcome.seconds < 5


def test_without_a_command_it_waits_for_the_duration(kernel, out):
    outcome, _ = recorded(kernel, out, [], duration=0.1)
    assert outcome.status is None
    assert outcome.seconds >= 0.1
    assert is_clean(kernel)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
def test_an_unforeseen_error_leaves_nothing_behind(kernel, out, error):
    def fail(name, text):
        if "checkpoint 0" in text:
            raise error

    kernel.hooks.append(fail)
    with pytest.raises(error):
        recorded(kernel, out)
    assert is_clean(kernel)


def test_the_handlers_of_signals_are_as_before(kernel, out):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    recorded(kernel, out)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before


def test_a_command_whose_recording_fails_does_not_run(kernel, out, tmp_path):
    kernel.fail("write", "tracing_on 1", errno.EIO)
    refusal(kernel, out, [sys.executable, "-c", f"open({str(tmp_path / 'ran')!r}, 'w')"])
    assert not (tmp_path / "ran").exists()
