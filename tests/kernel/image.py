"""An initramfs of this Python, pat_check and the files of the test: nothing else is in it."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LEFT_OUT = {
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "__pycache__",
    "lib2to3",
    "config-3",
}
DIRECTORY, FILE, LINK = 0o040755, 0o100755, 0o120777


class Cpio:
    """An archive in the format that the kernel unpacks."""

    def __init__(self):
        self.parts, self.names = [], set()

    def add(self, name, mode, data=b""):
        name = name.strip("/")
        if name in self.names:
            return
        for parent in reversed(Path(name).parents):
            if str(parent) != "." and str(parent) not in self.names:
                self.add(str(parent), DIRECTORY)
        self.names.add(name)
        fields = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name.encode()) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self.parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def finished(self):
        fields = (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0)
        tail = b"070701" + b"".join(b"%08x" % field for field in fields) + b"TRAILER!!!\0"
        return b"".join(self.parts) + tail + bytes(-len(tail) % 512)


def libraries(path):
    """The shared libraries of a program or module, as the loader finds them."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", said)


def build(job, extra=()):
    """The compressed image; `job` is the text of /job.py, `extra` are (path in the guest, file here)."""
    out = Cpio()
    for name in ("proc", "sys", "dev", "out", "tmp", "bin"):
        out.add(name, DIRECTORY)
    python = Path(sys.executable).resolve()
    out.add(str(python), FILE, python.read_bytes())
    out.add("bin/python3", LINK, str(python).encode())
    stdlib = Path(sysconfig.get_path("stdlib"))
    needed = set(libraries(python))
    for path in sorted(stdlib.rglob("*")):
        if path.is_file() and not LEFT_OUT & {part[:8] if part.startswith("config-3") else part for part in path.parts}:
            out.add(str(path), FILE, path.read_bytes())
            if path.suffix == ".so":
                needed.update(libraries(path))
    for library in sorted(needed):
        out.add(library, FILE, Path(library).read_bytes())
    for path in (
        ROOT / "pat_check" / "__init__.py",
        ROOT / "pat_check" / "errors.py",
        *(ROOT / "pat_check" / "record").glob("*.py"),
    ):
        out.add(f"app/{path.relative_to(ROOT)}", FILE, path.read_bytes())
    out.add("init", FILE, (HERE / "init.py").read_bytes())
    out.add("workload.py", FILE, (HERE / "workload.py").read_bytes())
    out.add("job.py", FILE, job.encode())
    for name, path in extra:
        out.add(name, FILE, Path(path).read_bytes())
    return gzip.compress(out.finished(), 1)
