"""Settings as options of commands: one declaration is the flag, the key in a file and the environment variable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from pat_check import api
from pat_check.cli.completing import complete_files, items, selectors
from pat_check.cli.words import era_name, unknown
from pat_check.errors import ConfigError
from pat_check.findings import Severity
from pat_check.reporters import reporters
from pat_check.settings import Key, Layers, key_named
from pat_check.settings.keys import Kind

F = TypeVar("F", bound=Callable[..., Any])

_LAYERS = "pat_check.layers"
_ORIGINS = "pat_check.origins"
_PLACES = "pat_check.places"
_CONFIG = "pat_check.config"
_ISOLATED = "pat_check.isolated"
_COMMAND_LINE = "command line"
_DEFAULT = "default"


class Setting(click.Option):
    """An option that is looked up in the environment and in the configuration when the command line has none."""

    def __init__(self, key: Key, *, many: bool, default: str, help_text: str) -> None:
        self.key, self.many = key, many
        flags = [f"--{key.name}", *([f"-{key.short}"] if key.short else [])]
        shown: dict[str, Any] = {"is_flag": True} if key.kind is Kind.FLAG else {"metavar": key.metavar or None}
        if default and key.kind is not Kind.FLAG:
            shown |= {"default": (default,) if many else default, "show_default": True}
        super().__init__([*flags, key.parameter], multiple=many, help=help_text, **shown)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a setting takes, for the Tab key."""
        if self.key.kind in (Kind.PATH, Kind.PATHS):
            return complete_files(ctx, self, incomplete)
        words = _OFFER.get(self.key.name)
        return items(words(ctx), incomplete) if words is not None else []

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        if ctx.resilient_parsing:  # somebody pressed Tab
            return value, source
        origin = _COMMAND_LINE if source is ParameterSource.COMMANDLINE else _DEFAULT
        if source is not ParameterSource.COMMANDLINE:
            found = layers(ctx).find(self.key, _table(ctx))
            if found is not None:
                value, source, origin = found.value, ParameterSource.DEFAULT_MAP, found.origin
                ctx.meta.setdefault(_PLACES, {})[self.key.name] = found.place
                if value == "" and not self.default:
                    value = None  # set to nothing: as if nobody had set it
                if isinstance(value, list) and not self.many:
                    if len(value) != 1:
                        raise ConfigError(f"{found.place}: {self.key.name}: `{ctx.info_name}` takes one value")
                    value = value[0]
        ctx.meta.setdefault(_ORIGINS, {})[self.key.name] = origin
        return value, source

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        value = super().process_value(ctx, value)
        try:
            return self._accepted(value)
        except ValueError as error:
            origin = ctx.meta[_ORIGINS][self.key.name]
            if origin in (_COMMAND_LINE, _DEFAULT):
                raise click.BadParameter(str(error), ctx, self) from error
            raise ConfigError(f"{ctx.meta[_PLACES][self.key.name]}: {self.key.name}: {error}") from error

    def _accepted(self, value: Any) -> Any:
        accept = _ACCEPT.get(self.key.name)
        if not self.many:
            return accept(value) if accept is not None and isinstance(value, str) else value
        words = value if isinstance(value, list | tuple) else ()
        if self.key.kind in (Kind.WORDS, Kind.TABLE):
            words = [word.strip() for given in words for word in given.split(",") if word.strip()]
        return tuple(accept(word) for word in words) if accept is not None else tuple(words)


def _table(ctx: click.Context) -> str:
    """The command whose table in a file counts: `config` tells of `replay`, and a group has one for its commands."""
    while ctx.parent is not None and ctx.parent.parent is not None:
        ctx = ctx.parent
    name = ctx.info_name or ""
    return "replay" if name == "config" else name


def _settings_of(ctx: click.Context) -> set[str]:
    """The settings of the command that runs, or of all in its group."""
    top = ctx
    while top.parent is not None and top.parent.parent is not None:
        top = top.parent
    commands = [top.command, *getattr(top.command, "commands", {}).values()]
    return {option.key.name for command in commands for option in command.params if isinstance(option, Setting)}


def layers(ctx: click.Context) -> Layers:
    """The configuration of a run; read once."""
    if _LAYERS not in ctx.meta:
        from pat_check.cli import COMMANDS, warn

        isolated = bool(ctx.meta.get(_ISOLATED))
        tables = [name for name in COMMANDS if name != "config"]
        ctx.meta[_LAYERS] = made = Layers(tables, ctx.meta.get(_CONFIG, ()), isolated=isolated, environment=os.environ)
        for name, near in made.strange_variables():
            warn(f"{name} is no setting" + (f"; did you mean {near}?" if near else ""))
        made.check_table(_table(ctx), _settings_of(ctx))
    found: Layers = ctx.meta[_LAYERS]
    return found


def origins(ctx: click.Context) -> dict[str, str]:
    """Where the value of each setting of this command comes from."""
    found: dict[str, str] = ctx.meta.get(_ORIGINS, {})
    return found


def setting(name: str, *, many: bool | None = None, default: str | None = None, help: str = "") -> Callable[[F], F]:
    """An option of a command by its name among the settings; the rest is where the command differs."""
    key = key_named(name)
    many = key.is_many if many is None else many

    def added(command: F) -> F:
        option = Setting(
            key, many=many, default=key.default if default is None else default, help_text=help or key.help
        )
        command.__dict__.setdefault("__click_params__", []).append(option)
        return command

    return added


def settings(*names: str) -> Callable[[F], F]:
    """Several of them, in this order in ``--help``."""

    def added(command: F) -> F:
        for name in reversed(names):
            command = setting(name, many=False if name == "era" else None)(command)
        return command

    return added


def _noted(where: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keep the value of an option for `layers`."""

    def note(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if where == _CONFIG and not value:
            value = tuple(one.strip() for one in os.environ.get("PAT_CHECK_CONFIG", "").split(",") if one.strip())
        ctx.meta[where] = value
        if where == _ISOLATED:
            api.use_plugins(not value)

    return note


def config_options(command: F) -> F:
    """``--config`` and ``--isolated``: where settings are read from."""
    for option in (
        click.option(
            "--isolated",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_noted(_ISOLATED),
            envvar="PAT_CHECK_ISOLATED",
            help="Read no configuration file but that of --config, and load no plug-in.",
        ),
        click.option(
            "--config",
            multiple=True,
            is_eager=True,
            expose_value=False,
            callback=_noted(_CONFIG),
            metavar="FILE|KEY=VALUE",
            help="Use this configuration file, or set one key.",
        ),
    ):
        command = option(command)
    return command


def _one_of(what: str, names: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """A check that knows near misses; the names are looked up when a value is given, not for ``--help``."""

    def accept(value: str) -> str:
        if value not in (known := list(names())):
            raise ValueError(unknown(what, value, known))
        return value

    return accept


def one_of(
    what: str, names: Callable[[], Iterable[str]]
) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """The same as the callback of a plain option or argument."""

    def accept(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        try:
            return None if value is None else _one_of(what, names)(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return accept


def _era(value: str) -> str:
    return _one_of("era", lambda: ["auto", "all", *(era.name for era in api.eras())])(era_name(value))


def _severity(value: str) -> str:
    return _one_of("severity", lambda: map(str, Severity))(value.lower())


def _override(value: str) -> tuple[str, Severity]:
    rule, equals, level = value.partition("=")
    if not equals:
        raise ValueError(f"{value!r} is not RULE=LEVEL.")
    return _selector(rule.strip()), Severity[_severity(level.strip()).upper()]


def _selector(value: str) -> str:
    if problem := api.bad_selector(value):
        raise ValueError(problem)
    return value


def _anchor(value: str) -> tuple[str, int]:
    file, colon, line = value.rpartition(":")
    if not colon or not file or not line.isascii() or not line.isdigit() or int(line) < 1:
        raise ValueError(f"{value!r} is not FILE:LINE.")
    return file, int(line)


def _jobs(value: str) -> str:
    if value != "auto" and not (value.isascii() and value.isdigit() and int(value)):
        raise ValueError(f"{value!r} is neither a number from 1 on nor auto.")
    return value


_ACCEPT: dict[str, Callable[[str], Any]] = {
    "era": _era,
    "input-format": _one_of("format", lambda: [name for name, _ in api.formats()]),
    "select": _selector,
    "ignore": _selector,
    "severity": _override,
    "min-severity": _severity,
    "fail-on": _severity,
    "jobs": _jobs,
    "sarif-anchor": _anchor,
    "color": _one_of("choice", lambda: ["auto", "always", "never"]),
    "links": _one_of("choice", lambda: ["auto", "always", "never"]),
    "pager": _one_of("choice", lambda: ["auto", "never"]),
}

_LEVELS = [str(level) for level in Severity]
_WHEN = ["auto", "always", "never"]
_OFFER: dict[str, Callable[[click.Context], Iterable[str]]] = {
    "era": lambda ctx: ["auto", "all", *(era.name for era in api.eras())],
    "machine": lambda ctx: sorted(layers(ctx).machines),
    "input-format": lambda ctx: [name for name, _ in api.formats()],
    "select": lambda ctx: selectors(api.rule_ids()),
    "ignore": lambda ctx: selectors(api.rule_ids()),
    "severity": lambda ctx: [f"{one}={level}" for one in selectors(api.rule_ids()) for level in _LEVELS],
    "min-severity": lambda ctx: _LEVELS,
    "fail-on": lambda ctx: _LEVELS,
    "output": lambda ctx: reporters(),
    "jobs": lambda ctx: ["auto"],
    "color": lambda ctx: _WHEN,
    "links": lambda ctx: _WHEN,
    "pager": lambda ctx: ["auto", "never"],
}
