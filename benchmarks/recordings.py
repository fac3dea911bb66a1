"""Recordings of any length, made of a real one: repeated, thinned, or mixed with what else a kernel does."""

import bz2
import gzip
import lzma
import random
import re
import sys
from pathlib import Path

from measuring import ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
CAPTURES = (CORPUS / "7.2" / "stress-6", ROOT / "examples" / "fork-partial-6.12")

COUNTER = (
    '$5=="memtype_reserve:"{split($7,a,"=");split($8,b,"=");n[a[2] b[2]]++} '
    '$5=="memtype_free:"{split($7,a,"=");split($8,b,"=");n[a[2] b[2]]--} '
    "END{for(k in n)if(n[k])c++;print c+0}"
)
"""What people use today: how many ranges are reserved more often than freed. It checks nothing."""

OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
STAMP = re.compile(rb"(.{16}-\d+ .{0,40}? )(\d+)\.(\d{6})(: )")
PAT_OR_PFN = re.compile(rb"\d: \w*(?:memtype|pfn|ioremap|iounmap|remap_)\w*:")


def trace_of(capture):
    """The trace of a capture directory, compressed or not."""
    found = sorted(Path(capture).glob("trace.txt*"))
    if not found:
        sys.exit(f"{capture}: no trace.txt in there")
    return found[0]


def opened(path):
    """A file to read bytes from, unpacked on the way."""
    return OPENERS.get(path.suffix, open)(path, "rb")


def measure(path):
    """How many lines a file has, how many bytes, and which share of the lines is of PAT or PFN events."""
    lines = events = 0
    with path.open("rb") as stream:
        for line in stream:
            lines += 1
            events += PAT_OR_PFN.search(line) is not None
    return lines, path.stat().st_size, events / max(lines, 1)


def repeat(source, target, lines, *, only_pat=False, others=0.0, cut=False):
    """Write `source` to `target` again and again until it has so many lines; 0: once. Only the times go on.

    The last round is whole, unless `cut`: then the file ends after exactly so many lines. With `only_pat`, lines of
    other events than those of PAT and PFN tracking are left out. `others` is how many lines of other tasks and other
    events come for each line that is kept.
    """
    crowd = Crowd() if others else None
    owed = 0.0
    written = shift = 0
    with target.open("wb", buffering=1 << 20) as out:
        while not written or written < lines:
            before, first, last = written, 0, 0
            with opened(source) as stream:
                for line in stream:
                    if cut and written >= lines:
                        return
                    if line.startswith(b"#"):
                        if not before:
                            out.write(line)
                            written += 1
                        continue
                    if only_pat and PAT_OR_PFN.search(line) is None:
                        continue
                    match = STAMP.match(line)
                    if match is None:
                        out.write(line)
                        written += 1
                        continue
                    last = int(match[2]) * 1_000_000 + int(match[3])
                    first = first or last
                    seconds, micros = divmod(last + shift, 1_000_000)
                    stamp = b"%d.%06d" % (seconds, micros)
                    out.write(match[1] + stamp + line[match.start(4) :])
                    written += 1
                    if crowd is not None:
                        owed += others
                        while owed >= 1:
                            out.write(crowd.line(stamp))
                            written += 1
                            owed -= 1
            if last == 0 or written == before:
                sys.exit(f"{source}: holds nothing that could be repeated")
            shift += last - first + 1_000_000


class Crowd:
    """What the rest of a machine does: lines as an unfiltered recording has them, of tasks that no capture has.

    A few thousand lines are made once, by chance but always the same, and written again and again with new times.
    """

    def __init__(self, size=4096):
        chance = random.Random(size)
        events = [(make, flags) for weight, flags, make in EVENTS for _ in range(weight)]
        self._lines = [_line(chance, *chance.choice(events)) for _ in range(size)]
        self._next = 0

    def line(self, stamp):
        """The next line, at the time `stamp`."""
        before, after = self._lines[self._next]
        self._next = (self._next + 1) % len(self._lines)
        return before + stamp + after


TASKS = [
    ("Xorg", 310871),
    ("postgres", 311204),
    ("kworker/0:1", 310055),
    ("kworker/u4:2", 310077),
    ("rcu_preempt", 310015),
    ("ksoftirqd/1", 310022),
    ("systemd-journal", 310233),
    ("python3", 312950),
    ("<...>", 313007),
]
"""Tasks of the crowd: pids that a machine of this size does not reach soon."""


def _task(chance):
    return chance.choice(TASKS)


def _pointer(chance):
    return f"{chance.getrandbits(32):016x}"


def _user(chance):
    return f"{0x7F0000000000 + chance.getrandbits(36):#x}"


def _switch(chance):
    (comm, pid), (other, next_pid) = _task(chance), _task(chance)
    state = chance.choice(("S", "R", "R+", "D", "I"))
    return (
        f"sched_switch: prev_comm={comm} prev_pid={pid} prev_prio=120 prev_state={state} ==> "
        f"next_comm={other} next_pid={next_pid} next_prio=120"
    )


def _wakeup(chance):
    comm, pid = _task(chance)
    return f"{chance.choice(('sched_waking', 'sched_wakeup'))}: comm={comm} pid={pid} prio=120 target_cpu=00{pid % 2}"


def _runtime(chance):
    comm, pid = _task(chance)
    return f"sched_stat_runtime: comm={comm} pid={pid} runtime={chance.randrange(1000, 4_000_000)} [ns]"


def _irq(chance):
    irq = chance.randrange(24, 40)
    return chance.choice(
        (f"irq_handler_entry: irq={irq} name=virtio0-req.0", f"irq_handler_exit: irq={irq} ret=handled")
    )


def _softirq(chance):
    vec, action = chance.choice(((1, "TIMER"), (3, "NET_RX"), (4, "BLOCK"), (7, "SCHED"), (9, "RCU")))
    return f"{chance.choice(('softirq_raise', 'softirq_entry', 'softirq_exit'))}: vec={vec} [action={action}]"


def _kmalloc(chance):
    site = chance.choice(("__alloc_skb+0x8a/0x1b0", "load_elf_phdrs+0x42/0xb0", "memdup_user+0x2d/0x90"))
    return (
        f"kmalloc: call_site={site} ptr={_pointer(chance)} bytes_req={chance.randrange(8, 4096)} bytes_alloc=4096 "
        "gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false"
    )


def _slab(chance):
    site, name, size = chance.choice(
        (("vm_area_alloc+0x1d/0x60", "vm_area_struct", 184), ("getname_flags.part.0+0x2e/0x1d0", "names_cache", 4096))
    )
    if chance.random() < 0.5:
        return f"kmem_cache_free: call_site={site} ptr={_pointer(chance)} name={name}"
    return (
        f"kmem_cache_alloc: call_site={site} ptr={_pointer(chance)} name={name} bytes_req={size} bytes_alloc={size} "
        "gfp_flags=GFP_KERNEL node=-1 accounted=true"
    )


def _page(chance):
    page = f"page={_pointer(chance)} pfn={chance.randrange(0x1000, 0x140000):#x} order=0"
    if chance.random() < 0.5:
        return f"mm_page_free: {page}"
    return f"mm_page_alloc: {page} migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP"


def _fault(chance):
    code = chance.choice((0x4, 0x6, 0x7, 0x14))
    return f"page_fault_user: address={_user(chance)} ip={_user(chance)} error_code={code:#x}"


def _syscall(chance):
    size = chance.randrange(1, 4096)
    return chance.choice(
        (
            f"sys_read(fd: {size % 64}, buf: {_user(chance)}, count: {size:#x})",
            f"sys_read -> {size:#x}",
            f"sys_futex(uaddr: {_user(chance)}, op: 81, val: 1, utime: 0, uaddr2: 0, val3: 0)",
            "sys_futex -> 0x0",
            f"sys_enter: NR 1 ({size % 64}, {_user(chance)[2:]}, {size:x}, 0, 0, 0)",
            f"sys_exit: NR 1 = {size}",
        )
    )


def _timer(chance):
    timer = f"hrtimer={_pointer(chance)}"
    return chance.choice(
        (
            f"hrtimer_cancel: {timer}",
            f"hrtimer_expire_entry: {timer} function=tick_nohz_handler now={chance.getrandbits(40)}",
            f"timer_start: timer={_pointer(chance)} function=process_timeout expires=4294{chance.randrange(10**6):06d} "
            "[timeout=250] bucket_expiry=4294904000 cpu=1 idx=0 flags=",
        )
    )


def _device(chance):
    return chance.choice(
        (
            f"block_rq_issue: 254,0 WS 4096 () {chance.randrange(10**8)} + 8 [kworker/0:1H]",
            f"net_dev_queue: dev=eth0 skbaddr={_pointer(chance)} len={chance.randrange(60, 1500)}",
            f"workqueue_execute_start: work struct {_pointer(chance)}: function vmstat_update",
            f"tlb_flush: pages:{chance.randrange(1, 512)} reason:local mm shootdown (3)",
        )
    )


def _idle(chance):
    return f"cpu_idle: state={chance.choice(('1', '4294967295'))} cpu_id={chance.randrange(2)}"


EVENTS = [
    (20, "d..2.", _switch),
    (12, "d.h3.", _wakeup),
    (6, "d.h..", _runtime),
    (6, "d.h..", _irq),
    (8, "..s..", _softirq),
    (8, ".....", _kmalloc),
    (10, ".....", _slab),
    (8, ".....", _page),
    (8, "d....", _fault),
    (10, ".....", _syscall),
    (6, "d.h1.", _timer),
    (4, "...1.", _device),
    (4, "d..1.", _idle),
]
"""How often an event comes, the flags it is recorded with, and what makes its text."""


def _line(chance, make, flags):
    """What is before the time, and what is after it."""
    comm, pid = ("<idle>", 0) if make is _idle else _task(chance)
    return f"{comm:>16}-{pid:<7d} [{chance.randrange(2):03d}] {flags} ".encode(), f": {make(chance)}\n".encode()
