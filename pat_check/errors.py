"""Our own failures. The kernel's failures are values (``-EBUSY``); these are exceptions."""


class PatCheckError(Exception):
    """Something the user asked for cannot be done; the CLI prints it and exits with 2."""


class TraceError(PatCheckError):
    """An input cannot be read: says which file and, where it is known, which 1-based line."""

    def __init__(self, message: str, path: str, at: int = 0, excerpt: str = "") -> None:
        super().__init__(f"{path}:{at}: {message}" if at else f"{path}: {message}")
        self.message, self.path, self.at = message, path, at
        self.excerpt = excerpt  # lines to show below, such as the one that is wrong with a caret under it


class UnknownEra(PatCheckError):
    """No era has this name."""


class UnknownFormat(PatCheckError):
    """No source has this name."""


class ConfigError(PatCheckError):
    """The configuration cannot be used: says where it stands, with a file and line where there are any."""


class PluginError(PatCheckError):
    """A package with rules cannot be used: names its distribution."""

    def __init__(self, origin: str, message: str) -> None:
        super().__init__(f"the plug-in {origin}: {message} (--isolated leaves plug-ins out)")


class RecordError(PatCheckError):
    """A recording cannot be made: says what is missing or what the kernel refused."""
