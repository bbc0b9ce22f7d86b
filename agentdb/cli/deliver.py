"""`agentdb deliver`: advice as a migration in a repository's own dialect."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.delivery.migrations.migration_file import Dialect
    from agentdb.wiring.delivering import Delivered

EXAMPLE = "Example: agentdb deliver 1a2b3c4d --repository ~/shop"


class To(StrEnum):
    """Where advice can go."""

    FILE = "file"
    SQL = "sql"
    ALEMBIC = "alembic"
    DJANGO = "django"
    FLYWAY = "flyway"
    PRISMA = "prisma"


IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Only these; else all that is accepted."),
]
ToOption = Annotated[
    To | None, typer.Option(help="The kind of migration; if not given, what the repository has.")
]
RepositoryOption = Annotated[
    Path, typer.Option(help="The application's repository, or the folder of one service in it.")
]
AppOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Django's app, if no model has the table.")
]
TogetherOption = Annotated[
    bool, typer.Option("--together", help="One migration for all, not one for each.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print them, and write nothing.")]


def deliver(
    *,
    identifiers: IdsArgument = None,
    to: ToOption = None,
    repository: RepositoryOption = Path(),
    app: AppOption = None,
    together: TogetherOption = False,
    dry_run: DryRunOption = False,
    target: TargetOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Write advice as migrations; `--to file` prints one script of plain SQL.

    A migration that is there already is left alone. Each is safe to run twice, and on a busy
    server, and brings its way back.
    """
    from agentdb.wiring import delivering  # noqa: PLC0415 - --help does without

    settings = read_settings(target_url=target)
    advice = delivering.advice_to_deliver(settings, identifiers or ())
    if not advice:
        say("nothing is accepted: `agentdb recommendations accept ID` first, or name an ID")
        return
    dialect = cast("Dialect | None", to and to.value)  # the same words
    place = delivering.Place(repository, dialect, app, together)
    _show(delivering.deliver_files(advice, place, dry_run=dry_run), format_, dry_run=dry_run)


def _show(delivered: Delivered, format_: Format, *, dry_run: bool) -> None:
    if format_ == Format.JSON:
        print_json(delivered)
        return
    for file in delivered.files:
        if delivered.dialect == "file":
            print_text(file.text.rstrip("\n"))
        elif dry_run:
            print_text(f"==> {file.path} <==\n{file.text}")
        else:
            print_text(f"{file.path}{'' if file.path in delivered.written else ' (there already)'}")
    if delivered.written:
        say(f"next: {delivered.next}")
