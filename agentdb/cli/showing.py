"""A report on the terminal: what to do, what it rests on, and what comes next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from agentdb.cli.output import Format, print_json, print_table, print_text, say
from agentdb.delivery.report import Advised, Omission, Report, WorkloadStatement
from agentdb.delivery.words import (
    change,
    covered,
    first_line,
    megabytes,
    milliseconds,
    percent,
    saved,
    saved_share,
    verdict,
)

_MOST_LISTED = 5
_ALIKE = 0.8  # cosine; below it a past fix is not worth the room
_LISTED_SHARE = 0.01  # of the workload's time: below it a statement is not worth a line


def show_report(report: Report, format_: Format) -> None:
    """Print a report to stdout, and on stderr what can be done with it."""
    if format_ == Format.JSON:
        _say_notes(report)
        print_json(report)
        return
    show_findings(report)
    for step in next_steps(report):
        say(step)


def show_findings(report: Report, most: int | None = None) -> None:
    """Print what an audit advises (the best `most` of it), and what it leaves open."""
    _say_notes(report)
    print_text(verdict(report))
    if report.recommendations:
        columns, rows = _advice(report)
        print_table(columns, rows[:most])
        if hidden := len(rows) - len(rows[:most]):
            print_text(f"and {hidden} more: agentdb recommendations list")
    print_text("\n".join(_footnotes(report)))


def _say_notes(report: Report) -> None:
    for note in report.notes:
        say(f"note: {note}")


def next_steps(report: Report) -> tuple[str, ...]:
    """Return what somebody who has read the advice can do now."""
    if not report.recommendations or not report.kept:
        return ()
    first = report.recommendations[0].id[:8]
    return (
        "next:",
        f"  agentdb recommendations show {first}      why, and which statements",
        "  agentdb recommendations sql | psql …      do all of it (CONCURRENTLY: nobody waits)",
        f"  agentdb recommendations reject {first} --why '…'",
    )


def worst(report: Report, most: int = _MOST_LISTED) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the statements that the most time is saved on, before and after."""
    columns = ("statement", "calls", "ms before", "after", "blocks before", "after", "faster")
    ranked = sorted(report.workload.statements, key=_saved, reverse=True)
    helped = [statement for statement in ranked if statement.helped][:most]
    return columns, [
        (
            first_line(each.query, 48),
            each.calls,
            milliseconds(each.before_ms),
            milliseconds(each.after_ms),
            f"{each.before_blocks:,}",
            f"{each.after_blocks:,}",
            f"{each.before_ms / max(each.after_ms, 0.001):,.0f} times",
        )
        for each in helped
    ]


def _saved(statement: WorkloadStatement) -> float:
    return statement.share_of_time * saved(statement.before_ms, statement.after_ms)


def _advice(report: Report) -> tuple[Sequence[str], list[Sequence[object]]]:
    columns = ("", "what", "a call, ms (blocks)", "saves", "size", "sure", "like it before")
    rows: list[Sequence[object]] = [
        (
            rank,
            advised.title,
            change(advised, report),
            percent(saved_share(advised, report)),
            megabytes(advised.size_bytes),
            percent(advised.confidence),
            _recalled(advised, report),
        )
        for rank, advised in enumerate(report.recommendations, start=1)
    ]
    return columns, rows


def _recalled(advised: Advised, report: Report) -> str:
    lines = []
    if advised.first_advised_at < report.started_at:
        lines.append(f"open since {advised.first_advised_at:%Y-%m-%d %H:%M}")
    past = advised.similar[0] if advised.similar else None
    if past and past.similarity >= _ALIKE:
        lines.append(f"{past.similarity:.2f} {past.title} ({past.verdict})")
    return "\n".join(lines)


def _footnotes(report: Report) -> Iterator[str]:
    yield covered(report)
    for reason, found in _by_reason(report.coverage.skipped):
        share = sum(each.share_of_time for each in found)
        yield f"  left out: {len(found)} ({percent(share)} of the time): {reason}"
    for refused in report.not_again:
        yield f"  left out: {refused.title}: {refused.reason}"
    unhelped = [each for each in report.workload.statements if _is_unhelped(each)]
    if unhelped:
        yield "no index helps:"
    for each in unhelped[:_MOST_LISTED]:
        part = percent(each.share_of_time)
        yield f"  {part} of the time: {first_line(each.query, 70)} ({each.note})"


def _is_unhelped(statement: WorkloadStatement) -> bool:
    return not statement.helped and statement.share_of_time >= _LISTED_SHARE


def _by_reason(skipped: Sequence[Omission]) -> list[tuple[str, list[Omission]]]:
    groups: defaultdict[str, list[Omission]] = defaultdict(list)
    for each in skipped:
        groups[each.reason].append(each)
    return sorted(groups.items(), key=lambda group: -sum(each.share_of_time for each in group[1]))
