"""`agentdb status`: the last run and the next, what is open, and what was gained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentdb.cli.output import Format, FormatOption, print_json, print_text
from agentdb.cli.targets import TargetOption
from agentdb.delivery.words import first_line, megabytes, milliseconds, seconds
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy, which --help does without
    from datetime import datetime

    from agentdb.repositories.standing import Standing
    from agentdb.wiring.comparing import Compared, Slower
    from agentdb.wiring.status import Gained, LastRun, OpenAdvice, Status

EXAMPLE = "Example: agentdb status --target postgresql://reader@db.example/shop"

_MOST_SLOWER = 5
_LONGEST_QUERY = 70

Lines = Iterator[tuple[str, str]]


def status(target: TargetOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Show the last run and the next, what is open, what got slower, and what was gained."""
    from agentdb.wiring.status import read_status  # noqa: PLC0415 - --help does without

    found = read_status(read_settings(target_url=target))
    if format_ == Format.JSON:
        print_json(found)
        return
    print_text(found.target)
    for name, text in _lines(found):
        print_text(f"  {name:<10}{text}")


def _lines(found: Status) -> Lines:
    yield from _last_run(found.last_run)
    yield "next run", _when(found.next_run_at) or "no clock known: `agentdb schedule` is one"
    yield from _open(found.open)
    yield from _waiting(found)
    yield from _slower(found.compared)
    yield from _snapshots(found.snapshots)
    yield "gained", _gained(found.gained)


def _last_run(run: LastRun | None) -> Lines:
    if run is None:
        yield "last run", "none yet: `agentdb weekly`"
        return
    took = f" after {seconds(run.seconds * 1000)}" if run.seconds is not None else ""
    yield "last run", f"{_when(run.started_at)}, {run.status}{took}"
    for step in run.steps:
        if step.status == "failed":
            yield "", f"{step.name} failed: {step.reason}"
        elif step.status == "running":
            yield "", f"{step.name} has not ended"
    if run.status == "interrupted":
        yield "", "`agentdb weekly` goes on with it within 24 hours"


def _open(found: OpenAdvice) -> Lines:
    counts = (
        (found.proposed, "proposed"),
        (found.accepted, "accepted"),
        (found.applied_not_measured, "applied and not measured yet"),
    )
    told = ", ".join(f"{number} {what}" for number, what in counts if number)
    yield "open", told or "nothing"
    for name in found.invalid_indexes:
        yield "", f"the index {name} is INVALID: drop it, and create it again"


def _waiting(found: Status) -> Lines:
    for each in found.waiting:
        yield "", f"{each.topic} did not go out to {each.place}: {each.error or 'cut off'}"


def _slower(found: Compared | None) -> Lines:
    if found is None:
        yield "slower", "not compared yet"
    elif not found.has_enough:
        since = f" before {_day(found.enough_from)}" if found.enough_from else ""
        yield "slower", f"too few weeks are kept to compare{since}"
    else:
        count = "one statement" if found.slower == 1 else f"{found.slower or 'no'} statements"
        yield "slower", f"{count} in the week to {_day(found.until)}"
        yield from (("", _change(each)) for each in found.statements[:_MOST_SLOWER])
        if found.machine == "slower":
            yield "", f"everything: {found.machine_percent:.0f} % more time"


def _change(each: Slower) -> str:
    known = each.before_ms is not None and each.after_ms is not None
    before, after = milliseconds(each.before_ms or 0), milliseconds(each.after_ms or 0)
    times = f"{before} → {after} ms: " if known else ""
    cause = f" ({each.cause})" if each.cause else ""
    return f"{times}{first_line(each.query, _LONGEST_QUERY)}{cause}"


def _snapshots(found: Standing) -> Lines:
    if found.taken_at is None:
        yield "snapshots", "none yet: `agentdb snapshot`, or `agentdb schedule --snapshots 15`"
        return
    size = f"{megabytes(found.size_bytes)} for all targets"
    yield "snapshots", f"last {_when(found.taken_at)}, {found.statements} statements, {size}"
    for gap in found.gaps:
        yield "", f"counted anew from {_when(gap.at)} on: {gap.reason}"


def _gained(found: Gained | None) -> str:
    if found is None:
        return "nothing is measured yet"
    return (
        f"{found.hours_per_week:,.2f} hours of database time a week "
        f"({found.low:,.2f} to {found.high:,.2f}), by {found.advice} confirmed"
    )


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone():%a %Y-%m-%d %H:%M %Z}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"
