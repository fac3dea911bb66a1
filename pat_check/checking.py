"""Inputs judged one by one: recordings are replayed, scenarios played in one era."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pat_check import __version__
from pat_check.about import SCENARIO, rule_texts
from pat_check.eras import NEWEST, era_of
from pat_check.errors import TraceError
from pat_check.findings import Input, Report
from pat_check.gate.policy import Policy, apply_policy
from pat_check.judge import Judge
from pat_check.session import Options, Session
from pat_check.sources.formats import source_named

_MAPS = frozenset(("remap", "inserts"))
"""Layers with which `deep` has something to play."""


def check(
    paths: Sequence[str],
    options: Options | Callable[[str], Options] | None = None,
    progress: Callable[[str, int], None] | None = None,
    policy: Policy | None = None,
) -> Report:
    """Replay recordings and play scenarios, and judge them; `progress(path, lines)` is called now and then.

    `options` are those of every path, or a function of the path; `policy` says what is selected, silenced and known.
    An input that cannot be read has `Input.error` set, in a report that still holds the others. Raises UnknownEra and
    UnknownFormat before anything is read.
    """
    chosen = [options(path) if callable(options) else options or Options() for path in paths]
    for own in chosen:
        if own.era != "auto":
            era_of(own.era)
        if own.input_format and own.input_format != SCENARIO[0]:
            source_named(own.input_format)
    report = Report(__version__, rules=rule_texts())
    for path, own in zip(paths, chosen, strict=True):
        _check(path, own, report, progress)
    apply_policy(report, policy or Policy())
    return report


def _check(path: str, options: Options, report: Report, progress: Callable[[str, int], None] | None) -> None:
    if is_scenario(path, options):
        _check_scenario(path, options, report)
    else:
        judge = Judge(path)
        try:
            session = Session(path, options, judge.hear, progress)
            judge.file = session.trace if session.trace != "-" else "<stdin>"
            judge.places = session.places
            seen = session.run()
        except TraceError as error:
            report.inputs.append(Input(path, "", "", "", error=str(error)))
            return
        report.inputs.append(seen)
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
            report.findings.append(finding)


def is_scenario(path: str, options: Options) -> bool:
    """Whether an input is a scenario: by its ending, unless a format is asked for."""
    return options.input_format == SCENARIO[0] if options.input_format else path.endswith(".pat")


def _check_scenario(path: str, options: Options, report: Report) -> None:
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
        message = str(error).removesuffix(error.excerpt).rstrip("\n")
        report.inputs.append(Input(path, "", "", "", error=message, excerpt=error.excerpt))
        return
    seen = input_of(path, scenario, played, reason)
    seen.facts = [
        f"--{name} was not used: a scenario says itself what there is"
        for name in ("memtypes", "iomem", "mtrr")
        if getattr(options, name)
    ]
    report.inputs.append(seen)
    report.findings.extend(sorted([*played.findings, *played.ignored], key=lambda one: (one.line, one.rule)))
