"""Debian kernels and tracing tools, downloaded by apt and unpacked below a cache directory; nothing is installed."""

from __future__ import annotations

import lzma
import os
import re
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("KERNEL_CACHE", Path.home() / ".cache" / "pat-check-kernels"))
PACKAGES = {  # the package that holds vmlinuz, and the suites in which it is looked for
    "6.1": (r"linux-image-6\.1\.\d+-\d+-amd64", "bookworm bookworm-updates"),
    "6.12": (r"linux-image-6\.12\.\d+\+deb13-amd64", "trixie"),
    "6.16": (r"linux-image-6\.16\.\d+\+deb13-amd64", "trixie-backports"),
    "7.2": (r"linux-binary-7\.2\.\d+\+deb13-amd64", "trixie-backports sid"),
}
APART = {"7.2": r"linux-modules-7\.2\.\d+\+deb13-amd64"}  # the package that holds the modules, where it is another
TOOLS = ("trace-cmd", "linux-perf", "bpftrace")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def vmlinuz(kernel: str) -> Path:
    """The image of a kernel, downloaded when it is not there."""
    if kernel not in PACKAGES:
        raise SystemExit(f"{kernel}: not one of {', '.join(PACKAGES)}")
    folder = CACHE / kernel
    found = _images(folder)
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        _download(folder, *PACKAGES[kernel])
        found = _images(folder)
    if not found:
        raise SystemExit(f"{folder}: the package holds no vmlinuz")
    return found[0]


def modules(kernel: str, name: str) -> list[tuple[str, bytes]]:
    """A module and those that it needs, in the order in which they are loaded, by name."""
    folder = CACHE / kernel
    if kernel in APART and not list(folder.rglob("vfio-pci.ko*")):
        _download(folder, APART[kernel], PACKAGES[kernel][1])
    found: dict[str, bytes] = {}
    _with_needed(folder, name, found)
    return list(found.items())


def _with_needed(folder: Path, name: str, found: dict[str, bytes]) -> None:
    paths = [path for path in folder.rglob("*.ko*") if path.name.partition(".")[0].replace("-", "_") == name]
    if not paths:
        raise SystemExit(f"{folder}: has no module {name}")
    data = lzma.decompress(paths[0].read_bytes()) if paths[0].suffix == ".xz" else paths[0].read_bytes()
    needed = re.search(rb"\0depends=([^\0]*)\0", data)
    for other in needed[1].decode().split(",") if needed is not None and needed[1] else []:
        _with_needed(folder, other.replace("-", "_"), found)
    found[name] = data


def tools(kernel: str) -> Path:
    """A tree that holds trace-cmd, perf and bpftrace of the kernel's Debian release, with all that they need."""
    suite = "bookworm" if kernel == "6.1" else "trixie"
    folder = CACHE / f"tools-{suite}"
    tree = folder / "tree"
    if not (tree / "usr" / "bin" / "bpftrace").exists():
        apt = _apt(folder, suite)
        subprocess.run(["apt-get", *apt, "-qq", "-y", "--download-only", "install", *TOOLS], check=True)
        tree.mkdir(exist_ok=True)
        _unpack(folder / "archives", tree)
    return tree


def _mirror() -> str:
    """The Debian archive that this machine's own apt is set up for."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    found = next((uri for uri in known if uri.rstrip("/").endswith("/debian")), None)
    if found is None:
        raise SystemExit("apt here knows no Debian archive; name one with DEBIAN_MIRROR")
    return found


def _images(folder: Path) -> list[Path]:
    return sorted(folder.rglob("vmlinuz*"))


def _download(folder: Path, pattern: str, suites: str) -> None:
    apt = _apt(folder, suites)
    words = subprocess.run(["apt-cache", *apt, "pkgnames", "linux-"], capture_output=True, text=True, check=True)
    names = [name for name in words.stdout.split() if re.fullmatch(pattern, name)]
    if not names:
        raise SystemExit(f"{suites}: has no package {pattern}")
    newest = max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    subprocess.run(["apt-get", *apt, "-qq", "download", newest], cwd=folder, check=True)
    _unpack(folder, folder)


def _apt(folder: Path, suites: str) -> list[str]:
    """Options for an apt of its own, with its lists of packages up to date and no package installed."""
    for name in ("lists/partial", "archives/partial", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    mirror = os.environ.get("DEBIAN_MIRROR") or _mirror()
    (folder / "etc" / "debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    (folder / "etc" / "status").write_text("")
    options = [
        *("-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder}"),
        *("-o", f"Dir::State::status={folder / 'etc' / 'status'}", "-o", "APT::Install-Recommends=false"),
        *("-o", f"Dir::Etc::SourceParts={folder / 'etc'}", "-o", "Dir::Etc::SourceList=/dev/null"),
        *("-o", "APT::Sandbox::User=root"),
    ]
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    return options


def _unpack(packages: Path, folder: Path) -> None:
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        package.unlink()
