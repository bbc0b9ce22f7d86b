"""How a report's figures are said, the same on the terminal, in Markdown and in HTML."""

from __future__ import annotations

from agentdb.delivery.report import Advised, Report

_MEGABYTE = 1024 * 1024


def verdict(report: Report) -> str:
    """Return the one sentence that somebody in a hurry reads."""
    count, name = len(report.recommendations), named(report)
    if not report.coverage.analysed:
        return f"{name}: no statement could be analysed, so there is no advice."
    if not count:
        return f"{name}: nothing worth doing."
    before, after = report.workload.time_before_ms, report.workload.time_after_ms
    things = "one thing" if count == 1 else f"{count} things"
    size = sum(advised.size_bytes for advised in report.recommendations)
    return (
        f"{name}: {things} to do. The workload's {seconds(before)} become "
        f"{seconds(after)} ({percent(saved(before, after))} less), for {megabytes(size)}."
    )


def named(report: Report) -> str:
    """Return the audited database; of one behind a socket on this machine only its name."""
    is_socket = report.target.startswith("/")
    return report.target.rpartition("/")[2] if is_socket else report.target


def covered(report: Report) -> str:
    """Return how much was looked at."""
    coverage = report.coverage
    took = (report.finished_at - report.started_at).total_seconds()
    return (
        f"{coverage.analysed} of {coverage.statements} statements analysed, "
        f"{percent(coverage.share_of_time)} of the time, in {took:.0f} s on "
        f"PostgreSQL {report.server_version}."
    )


def change(advised: Advised, report: Report) -> str:
    """Return before and after of the statement that saves the workload most."""
    shares = {each.fingerprint: each.share_of_time for each in report.workload.statements}
    best = max(
        advised.statements,
        key=lambda each: shares.get(each.fingerprint, 0) * saved(each.before_ms, each.after_ms),
    )
    return (
        f"{milliseconds(best.before_ms)} → {milliseconds(best.after_ms)} "
        f"({best.before_blocks:,} → {best.after_blocks:,})"
    )


def saved_share(advised: Advised, report: Report) -> float:
    """Return the share of the workload's time that one piece of advice saves, 0 to 1."""
    return advised.saved_ms / report.workload.time_before_ms if advised.saved_ms else 0.0


def saved(before: float, after: float) -> float:
    """Return the share that is gone."""
    return 1 - after / before if before else 0.0


def seconds(milliseconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> seconds(412), seconds(6300), seconds(-7_200_000)
    ('412 ms', '6.3 s', '-2.0 h')
    """
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if abs(milliseconds) >= size:
            return f"{milliseconds / size:,.1f} {unit}"
    return f"{milliseconds:.0f} ms"


def milliseconds(value: float) -> str:
    """Return milliseconds with three figures.

    >>> milliseconds(41.234), milliseconds(0.0312), milliseconds(1234.5)
    ('41.2', '0.031', '1,234')
    """
    if value >= 100:  # noqa: PLR2004 - three figures
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"  # noqa: PLR2004


def percent(share: float) -> str:
    """Return a share (0 to 1) in per cent; what is little but not nothing is said to be so.

    >>> percent(0.991), percent(0.0004), percent(0)
    ('99 %', '< 1 %', '0 %')
    """
    if 0 < share < 0.01:  # noqa: PLR2004 - one per cent
        return "< 1 %"
    return f"{share:.0%}".replace("%", " %")


def between_percent(value: float | None, low: float | None, high: float | None) -> str:
    """Return a figure in per cent with its bounds; nothing where it is not known.

    >>> between_percent(41.2, 35.6, 46.1), between_percent(None, None, None)
    ('41 % (36 to 46)', '')
    """
    if value is None or low is None or high is None:
        return ""
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"


def megabytes(size_bytes: int) -> str:
    """Return a size as people write it.

    >>> megabytes(25_690_112), megabytes(16_384)
    ('24.5 MB', '16 kB')
    """
    if size_bytes < _MEGABYTE:
        return f"{size_bytes // 1024} kB"
    return f"{size_bytes / _MEGABYTE:,.1f} MB"


def first_line(query: str, longest: int) -> str:
    """Return a statement on one line, cut where it gets too long."""
    line = " ".join(query.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
