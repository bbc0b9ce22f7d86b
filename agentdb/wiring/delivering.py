"""`agentdb deliver`: accepted advice into the migrations of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdb import database
from agentdb.delivery.migrations.detecting import detect
from agentdb.delivery.migrations.files import migration_files, next_command, write_files
from agentdb.delivery.migrations.migration_file import Dialect, MigrationFile
from agentdb.errors import BadSetting, StatusRefused
from agentdb.repositories.advice import Optimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.storage import storage


@dataclass(frozen=True, slots=True)
class Place:
    """Where migrations are to go; without a dialect, in the repository's own."""

    repository: Path
    dialect: Dialect | None = None
    app: str | None = None  # of Django
    together: bool = False  # one migration for all


@dataclass(frozen=True, slots=True)
class Delivered:
    """The files of migrations, which of them were not there before, and what to run next."""

    dialect: Dialect
    files: tuple[MigrationFile, ...]
    written: tuple[Path, ...]
    next: str


def advice_to_deliver(settings: Settings, identifiers: Sequence[str]) -> tuple[Optimization, ...]:
    """Return the advice of these ids, else all that is accepted, in the order to run it.

    Raises NotFound, StatusRefused for what was rejected, and BadSetting where accepted advice
    is for several databases and the settings name none.
    """
    name = settings.target_url and describe(settings.target_url)
    with storage(settings) as engine, database.session(engine) as session:
        record = OptimizationRepository(session)
        if identifiers:
            found = [record.get(identifier) for identifier in identifiers]
        else:
            found = [*record.list(status="accepted", target=name)]
    _require_one_target(found)
    for each in found:
        _require_not_rejected(each)
    ordered = sorted(found, key=lambda each: (each.created_at, each.position, each.id))
    return tuple({each.id: each for each in ordered}.values())


def deliver_files(
    advice: Sequence[Optimization], place: Place, *, dry_run: bool = False
) -> Delivered:
    """Write the migrations that are not there yet, and return them all; a dry run writes none.

    Raises UnclearRepository and Undeliverable.
    """
    dialect = place.dialect or detect(place.repository)
    files = migration_files(
        advice, place.repository, dialect, app=place.app, together=place.together
    )
    keep = dialect == "file" or dry_run
    written = () if keep else write_files(files, place.repository)
    return Delivered(dialect, files, tuple(file.path for file in written), next_command(dialect))


def _require_one_target(advice: Sequence[Optimization]) -> None:
    if len({each.target for each in advice}) > 1:
        raise BadSetting(
            "this advice is for several databases: deliver that of one, with --target URL or by ID"
        )


def _require_not_rejected(advice: Optimization) -> None:
    if advice.status == "rejected":
        short = str(advice.id)[:8]
        raise StatusRefused(
            f"{short} was rejected ({advice.status_reason}): on second thoughts, "
            f"`agentdb recommendations accept {short}` first"
        )
