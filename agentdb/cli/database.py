"""`agentdb init`, `reindex`, `doctor`: make the schema and its index, see whether all is well."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

INIT_EXAMPLE = "Example: agentdb init --sql | less"
REINDEX_EXAMPLE = "Example: agentdb reindex --database postgresql://postgres@db.example/shop"
DOCTOR_EXAMPLE = "Example: agentdb doctor --target postgresql://reader@db.example/shop"

DatabaseOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="agentdb's own database, instead of AGENTDB_DATABASE_URL."),
]

_MARKS = {"ok": "ok", "warning": "warning", "failed": "FAILED"}


def init(
    database: DatabaseOption = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL; change nothing.")] = False,
) -> None:
    """Create the schema `agentdb`, or bring it up to date."""
    from agentdb.database import upgrade_sql  # noqa: PLC0415 - --help does without SQLAlchemy
    from agentdb.wiring.storage import initialise  # noqa: PLC0415 - likewise

    if sql:
        print_text(upgrade_sql())
        return
    applied = initialise(read_settings(database_url=database))
    for revision in applied:
        print_text(f"applied {revision}")
    say("the schema agentdb is up to date" if not applied else "the schema agentdb is ready")


def reindex(database: DatabaseOption = None) -> None:
    """Build the index over vectors, once there are so many that it is worth it.

    Searches and writes go on meanwhile. What an earlier build left unfinished is made anew.
    """
    from agentdb.wiring.indexing import reindex as build  # noqa: PLC0415 - --help does without

    print_text(build(read_settings(database_url=database)))


def doctor(
    target: TargetOption = None,
    database: DatabaseOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Check everything that an audit needs, and say how to mend what is missing."""
    from agentdb.wiring.examining import examine  # noqa: PLC0415 - --help does without a model

    diagnosis = examine(read_settings(target_url=target, database_url=database))
    if format_ == Format.JSON:
        print_json(diagnosis)
    else:
        rows = [(c.name, _MARKS[c.state], c.found, c.mend) for c in diagnosis.checks]
        print_table(("what", "", "found", "to mend it"), rows)
        say("an audit can run" if diagnosis.ready else "an audit cannot run yet")
    if not diagnosis.ready:
        raise typer.Exit(1)
