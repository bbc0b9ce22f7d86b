"""`agentdb audit`: what would make the database faster, tried before it is said."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agentdb.cli.output import Format, FormatOption, progress
from agentdb.cli.showing import show_report
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

EXAMPLE = "Example: agentdb audit --target postgresql://reader@db.example/shop --report audit.md"

ADVISED = 10
"""The exit code of `--exit-code` when there is something to do."""


class Trial(StrEnum):
    """Where ideas are tried."""

    SHADOW = "shadow"
    LIVE = "live"
    NONE = "none"


class Preset(StrEnum):
    """Which statements are worth a look."""

    SHARE_OF_TIME = "share_of_time"
    CLASSIC = "classic"


PresetOption = Annotated[
    Preset | None, typer.Option(help="classic: a mean of 500 ms and more, over 100 calls.")
]
MeanOption = Annotated[float | None, typer.Option(help="Leave out what is quicker on average.")]
CallsOption = Annotated[int | None, typer.Option(help="Leave out what was called less often.")]
TopOption = Annotated[int | None, typer.Option(help="Look at no more than so many statements.")]
TrialOption = Annotated[
    Trial | None,
    typer.Option(help="Try on copies, on the tables themselves (clones only), or not at all."),
]
BudgetOption = Annotated[
    float | None, typer.Option(help="All new indexes together may take so many MiB.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Keep nothing.")]
ExitCodeOption = Annotated[
    bool, typer.Option("--exit-code", help=f"End with {ADVISED} if there is advice.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option(help="Write a report, too: FILE.md, FILE.html or FILE.json.", dir_okay=False),
]


def audit(
    *,
    target: TargetOption = None,
    preset: PresetOption = None,
    min_mean_ms: MeanOption = None,
    min_calls: CallsOption = None,
    top: TopOption = None,
    trial: TrialOption = None,
    budget_mb: BudgetOption = None,
    dry_run: DryRunOption = False,
    exit_code: ExitCodeOption = False,
    report: ReportOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Find out what would make the target faster, and keep what was found."""
    from agentdb.delivery.files import checked_report, write_report  # noqa: PLC0415 - likewise
    from agentdb.wiring import auditing  # noqa: PLC0415 - other commands do without the architect

    file = report and checked_report(report)
    settings = read_settings(
        target_url=target,
        preset=preset,
        min_mean_ms=min_mean_ms,
        min_calls=min_calls,
        top=top,
        trial=trial,
        budget_mb=budget_mb,
    )
    with progress() as tell:
        found = auditing.audit(settings, tell, keep=not dry_run)
    if file:
        write_report(found, file)
    show_report(found, format_)
    if exit_code and found.recommendations:
        raise typer.Exit(ADVISED)
