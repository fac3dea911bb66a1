"""A kernel that is a directory: tracefs, /proc and /sys as far as the recorder uses them, with failures on demand."""

import errno
import lzma
import os
import re
import shutil
from pathlib import Path

from pat_check.record.files import Files

KERNELS = Path(__file__).parent / "kernels"
TRACING = "/sys/kernel/tracing"
LIST = "/sys/kernel/debug/x86/pat_memtype_list"
NODES = "PAT memtype list:\nPAT: [mem 0x00000000fd000000-0x00000000fd001000] uncached-minus\n"
README = "kernel return probes support: $retval, $arg<N>, $comm\n"
TREE = {
    f"{TRACING}/dynamic_events": "",
    f"{TRACING}/kprobe_events": "",
    f"{TRACING}/kprobe_profile": "",
    f"{TRACING}/error_log": "",
    f"{TRACING}/README": README,
    LIST: NODES,
    "/proc/iomem": "00001000-0009ffff : System RAM\n",
    "/proc/mtrr": "reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: uncachable\n",
    "/proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable:    3000000 kB\n",
    "/proc/cmdline": "root=/dev/vda quiet\n",
    "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu pat mmx\n",
    "/proc/sys/kernel/osrelease": "6.12.107+deb13-amd64\n",
    "/proc/sys/kernel/version": "#1 SMP\n",
    "/dev/kmsg": "6,1,1000,-;x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT  \n",
    "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
    "/sys/bus/pci/devices/0000:00:04.0/vendor": "0x1af4\n",
    "/sys/bus/pci/devices/0000:00:04.0/device": "0x1110\n",
    "/sys/bus/pci/devices/0000:00:04.0/resource": (
        "0x00000000febd1000 0x00000000febd10ff 0x0000000000040200\n"
        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
        "0x0000000180000000 0x0000000183ffffff 0x000000000014220c\n"
    ),
}
INSTANCE = {
    "tracing_on": "1\n",
    "trace_clock": "[local] global mono\n",
    "buffer_size_kb": "1408\n",
    "set_event_pid": "",
    "trace_marker": "",
    "trace_pipe": "",
    "options/event-fork": "0\n",
    "options/overwrite": "1\n",
    "per_cpu/cpu0/stats": "entries: 0\noverrun: 0\ncommit overrun: 0\ndropped events: 0\nread events: 0\n",
    "per_cpu/cpu1/stats": "entries: 0\noverrun: 0\ncommit overrun: 0\ndropped events: 0\nread events: 0\n",
    "events/sched/sched_process_fork/enable": "0\n",
    "events/enable": "0\n",
}


class FakeKernel(Files):
    def __init__(self, root, kernel="6.12"):
        super().__init__(str(root))
        self.failures = []  # [operation, what its path and text hold, errno, how often]
        self.told = []  # (path, text) of every write
        self.root_user = True
        self.hooks = []  # called with (path, text) after a write
        for name, text in TREE.items():
            self.put(name, text)
        self.put("/sys/kernel/btf/vmlinux", self.btf_of(kernel))
        os.makedirs(self.path(f"{TRACING}/instances"))

    @staticmethod
    def btf_of(kernel):
        return lzma.decompress((KERNELS / kernel / "btf.xz").read_bytes())

    def put(self, name, text):
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def remove(self, name):
        path = Path(self.path(name))
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def fail(self, operation, holds, number, times=1_000_000):
        self.failures.append([operation, holds, number, times])

    def is_root(self):
        return self.root_user

    def write(self, name, text):
        self._maybe_fail("write", f"{name} {text}")
        super().write(name, text)
        self._happened(name, text)

    def append(self, name, text):
        self._maybe_fail("append", f"{name} {text}")
        if not name.endswith("dynamic_events") and not name.endswith("kprobe_events"):
            super().append(name, text)
        elif text.startswith("-:"):
            self._forget(name, text[2:].strip())
        else:
            self._define(name, text)
        self._happened(name, text)

    def mkdir(self, name):
        self._maybe_fail("mkdir", name)
        super().mkdir(name)
        for file, text in INSTANCE.items():
            self.put(f"{name}/{file}", text)

    def rmdir(self, name):
        self._maybe_fail("rmdir", name)
        shutil.rmtree(self.path(name))

    def open(self, name):
        self._maybe_fail("open", name)
        return super().open(name)

    def text(self, name):
        self._maybe_fail("read", name)
        return super().text(name)

    def instances(self):
        return self.names(f"{TRACING}/instances")

    def probes(self):
        return Files.text(self, f"{TRACING}/dynamic_events").splitlines()

    def say(self, line):
        """A line of trace, as if an event had happened."""
        for instance in self.instances():
            super().append(f"{TRACING}/instances/{instance}/trace_pipe", line + "\n")

    def _define(self, place, text):
        match = re.fullmatch(r"[a-z]\d*:(\w+)/(\w+) (\S+) .*\n", text)
        if match is None or f"/{match[2]} " in Files.text(self, place):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        super().append(place, text)
        for instance in self.instances():
            folder = f"{TRACING}/instances/{instance}/events/{match[1]}"
            self.put(f"{folder}/{match[2]}/filter", "none\n")
            self.put(f"{folder}/enable", "0\n")

    def _forget(self, place, event):
        lines = Files.text(self, place).splitlines(keepends=True)
        kept = [line for line in lines if f":{event} " not in line]
        if kept == lines:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        group = event.split("/")[0]
        for instance in self.instances():
            if Files.text_or(self, f"{TRACING}/instances/{instance}/events/{group}/enable").startswith("1"):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.put(place, "".join(kept))

    def _happened(self, name, text):
        self.told.append((name, text))
        if name.endswith("/trace_marker"):
            self.say(f"          python-7       [000] .....     1.000000: tracing_mark_write: {text.rstrip()}")
        for hook in list(self.hooks):
            hook(name, text)

    def _maybe_fail(self, operation, what):
        for failure in self.failures:
            if failure[0] == operation and failure[1] in what and failure[3] > 0:
                failure[3] -= 1
                raise OSError(failure[2], os.strerror(failure[2]), what.split()[0])
