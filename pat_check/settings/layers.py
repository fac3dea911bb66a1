"""Which value counts: flag, ``--config key=value``, environment, file, default, in this order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pat_check.errors import ConfigError
from pat_check.settings.files import Document, Value, inline, nearest, placed, read_document
from pat_check.settings.keys import KEYS, PREFIX, Key, Kind
from pat_check.settings.machines import Machine

_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_OTHER_VARIABLES = (
    "PAT_CHECK_CONFIG",
    "PAT_CHECK_ISOLATED",
    "PAT_CHECK_DEBUG",
    "PAT_CHECK_PURE",
    "PAT_CHECK_TRACE_MARKER",
)


class Found(NamedTuple):
    """A value and where it comes from: ``pat-check.toml``, ``PAT_CHECK_ERA``, ``--config``."""

    value: Value
    origin: str
    line: int = 0  # of the file; 0: it is none, or that is not known

    @property
    def place(self) -> str:
        """The origin with its line: ``pat-check.toml:3``."""
        return placed(self.origin, self.line)


class Layers:
    """What is set outside of the command line.

    Raises ConfigError from the constructor for a file that cannot be used.
    """

    def __init__(
        self,
        commands: Collection[str],
        config: Sequence[str] = (),
        *,
        isolated: bool = False,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._environment = dict(environment or {})
        files = [one for one in config if _is_file(one)]
        if len(files) > 1:
            raise ConfigError(f"--config names {len(files)} files; one at most, and KEY=VALUE as often as you like")
        self._documents = [inline(one, commands) for one in reversed(config) if not _is_file(one)]
        self.file: Document | None = None
        if files:
            self.file = read_document(Path(files[0]), commands)
        elif not isolated:
            found = nearest(folder or Path.cwd())
            self.file = read_document(found, commands) if found is not None else None

    def find(self, key: Key, command: str = "") -> Found | None:
        """The value of a setting for a command; None: nobody sets it. Raises ConfigError for a bad variable."""
        for document in self._documents:
            if (found := _said(document, key, command)) is not None:
                return found
        if self._environment.get(key.variable):
            return Found(_parsed(key, self._environment[key.variable]), key.variable)
        return _said(self.file, key, command) if self.file is not None else None

    def check_table(self, command: str, takes: Collection[str]) -> None:
        """Raise ConfigError for the first key in the table of a command that is no setting of it."""
        for document in (*self._documents, *([self.file] if self.file is not None else [])):
            for name, value in document.of_command.get(command, {}).items():
                if name not in takes:
                    place = Found(value, document.origin, document.lines.get((command, name), 0)).place
                    raise ConfigError(
                        f"{place}: `{command}` has no setting {name!r}; it has {', '.join(sorted(takes))}"
                    )

    @property
    def machines(self) -> dict[str, Machine]:
        """The machines of the configuration by name."""
        found = dict(self.file.machines) if self.file is not None else {}
        for document in reversed(self._documents):
            found.update(document.machines)
        return found

    def strange_variables(self) -> Iterator[tuple[str, str]]:
        """Variables that look like settings and are none, each with the one that may be meant, or ""."""
        known = [*_OTHER_VARIABLES, *(key.variable for key in KEYS)]
        for name in sorted(self._environment):
            if name.startswith(PREFIX) and name not in known:
                import difflib

                near = difflib.get_close_matches(name, known, 1)
                yield name, near[0] if near else ""


def _is_file(text: str) -> bool:
    """Whether ``--config`` means a file: whatever is none, and has the form of one, is KEY=VALUE."""
    return "=" not in text or Path(text).is_file()


def _said(document: Document, key: Key, command: str) -> Found | None:
    for table, values in ((command, document.of_command.get(command, {})), ("", document.values)):
        if key.name in values:
            return Found(values[key.name], document.origin, document.lines.get((table, key.name), 0))
    return None


def _parsed(key: Key, text: str) -> Value:
    if key.kind is Kind.FLAG:
        if text.strip().lower() not in _BOOLEANS:
            raise ConfigError(f"{key.variable}: {text!r} is neither true nor false")
        return _BOOLEANS[text.strip().lower()]
    if key.is_many:
        return [one.strip() for one in text.split(",") if one.strip()]
    return text
