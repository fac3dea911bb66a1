"""Imports point one way: sources, events, replay, incidents, rules, findings, reporters; nobody looks back."""

import ast
from pathlib import Path

import pytest

import pat_check

PACKAGE = Path(pat_check.__file__).parent

WORDS = {"values", "events", "incidents", "findings", "errors", "cachemode"}
EVERYTHING_BELOW_API = WORDS | {"model", "eras", "replay", "sources", "rules", "reporters", "registry"}
MAY_IMPORT = {
    "": set(),  # pat_check/__init__.py
    **{word: set() for word in WORDS},
    **{word: {"values"} for word in ("incidents", "findings")},
    "compiling": set(),
    "values": {"compiling"},
    "events": {"compiling", "values"},
    "registry": set(),
    "model": {"events", "incidents", "cachemode", "errors"},
    "eras": {"model", "errors", "registry"},
    "replay": {"events", "incidents", "model", "eras", "cachemode"},
    "sources": {"events", "errors", "cachemode", "registry"},
    "rules": {"events", "incidents", "findings", "model", "cachemode", "registry"},
    "reporters": {"findings", "cachemode", "portable", "registry"},
    "scenario": WORDS | {"model", "eras", "replay", "sources"},
    "plays": WORDS | {"eras", "judge", "rulebook", "scenario", "sources"},
    "points": WORDS | {"index", "session"},
    "index": WORDS | {"detection", "eras", "model", "replay", "session", "sources"},
    "sheets": {"findings", "plays", "scenario"},
    "conversion": WORDS | {"eras", "model", "replay", "scenario", "session", "sources"},
    "comparison": {"conversion", "eras", "findings", "plays", "quoting", "scenario", "session", "sources"},
    "places": {"sources"},
    "portable": set(),
    "fingerprints": {"findings"},
    "settings": {"errors"},
    "gate": {"errors", "events", "findings", "folding", "incidents", "judge", "portable", "rulebook"},
    "quoting": {"errors", "findings", "sources"},
    "record": {"errors"},
    "live": WORDS | {"detection", "folding", "judge", "model", "places", "replay", "rulebook", "sources"},
    "detection": {"eras", "sources"},
    "stats": {"errors", "sources"},
    "folding": {"findings", "rules"},
    "foresight": {"events", "replay", "sources"},
    "unchecked": {"foresight", "replay"},
    "workers": set(),
    "invariants": set(),
    "plugins": {"errors", "findings", "registry", "rules"},
    "rulebook": {"errors", "incidents", "plugins", "registry", "rules"},
    "judge": {"errors", "findings", "fingerprints", "incidents", "places", "rulebook", "rules"},
    "deep": {"conversion", "eras", "errors", "findings", "incidents", "plays", "rulebook", "scenario", "session"},
    "about": {"eras", "findings", "gate", "invariants", "rulebook", "rules", "sources"},
    "checking": {
        "about",
        "deep",
        "eras",
        "errors",
        "findings",
        "gate",
        "judge",
        "plays",
        "session",
        "sheets",
        "sources",
        "workers",
    },
    "session": WORDS | {"detection", "eras", "foresight", "model", "places", "replay", "sources", "unchecked"},
    "api": EVERYTHING_BELOW_API
    | {"about", "checking", "comparison", "conversion", "gate", "live", "plays", "points", "quoting"}
    | {"index", "rulebook", "scenario", "session", "sheets", "stats"},
    "cli": {"api", "findings", "reporters", "errors", "cachemode", "record", "settings"},
    "docs": {"api", "cli", "settings", "sources"},
    "__main__": {"cli"},
}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def layer(module):
    """The first name below pat_check: ``pat_check.model.vma`` and model/vma.py are of layer ``model``."""
    return module.removeprefix("pat_check").removeprefix(".").split(".")[0]


def dotted(path):
    return ".".join(("pat_check", *path.with_suffix("").parts)).removesuffix(".__init__")


def imported(path, package=PACKAGE):
    """Every module of the package that a module names in an import, wherever in the file the import stands."""
    for node in ast.walk(ast.parse((package / path).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.startswith("pat_check.") and layer(name) in MAY_IMPORT)


def wrong_imports(path, package=PACKAGE):
    own = layer(dotted(path))
    return [name for name in imported(path, package) if layer(name) not in MAY_IMPORT[own] | {own}]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path):
    assert wrong_imports(path) == []


def test_no_arrow_goes_round_in_a_circle():
    seen = set()
    while ready := {name for name, may in MAY_IMPORT.items() if name not in seen and may <= seen}:
        seen |= ready
    assert seen == set(MAY_IMPORT)


def test_a_wrong_import_is_seen_wherever_it_hides(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "vma.py").write_text("def f():\n    from pat_check import rules\n    import pat_check.cli\n")
    assert wrong_imports(Path("model/vma.py"), tmp_path) == ["pat_check.rules", "pat_check.cli"]
