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


def audit(  # noqa: PLR0913 - each is a flag of the command line
    *,
    target: TargetOption = None,
    preset: Annotated[
        Preset | None,
        typer.Option(help="classic: a mean of 500 ms and more, over 100 calls."),
    ] = None,
    min_mean_ms: Annotated[
        float | None, typer.Option(help="Leave out what is quicker on average.")
    ] = None,
    min_calls: Annotated[
        int | None, typer.Option(help="Leave out what was called less often.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(help="Look at no more than so many statements.")
    ] = None,
    trial: Annotated[
        Trial | None,
        typer.Option(help="Try on copies, on the tables themselves (clones only), or not at all."),
    ] = None,
    budget_mb: Annotated[
        float | None, typer.Option(help="All new indexes together may take so many MiB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep nothing.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"End with {ADVISED} if there is advice.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a report, too: FILE.md, FILE.html or FILE.json.", dir_okay=False),
    ] = None,
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
