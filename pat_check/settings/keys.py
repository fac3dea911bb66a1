"""Every setting: its one name, what it takes, and what it does.

The name is the flag (``--fail-on``), the key in a file (``fail-on``) and the variable (``PAT_CHECK_FAIL_ON``).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

PREFIX = "PAT_CHECK_"


class Kind(Enum):
    """What a setting takes."""

    FLAG = "true or false"
    TEXT = "a string"
    NUMBER = "a whole number, or a word"
    PATH = "a path; in a file, relative to that file"
    WORDS = "a list of strings"
    PATHS = "a list of paths; in a file, relative to that file"
    OUTPUTS = "a list of FORMAT or FORMAT=FILE"
    TABLE = "a table of strings"


class Key(NamedTuple):
    """A setting.

    `default` is text as a user would write it, "" where there is none; what values make sense is for the commands to
    say, which know rules, eras and formats.
    """

    name: str
    kind: Kind
    help: str
    default: str = ""
    metavar: str = ""
    short: str = ""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper().replace("-", "_")

    @property
    def parameter(self) -> str:
        """The name of the Python parameter."""
        return self.name.replace("-", "_")

    @property
    def is_many(self) -> bool:
        """Whether the flag may be given several times."""
        return self.kind in (Kind.WORDS, Kind.PATHS, Kind.OUTPUTS, Kind.TABLE)


KEYS: tuple[Key, ...] = (
    Key(
        "era",
        Kind.WORDS,
        "Which kernel's behaviour to replay: a name of `pat-check eras`, or a release such as 6.12.",
        "auto",
        "ERA",
    ),
    Key("machine", Kind.TEXT, "A machine of the configuration: its iomem, mtrr and BAR names.", "", "NAME"),
    Key("memtypes", Kind.PATH, "A pat_memtype_list read when the trace began.", "", "FILE"),
    Key("iomem", Kind.PATH, "The machine's /proc/iomem: what is RAM.", "", "FILE"),
    Key("mtrr", Kind.PATH, "The machine's /proc/mtrr.", "", "FILE"),
    Key("input-format", Kind.TEXT, "Do not guess the format of TRACE.", "", "FORMAT"),
    Key("strict", Kind.FLAG, "Damage in a trace is an error."),
    Key("deep", Kind.FLAG, "Also play what was recorded, and judge mappings and page tables."),
    Key("jobs", Kind.NUMBER, "Replay up to N recordings at a time; auto: one for each CPU.", "auto", "N", short="j"),
    Key(
        "select",
        Kind.WORDS,
        "Check these rules only: a rule, a family, a part of a name up to a hyphen, or ALL.",
        "ALL",
        "RULE",
    ),
    Key("ignore", Kind.WORDS, "Leave these rules out; where both match, the longer name wins.", "", "RULE"),
    Key("severity", Kind.TABLE, "Give a rule another severity.", "", "RULE=LEVEL"),
    Key("min-severity", Kind.TEXT, "Do not show what is less severe.", "info", "LEVEL"),
    Key("fail-on", Kind.TEXT, "Exit with 1 for findings from this severity on.", "warning", "LEVEL"),
    Key("exit-zero", Kind.FLAG, "Exit with 0 whatever is found."),
    Key("suppressions", Kind.PATHS, "A file of findings to silence, each with a reason.", "", "FILE"),
    Key("baseline", Kind.PATH, "Show what this file holds as baselined, and do not fail for it.", "", "FILE"),
    Key("output", Kind.OUTPUTS, "How to report, and where to; give several to write several.", "text", "FORMAT[=FILE]"),
    Key("gen-suppressions", Kind.FLAG, "Also print entries for --suppressions; the reasons are yours to write."),
    Key("sarif-anchor", Kind.TEXT, "Where SARIF shows findings in traces that are not committed.", "", "FILE:LINE"),
    Key("sarif-category", Kind.TEXT, "The automationDetails.id of SARIF: which run of several this is.", "", "NAME"),
    Key("statistics", Kind.FLAG, "Count findings by rule instead of telling each."),
    Key("quiet", Kind.FLAG, "Findings and the verdict only.", short="q"),
    Key("verbose", Kind.FLAG, "Also say what is suppressed and where each setting comes from.", short="v"),
    Key("color", Kind.TEXT, "Colour the text: auto, always or never; auto is on a terminal only.", "auto", "WHEN"),
    Key("links", Kind.TEXT, "Link rules to their pages: auto, always or never.", "auto", "WHEN"),
    Key("pager", Kind.TEXT, "Show long text with a pager: auto or never; auto is on a terminal only.", "auto", "WHEN"),
)
"""In the order of the reference page."""

_BY_NAME = {key.name: key for key in KEYS}


def key_named(name: str) -> Key:
    """The key of this name; raises KeyError."""
    return _BY_NAME[name]
