"""What a machine offers to a recorder: told by ``pat-check doctor``, and asked before a recording."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from pat_check.errors import RecordError
from pat_check.record.btf_file import RUNNING, read_btf
from pat_check.record.coverage import costs
from pat_check.record.files import Files
from pat_check.record.modules import Types
from pat_check.record.probes import recipe_for
from pat_check.record.tracefs import is_running, leftovers, mounted

MEMTYPE_LIST: str = "/sys/kernel/debug/x86/pat_memtype_list"
"""The kernel's own list of reservations; there only while PAT is on."""

_LOCKDOWN = "/sys/kernel/security/lockdown"
_PAT_MESSAGE = re.compile(r"x86/PAT: (?:Configuration|PAT|MTRR|probably)[^\n]*")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a recorder needs or likes."""

    name: str
    state: str  # "ok", "missing": no recording without it, or "poor": a recording says less without it
    says: str
    cure: str = ""


def examine(files: Files) -> list[Check]:
    """Every check, in the order in which the cures make sense."""
    return [
        _root(files),
        _kernel(files),
        _pat(files),
        _lockdown(files),
        _tracefs(files),
        _probes(files),
        *_btf(files),
        _arguments(files),
        _list(files),
        _file(files, "/proc/iomem", "RAM and BARs"),
        _file(files, "/proc/mtrr", "types of MTRRs"),
        _file(files, "/dev/kmsg", "messages of the kernel"),
        _others(files),
    ]


def require(files: Files) -> str:
    """Refuse a machine that cannot record, in one line; gives the mount of tracefs."""
    for check in (_root, _lockdown, _tracefs, _probes):
        found = check(files)
        if found.state == "missing":
            raise RecordError(f"{found.says}{f': {found.cure}' if found.cure else ''}")
    return mounted(files)


def release(files: Files) -> str:
    """The release of the running kernel."""
    return files.text_or("/proc/sys/kernel/osrelease").strip() or os.uname().release


def _root(files: Files) -> Check:
    if files.is_root():
        return Check("root", "ok", "we may trace")
    return Check("root", "missing", "only root may trace the kernel", "use sudo")


def _kernel(files: Files) -> Check:
    found = release(files)
    version = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if version >= (6, 1):
        return Check("kernel", "ok", found)
    return Check("kernel", "poor", found, "probes are known to fit 6.1 and later")


def _pat(files: Files) -> Check:
    said = _PAT_MESSAGE.findall(_log(files))
    told = f" ({said[-1].removeprefix('x86/PAT: ')})" if said else ""
    if files.exists(MEMTYPE_LIST):
        return Check("PAT", "ok", f"on{told}")
    options = files.text_or("/proc/cmdline").split()
    cpu = re.search(r"^flags\s*:(.*)$", files.text_or("/proc/cpuinfo"), re.MULTILINE)
    if "nopat" in options:
        return Check("PAT", "poor", "off: the kernel was booted with nopat", "boot without it")
    if cpu is not None and "pat" not in cpu[1].split():
        return Check("PAT", "poor", "off: the CPU has none, or the hypervisor hides it", "use another CPU model")
    if not files.names("/sys/kernel/debug"):
        return Check(
            "PAT", "poor", f"not known: debugfs cannot be read{told}", "mount -t debugfs debugfs /sys/kernel/debug"
        )
    return Check("PAT", "poor", f"off{told}", "see what `dmesg | grep PAT` says")


def _lockdown(files: Files) -> Check:
    mode = re.search(r"\[(\w+)\]", files.text_or(_LOCKDOWN))
    if mode is None or mode[1] == "none":
        return Check("lockdown", "ok", "none")
    if mode[1] == "confidentiality":
        cure = "boot without lockdown=confidentiality"
        return Check("lockdown", "missing", "the kernel is locked down (confidentiality) and allows no probes", cure)
    return Check("lockdown", "ok", f"{mode[1]}, which allows probes")


def _tracefs(files: Files) -> Check:
    try:
        return Check("tracefs", "ok", mounted(files))
    except RecordError as error:
        says, _, cure = str(error).partition(": ")
        return Check("tracefs", "missing", says, cure)


def _probes(files: Files) -> Check:
    try:
        mount = mounted(files)
    except RecordError:
        return Check("probes", "missing", "not known without tracefs")
    has = [name for name in ("dynamic_events", "kprobe_events") if files.exists(f"{mount}/{name}")]
    if not files.exists(f"{mount}/kprobe_events"):
        return Check("probes", "missing", "this kernel has no kprobe events", "build it with CONFIG_KPROBE_EVENTS")
    return Check("probes", "ok", ", ".join(has))


def _btf(files: Files) -> list[Check]:
    path = files.path(RUNNING)
    if not files.exists(RUNNING):
        cure = "build the kernel with CONFIG_DEBUG_INFO_BTF, or give --kernel-btf vmlinux"
        return [Check("BTF", "missing", f"no {RUNNING}", cure)]
    try:
        recipe = recipe_for(Types(read_btf(path)), "mm")
    except RecordError as error:
        return [Check("BTF", "missing", str(error), "give --kernel-btf vmlinux")]
    found = Check("BTF", "ok", f"{len(recipe.functions())} functions of the memtype and mapping layer can be probed")
    return [found, *(Check("coverage", "poor", cost) for cost in costs(recipe.functions()))]


def _arguments(files: Files) -> Check:
    try:
        readme = files.text_or(f"{mounted(files)}/README")
    except RecordError:
        return Check("arguments", "poor", "not known without tracefs")
    if "$arg<N>, $comm" in readme.partition("return probes support")[2][:60]:
        return Check("arguments", "ok", "at entries and at returns")
    return Check("arguments", "poor", "at entries only: granted types are computed, not read", "Linux 6.9 reads them")


def _list(files: Files) -> Check:
    try:
        lines = files.text(MEMTYPE_LIST).count("\n")
    except OSError as error:
        says = f"{MEMTYPE_LIST}: {error.strerror or error}"
        return Check("list", "poor", says, "mount -t debugfs debugfs /sys/kernel/debug (needs PAT on, CONFIG_DEBUG_FS)")
    return Check("list", "ok", f"pat_memtype_list, {max(0, lines - 1)} reservations")


def _file(files: Files, name: str, holds: str) -> Check:
    try:
        os.close(files.open(name))
    except OSError as error:
        return Check(name, "poor", f"{error.strerror or error}: {holds} will not be known")
    return Check(name, "ok", holds)


def _others(files: Files) -> Check:
    try:
        pids = leftovers(files, mounted(files))
    except RecordError:
        pids = set()
    running = sorted(pid for pid in pids if is_running(files, pid))
    if running:
        return Check("others", "poor", f"a recorder is running as pid {running[0]}", "wait for it, or stop it")
    if pids:
        return Check("others", "ok", "probes of a recorder that was killed: the next recording removes them")
    return Check("others", "ok", "no other recorder")


def _log(files: Files) -> str:
    """The kernel log from its beginning on, as far as it can be read without waiting."""
    parts: list[bytes] = []
    try:
        descriptor = files.open("/dev/kmsg")
    except OSError:
        return ""
    try:
        while len(parts) < 100_000 and (part := os.read(descriptor, 8192)):
            parts.append(part)
    except OSError:
        pass  # EAGAIN at the end, EPIPE where the log went on meanwhile
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8", "backslashreplace")
