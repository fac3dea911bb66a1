#!/bin/python3 -B
"""Process 1 of the guest: mounts, runs /job.py, sends /out as a tar through the second serial port, powers off."""

import ctypes
import os
import subprocess
import sys
import tarfile
import traceback
import tty

LIBC = ctypes.CDLL(None, use_errno=True)
MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
    ("tmpfs", "/out"),
    ("tmpfs", "/tmp"),
)
POWER_OFF = 0x4321FEDC


def main():
    for kind, place in MOUNTS:
        if LIBC.mount(kind.encode(), place.encode(), kind.encode(), 0, None):
            print(f"cannot mount {place}: {os.strerror(ctypes.get_errno())}")
    sys.stdout.flush()
    environment = {"PATH": "/bin", "PYTHONPATH": "/app", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}
    environment["PARTS"] = os.environ.get("PARTS", "")  # a word of the kernel's command line
    with open("/dev/ttyS0", "wb") as console:  # so that it is seen how far a guest came that hangs
        subprocess.run(["/bin/python3", "/job.py"], stdout=console, stderr=console, env=environment, check=False)
    with open("/dev/ttyS1", "wb", buffering=0) as line:
        tty.setraw(line.fileno())
        with tarfile.open(fileobj=line, mode="w|gz") as tar:
            tar.add("/out", "out")
        ctypes.CDLL(None).tcdrain(line.fileno())


try:
    main()
except BaseException:
    traceback.print_exc()
finally:
    LIBC.sync()
    LIBC.reboot(POWER_OFF)
