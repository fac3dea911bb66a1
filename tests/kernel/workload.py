"""Mappings of PCI BARs and /dev/mem: whole, in parts, after mprotect, across fork and mremap; with checkpoints."""

import ctypes
import os
import sys
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = LIBC.mremap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = 4096
READ, WRITE, SHARED, MAY_MOVE, FIXED = 1, 2, 1, 1, 2
FAILED = ctypes.c_void_p(-1).value
SETTLE = 0.6  # seconds in which the recorder makes a checkpoint


def checkpoint(name):
    marker = os.environ.get("PAT_CHECK_TRACE_MARKER")
    if marker:  # a printed script makes no checkpoints on the way
        Path(marker).write_text(f"snapshot {name}\n")
        time.sleep(SETTLE)


def mapped(path, offset, pages, flags=os.O_RDWR):
    fd = os.open(path, flags | os.O_CLOEXEC)
    addr = LIBC.mmap(None, pages * PAGE, READ | WRITE, SHARED, fd, offset)
    os.close(fd)
    if addr == FAILED:
        print(f"mmap {path}+{offset:#x}: {os.strerror(ctypes.get_errno())}")
        return None
    return addr


def unmap(addr, pages):
    assert LIBC.munmap(addr, pages * PAGE) == 0


def bar(vendor, number):
    for device in sorted(Path("/sys/bus/pci/devices").iterdir()):
        if (device / "vendor").read_text().strip() == vendor and (device / f"resource{number}").exists():
            line = (device / "resource").read_text().splitlines()[number].split()
            return device / f"resource{number}", int(line[0], 16)
    sys.exit(f"no device of {vendor} with BAR {number}")


def in_parts(path, first=0):
    addr = mapped(path, first * PAGE, 16)
    unmap(addr + 4 * PAGE, 4)
    checkpoint("middle-gone")
    unmap(addr, 4)
    unmap(addr + 8 * PAGE, 8)
    checkpoint("parts-gone")


def split(path):
    addr = mapped(path, 16 * PAGE, 16)
    assert LIBC.mprotect(addr + 4 * PAGE, 4 * PAGE, READ) == 0
    unmap(addr, 16)
    checkpoint("split-gone")


def across_fork(path):
    addr = mapped(path, 32 * PAGE, 16)
    to_child, from_parent = os.pipe()
    child = os.fork()
    if child == 0:
        unmap(addr + 4 * PAGE, 4)
        os.read(to_child, 1)
        os._exit(0)
    checkpoint("forked")
    unmap(addr + 12 * PAGE, 4)
    os.write(from_parent, b"!")
    os.waitpid(child, 0)
    checkpoint("child-gone")
    unmap(addr, 16)


def moved(path):
    addr = mapped(path, 48 * PAGE, 16)
    away = LIBC.mremap(addr, 16 * PAGE, 16 * PAGE, MAY_MOVE | FIXED, 0x7F00_0000_0000)
    assert away != FAILED, os.strerror(ctypes.get_errno())
    checkpoint("moved")
    assert LIBC.mremap(away, 16 * PAGE, 8 * PAGE, 0, None) == away
    checkpoint("shrunk")
    unmap(away, 8)


def main():
    path, start = bar("0x1af4", 2)
    combined = path.with_name(path.name + "_wc")
    in_parts(path)
    if combined.exists():
        split(combined)
        across_fork(combined)
    else:
        split(path)
        across_fork(path)
    moved(path)
    addr = mapped("/dev/mem", start, 4, os.O_RDWR | os.O_SYNC)
    checkpoint("devmem")
    if addr is not None:
        unmap(addr, 4)
    mapped(path, 64 * PAGE, 4)  # left to exit


if __name__ == "__main__":
    main()
