"""`agentdb attach`, `detach` and `work`: business tables whose rows can be searched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.memory import WHY, why
from agentdb.cli.output import (
    Format,
    FormatOption,
    Tell,
    print_json,
    print_table,
    progress,
    say,
)
from agentdb.errors import AttachmentBroken, BadFilter, BadInput
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.repositories.attachment import AttachmentStatus, FoundRow
    from agentdb.wiring.working import Worked

ATTACH_EXAMPLE = "Example: agentdb attach products --text 'name, description'"
DETACH_EXAMPLE = "Example: agentdb detach products"
WORK_EXAMPLE = "Example: agentdb work --every 2"


def attach(
    table: Annotated[
        str | None, typer.Argument(help="A table, such as products or shop.products.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS", help="'name, description', or a template '{name}: {description}'."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; as the table if not.")] = None,
    later: Annotated[
        bool, typer.Option("--later", help="Leave its rows to `agentdb work`.")
    ] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Let the rows of a business table be found by meaning and words; without one, list those.

    Triggers queue what is written to the table, and `agentdb work` embeds it. Only the text
    columns matter, and nothing is embedded twice. Interrupted, it goes on with `agentdb work`.
    """
    from agentdb.wiring import attaching  # noqa: PLC0415 - --help does without numpy

    settings = read_settings()
    if table is None:
        print_statuses(attaching.statuses(settings), format_)
        return
    if text is None:
        raise BadInput(f"say what {table} is found by: --text 'name, description'")
    with progress() as tell:
        done = attaching.attach(
            settings, table, text, name=name, later=later, tell=with_time_left(tell)
        )
    called = done.attachment.name
    print_statuses([s for s in attaching.statuses(settings) if s.name == called], format_)
    if done.worked is None:
        say("its rows wait for agentdb work")
    else:
        say_worked(done.worked)


def detach(
    name: Annotated[str, typer.Argument(help="What `agentdb attach` lists.")],
) -> None:
    """Forget all about a table: triggers, entries, what waits; the table stays as it is."""
    from agentdb.wiring import attaching  # noqa: PLC0415 - --help does without sqlalchemy

    gone = attaching.detach(read_settings(), name)
    say(f"{gone.name} is detached, and {gone.entries} entries are deleted")


def work(
    once: Annotated[bool, typer.Option("--once", help="Do all that waits, and go.")] = False,
    every: Annotated[
        float, typer.Option(min=0.1, max=86_400, help="Seconds between two looks.")
    ] = 2.0,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Keep all attached tables in step, in the foreground, until stopped.

    Any number may work at once, on one machine or several. One that is killed loses nothing:
    what it had is done by the others two minutes later.
    """
    from agentdb.wiring import attaching  # noqa: PLC0415 - --help does without numpy

    if not once:
        attaching.work(read_settings(), timedelta(seconds=every), _say_what_was_done)
        return
    with progress() as tell:
        done = attaching.work_once(read_settings(), with_time_left(tell))
    if format_ == Format.JSON:
        print_json(done)
    else:
        columns = ("embedded", "removed", "unchanged", "failed")
        print_table(columns, [(done.embedded, done.removed, done.unchanged, done.failed)])
    if done.troubles:
        raise AttachmentBroken("; ".join(done.troubles))


def print_statuses(statuses: Sequence[AttachmentStatus], format_: Format) -> None:
    """Print what is attached and how far it is."""
    if format_ == Format.JSON:
        print_json(statuses)
        return
    columns = ("name", "table", "text", "state", "rows", "embedded", "waiting", "failed", "lag")
    print_table(columns, [(*_counts(each), _lag(each)) for each in statuses])
    for each in statuses:
        if each.error:
            say(f"{each.name}: {each.error}")
    if not statuses:
        say("nothing is attached: agentdb attach TABLE --text COLUMNS")


def print_rows(found: Sequence[FoundRow], *, explain: bool, format_: Format) -> None:
    """Print the rows that a search found, the best first."""
    if format_ == Format.JSON:
        print_json([_plain(each) for each in found])
        return
    named = list(found[0].row) if found else []
    columns = ["score", *named, *(WHY if explain else [])]
    print_table(columns, [_row(each, explain=explain) for each in found])
    if not found:
        say("no row is found: see agentdb attach for what waits")


def say_worked(worked: Worked) -> None:
    """Say what a worker has done, and what it could not do."""
    counts = f"embedded {worked.embedded}, removed {worked.removed}"
    failed = f", failed {worked.failed}: they are tried again" if worked.failed else ""
    say(f"{counts}, as they were {worked.unchanged}{failed}")
    for trouble in worked.troubles:
        say(trouble)


def with_time_left(tell: Tell) -> Tell:
    """Return what tells also how long it will take, by how long it took since it began."""
    begun = monotonic()
    first: dict[str, int] = {}

    def told(stage: str, done: int, total: int) -> None:
        since = done - first.setdefault(stage, done)
        seconds = (monotonic() - begun) * (total - done) / since if since else 0
        left = f", {timedelta(seconds=round(seconds))} left" if since else ""
        tell(f"{stage}{left}", done, total)

    return told


def filter_of(text: str | None) -> Mapping[str, object]:
    """Return the filter that is written as JSON."""
    try:
        found = {} if text is None else json.loads(text)
    except json.JSONDecodeError as trouble:
        raise BadFilter(f'not JSON ({trouble}): write \'{{"price": {{"lt": 50}}}}\'') from trouble
    if not isinstance(found, dict):
        raise BadFilter(f'{text} is no JSON object: write \'{{"price": {{"lt": 50}}}}\'')
    return found


def _say_what_was_done(worked: Worked) -> None:
    if worked.embedded or worked.removed or worked.failed or worked.troubles:
        say_worked(worked)


def _counts(each: AttachmentStatus) -> tuple[object, ...]:
    counts = (each.rows, each.embedded, each.waiting, each.failed)
    return (each.name, each.table, each.text, each.state, *counts)


def _lag(each: AttachmentStatus) -> str:
    return str(timedelta(seconds=round(each.lag_seconds)))


def _row(found: FoundRow, *, explain: bool) -> list[object]:
    cells: list[object] = [f"{found.score:.2f}", *map(_cell, found.row.values())]
    return [*cells, *why(found)] if explain else cells


def _cell(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _plain(found: FoundRow) -> dict[str, object]:
    """Return it as JSON has it: what JSON does not know is a text."""
    row = {name: _jsonable(value) for name, value in found.row.items()}
    ranks = ("score", "similarity", "vector_rank", "coverage", "keyword_rank", "path")
    key = [_jsonable(value) for value in found.key]
    return {"key": key, **{rank: getattr(found, rank) for rank in ranks}, "row": row}


def _jsonable(value: object) -> object:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
    return value
