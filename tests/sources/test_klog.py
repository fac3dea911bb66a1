"""The kernel log: every row of memtype.md section 13, behind every prefix that a log can have."""

import io
from pathlib import Path

import pytest

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WT
from pat_check.events import NO_PID, LostEvents, Malformed, Message
from pat_check.sources import klog
from pat_check.sources.klog import KernelLog
from pat_check.sources.opening import lines_of, open_lines

SAMPLES = Path(__file__).parents[1] / "samples"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

MEM = "[mem 0x180404000-0x180407fff]"
FREED = f"x86/PAT: memtype_free request {MEM}"

# number, start, end, first, second, third, comm, pid, text
ROWS = [
    (1, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT"),
    (2, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: PAT support disabled via boot option."),
    (2, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: PAT not supported by the CPU."),
    (2, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: PAT support disabled by the firmware."),
    (2, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: MTRRs disabled, skipping PAT initialization too."),
    (
        *(2, -1, -1, -1, -1, -1, "", NO_PID),
        "x86/PAT: PAT support disabled because CONFIG_MTRR is disabled in the kernel.",
    ),
    (
        *(3, -1, -1, -1, -1, -1, "", NO_PID),
        "x86/PAT: PAT support disabled because CONFIG_X86_PAT is disabled in the kernel.",
    ),
    (4, -1, -1, -1, -1, -1, "", NO_PID, "x86/PAT: PAT cannot be disabled after initialization"),
    (
        *(4, -1, -1, -1, -1, -1, "", NO_PID),
        "Kernel panic - not syncing: x86/PAT: PAT enabled, but not supported by secondary CPU",
    ),
    (
        *(5, 0x12345000, 0x12347000, WC, UC_MINUS, -1, "", NO_PID),
        "x86/PAT: reserve_ram_pages_type failed [mem 0x12345000-0x12346fff], track 0x1, req 0x2",
    ),
    (
        *(6, 0x2000, 0x1000, WC, -1, -1, "", NO_PID),
        "memtype_reserve failed: [mem 0x00002000-0x00000fff], req write-combining",
    ),
    (
        *(7, 0x180400000, 0x180410000, WC, UC_MINUS, -1, "patlab", 512),
        "x86/PAT: patlab:512 conflicting memory types 180400000-180410000 write-combining<->uncached-minus",
    ),
    (
        *(8, 0x180400000, 0x180410000, UC_MINUS, WC, -1, "", NO_PID),
        "x86/PAT: memtype_reserve failed [mem 0x180400000-0x18040ffff], track uncached-minus, req write-combining",
    ),
    (
        *(9, 0x180404000, 0x180408000, -1, -1, -1, "patlab", 390),
        f"x86/PAT: patlab:390 freeing invalid memtype {MEM}",
    ),
    (
        *(10, 0x180404000, 0x180408000, WT, -1, -1, "patlab", 390),
        f"x86/PAT: patlab:390 ioremap_change_attr failed write-through for {MEM}",
    ),
    (
        *(11, 0x180404000, 0x180408000, WC, WB, -1, "patlab", 390),
        f"x86/PAT: patlab:390 map pfn expected mapping type write-combining for {MEM}, got write-back",
    ),
    (
        *(12, 0x180404000, 0x180408000, WC, WB, -1, "patlab", 390),
        f"x86/PAT: patlab:390 map pfn RAM range req write-combining for {MEM}, got write-back",
    ),
    (13, 0xFED00000, 0xFED01000, -1, -1, -1, "", NO_PID, "x86/PAT: Overlap at 0xfed00000-0xfed01000"),
    (
        *(14, 0xFED00000, 0xFED01000, UC_MINUS, WB, UC, "", NO_PID),
        "x86/PAT: memtype_reserve added [mem 0xfed00000-0xfed00fff], track uncached-minus, req write-back, "
        "ret uncached",
    ),
    (
        *(14, 0xFED00000, 0xFED01000, UC_MINUS, UC_MINUS, -1, "", NO_PID),
        "x86/PAT: memtype_reserve added [mem 0xfed00000-0xfed00fff], track uncached-minus, req uncached-minus, ret -",
    ),
    (15, 0x180404000, 0x180408000, -1, -1, -1, "", NO_PID, FREED),
    (16, 0xFD000000, 0xFD000001, -1, -1, -1, "", NO_PID, "ioremap: invalid physical address fd000000"),
    (
        *(17, 0x181808000, 0x18180C000, WT, WC, -1, "", NO_PID),
        "ioremap error for 0x181808000-0x18180c000, requested 0x4, got 0x1",
    ),
    (
        *(18, 0x100000, 0x101000, -1, -1, -1, "", NO_PID),
        "ioremap on RAM at 0x0000000000100000 - 0x0000000000100fff",
    ),
    (19, -1, -1, -1, -1, -1, "", NO_PID, "ioremap memtype_reserve failed -22"),
    (
        *(20, 0xFD000000, 0xFD001000, -1, -1, -1, "", NO_PID),
        "resource: resource sanity check: requesting [mem 0x00000000fd000000-0x00000000fd000fff], "
        "which spans more than 0000:00:07.0 [mem 0xfd000000-0xfd0007ff]",
    ),
    (21, -1, -1, -1, -1, -1, "", NO_PID, "caller nv_init+0x12/0x340 [nv] mapping multiple BARs"),
    (22, -1, -1, -1, -1, -1, "", NO_PID, "iounmap() called for ISA range not obtained using ioremap()"),
    (23, -1, -1, -1, -1, -1, "", NO_PID, "iounmap: bad address 0000000078877fed"),
    (
        *(24, -1, -1, -1, -1, -1, "", NO_PID),
        "Failed to add WC MTRR for [00000000a1b2c3d4-00000000d4c3b2a1]; performance may suffer.",
    ),
    (
        *(25, 0x1000000, 0x1002000, -1, -1, -1, "", NO_PID),
        "CPA  conflict  Text RO: 0xffffffff81000000 - 0xffffffff81001fff PFN 1000 req 8000000000000063 prevent 2",
    ),
    (
        *(25, -1, -1, -1, -1, -1, "", NO_PID),
        "CPA detected W^X violation: 8000000000000061 -> 0000000000000063 range: 0xffffffffc0000000 - "
        "0xffffffffc0000fff PFN 12345",
    ),
    (25, -1, -1, -1, -1, -1, "", NO_PID, "CPA: called for zero pte. vaddr = 1000 cpa->vaddr = 1000"),
    (26, 0x12345000, 0x12346000, -1, -1, -1, "", NO_PID, "Could not invalidate pfn=0x12345 from 1:1 map"),
]


def lines(text):
    return lines_of(io.BytesIO(text.encode("utf-8", "surrogateescape")), "sample")


def events(text):
    return list(KernelLog().events(lines(text)))


def fields(message):
    return (message.number, message.start, message.end, message.first, message.second, message.third)


def decoded(text):
    return klog.message(text, 7, 1.5, 2, 42, "cat")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[-1][:40]}")
def test_a_row_of_section_13_is_decoded(row):
    message = decoded(row[-1])
    assert (*fields(message), message.by_comm, message.by_pid, message.text) == row


def test_every_row_with_a_text_has_a_test():
    assert {row[0] for row in ROWS} == set(range(1, 27))


def test_a_message_keeps_the_context_that_it_was_given():
    message = decoded(FREED)
    assert (message.at, message.time, message.cpu, message.pid, message.comm) == (7, 1.5, 2, 42, "cat")


@pytest.mark.parametrize(
    "comm",
    ["a b", "kworker/u8:3", "x:1", "[a]", "a:12 b", "x86/PAT: a:1", "", " ", ":", "a freeing b", "\\xff\\xfe", "é"],
)
def test_a_comm_may_hold_anything(comm):
    message = decoded(f"x86/PAT: {comm}:390 freeing invalid memtype {MEM}")
    assert (message.by_comm, message.by_pid) == (comm, 390)


def test_the_end_of_an_empty_request_at_zero_wraps_around():
    message = decoded("memtype_reserve failed: [mem 0x00000000-0xffffffffffffffff], req write-back")
    assert (message.start, message.end) == (0, 0)


def test_a_broken_cache_mode_is_no_cache_mode():
    message = decoded("x86/PAT: patlab:1 conflicting memory types 1000-2000 broken<->write-back")
    assert (message.first, message.second) == (-1, WB)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Linux version 6.12.107+deb13-amd64 (a@b)",
        "ioremap is a word",
        "CPA",
        "x86/PAT: something new",
        f"foo: {FREED}",
        "x86/PAT: memtype_free request [mem 0x1-0x11111111111111111]",
    ],
)
def test_unrelated_text_is_no_message(text):
    assert decoded(text) is None


PREFIXES = {
    "dmesg": ("[   30.390376] ", 30.390376),
    "dmesg-caller": ("[   30.390376] [   T123] ", 30.390376),
    "dmesg-interrupt": ("[   30.390376] [    C0] ", 30.390376),
    "dmesg-x": ("kern  :info  : [   30.390376] ", 30.390376),
    "dmesg-x-T": ("kern  :warn  : [Fri Nov 20 10:10:10 2026] ", None),
    "dmesg-T": ("[Fri Nov 20 10:10:10 2026] ", None),
    "dmesg-delta": ("[   30.390376 <    0.000012>] ", 30.390376),
    "dmesg-reltime": ("[Nov20 10:10] ", None),
    "dmesg-reltime-next": ("[  +0.000012] ", None),
    "dmesg-iso": ("2026-11-20T10:10:10,123456+01:00 ", None),
    "dmesg-raw": ("<6>[   30.390376] ", 30.390376),
    "dmesg-raw-caller": ("<6>[   30.390376][  T123] ", 30.390376),
    "level-only": ("<6>", None),
    "kmsg": ("6,1234,30390376,-;", 30.390376),
    "kmsg-caller": ("6,1234,30390376,-,caller=T123;", 30.390376),
    "journal-short": ("Nov 20 10:10:10 host kernel: ", None),
    "journal-short-precise": ("Nov 20 10:10:10.123456 host kernel: ", None),
    "journal-short-iso": ("2026-11-20T10:10:10+01:00 host kernel: ", None),
    "journal-short-full": ("Fri 2026-11-20 10:10:10 CET host kernel: ", None),
    "journal-short-unix": ("1795000000.123456 host kernel: ", None),
    "journal-short-monotonic": ("[   30.390376] host kernel: ", 30.390376),
    "syslog": ("Nov 20 10:10:10 host kernel: [   30.390376] ", 30.390376),
    "serial-escapes": ("\x1b[0m\x1b[1;32m[   30.390376] \x1b[0m", 30.390376),
    "serial-carriage-return": ("\r[   30.390376] ", 30.390376),
    "serial-logger": ("[2026-11-20 10:10:10.123] ttyS0: [   30.390376] ", 30.390376),
    "none": ("", None),
}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_is_stripped(prefix):
    text, time = PREFIXES[prefix]
    (message,) = events(f"{text}{FREED}\n")
    assert (message.number, message.time, message.text) == (15, time, FREED)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_log_is_recognised_by_any_prefix(prefix):
    assert KernelLog.sniff([f"{PREFIXES[prefix][0]}{FREED}"])


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_banner_is_read_behind_any_prefix(prefix):
    line = f"{PREFIXES[prefix][0]}Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org) (gcc)"
    assert klog.banner(line) == "6.12.107+deb13-amd64"


@pytest.mark.parametrize("line", ["", "Linux version ", "see Linux version 6.1.0 (x)", "[    0.000000] Linux"])
def test_other_lines_are_no_banner(line):
    assert klog.banner(line) == ""


def test_a_log_without_messages_of_the_memtype_layer_is_still_a_log():
    assert KernelLog.sniff(["[    1.000000] usb 1-1: new device", "[    1.000001] hub 1-0:1.0", "rest of a line"])


@pytest.mark.parametrize(
    "head",
    [
        [],
        ["# tracer: nop", f"[    1.000000] {FREED}"],
        ["          patlab-515     [000] d..1.    31.010954: memtype_free: (memtype_free+0x4/0x2a0) start=0x1 end=0x2"],
        [f"          patlab-515     [000] d..1.    31.010954: console: {FREED}"],
        [f"          patlab-515     [000] d..1.    31.010954: console: [   30.390376] {FREED}"],
        ["       perf-exec  1151 [000]    96.263360: pat:memtype_free: (ffffffff8109e100) start=0x1 end=0x2"],
        ["230328887511 0 1614 patlab memtype_free start=0x1 end=0x2"],
        [" 1)               |  memtype_free(start=0x1, end=0x2) {", " 1)               |  }"],
        ["PAT memtype list:", "PAT: [mem 0x0000000000001000-0x0000000000002000] write-back"],
    ],
)
def test_other_formats_are_not_claimed(head):
    assert not KernelLog.sniff(head)


def test_the_event_belongs_to_the_task_that_the_message_names():
    (message,) = events(f"[    1.000000] x86/PAT: a b:390 freeing invalid memtype {MEM}\n")
    assert (message.pid, message.comm, message.cpu) == (390, "a b", -1)


def test_the_event_belongs_to_nobody_where_neither_message_nor_log_names_a_task():
    (message,) = events(f"[    1.000000] {FREED}\n")
    assert (message.pid, message.comm, message.cpu) == (NO_PID, "", -1)


def test_the_caller_column_names_the_thread():
    (message,) = events(f"[    1.000000] [   T123] {FREED}\n")
    assert (message.pid, message.cpu) == (123, -1)


def test_the_caller_column_names_the_cpu_of_an_interrupt():
    (message,) = events(f"[    1.000000] [    C3] {FREED}\n")
    assert (message.pid, message.cpu) == (NO_PID, 3)


def test_other_lines_are_counted():
    source = KernelLog()
    assert list(source.events(lines("[    1.000000] usb 1-1: new device\n\n[    1.000001] hub\n"))) == []
    assert (source.lines, source.ignored["kernel log"]) == (3, 2)


@pytest.mark.parametrize(
    "line",
    [
        "** 123 printk messages dropped **",
        "[    1.000000] ** 123 printk messages dropped **",
        "[    1.000000] ioremap_foo: 123 callbacks suppressed",
        "Nov 20 10:10:10 host systemd-journald[200]: Missed 123 kernel messages",
    ],
)
def test_lost_messages_are_told(line):
    (lost,) = events(f"{line}\n")
    assert isinstance(lost, LostEvents) and lost.count == 123


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("** 123 printk messages dropped **", ()),
        ("memtype_free: 3 callbacks suppressed", (9, 15)),
        ("[    1.000000] reserve_pfn_range: 3 callbacks suppressed", (11, 12)),
        ("[    1.000000] __ioremap_caller: 3 callbacks suppressed", (16, 17, 18, 19)),
    ],
)
def test_suppressed_messages_are_those_of_one_function(line, rows):
    (lost,) = events(f"{line}\n")
    assert isinstance(lost, LostEvents) and lost.rows == rows


def test_messages_of_others_may_be_suppressed():
    assert events("[    1.000000] net_ratelimit: 123 callbacks suppressed\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "x86/PAT: memtype_free request [mem 0x180404000-0x18040zfff]",
        "x86/PAT: memtype_free request [mem 0x1804",
        "x86/PAT: memtype_reserve added [mem 0xfed00000-0xfed00fff], track uncached-minus, req wri",
        "x86/PAT: memtype_reserve failed [mem 0xfed00000-0xfed00fff], track uncached-minus, req x",
        "x86/PAT: Overlap at 0x",
        "x86/PAT: patlab:390 freeing invalid memtype [mem 0x18",
        "x86/PAT: patlab:390 conflicting memory types 18-",
        "x86/PAT: patlab:390 map pfn exp",
        "memtype_reserve failed: [mem 0x1-0x2], req",
        "ioremap error for 0x18",
        f"{FREED}[    2.000000] usb 1-1: new device",
        f"usb 1-1: new dev{FREED}",
    ],
)
def test_a_damaged_message_is_malformed(text):
    (event,) = events(f"[    1.000000] {text}\n")
    assert isinstance(event, Malformed) and not event.cut


def test_a_damaged_message_is_located():
    (event,) = events("[    1.000000] x86/PAT: memtype_free request [mem 0x1804\n")
    assert (event.at, event.column) == (1, 46)


@pytest.mark.parametrize("text", ["x86/PAT: mem", "x86/PAT: patlab:390 fre", "x86/PAT: memtype_free request [mem 0x18"])
def test_a_message_cut_at_the_end_of_the_file_is_told_as_cut(text):
    (event,) = events(f"[    1.000000] {text}")
    assert isinstance(event, Malformed) and event.cut


def test_what_a_program_says_of_the_memtype_layer_is_not_a_message():
    assert events(f"Nov 20 10:10:10 host cat[12]: {FREED}\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "x86/PAT: " + ":1 " * 20_000 + "freeing invalid memtype",
        "x86/PAT: memtype_free " * 3_000,
        "CPA " + "0x1 - " * 10_000,
        "caller mapping " * 4_000,
        "[" * 60_000,
        "[ " * 30_000,
        "[" + " " * 60_000,
        "[    1.000000] " + "host kernel: " * 5_000,
        "Nov 20 10:10:10 " + "a" * 60_000,
        "\x1b[" + "0;" * 30_000,
        "6,1,1,-" + "," * 60_000,
        "9" * 60_000,
    ],
    ids=lambda line: line[:20],
)
def test_a_long_line_takes_no_long_time(line):
    assert len(events(line)) <= 1
    assert KernelLog.sniff([line]) in (True, False)


def test_the_log_of_a_kernel_booted_with_debugpat_is_read():
    found = events((SAMPLES / "klog" / "dmesg-debugpat-6.12.txt").read_text())
    assert [message.number for message in found].count(14) == 12
    assert (found[-1].number, found[-1].start, found[-1].end) == (9, 0x180400000, 0x180404000)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_log_of_the_corpus_is_read_whole():
    paths = [path for path in CORPUS.rglob("dmesg.txt*") if path.suffix in (".txt", ".xz")]
    assert paths
    for path in paths:
        texts = [line for line in open_lines(str(path)) if "x86/PAT: " in line or "ioremap error" in line]
        found = list(KernelLog().events(open_lines(str(path))))
        assert not [event for event in found if isinstance(event, Malformed)], path
        assert KernelLog.sniff(open_lines(str(path)).preview(20_000)), path
        assert len([event for event in found if isinstance(event, Message) and event.number != 23]) == len(texts), path
