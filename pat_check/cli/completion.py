"""``pat-check completion``: what makes the Tab key work in bash, zsh and fish."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete, add_completion_class

from pat_check.cli.command import Command, Group
from pat_check.cli.words import unknown
from pat_check.errors import PatCheckError

VARIABLE = "_PAT_CHECK_COMPLETE"
"""Set by the scripts when they ask what goes on; the name is that of click."""

_PROGRAM = "pat-check"
_EQUALS = "="


class _Quiet(ShellComplete):
    """Offers nothing where the configuration or a plug-in cannot be used: the next command will say why."""

    def complete(self) -> str:
        try:
            return super().complete()
        except (PatCheckError, OSError):
            return ""


class _Bash(_Quiet, BashComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        """The words so far; bash makes three of ``--era=vm``."""
        args, incomplete = super().get_completion_args()
        if incomplete == _EQUALS and args and args[-1].startswith("--"):
            return args, ""
        if args and args[-1] == _EQUALS:
            return args[:-1], incomplete
        return [word for word in args if word != _EQUALS], incomplete


class _Zsh(_Quiet, ZshComplete):
    pass


class _Fish(_Quiet, FishComplete):
    pass


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer_with_ours() -> None:
    """Let these classes answer the scripts."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)


def script(shell: str) -> str:
    """The text that a shell reads."""
    from pat_check.cli import cli

    made = SHELLS[shell](cli, {}, _PROGRAM, VARIABLE)
    return ShellComplete.source(made).strip() + "\n"


@click.group(cls=Group, examples=(("make the Tab key work in your shell", "pat-check completion install"),))
def completion() -> None:
    """Make the Tab key complete names and files.

    Commands, options, rules, eras, formats, severities, machines of the configuration, and files.
    """


def _printer(shell: str) -> click.Command:
    @click.command(shell, cls=Command, help=f"Print the script for {shell}.")
    def printer() -> None:
        click.echo(script(shell), nl=False)

    return printer


for _shell in SHELLS:
    completion.add_command(_printer(_shell))


def _bash_file() -> Path:
    folder = os.environ.get("BASH_COMPLETION_USER_DIR")
    base = Path(folder) if folder else _xdg("XDG_DATA_HOME", ".local/share") / "bash-completion"
    return base / "completions" / _PROGRAM


def _zsh_file() -> Path:
    return Path.home() / ".zfunc" / f"_{_PROGRAM}"


def _fish_file() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config") / "fish" / "completions" / f"{_PROGRAM}.fish"


def _xdg(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    return Path(given) if Path(given).is_absolute() else Path.home() / default


_FILES: dict[str, Callable[[], Path]] = {"bash": _bash_file, "zsh": _zsh_file, "fish": _fish_file}
_HINTS = {
    "bash": "It works in new shells where the package bash-completion is installed.",
    "zsh": "Where it is not there yet, add this line to .zshrc, before any other compinit:\n"
    "  fpath=(~/.zfunc $fpath); autoload -Uz compinit && compinit",
    "fish": "It works in new shells.",
}


def _shell_named(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    name = value or Path(os.environ.get("SHELL", "")).name
    if name in SHELLS:
        return name
    if value is None:
        raise click.BadParameter(f"SHELL is {name or 'not set'}; name one: {', '.join(SHELLS)}.", ctx, param)
    raise click.BadParameter(unknown("shell", name, SHELLS), ctx, param)


@completion.command(cls=Command)
@click.argument("shell", required=False, metavar="[bash|zsh|fish]", callback=_shell_named)
def install(shell: str) -> None:
    """Write the script where the shell looks for it.

    Without an argument the shell is that of SHELL. Files such as .bashrc are never changed: what remains to be done
    there is said.
    """
    target, text = _FILES[shell](), script(shell)
    before = target.read_text(encoding="utf-8") if target.exists() else None
    if before is not None and VARIABLE not in before:
        raise click.UsageError(f"{target} is there and is not ours; move it away first.")
    if before == text:
        click.echo(f"{target} is up to date.")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        click.echo(f"{'Wrote' if before is None else 'Updated'} {target}.")
    click.echo(_HINTS[shell])
