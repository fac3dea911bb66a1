"""Where BTF is found: files of raw BTF, and ELF files (vmlinux, modules) with a section ``.BTF``."""

from __future__ import annotations

import struct
from pathlib import Path

from pat_check.errors import RecordError
from pat_check.record.btf import Btf

RUNNING: str = "/sys/kernel/btf/vmlinux"
"""The BTF of the running kernel; those of its modules are beside it."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NOBITS = 8
_COMPRESSED = 0x800


def read_btf(path: str, base: Btf | None = None) -> Btf:
    """Read raw BTF, or that of an ELF file; `base` is the kernel's where `path` is of a module.

    Raises RecordError when the file cannot be read or holds none.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}") from error
    if data[:4] == b"\x7fELF":
        data = _section(data, path)
    elif data[0x202:0x206] == b"HdrS":
        raise RecordError(f"{path}: is a compressed kernel image: unpack it first (scripts/extract-vmlinux of Linux)")
    elif not data:
        raise RecordError(f"{path}: is empty")
    return Btf(data, path, base)


def _section(data: bytes, path: str) -> bytes:
    """The contents of section ``.BTF`` of an ELF file of 64 bits."""
    try:
        head = _HEADER.unpack_from(data)
        table, size, count, names = head[6], head[11], head[12], head[13]
        if head[0][4:6] != b"\x02\x01" or size < _SECTION.size:
            raise RecordError(f"{path}: is no ELF file of a little-endian machine of 64 bits")
        sections = [_SECTION.unpack_from(data, table + size * index) for index in range(count)]
        strings = sections[names][4]
        for name, kind, flags, _, at, length, *_ in sections:
            if data[strings + name : strings + name + 5] == b".BTF\0":
                if kind == _NOBITS or flags & _COMPRESSED or at + length > len(data):
                    raise RecordError(f"{path}: its section .BTF cannot be read")
                return data[at : at + length]
    except (struct.error, IndexError) as error:
        raise RecordError(f"{path}: is a damaged ELF file") from error
    raise RecordError(f"{path}: has no section .BTF (kernel built without CONFIG_DEBUG_INFO_BTF?)")
