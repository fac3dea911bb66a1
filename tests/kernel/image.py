"""An initramfs of this Python, the recorder and the files of the test.

Beside the recorder, which needs nothing but Python, lies the whole of pat-check with what it needs, for `--live`; the
tools that printed scripts use have their own libraries.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import os
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
TOOLS = ("trace-cmd", "perf", "bpftrace")
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


def build(job, extra=(), tools=None, modules=()):
    """The compressed image; `job` is run by init, `extra` are (path in the guest, file here), `tools` is a tree.

    `modules` are (name, contents), in the order in which the guest is to load them.
    """
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
    for path in (
        ROOT / "pat_check" / "__init__.py",
        ROOT / "pat_check" / "errors.py",
        *(ROOT / "pat_check" / "record").glob("*.py"),
    ):
        out.add(f"app/{path.relative_to(ROOT)}", FILE, path.read_bytes())
    for name, path in whole():
        out.add(f"whole/{name}", FILE, path.read_bytes())
        if path.suffix == ".so":
            needed.update(libraries(path))
    for library in sorted(needed):
        out.add(library, FILE, Path(library).read_bytes())
    if tools is not None:
        add_tools(out, tools)
    out.add("init", FILE, (HERE / "init.py").read_bytes())
    for name in ("workload.py", "steps.py", "vfio.py", "guest.py", job):
        out.add("job.py" if name == job else name, FILE, (HERE / name).read_bytes())
    for name, data in modules:
        out.add(f"modules/{name}.ko", FILE, data)
    out.add("modules/order", FILE, " ".join(name for name, _ in modules).encode())
    for name, path in extra:
        out.add(name, FILE, Path(path).read_bytes())
    return gzip.compress(out.finished(), 1)


def whole():
    """pat-check and the packages that it needs: (path below the directory that Python searches, file here)."""
    for folder in ("pat_check", "grammars"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(ROOT)), path
    ahead, seen = ["pat-check"], set()
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        package = importlib.metadata.distribution(name)
        wanted = [word for word in package.requires or [] if "extra ==" not in word]
        ahead += [re.split(r"[^\w.-]", word, maxsplit=1)[0] for word in wanted]
        for path in package.files or [] if name != "pat-check" else []:
            if ".." not in path.parts and "__pycache__" not in path.parts and Path(path.locate()).is_file():
                yield str(path), Path(path.locate())


def add_tools(out, tree):
    """Each program of the tree behind a script that gives it the tree's own libraries: they may be newer than ours."""
    loader = next(tree.glob("**/ld-linux-x86-64.so.2")).resolve()
    folders = sorted({str(path.parent) for path in tree.glob("**/lib*.so*")})
    out.add("tools/ld.so", FILE, loader.read_bytes())
    for name in TOOLS:
        program = next((tree / "usr").glob(f"*bin/{name}"))
        command = [loader, "--library-path", ":".join(folders), "--list", program]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"=> (/\S+) \(0x", said):
            if not library.startswith(str(tree)):
                raise SystemExit(f"{name}: {library} is not in {tree}")
            out.add(f"tools/lib/{os.path.basename(library)}", FILE, Path(library).read_bytes())
        out.add(f"tools/{name}", FILE, program.read_bytes())
        script = f'#!/bin/sh\nexec /tools/ld.so --library-path /tools/lib --argv0 {name} /tools/{name} "$@"\n'
        out.add(f"bin/{name}", FILE, script.encode())
