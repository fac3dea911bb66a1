"""The end of a report for people: how often each rule was broken, what is gone, what it all comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from rich.table import Table
from rich.text import Text

from pat_check.findings import Baseline, Finding, Report, Severity, counted
from pat_check.reporters.base import escaped
from pat_check.reporters.page import Page
from pat_check.reporters.telling import COLOR, as_typed

_PLACES = 3  # of suppressions that the verdict names
_GONE = 10  # entries of the baseline that are told one by one


def kinds(findings: Iterable[Finding]) -> str:
    """``1 error, 2 warnings``: findings by severity, the worst first; empty when there are none."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{counts[severity]:,} {severity}" if severity is Severity.INFO else counted(counts[severity], str(severity))
        for severity in sorted(counts, reverse=True)
    )


def verdict(report: Report, path: Callable[[str], str] = as_typed) -> str:
    """The sentence after what counts: inputs, and what was left out and why."""
    replayed = sum(not an_input.error for an_input in report.inputs)
    missing = len(report.inputs) - replayed
    parts = [f"in {counted(replayed, 'input')}"]
    if missing:
        parts.append(f"{counted(missing, 'input')} could not be replayed")
    return ", ".join([*parts, *left_out(report, path)])


def found(report: Report) -> str:
    """``3 findings (1 error, 2 warnings)``, or that there are none."""
    counting = [finding for finding in report.findings if finding.counts]
    if counting:
        return f"{counted(len(counting), 'finding')} ({kinds(counting)})"
    return "no new findings" if len(report.findings) > len(counting) else "no findings"


def left_out(report: Report, path: Callable[[str], str] = as_typed) -> list[str]:
    """What the findings above do not show or do not count, one phrase each."""
    phrases = []
    baselined = sum(finding.baseline is Baseline.UNCHANGED and not finding.suppression for finding in report.findings)
    if baselined:
        phrases.append(f"{baselined:,} baselined")
    reasons = [finding.suppression for finding in report.findings if finding.suppression]
    if reasons:
        places = list(dict.fromkeys(f"{path(one.file)}:{one.line}" for one in reasons if one.file))
        more = f" and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
        see = f" (see {', '.join(places[:_PLACES])}{more})" if places else ""
        phrases.append(f"{len(reasons):,} suppressed{see}")
    if report.hidden:
        ids = set(map(id, report.failing()))
        failing = sum(id(finding) in ids for finding in report.hidden)
        still = f", {failing:,} of which still {'fails' if failing == 1 else 'fail'} the run" if failing else ""
        phrases.append(f"{len(report.hidden):,} hidden below --min-severity{still}")
    return phrases


def write_verdict(page: Page, report: Report, *, everything: bool = False) -> None:
    """The table of rules, the entries that are gone, and the verdict in one sentence."""
    if any(everything or finding.counts for finding in report.findings):
        page.block(rules_table(report, everything=everything))
        page.line()
    if report.gone:
        for entry in report.gone[:_GONE]:
            page.line(f"no longer found: {entry.file}: {entry.message} [{entry.rule}]")
        more = len(report.gone) - _GONE
        drops = "`pat-check baseline write` drops " + ("it" if len(report.gone) == 1 else "them")
        page.line(f"and {more:,} more; {drops}" if more > 0 else drops)
        page.line()
    write_sentence(page, report)


def write_sentence(page: Page, report: Report) -> None:
    """The verdict alone."""
    worst = max((finding.severity for finding in report.findings if finding.counts), default=None)
    colour = "bold green" if worst is None else COLOR[worst]
    page.line((found(report), colour), " ", verdict(report))


def rules_table(report: Report, *, everything: bool = False) -> Table:
    """How many findings each rule has of each severity, the worst first; the number stands last.

    With `everything` the table has a head and tells baselined and suppressed findings from those that count.
    """
    counts: dict[tuple[Severity, str], Counter[str]] = {}
    for finding in report.findings:
        column = "suppressed" if finding.suppression else "found" if finding.counts else "baselined"
        counts.setdefault((finding.severity, finding.rule), Counter())[column] += 1
    columns = ["found", "baselined", "suppressed"] if everything else ["found"]
    table = Table(box=None, show_header=everything, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("severity")
    table.add_column("rule", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    for severity, rule in sorted(counts, key=lambda key: (-key[0], key[1])):
        count = counts[severity, rule]
        if everything or count["found"]:
            cells = [f"{count[column]:,}" for column in columns]
            table.add_row(Text(str(severity), COLOR[severity]), Text(escaped(rule)), *cells)
    return table
