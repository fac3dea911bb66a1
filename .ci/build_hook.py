"""Build the compiled parts of a wheel: the scanner of recordings in C, and the model by mypyc from its Python sources.

They are optional. Where no C compiler works, or with PAT_CHECK_COMPILE=0, the wheel is pure Python and does the same,
slower. An editable installation is always pure: what is edited is what runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = "pat_check/sources/native"
COMPILED = (
    *(
        f"pat_check/{name}.py"
        for name in ("cachemode", "findings", "fingerprints", "folding", "foresight", "judge", "values")
    ),
    "pat_check/events/*.py",
    "pat_check/incidents/*.py",
    "pat_check/replay/*.py",
    *(
        f"pat_check/model/{name}.py"
        for name in ("holdings", "machine", "memory", "memtype", "operations", "owner", "ranges", "tree")
    ),
    "pat_check/reporters/records.py",
    "pat_check/rules/telling.py",
    "pat_check/rules/end_match/*.py",
    "pat_check/rules/memtype/*.py",
    *(
        f"pat_check/sources/{name}.py"
        for name in ("followed", "programs", "reserved", "rows", "runs", "shapes", "tracked")
    ),
)
"""What runs for every event; the __init__.py of packages stay as they are."""


class Compile(BuildHookInterface):  # type: ignore[type-arg]
    """Adds extension modules to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before anything is built; `version` is ``standard`` or ``editable``."""
        asked = os.environ.get("PAT_CHECK_COMPILE", "")
        if self.target_name != "wheel" or version == "editable" or asked == "0":
            return
        if not asked and not (sys.byteorder == "little" and has_compiler()):
            print("note: no C compiler works here; pat-check is built without its compiled parts", file=sys.stderr)
            return
        try:
            built = build(Path(self.root))
        except (Exception, SystemExit) as error:
            if asked:
                raise
            print(f"note: pat-check is built without its compiled parts: {error}", file=sys.stderr)
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["dependencies"].append("librt>=0.13")
        build_data["force_include"].update(built)


def has_compiler() -> bool:
    """Whether an extension module can be made."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <Python.h>\nint probe(void) { return Py_IsInitialized(); }\n", encoding="utf-8")
        command = [*compiler, "-c", str(source), "-o", f"{source}.o", f"-I{sysconfig.get_path('include')}"]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def build(root: Path) -> dict[str, str]:
    """Compile, from the root of the sources: where each extension module is, and where it belongs."""
    from mypyc.build import mypycify
    from setuptools import Distribution, Extension

    before = Path.cwd()
    os.chdir(root)
    try:
        sources = sorted(
            str(path) for pattern in COMPILED for path in Path().glob(pattern) if path.name != "__init__.py"
        )
        work = Path("build", "compiled")
        scanner = Extension(
            f"{NATIVE.replace('/', '.')}._scanner",
            sorted(str(path) for path in Path(NATIVE).glob("*.c")),
            depends=sorted(str(path) for path in Path(NATIVE).glob("*.h")),
            extra_compile_args=["-O3"],
        )
        modules = mypycify(sources, opt_level="3", multi_file=True, target_dir=str(work / "c"))
        if os.name == "posix":
            for module in modules:  # their functions call each other directly, for nobody else can replace one
                module.extra_compile_args += ["-fvisibility=hidden", "-fno-plt"]
        distribution = Distribution({"name": "pat_check", "ext_modules": [scanner, *modules]})
        command = distribution.get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(work / "lib"), str(work / "temp")  # type: ignore[attr-defined]
        command.parallel = True  # type: ignore[attr-defined]
        command.ensure_finalized()
        command.run()
        made = [Path(path) for path in command.get_outputs()]  # type: ignore[attr-defined]
        return {str(path.resolve()): str(path.relative_to(work / "lib")) for path in made}
    finally:
        os.chdir(before)
