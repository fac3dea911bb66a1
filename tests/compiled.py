"""The compiled parts as tests use them: the scanner alone, made here in a second, and a whole installation."""

import filecmp
import importlib.util
import subprocess
import sysconfig
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "pat_check" / "sources" / "native"
INSTALLED = ROOT / "build" / "installed"
"""Where ``make compiled`` puts a wheel's contents."""


def compiler():
    """The C compiler of this Python, with what every call of it needs."""
    return [*(sysconfig.get_config_var("CC") or "cc").split(), "-fPIC", f"-I{sysconfig.get_path('include')}"]


@lru_cache(maxsize=1)
def why_no_scanner(folder):
    """Compile the scanner into a folder; empty when it worked."""
    sources = sorted(map(str, NATIVE.glob("*.c")))
    made = folder / f"_scanner{sysconfig.get_config_var('EXT_SUFFIX')}"
    try:
        run = subprocess.run(
            [*compiler(), "-Wall", "-Wextra", "-O2", "-shared", *sources, "-o", str(made)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return f"no C compiler: {error}"
    if run.returncode and "Python.h" in run.stderr:
        return "no headers of Python"
    assert run.returncode == 0, run.stderr
    assert not run.stderr, run.stderr
    return ""


def load_scanner(folder):
    """The type from a compiled module."""
    made = folder / f"_scanner{sysconfig.get_config_var('EXT_SUFFIX')}"
    spec = importlib.util.spec_from_file_location("pat_check.sources.native._scanner", made)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Scanner


def installed():
    """The folder of a compiled installation of these very sources; the test is skipped where there is none."""
    package = INSTALLED / "pat_check"
    if not list(package.glob("replay/loop.*.so")):
        pytest.skip("no compiled installation: make compiled")
    for source in (*(ROOT / "pat_check").rglob("*.py"), *NATIVE.glob("*.[ch]")):
        other = INSTALLED / source.relative_to(ROOT)
        if not other.is_file() or not filecmp.cmp(source, other, shallow=False):
            pytest.skip(f"the compiled installation has another {source.relative_to(ROOT)}: make compiled")
    return INSTALLED
