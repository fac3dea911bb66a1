"""Configuration files: which one counts, and what it says, every key checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pat_check.errors import ConfigError
from pat_check.settings.keys import KEYS, Key, Kind, key_named
from pat_check.settings.machines import FIELDS, Machine, machine_of

OWN = "pat-check.toml"
SHARED = "pyproject.toml"
_TABLE = "pat-check"  # [tool.pat-check] in SHARED
_AT = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$")

Value = bool | str | list[str]
"""A value as it is kept: what a table holds is kept as ``key=value`` strings."""


@dataclass(slots=True)
class Document:
    """What one file, or one ``--config key=value``, says."""

    origin: str  # the file as the user knows it, or "--config"
    values: dict[str, Value] = field(default_factory=dict)
    of_command: dict[str, dict[str, Value]] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)  # where a (command or "", key) stands; 0: unknown


def nearest(folder: Path) -> Path | None:
    """The file that counts in a folder: the nearest one going up that has something to say.

    In one folder ``pat-check.toml`` goes before ``pyproject.toml``; a pyproject.toml without ``[tool.pat-check]``
    does not count, nor does one that cannot be parsed and does not name the table.
    """
    folder = folder.resolve()
    for parent in (folder, *folder.parents):
        if (parent / OWN).is_file():
            return parent / OWN
        shared = parent / SHARED
        if shared.is_file() and _has_table(shared):
            return shared
    return None


def _has_table(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    import tomllib

    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return f"tool.{_TABLE}" in text
    return isinstance(tool, dict) and _TABLE in tool


def read_document(path: Path, commands: Collection[str]) -> Document:
    """Read a file. Raises ConfigError with file and line for what is not TOML, unknown, or of another kind."""
    import tomllib

    name = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: is not UTF-8") from error
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_located(name, str(error))) from error
    if path.name == SHARED:
        tool = whole.get("tool")
        whole = tool.get(_TABLE, {}) if isinstance(tool, dict) else {}
    reader = _Reader(name, text, path.parent, commands)
    if not isinstance(whole, dict):
        raise ConfigError(f"{name}: [tool.{_TABLE}] is not a table")
    return reader.read(whole)


def inline(text: str, commands: Collection[str]) -> Document:
    """``--config key=value``: TOML, or a bare word for a string; a number is a word, too, for ``6.10`` is not 6.1."""
    import tomllib

    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        whole = None
    if whole is None or type(_innermost(whole)) in (int, float):
        key, _, value = text.partition("=")
        try:
            whole = tomllib.loads(f"{key} = {_quoted(value.strip())}")
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"--config {text}: is neither a file nor KEY=VALUE") from error
    return _Reader("--config", "", Path(), commands).read(whole)


def _innermost(value: Any) -> Any:
    """What a key of tables in tables is set to."""
    while isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value


class _Reader:
    def __init__(self, name: str, text: str, folder: Path, commands: Collection[str]) -> None:
        self.name, self.lines, self.folder, self.commands = name, text.splitlines(), folder, commands

    def read(self, whole: dict[str, Any]) -> Document:
        document = Document(self.name)
        for name, value in whole.items():
            if name == "machines":
                document.machines = self._machines(value)
            elif name in self.commands and isinstance(value, dict):
                document.of_command[name] = {
                    own: self._value(self._key(own, (key.name for key in KEYS)), of) for own, of in value.items()
                }
                document.lines |= {(name, own): self._line(own, within=name) for own in value}
            else:
                key = self._key(name, ("machines", *self.commands, *(key.name for key in KEYS)))
                document.values[name] = self._value(key, value)
                document.lines["", name] = self._line(name)
        return document

    def _key(self, name: str, known: Iterable[str]) -> Key:
        try:
            return key_named(name)
        except KeyError:
            raise self._unknown("key", name, list(known)) from None

    def _value(self, key: Key, value: Any) -> Value:
        if key.kind is Kind.FLAG and isinstance(value, bool):
            return value
        if key.kind is Kind.TABLE and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
            return [f"{own}={one}" for own, one in value.items()]
        if key.is_many and isinstance(value, list) and all(isinstance(one, str) for one in value):
            return [self._rooted(key, one) for one in value]
        if key.kind is Kind.NUMBER and type(value) is int:
            return str(value)
        if key.kind is not Kind.FLAG and isinstance(value, str):
            rooted = self._rooted(key, value)
            return [rooted] if key.is_many else rooted
        raise self._wrong(key.name, f"{key.name} takes {key.kind.value}")

    def _rooted(self, key: Key, value: str) -> str:
        """A path of a file is relative to that file, so that a run does not depend on where it is started."""
        if key.kind in (Kind.PATH, Kind.PATHS):
            return rooted(self.folder, value)
        form, equals, path = value.partition("=")
        if key.kind is Kind.OUTPUTS and equals and path != "-":
            return f"{form}={rooted(self.folder, path)}"
        return value

    def _machines(self, tables: Any) -> dict[str, Machine]:
        if not isinstance(tables, dict):
            raise self._wrong("machines", "machines takes a table for each machine")
        made = {}
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise self._wrong(name, f"machines.{name} is not a table")
            for own in table:
                if own not in FIELDS:
                    raise self._unknown(f"key of machines.{name}", own, FIELDS)
            try:
                made[name] = machine_of(name, table, lambda path: rooted(self.folder, path))
            except ValueError as error:
                raise self._wrong(name, f"machines.{name}: {error}") from error
        return made

    def _unknown(self, what: str, name: str, known: Collection[str]) -> ConfigError:
        import difflib

        near = difflib.get_close_matches(name.replace("_", "-"), known)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(known)}"
        return self._wrong(name, f"unknown {what} {name!r}; {hint}")

    def _wrong(self, name: str, message: str) -> ConfigError:
        return ConfigError(f"{placed(self.name, self._line(name))}: {message}")

    def _line(self, name: str, within: str = "") -> int:
        """The line that spells a key or a table, below the header of the table `within`; 0: none does."""
        start = self._line(within) if within else 0
        spelled = re.compile(rf"""^\s*(\[.*\b)?["']?{re.escape(name)}["']?\s*[=\].]""")
        return next((at for at, line in enumerate(self.lines, 1) if at > start and spelled.match(line)), start)


def placed(name: str, line: int) -> str:
    """``file:3``, or the file alone where the line is not known."""
    return f"{name}:{line}" if line else name


def rooted(folder: Path, path: str) -> str:
    """`path` as seen from here when it is written in `folder`."""
    return path if path in ("", "-") else _shown(folder / path)


def _shown(path: Path) -> str:
    """As short as the user would write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _located(name: str, message: str) -> str:
    """``file:3:5: message`` of what tomllib says."""
    said = _AT.match(message)
    if said is None:
        return f"{name}: {message}"
    return f"{name}:{said['line']}:{said['column']}: {said['what']}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
