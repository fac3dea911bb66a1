"""The files through which the kernel is asked and told: everything below /proc, /sys and /dev that is touched here."""

from __future__ import annotations

import os
from pathlib import Path


class Files:
    """Files of the kernel below `root`, which is ``/`` but in tests. Every failure is the OSError of the kernel."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def path(self, name: str) -> str:
        """The path of a file given from ``/`` on."""
        return os.path.join(self.root, name.lstrip("/"))

    def read(self, name: str) -> bytes:
        """The whole contents."""
        return Path(self.path(name)).read_bytes()

    def text(self, name: str) -> str:
        """The whole contents; what is not UTF-8 is shown as \\xNN."""
        return self.read(name).decode("utf-8", "backslashreplace")

    def text_or(self, name: str, default: str = "") -> str:
        """The whole contents, or `default` where they cannot be read."""
        try:
            return self.text(name)
        except OSError:
            return default

    def write(self, name: str, text: str) -> None:
        """Replace what a control file holds, in one write as the kernel wants it."""
        self._write(name, text, os.O_WRONLY | os.O_TRUNC)

    def append(self, name: str, text: str) -> None:
        """Add to what a control file holds."""
        self._write(name, text, os.O_WRONLY | os.O_APPEND)

    def exists(self, name: str) -> bool:
        """Whether there is such a file or directory."""
        return os.path.exists(self.path(name))

    def names(self, name: str) -> list[str]:
        """What a directory holds; nothing where it cannot be listed."""
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def mkdir(self, name: str) -> None:
        """Make a directory, which in tracefs makes an instance."""
        os.mkdir(self.path(name))

    def rmdir(self, name: str) -> None:
        """Remove a directory, which in tracefs removes an instance with all that is in it."""
        os.rmdir(self.path(name))

    def open(self, name: str) -> int:
        """A descriptor to read from without waiting."""
        return os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def is_root(self) -> bool:
        """Whether we may do everything."""
        return os.geteuid() == 0

    def _write(self, name: str, text: str, flags: int) -> None:
        descriptor = os.open(self.path(name), flags | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
