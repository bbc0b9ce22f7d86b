"""`agentdb recommendations`: the record of advice, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.delivery.words import first_line, megabytes, milliseconds
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.models.optimization import Status as Decision
    from agentdb.repositories.advice import Optimization, StatementEffect

app = typer.Typer(
    name="recommendations", help="The record of advice, and what became of each piece."
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first six digits.")]


class Status(StrEnum):
    """What became of a piece of advice."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    APPLIED = "applied"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    NEUTRAL = "neutral"
    REGRESSED = "regressed"
    NOT_ENOUGH_DATA = "not_enough_data"
    REVERTED = "reverted"
    SUPERSEDED = "superseded"


StatusOption = Annotated[Status | None, typer.Option(help="Only what has come to this.")]


@app.callback(invoke_without_command=True)
def _recommendations(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@app.command("list", epilog="Example: agentdb recommendations list --status proposed")
def list_(
    status: StatusOption = None, target: TargetOption = None, format_: FormatOption = Format.TABLE
) -> None:
    """List all advice, the newest first."""
    from agentdb.wiring.recording import list_advice  # noqa: PLC0415 - --help does without

    settings = read_settings(target_url=target)
    decision = cast("Decision | None", status)  # the same words
    found = list_advice(settings, status=decision, target=target and settings.target_url)
    if format_ == Format.JSON:
        print_json(found)
        return
    columns = ("id", "since", "status", "what", "gain %", "size", "target")
    print_table(columns, map(_row, found))
    if not found:
        say("no advice yet: run `agentdb audit`")


@app.command(epilog="Example: agentdb recommendations show 1a2b3c4d")
def show(identifier: IdArgument, format_: FormatOption = Format.TABLE) -> None:
    """Show one piece of advice with its reasons, its SQL and the statements concerned."""
    from agentdb.wiring.recording import find_advice  # noqa: PLC0415 - --help does without

    found = find_advice(read_settings(), identifier)
    if format_ == Format.JSON:
        print_json(found)
        return
    print_table(("", found.title), _facts(found))
    columns = ("statement", "calls", "ms before", "after", "blocks before", "after")
    print_table(columns, map(_effect_row, found.statements))


@app.command(epilog='Example: agentdb recommendations sql | psql "$AGENTDB_TARGET_URL"')
def sql(
    identifier: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Only this one; else all that the last audit advises."),
    ] = None,
    target: TargetOption = None,
) -> None:
    """Print the SQL to run, ready for psql; nothing else is printed."""
    from agentdb.wiring.recording import (  # noqa: PLC0415 - --help does without
        advice_to_run,
        find_advice,
    )

    settings = read_settings(target_url=target)
    found = (find_advice(settings, identifier),) if identifier else advice_to_run(settings)
    for each in found:
        print_text(f"-- {first_line(each.title, 90)} ({each.id})\n{each.sql};")
    if not found:
        say("nothing is open: run `agentdb audit`")


@app.command(epilog="Example: agentdb recommendations accept 1a2b3c4d")
def accept(identifier: IdArgument, format_: FormatOption = Format.TABLE) -> None:
    """Note that it will be done."""
    _decide(identifier, "accepted", None, format_)


@app.command(epilog="Example: agentdb recommendations reject 1a2b3c4d --why 'table goes soon'")
def reject(
    identifier: IdArgument,
    why: Annotated[str, typer.Option(help="The reason; whoever meets it again will want it.")],
    format_: FormatOption = Format.TABLE,
) -> None:
    """Note that it will not be done, and why."""
    _decide(identifier, "rejected", why, format_)


@app.command(epilog="Example: agentdb recommendations applied 1a2b3c4d")
def applied(identifier: IdArgument, format_: FormatOption = Format.TABLE) -> None:
    """Note that it was done on the target."""
    _decide(identifier, "applied", None, format_)


def _decide(identifier: str, status: Decision, why: str | None, format_: Format) -> None:
    from agentdb.wiring.recording import decide_advice  # noqa: PLC0415 - --help does without

    decided = decide_advice(read_settings(), identifier, status, why)
    if format_ == Format.JSON:
        print_json(decided)
    else:
        print_text(f"{decided.status}: {decided.title} ({decided.id})")


def _row(found: Optimization) -> tuple[object, ...]:
    return (
        str(found.id)[:8],
        f"{found.created_at:%Y-%m-%d}",
        found.status,
        found.title,
        None if found.gain_percent is None else round(found.gain_percent),
        found.size_bytes and megabytes(found.size_bytes),
        found.target,
    )


def _facts(found: Optimization) -> Iterator[tuple[str, object]]:
    yield "id", found.id
    yield "target", found.target
    yield "status", found.status + (f": {found.status_reason}" if found.status_reason else "")
    yield "why", found.reasoning
    yield "do", found.sql
    yield "undo", found.rollback_sql
    yield "confidence", f"{found.confidence:.0%}, {found.evidence}"
    yield "plan before", found.plan_before
    yield "plan after", found.plan_after


def _effect_row(effect: StatementEffect) -> tuple[object, ...]:
    return (
        first_line(effect.query, 70),
        effect.calls,
        milliseconds(effect.before_ms),
        milliseconds(effect.after_ms),
        effect.before_blocks,
        effect.after_blocks,
    )
