"""`agentdb analytics`: what the agents did, by day, week or month."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, say
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.repositories.analytics import Activity

EXAMPLE = "Example: agentdb analytics --by week --agent support --zone Europe/Berlin"

_COLUMNS = ["since", "agent", "done", "success %", "mean ms", "p50", "p95", "sessions", "in", "out"]


class By(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def analytics(
    by: Annotated[By, typer.Option(help="A row for each.")] = By.DAY,
    agent: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Nothing before this moment.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Only this one; all by default.")] = None,
    zone: Annotated[str, typer.Option(help="Whose days: a time zone.")] = "UTC",
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show requests, successes, processing times, sessions and tokens of each agent."""
    from agentdb.wiring import counting  # noqa: PLC0415 - --help does without sqlalchemy

    began = None if since is None else since.astimezone()
    found = counting.activity(
        read_settings(), by.value, agent=agent, since=began, namespace=namespace, zone=zone
    )
    if format_ == Format.JSON:
        print_json(found)
        return
    print_table(_COLUMNS, map(_row, found))
    if not found:
        say("nothing is recorded yet: ConversationRepository.record(…) does that")


def _row(each: Activity) -> list[object]:
    rate = None if each.success_rate is None else 100 * each.success_rate
    times = map(_rounded, (rate, each.mean_ms, each.p50_ms, each.p95_ms))
    tokens = (each.tokens_in, each.tokens_out)
    return [each.since.date(), each.agent, each.interactions, *times, each.sessions, *tokens]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
