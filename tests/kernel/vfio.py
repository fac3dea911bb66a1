"""Maps a BAR through vfio: loads the driver with `load`, else maps, touches, and unmaps in parts."""

import ctypes
import fcntl
import os
import struct
import sys
from pathlib import Path

from workload import FAILED, LIBC, PAGE, READ, SHARED, WRITE, checkpoint, unmap

PARAMETERS = {"vfio_iommu_type1": b"allow_unsafe_interrupts=1"}
FINIT_MODULE = 313
SET_IOMMU, SET_CONTAINER, GET_DEVICE, REGION_INFO = 0x3B66, 0x3B68, 0x3B6A, 0x3B6C
TYPE1, CONFIG_REGION = 1, 7
BAR = 2


def device():
    for folder in sorted(Path("/sys/bus/pci/devices").iterdir()):
        if (folder / "vendor").read_text().strip() == "0x1b36" and (folder / "device").read_text().strip() == "0x0005":
            return folder
    sys.exit("there is no pci-testdev")


def load():
    for name in Path("/modules/order").read_text().split():
        fd = os.open(f"/modules/{name}.ko", os.O_RDONLY)
        if LIBC.syscall(FINIT_MODULE, fd, PARAMETERS.get(name, b""), 0):
            sys.exit(f"{name}: {os.strerror(ctypes.get_errno())}")
        os.close(fd)
    (device() / "driver_override").write_text("vfio-pci")
    Path("/sys/bus/pci/drivers/vfio-pci/bind").write_text(device().name)


def region(fd, number):
    info = bytearray(struct.pack("<IIIIQQ", 32, 0, number, 0, 0, 0))
    fcntl.ioctl(fd, REGION_INFO, info)
    return struct.unpack("<IIIIQQ", info)[5]


def main():
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    number = os.path.basename(os.readlink(device() / "iommu_group"))
    group = os.open(f"/dev/vfio/{number}", os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack("<i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1)
    fd = fcntl.ioctl(group, GET_DEVICE, bytearray(device().name.encode() + b"\0"))
    command = region(fd, CONFIG_REGION) + 4
    os.pwrite(fd, struct.pack("<H", struct.unpack("<H", os.pread(fd, 2, command))[0] | 2), command)  # memory on
    addr = LIBC.mmap(None, 16 * PAGE, READ | WRITE, SHARED, fd, region(fd, BAR))
    assert addr != FAILED, os.strerror(ctypes.get_errno())
    for page in range(0, 16, 2):
        ctypes.string_at(addr + page * PAGE, 4)
    checkpoint("touched")
    unmap(addr + 12 * PAGE, 4)
    checkpoint("tail-gone")
    unmap(addr, 12)


if sys.argv[1:] == ["load"]:
    load()
else:
    main()
