"""The kernel log: what dmesg, journalctl, /dev/kmsg and serial consoles show of the memtype layer.

`message` decodes one text without its prefixes and is also used by trace formats that record printk.
Row numbers are those of memtype.md section 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pat_check.cachemode import BY_NAME
from pat_check.events import NO_PID, Event, Message
from pat_check.sources.base import Source
from pat_check.sources.grammar import Explainer
from pat_check.sources.opening import Lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.suppressed import lost_messages

_PAGE_SHIFT = 12
_HEX = "[0-9a-f]{1,16}"
_MEM = rf"\[mem 0x(?P<start>{_HEX})-0x(?P<last>{_HEX})\]"
_TASK = r"(?P<comm>.{0,64}):(?P<pid>\d{1,10})"  # 15 bytes; longer where they are shown as \xNN
_NAME = "|".join(sorted((*BY_NAME, "broken"), key=len, reverse=True))


class _Row(NamedTuple):
    """A row of section 13. Groups: `start`; `last` (inclusive) or `end`; `pfn`; first ... third; comm, pid."""

    number: int
    key: str  # a part of every such text, looked for first
    pattern: Pattern


def _row(number: int, key: str, pattern: str) -> _Row:
    for word in ("first", "second", "third"):
        pattern = pattern.replace(f"@{word}", f"(?P<{word}>{_NAME})")
    return _Row(number, key, Pattern(pattern.replace("@mem", _MEM).replace("@task", _TASK)))


_ROWS: tuple[_Row, ...] = (
    _row(
        14,
        "memtype_reserve added",
        "x86/PAT: memtype_reserve added @mem, track @first, req @second, ret (?:-|@third)",
    ),
    _row(15, "memtype_free request", "x86/PAT: memtype_free request @mem"),
    _row(13, "Overlap at", rf"x86/PAT: Overlap at 0x(?P<start>{_HEX})-0x(?P<end>{_HEX})"),
    _row(
        7,
        "conflicting memory types",
        rf"x86/PAT: @task conflicting memory types (?P<start>{_HEX})-(?P<end>{_HEX}) @first<->@second",
    ),
    _row(8, "memtype_reserve failed [", "x86/PAT: memtype_reserve failed @mem, track @first, req @second"),
    _row(9, "freeing invalid memtype", "x86/PAT: @task freeing invalid memtype @mem"),
    _row(11, "expected mapping type", "x86/PAT: @task map pfn expected mapping type @first for @mem, got @second"),
    _row(12, "map pfn RAM range", "x86/PAT: @task map pfn RAM range req @first for @mem, got @second"),
    _row(10, "ioremap_change_attr", "x86/PAT: @task ioremap_change_attr failed @first for @mem"),
    _row(
        5,
        "reserve_ram_pages_type",
        "x86/PAT: reserve_ram_pages_type failed @mem, "
        r"track 0x(?P<first>[0-9a-f]{1,8}), req 0x(?P<second>[0-9a-f]{1,8})",
    ),
    _row(6, "memtype_reserve failed: ", "(?:x86/PAT: )?memtype_reserve failed: @mem, req @first"),
    _row(1, "Configuration", r"x86/PAT: Configuration \[0-7\]: .*"),
    _row(3, "CONFIG_X86_PAT", "x86/PAT: PAT support disabled because CONFIG_X86_PAT is disabled in the kernel\\."),
    _row(
        2,
        "PAT",
        "x86/PAT: (?:PAT support disabled via boot option|PAT not supported by the CPU"
        "|PAT support disabled by the firmware|MTRRs disabled, skipping PAT initialization too"
        "|PAT support disabled because CONFIG_MTRR is disabled in the kernel)\\.",
    ),
    _row(
        4,
        "x86/PAT: PAT ",
        "(?:Kernel panic - not syncing: )?x86/PAT: "
        "(?:PAT cannot be disabled after initialization|PAT enabled, but not supported by secondary CPU)",
    ),
    _row(16, "invalid physical", rf"ioremap: invalid physical address (?:0x)?(?P<start>{_HEX})"),
    _row(
        17,
        "ioremap error for",
        rf"ioremap error for 0x(?P<start>{_HEX})-0x(?P<end>{_HEX}), "
        r"requested 0x(?P<first>[0-9a-f]{1,8}), got 0x(?P<second>[0-9a-f]{1,8})",
    ),
    _row(18, "ioremap on RAM", rf"ioremap on RAM at 0x(?P<start>{_HEX}) - 0x(?P<last>{_HEX})"),
    _row(19, "ioremap memtype_reserve", r"ioremap memtype_reserve failed -?\d{1,5}"),
    _row(
        20,
        "sanity check",
        rf"(?:resource: )?resource sanity check: requesting \[mem 0x(?P<start>{_HEX})-0x(?P<last>{_HEX})\], "
        "which spans more than .*",
    ),
    _row(21, "multiple BARs", "caller .* mapping multiple BARs"),
    _row(22, "iounmap()", r"iounmap\(\) called for ISA range not obtained using ioremap\(\)"),
    _row(23, "iounmap: bad", "iounmap: bad address .*"),  # %p: hashed, so no range
    _row(24, "WC MTRR", r"(?:(?:x86/)?mtrr: )?Failed to add WC MTRR for \[.*\]; performance may suffer\."),
    _row(
        25,
        "CPA ",
        rf"CPA +\S.{{0,80}}: 0x(?P<vstart>{_HEX}) - 0x(?P<vlast>{_HEX}) PFN (?P<pfn>{_HEX}) "
        rf"req (?:0x)?{_HEX} prevent (?:0x)?{_HEX}",
    ),
    _row(25, "CPA", "CPA(?:: called for zero pte\\.| detected W\\^X violation:) ?.*"),
    _row(26, "Could not invalidate", rf"Could not invalidate pfn=0x(?P<pfn>{_HEX}) from 1:1 map"),
)
"""Most frequent first; a text is of the first row that matches."""

ROWS: frozenset[int] = frozenset(row.number for row in _ROWS)
"""Every row."""

_KNOWN = Pattern(r"x86/PAT|memtype|ioremap|iounmap|sanity check|multiple BARs|WC MTRR|CPA|Could not inv")


def message(text: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Message | None:
    """The event of a kernel message without prefixes; None for a text that section 13 does not list."""
    if _KNOWN.search(text) is None:
        return None
    text = text.rstrip()
    for row in _ROWS:
        if row.key in text and (match := row.pattern.fullmatch(text)) is not None:
            event = Message(at, time, cpu, pid, comm, row.number, -1, -1, -1, -1, -1, "", NO_PID, text)
            return _decoded(event, match.groupdict())
    return None


def _decoded(event: Message, groups: dict[str, str | None]) -> Message:
    """`event` with the fields that its row shows; start and end stay -1 where it shows no range."""
    if (start := groups.get("start")) is not None:
        event.start = int(start, 16)
        event.end = event.start + 1
        if (end := groups.get("end")) is not None:
            event.end = int(end, 16)
        elif (last := groups.get("last")) is not None:
            event.end = int(last, 16) + 1
            if event.number == 6:  # the end asked for may be 0, whose predecessor wraps around
                event.end &= (1 << 64) - 1
    elif (pfn := groups.get("pfn")) is not None:
        event.start = int(pfn, 16) << _PAGE_SHIFT
        vstart, vlast = groups.get("vstart"), groups.get("vlast")
        size = 1 << _PAGE_SHIFT if vstart is None or vlast is None else int(vlast, 16) + 1 - int(vstart, 16)
        event.end = event.start + size
    event.first, event.second, event.third = (_mode(groups.get(name)) for name in ("first", "second", "third"))
    event.by_comm, by_pid = groups.get("comm") or "", groups.get("pid")
    event.by_pid = NO_PID if by_pid is None else int(by_pid)
    return event


def _mode(text: str | None) -> int:
    if text is None or text == "broken":
        return -1
    return BY_NAME[text] if text in BY_NAME else int(text, 16)


# --- prefixes -------------------------------------------------------------------------------------------

_MONTH_DAY = r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d"
_DATE = r"\d{4}-\d\d-\d\d"
_LEVEL = r"(?:<\d{1,3}>|(?:kern|user|daemon|syslog) *:(?:emerg|alert|crit|err|warn|notice|info|debug) *: ?)"
_CALLER = r"(?: ?\[ *(?P<caller>[TC]\d{1,9})\])?"

_ESCAPE = Pattern(r"\x1b(?:\[[0-9;?]*[@-~]|[@-Z\\-_])")
_STAMP = Pattern(
    rf"{_LEVEL}?\[ *(?P<time>\d{{1,10}}\.\d{{1,9}})(?: <[ \d.]{{1,20}}>)?\]{_CALLER} ?"
    r"(?:[^\s:]{1,255} kernel: )?(?P<text>.*)"
)
_RECORD = Pattern(
    r"\d{1,4},\d{1,20},(?P<time>\d{1,20}),[^;,]{1,8}(?:,caller=(?P<caller>[TC]\d{1,9}))?[^;]{0,80};(?P<text>.*)"
)
_WALL = Pattern(
    rf"{_LEVEL}?(?:\[(?:[A-Z][a-z]{{2}} {_MONTH_DAY} \d{{4}}|[A-Z][a-z]{{2}}\d\d \d\d:\d\d| *\+\d+\.\d+"
    rf"|<[ \d.]{{1,20}}>)\]|{_DATE}T\d\d:\d\d:\d\d,\d{{6}}[+-]\d\d:\d\d){_CALLER} ?(?P<text>.*)"
)
_JOURNAL = Pattern(
    rf"(?:{_MONTH_DAY}(?:\.\d+)?|{_DATE}T\d\d:\d\d:\d\d\S{{0,20}}|(?:[A-Z][a-z]{{2}} )?{_DATE} \d\d:\d\d:\d\d(?:\.\d+)?"
    rf"(?: [A-Z]{{2,5}})?|\d{{9,11}}\.\d{{6}}) \S{{1,255}} kernel: ?(?P<text>.*)"
)
_LEVEL_ONLY = Pattern(rf"{_LEVEL}(?P<text>.*)")
_SERIAL = Pattern(r".{1,64}?(?P<rest>(?:<\d{1,3}>)?\[ *\d{1,6}\.\d{6}\].*)")


@dataclass(slots=True)
class _Line:
    """A line of a kernel log without its prefix."""

    text: str
    time: float | None = None
    caller: str = ""  # T and the thread, or C and the CPU: CONFIG_PRINTK_CALLER
    prefixed: bool = True
    serial: bool = False  # something unknown stands before the prefix


def _stripped(line: str) -> _Line:
    if "\x1b" in line:
        line = _ESCAPE.sub("", line)
    line = line.strip("\r\0\a")
    if (match := _STAMP.match(line)) is not None:
        return _Line(match["text"], float(match["time"]), match["caller"] or "")
    if (match := _RECORD.match(line)) is not None:
        return _Line(match["text"], int(match["time"]) / 1e6, match["caller"] or "")
    if (match := _JOURNAL.match(line)) is not None:
        inner = _STAMP.match(match["text"])  # syslog daemons keep the kernel's own stamp
        return (
            _Line(match["text"]) if inner is None else _Line(inner["text"], float(inner["time"]), inner["caller"] or "")
        )
    if (match := _WALL.match(line)) is not None:
        return _Line(match["text"], None, match["caller"] or "")
    if (match := _LEVEL_ONLY.match(line)) is not None:
        return _Line(match["text"])
    if (found := _SERIAL.match(line)) is not None and (match := _STAMP.match(found["rest"])) is not None:
        return _Line(match["text"], float(match["time"]), match["caller"] or "", serial=True)
    return _Line(line, prefixed=False)


_BANNER = Pattern(r"Linux version (?P<release>\S{1,100}) \(")


def banner(line: str) -> str:
    """The release in ``Linux version 6.12.107+deb13-amd64 (...)``; empty for every other line."""
    if "Linux version " not in line:
        return ""
    match = _BANNER.match(_stripped(line).text)
    return "" if match is None else match["release"]


# --- the source -----------------------------------------------------------------------------------------

_BROKEN = Pattern(
    r"x86/PAT: (?:memtype_(?:reserve|free) |Overlap at |reserve_ram_pages_type )"
    r"|x86/PAT: .{0,64}:\d{1,10} (?:conflicting memory|freeing invalid|ioremap_change_attr|map pfn )"
    r"|memtype_reserve failed:? \[|ioremap error for |ioremap memtype_reserve failed "
)
_FOREIGN = ("# tracer:", "# entries-in-buffer", "Attaching ", "PAT memtype list:", "VERSION 2007")


class KernelLog(Source):
    """dmesg in any of its forms, journalctl and syslog, /dev/kmsg, a captured serial console."""

    name = "klog"
    title = "kernel log: dmesg, journalctl, /dev/kmsg or a serial console"

    def __init__(self) -> None:
        super().__init__()
        self._explain = Explainer("klog")

    @classmethod
    def sniff(cls, head: list[str]) -> bool:
        if any(line.startswith(_FOREIGN) for line in head):
            return False
        seen = prefixed = 0
        for line in head:
            if not line or line.isspace():
                continue
            stripped = _stripped(line)
            if _BANNER.match(stripped.text) is not None:
                return True
            if not (stripped.serial and "console: " in line) and message(stripped.text, 0, None, -1, NO_PID, ""):
                return True
            seen += 1
            prefixed += stripped.prefixed and not stripped.serial
        return 0 < seen <= 2 * prefixed

    def events(self, lines: Lines) -> Iterator[Event]:
        for at, line in enumerate(lines, self.lines + 1):
            self.lines = at
            if not line or line.isspace():
                continue
            stripped = _stripped(line)
            if (event := message(stripped.text, at, stripped.time, -1, NO_PID, "")) is not None:
                _attribute(event, stripped.caller)
                yield event
            elif (broken := self._broken(at, line, stripped, lines)) is not None:
                yield broken
            elif (lost := lost_messages(stripped.text, at, stripped.time)) is not None:
                yield lost
            else:
                self.ignored["kernel log"] += 1

    def _broken(self, at: int, line: str, stripped: _Line, lines: Lines) -> Event | None:
        """A damaged message of the memtype layer: cut, or mixed with what another CPU printed."""
        text = stripped.text
        found = _BROKEN.search(text) if stripped.prefixed else _BROKEN.match(text)
        if found is not None:
            return self.malformed(at, line, *self._explain(line), cut=lines.cut)
        if lines.cut and text.startswith("x86/PAT"):
            return self.malformed(at, line, "expected a message of the memtype layer", cut=True)
        return None


def _attribute(event: Message, caller: str) -> None:
    """Whose event it is: the task that the message names, else the caller column of the log."""
    if event.by_pid != NO_PID:
        event.pid, event.comm = event.by_pid, event.by_comm
    elif caller.startswith("T"):
        event.pid = int(caller[1:])
    if caller.startswith("C"):
        event.cpu = int(caller[1:])
