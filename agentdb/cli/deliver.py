"""`agentdb deliver`: advice as a migration in a repository's own dialect, or as a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.errors import DeliveryError
from agentdb.settings import Settings, read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.delivery.migrations.migration_file import Dialect
    from agentdb.repositories.advice import Optimization
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
    GITHUB = "github"
    GITLAB = "gitlab"


FORGES = (To.GITHUB, To.GITLAB)


IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Only these; else all that is accepted."),
]
ToOption = Annotated[
    To | None,
    typer.Option(help="The kind of migration, if not what the repository has; or a pull request."),
]
RepositoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|URL",
        help="The application's repository, or the folder of one service in it; of pull requests "
        "its URL, or a checkout of it. By default the working directory.",
    ),
]
BaseOption = Annotated[
    str | None,
    typer.Option(metavar="BRANCH", help="What pull requests go into, if not the default branch."),
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
    repository: RepositoryOption = None,
    base: BaseOption = None,
    app: AppOption = None,
    together: TogetherOption = False,
    dry_run: DryRunOption = False,
    target: TargetOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Write advice as migrations; `--to file` prints one script of plain SQL.

    A migration that is there already is left alone. Each is safe to run twice, and on a busy
    server, and brings its way back. `--to github` and `--to gitlab` open a pull request for each
    that is sure enough, with the proof in it, and keep it true; the token is in GITHUB_TOKEN or
    GITLAB_TOKEN.
    """
    from agentdb.wiring import delivering  # noqa: PLC0415 - --help does without

    forge = to.value if to in FORGES else None
    if forge and (together or dry_run):
        raise typer.BadParameter("a pull request is for one piece of advice, and is sent")
    settings = read_settings(
        target_url=target, deliver_to=forge, deliver_repository=repository, deliver_base=base
    )
    advice = delivering.advice_to_deliver(settings, identifiers or ())
    if not advice:
        say("nothing is accepted: `agentdb recommendations accept ID` first, or name an ID")
    elif forge:
        _request(settings, advice, app, format_)
    else:
        dialect = cast("Dialect | None", to and to.value)  # the same words
        place = delivering.Place(Path(repository or "."), dialect, app, together)
        _show(delivering.deliver_files(advice, place, dry_run=dry_run), format_, dry_run=dry_run)


def _request(
    settings: Settings, advice: Sequence[Optimization], app: str | None, format_: Format
) -> None:
    from agentdb.wiring import requesting  # noqa: PLC0415 - --help does without

    files = partial(requesting.migration_of, app=app)
    requested = requesting.deliver_requests(settings, advice, files)
    if format_ == Format.JSON:
        print_json(requested)
    else:
        for each in requested:
            print_text(": ".join(filter(None, (each.action, each.url, each.title, each.reason))))
    failed = [each for each in requested if each.action == "failed"]
    if failed:
        raise DeliveryError(f"{len(failed)} of {len(requested)} failed: {failed[0].reason}")


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
