"""docs/reference/configuration.md: every setting under its three names, and machines."""

from __future__ import annotations

from pat_check.docs.markdown import code, page, table
from pat_check.settings.keys import KEYS, Key
from pat_check.settings.machines import FIELDS

_INTRO = """
A setting has one name: as a flag (`--fail-on`), as a key in a file (`fail-on`) and as a variable (`PAT_CHECK_FAIL_ON`).
Of several values the first counts:

1. the flag,
2. `--config KEY=VALUE`,
3. the variable; lists are written with commas, flags as `1`, `true`, `yes`, `on` or their opposites,
4. a file: that of `--config FILE`, else the nearest going up from the working directory, `pat-check.toml` before a
   `pyproject.toml` with a table `[tool.pat-check]`; only one file is read,
5. the default.

`pat-check config` prints what counts here and where it comes from. `--isolated` reads no file but that of
`--config`."""

_EXAMPLE = """
```toml pat-check.toml
fail-on = "error"
suppressions = "ci/pat-check.supp"
ignore = ["memtype-isa", "locking"]

[severity]
memtype-downgrade = "info"

[lint]
era = ["vm-pat-6.12", "pfnmap-ctx"]

[machines.lab-7]
iomem = "machines/lab-7/iomem.txt"
mtrr = "machines/lab-7/mtrr.txt"
era = "6.12"
traces = ["lab-7/*"]

[machines.lab-7.bars]
vram = "fd000000-fdffffff"
```

A table with the name of a command holds values for that command alone, `[baseline]` for all that begin so. In
`pyproject.toml` all this stands below `[tool.pat-check]`. Paths are relative to the file, so that a run does not
depend on where it is started. A key that does not exist, or a value that makes no sense, is an error with the line."""

_MACHINES = """
A trace does not say what machine it comes from. A table `[machines.NAME]` does, for `--machine NAME` and for every
trace that one of its globs matches:"""

_FIELD_HELP: dict[str, str] = {
    "iomem": "a copy of its `/proc/iomem`",
    "mtrr": "a copy of its `/proc/mtrr`",
    "era": "the era or release of its kernel, where `--era` does not say another",
    "traces": (
        "globs of traces that were recorded there; `lab-7/*` matches `captures/lab-7/boot.txt` and "
        "`captures/lab-7/run/trace.txt`"
    ),
    "bars": "names of ranges, as in `/proc/iomem` with the last byte included",
}

_OTHERS = """
`PAT_CHECK_CONFIG` and `PAT_CHECK_ISOLATED` stand for `--config` and `--isolated`; `PAT_CHECK_DEBUG=1` shows where an
internal error comes from. `NO_COLOR`, `FORCE_COLOR` and `TERM=dumb` count where `color` is `auto`. Any other variable
that begins with `PAT_CHECK_` is warned of."""

_SELECTORS = """
`select`, `ignore`, `severity` and suppressions name rules by a selector: a rule (`memtype-leak`), a family (`memtype`),
any part of a name up to a hyphen, or `ALL`. Where several match, the longest counts. Severities are `info`, `warning`,
`error` and `fatal`."""


def configuration_page() -> str:
    """The page."""
    return page(
        "Configuration",
        _INTRO,
        "## A file",
        _EXAMPLE,
        "## Settings",
        table(("Key", "Takes", "Default", ""), map(_row, KEYS)),
        _SELECTORS,
        "## Machines",
        _MACHINES,
        table(("Key", ""), ((code(field), _FIELD_HELP[field]) for field in FIELDS)),
        "## Other variables",
        _OTHERS,
    )


def _row(key: Key) -> tuple[str, str, str, str]:
    return code(key.name), key.kind.value, code(key.default), key.help
