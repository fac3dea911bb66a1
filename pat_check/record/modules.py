"""The types of a kernel: its own BTF, and that of its modules, which is read only where a name stands in it."""

from __future__ import annotations

import os

from pat_check.errors import RecordError
from pat_check.record.btf import Btf
from pat_check.record.btf_file import RUNNING, read_btf
from pat_check.record.files import Files

_KERNEL = "vmlinux"


class Types:
    """The BTF of a kernel, and the functions of its modules.

    Made of a directory as /sys/kernel/btf is one, with a file for each module, or of a kernel alone.
    """

    def __init__(self, kernel: Btf, folder: str = "") -> None:
        self.kernel = kernel
        self.unread: dict[str, str] = {}  # modules whose BTF cannot be read, and why
        self._folder = folder
        self._names: list[str] | None = None
        self._data: dict[str, bytes] = {}
        self._read: dict[str, Btf] = {}

    def of(self, function: str, *, modules: bool = True) -> list[tuple[str, Btf]]:
        """Where there is a function of that name: the module ("" for the kernel), and its types."""
        found = [("", self.kernel)] if self.kernel.has(function) else []
        named = function.encode() + b"\0"
        for module in self._modules() if modules else []:
            types = self._types(module) if named in self._data[module] else None
            if types is not None and types.has(function):
                found.append((module, types))
        return found

    def _modules(self) -> list[str]:
        if self._names is None:
            self._names = []
            for name in sorted(os.listdir(self._folder)) if self._folder else []:
                if name == _KERNEL:
                    continue
                try:
                    with open(os.path.join(self._folder, name), "rb") as file:
                        self._data[name] = file.read()
                except OSError as error:
                    self.unread[name] = error.strerror or str(error)
                else:
                    self._names.append(name)
        return self._names

    def _types(self, module: str) -> Btf | None:
        if module not in self._read and module not in self.unread:
            try:
                self._read[module] = read_btf(os.path.join(self._folder, module), self.kernel)
            except RecordError as error:
                self.unread[module] = str(error)
        return self._read.get(module)


def types_of(kernel_btf: str, files: Files) -> Types:
    """Those of the running kernel, or of the file or directory `kernel_btf` where that is not empty.

    Raises RecordError when the kernel's cannot be read.
    """
    if kernel_btf:
        if os.path.isdir(kernel_btf):
            return Types(read_btf(os.path.join(kernel_btf, _KERNEL)), kernel_btf)
        return Types(read_btf(kernel_btf))
    if not files.exists(RUNNING):
        raise RecordError(f"there is no {RUNNING} (CONFIG_DEBUG_INFO_BTF): give --kernel-btf vmlinux")
    path = files.path(RUNNING)
    return Types(read_btf(path), os.path.dirname(path))
