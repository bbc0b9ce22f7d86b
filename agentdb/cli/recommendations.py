"""`agentdb recommendations`: the record of advice, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.models.optimization import Status as Decision
    from agentdb.repositories.advice import Optimization, StatementEffect
    from agentdb.repositories.optimizations import OptimizationRepository

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
    with _record() as record:
        found = record.list(status=cast("Decision | None", status), target=target and _name(target))
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
    with _record() as record:
        found = record.get(identifier)
    if format_ == Format.JSON:
        print_json(found)
        return
    print_table(("", found.title), _facts(found))
    columns = ("statement", "calls", "ms before", "after", "blocks before", "after")
    print_table(columns, [_effect_row(effect) for effect in found.statements])


@app.command(epilog='Example: agentdb recommendations sql | psql "$AGENTDB_TARGET_URL"')
def sql(
    identifier: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this one (default: all open).")
    ] = None,
    target: TargetOption = None,
) -> None:
    """Print the SQL of the open advice, ready for psql; nothing else is printed."""
    with _record() as record:
        found = (record.get(identifier),) if identifier else _open(record, target)
    for each in found:
        print_text(f"-- {each.title} ({each.id})\n{each.sql.rstrip(';')};")
    if not found:
        say("nothing is open: run `agentdb audit`")


@app.command(epilog="Example: agentdb recommendations accept 1a2b3c4d")
def accept(identifier: IdArgument, format_: FormatOption = Format.TABLE) -> None:
    """Note that it will be done."""
    _decide(identifier, "accepted", None, format_)


@app.command(epilog="Example: agentdb recommendations reject 1a2b3c4d --why 'table goes soon'")
def reject(
    identifier: IdArgument,
    why: Annotated[str, typer.Option(help="The reason; later audits and people will want it.")],
    format_: FormatOption = Format.TABLE,
) -> None:
    """Note that it will not be done, and why."""
    _decide(identifier, "rejected", why, format_)


@app.command(epilog="Example: agentdb recommendations applied 1a2b3c4d")
def applied(identifier: IdArgument, format_: FormatOption = Format.TABLE) -> None:
    """Note that it was done on the target."""
    _decide(identifier, "applied", None, format_)


@contextmanager
def _record() -> Iterator[OptimizationRepository]:
    from agentdb import database  # noqa: PLC0415 - --help does without SQLAlchemy
    from agentdb.repositories.optimizations import OptimizationRepository  # noqa: PLC0415
    from agentdb.wiring.storage import storage  # noqa: PLC0415

    with storage(read_settings()) as engine, database.session(engine) as session:
        yield OptimizationRepository(session)


def _decide(identifier: str, status: Decision, why: str | None, format_: Format) -> None:
    with _record() as record:
        decided = record.decide(identifier, status, why)
    if format_ == Format.JSON:
        print_json(decided)
    else:
        print_text(f"{decided.status}: {decided.title} ({decided.id})")


def _open(record: OptimizationRepository, target: str | None) -> tuple[Optimization, ...]:
    from agentdb.errors import BadSetting  # noqa: PLC0415

    name = _name(target)
    found = record.pending(name) if name else _all_open(record)
    if len({each.target for each in found}) > 1:
        raise BadSetting("advice is open for several databases: say for which with --target URL")
    return found


def _all_open(record: OptimizationRepository) -> tuple[Optimization, ...]:
    return (*record.list(status="accepted"), *record.list(status="proposed"))


def _name(target: str | None) -> str | None:
    """Return how the target is called in the record; None: not told."""
    from agentdb.target.connection import describe  # noqa: PLC0415

    url = read_settings(target_url=target).target_url
    return url and describe(url)


def _row(found: Optimization) -> tuple[object, ...]:
    from agentdb.delivery.words import megabytes  # noqa: PLC0415

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
    from agentdb.delivery.words import first_line, milliseconds  # noqa: PLC0415

    return (
        first_line(effect.query, 70),
        effect.calls,
        milliseconds(effect.before_ms),
        milliseconds(effect.after_ms),
        effect.before_blocks,
        effect.after_blocks,
    )
