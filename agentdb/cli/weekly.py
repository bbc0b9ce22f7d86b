"""`agentdb weekly`: all that a week asks for, in one go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agentdb.cli.audit import (
    BudgetOption,
    CallsOption,
    MeanOption,
    PresetOption,
    ReportOption,
    TopOption,
    TrialOption,
)
from agentdb.cli.deliver import FORGES, RepositoryOption, To
from agentdb.cli.output import Format, FormatOption, print_json, print_table, progress, say
from agentdb.cli.targets import TargetOption
from agentdb.delivery.words import seconds
from agentdb.errors import WeekFailed
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.delivery.migrations.migration_file import Dialect
    from agentdb.repositories.runs import RunStep
    from agentdb.wiring.week import Order
    from agentdb.wiring.weekly import WeekReport

EXAMPLE = "Example: agentdb weekly --if-due --digest week.md --deliver github --repository ~/shop"

_WORDS = {
    "snapshot": "{calls} calls of {statements} statements",
    "outcomes": "{changed} changed, {reverts} to be taken back",
    "regressions": "{slower} statements slower",
    "audit": "{recommendations} recommendations",
    "digest": "{topic}",
}

IfDueOption = Annotated[
    bool, typer.Option("--if-due", help="Only if the last finished run is 6.5 days old.")
]
DigestOption = Annotated[
    Path | None,
    typer.Option(help="Write what the week brought: FILE.md or FILE.html.", dir_okay=False),
]
DeliverOption = Annotated[
    To | None,
    typer.Option(help="Open pull requests, or write what is accepted as this kind of migration."),
]


def weekly(
    *,
    target: TargetOption = None,
    if_due: IfDueOption = False,
    digest: DigestOption = None,
    report: ReportOption = None,
    deliver: DeliverOption = None,
    repository: RepositoryOption = None,
    preset: PresetOption = None,
    min_mean_ms: MeanOption = None,
    min_calls: CallsOption = None,
    top: TopOption = None,
    trial: TrialOption = None,
    budget_mb: BudgetOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Snapshot, outcomes, regressions, audit, digest, deliveries: one run of a target at a time.

    A run that was killed is gone on with. A step that fails does not stop the later ones that do
    not need it; the command then ends with 1.
    """
    from agentdb.wiring.weekly import run_week  # noqa: PLC0415 - --help does without

    order = _order(digest, report, deliver)
    settings = read_settings(
        target_url=target,
        deliver_to=deliver.value if deliver in FORGES else None,
        deliver_repository=repository,
        preset=preset,
        min_mean_ms=min_mean_ms,
        min_calls=min_calls,
        top=top,
        trial=trial,
        budget_mb=budget_mb,
    )
    with progress() as tell:
        done = run_week(settings, tell, order, if_due=if_due)
    _show(done, format_)


def _order(digest: Path | None, report: Path | None, deliver: To | None) -> Order:
    from agentdb.delivery.files import checked_digest, checked_report  # noqa: PLC0415 - likewise
    from agentdb.wiring.week import Order  # noqa: PLC0415 - likewise

    if deliver == To.FILE:
        raise typer.BadParameter("one script is for somebody who waits: see `agentdb deliver`")
    dialect = deliver.value if deliver and deliver not in FORGES else None
    return Order(
        digest and checked_digest(digest),
        report and checked_report(report),
        cast("Dialect | None", dialect),  # the same words
    )


def _show(done: WeekReport, format_: Format) -> None:
    if format_ == Format.JSON:
        print_json(done)
    elif done.steps:
        print_table(("step", "", "took", "what"), map(_row, done.steps), title=done.target)
    if done.status == "idle":
        say(f"nothing to do: {done.reason}")
    if done.failed:
        raise WeekFailed(_failure(done))


def _row(step: RunStep) -> tuple[object, ...]:
    took = (step.finished_at - step.started_at).total_seconds() if step.finished_at else None
    what = step.reason or _in_words(step)
    return step.name, step.status, None if took is None else seconds(took * 1000), what


def _failure(done: WeekReport) -> str:
    names = ", ".join(step.name for step in done.failed)
    return (
        f"the weekly run of {done.target} failed at {names}: {done.failed[0].reason}; "
        "`agentdb status` shows all of it, the next run tries again"
    )


def _in_words(step: RunStep) -> str:
    found = step.summary if isinstance(step.summary, Mapping) else {}
    if found.get("has_enough") is False:
        return "too few weeks are kept to compare"
    told = {name: len(each) if isinstance(each, list) else each for name, each in found.items()}
    if step.name in _WORDS:
        return _WORDS[step.name].format_map(told)
    return ", ".join(f"{number} {what}" for what, number in told.items())
