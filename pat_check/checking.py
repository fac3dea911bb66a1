"""Inputs judged one by one: recordings are replayed, scenarios played in one era."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from os.path import isdir, isfile

from pat_check import __version__
from pat_check.about import SCENARIO, RuleTexts
from pat_check.eras import NEWEST, era_of
from pat_check.errors import TraceError
from pat_check.findings import NOTES, Finding, Input, Report
from pat_check.gate.policy import Policy, apply_policy
from pat_check.judge import Judge
from pat_check.session import Options, Session
from pat_check.sources.formats import source_named
from pat_check.workers import Task, Tick, in_order

_MAPS = frozenset(("remap", "inserts"))
"""Layers with which `deep` has something to play."""


def check(
    paths: Sequence[str],
    options: Options | Callable[[str], Options] | None = None,
    progress: Callable[[str, int], None] | None = None,
    policy: Policy | None = None,
    jobs: int = 1,
) -> Report:
    """Replay recordings and play scenarios, and judge them; `progress(path, lines)` is called now and then.

    `options` are those of every path, or a function of the path; `policy` says what is selected, silenced and known.
    An input that cannot be read has `Input.error` set, in a report that still holds the others. Raises UnknownEra and
    UnknownFormat before anything is read.

    Recordings are replayed by up to `jobs` processes at a time, which changes nothing in the report. Scenarios, which
    are short, and what can be read only once are for this process, and so is everything where it has other threads.
    """
    chosen = [options(path) if callable(options) else options or Options() for path in paths]
    for own in chosen:
        if own.era != "auto":
            era_of(own.era)
        if own.input_format and own.input_format != SCENARIO[0]:
            source_named(own.input_format)
    report = Report(__version__, rules=RuleTexts())
    task = Task(_checked, _is_here, _lost, lambda one, lines: progress(one[0], lines) if progress else None)
    with closing(in_order(task, list(zip(paths, chosen, strict=True)), jobs)) as results:
        for seen, findings in results:
            report.inputs.append(seen)
            report.findings += findings
    apply_policy(report, policy or Policy())
    return report


_Asked = tuple[str, Options]
_Seen = tuple[Input, list[Finding]]


def _is_here(one: _Asked) -> bool:
    """Whether an input is none for a worker: there is nothing to win, or no second time to read it."""
    path, options = one
    return path == "-" or is_scenario(path, options) or not (isfile(path) or isdir(path))


def _lost(one: _Asked, how: str) -> _Seen:
    path, _ = one
    return _unread(path, f"{path}: was not replayed: {how}; where memory is short, --jobs 1 needs the least")


def _unread(path: str, error: str, excerpt: str = "") -> _Seen:
    return Input(path, "", "", "", error=error, excerpt=excerpt), []


def _checked(one: _Asked, tick: Tick) -> _Seen:
    path, options = one
    if is_scenario(path, options):
        return _checked_scenario(path, options)
    judge = Judge(path, NOTES + 1)  # what is told of repetitions: a long recording has no end of them
    try:
        session = Session(path, options, judge.hear, lambda _, lines: tick(lines))
        judge.file = session.trace if session.trace != "-" else "<stdin>"
        judge.places = session.places
        seen = session.run()
    except TraceError as error:
        return _unread(path, str(error))
    findings = judge.close()
    if options.deep:
        from pat_check.deep import played

        found, why = played(session, seen)
        findings = sorted([*findings, *found], key=lambda one: (one.file != judge.file, one.file, one.line))
        if why:
            seen.facts.append(f"mappings and page tables (--deep): {why}")
    elif _MAPS & set(seen.layers):
        seen.facts.append("what is mapped, and with which frames and types: --deep plays what was recorded")
    for finding in findings:
        finding.era = seen.era
    return seen, findings


def is_scenario(path: str, options: Options) -> bool:
    """Whether an input is a scenario: by its ending, unless a format is asked for."""
    return options.input_format == SCENARIO[0] if options.input_format else path.endswith(".pat")


def _checked_scenario(path: str, options: Options) -> _Seen:
    """Play a scenario in one era. What it claims counts for nothing here, what its comments ignore is left out."""
    era = NEWEST if options.era == "auto" else era_of(options.era)
    reason = options.era_reason
    if options.era == "auto":
        reason = "the newest, for a scenario does not say on what it runs (--era chooses another)"
    from pat_check.plays import play, read_scenario
    from pat_check.sheets import input_of

    try:
        scenario = read_scenario(path)
        played = play(scenario, era)
    except TraceError as error:
        return _unread(path, str(error).removesuffix(error.excerpt).rstrip("\n"), error.excerpt)
    seen = input_of(path, scenario, played, reason)
    seen.facts += [
        f"--{name} was not used: a scenario says itself what there is"
        for name in ("memtypes", "iomem", "mtrr")
        if getattr(options, name)
    ]
    return seen, sorted([*played.findings, *played.ignored], key=lambda one: (one.line, one.rule))
