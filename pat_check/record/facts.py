"""What is saved beside a trace: the map of addresses, MTRRs, devices, and what machine it was."""

from __future__ import annotations

import os
import platform

from pat_check import __version__
from pat_check.record.files import Files
from pat_check.record.machine import release

_DEVICES = "/sys/bus/pci/devices"
_REGIONS = 6  # BARs of a device; more lines of `resource` are its ROM and bridge windows
_MEMORY = 0x200  # IORESOURCE_MEM
_PREFETCH = 0x2000


def saved(files: Files) -> dict[str, str]:
    """Files of the capture by name; those that cannot be read are left out."""
    texts = {
        "iomem.txt": files.text_or("/proc/iomem"),
        "mtrr.txt": files.text_or("/proc/mtrr"),
        "bars.txt": bars(files),
        "cmdline.txt": files.text_or("/proc/cmdline"),
    }
    return {name: text for name, text in texts.items() if text}


def bars(files: Files) -> str:
    """The memory BARs of PCI devices: ``START-LAST DEVICE barN VENDOR:DEVICE DRIVER``, and whether prefetchable."""
    lines = []
    for device in files.names(_DEVICES):
        folder = f"{_DEVICES}/{device}"
        ids = ":".join(files.text_or(f"{folder}/{name}").strip().removeprefix("0x") for name in ("vendor", "device"))
        driver = files.path(f"{folder}/driver")
        name = os.path.basename(os.readlink(driver)) if os.path.islink(driver) else "-"
        for number, line in enumerate(files.text_or(f"{folder}/resource").splitlines()[:_REGIONS]):
            start, last, flags = (int(word, 16) for word in line.split()[:3])
            if last and flags & _MEMORY:
                kind = " prefetchable" if flags & _PREFETCH else ""
                lines.append(f"{start:#x}-{last:#x} {device} bar{number} {ids} {name}{kind}\n")
    return "".join(lines)


def about(files: Files) -> dict[str, object]:
    """The kernel and the machine, for meta.json."""
    return {
        "kernel": release(files),
        "version": files.text_or("/proc/sys/kernel/version").strip(),
        "machine": platform.machine(),
        "cpus": files.text_or("/sys/devices/system/cpu/online").strip(),
        "cmdline": files.text_or("/proc/cmdline").strip(),
    }


def recorder() -> str:
    """What made the recording."""
    return f"pat-check {__version__}"
