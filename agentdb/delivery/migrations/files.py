"""Advice in, the files of migrations out; the only place here that writes any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from agentdb.delivery.migrations import alembic, django, flyway, plain, prisma
from agentdb.delivery.migrations.change import changes
from agentdb.delivery.migrations.detecting import place_of
from agentdb.delivery.migrations.migration_file import Dialect, MigrationFile
from agentdb.delivery.migrations.tree import read_tree
from agentdb.errors import UnclearRepository
from agentdb.repositories.advice import Optimization


def migration_files(
    advice: Sequence[Optimization],
    repository: Path,
    dialect: Dialect,
    *,
    app: str | None = None,
    together: bool = False,
) -> tuple[MigrationFile, ...]:
    """Return the files that bring advice to a repository: one migration each, or one `together`.

    The same advice gives the same files under the same names as long as the repository stays as
    it is. A migration that is there already is returned as it stands: nothing changes it. `app`
    is Django's, for advice on a table that belongs to no model.

    Raises UnclearRepository where the repository does not say where a migration goes, and
    Undeliverable for advice that is no change of the database.
    """
    wanted = changes(advice, together=together)
    if dialect == "file":
        return (plain.one_file(wanted),)
    tree = read_tree(repository)
    place = place_of(dialect, tree)
    match dialect:
        case "sql":
            return plain.write(wanted, tree, place)
        case "alembic":
            return alembic.write(wanted, tree, place)
        case "django":
            return django.write(wanted, tree, place, app)
        case "flyway":
            return flyway.write(wanted, tree, place)
        case "prisma":
            return prisma.write(wanted, tree, place)
    assert_never(dialect)


def write_files(files: Sequence[MigrationFile], repository: Path) -> tuple[MigrationFile, ...]:
    """Write what is not there yet, and return that; raise UnclearRepository if it cannot be."""
    new = tuple(file for file in files if not (repository / file.path).exists())
    for file in new:
        path = repository / file.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UnclearRepository(f"{path} cannot be written: {error.strerror}") from error
    return new


def next_command(dialect: Dialect) -> str:
    """Return what to run in the repository, so that the migrations reach a database."""
    commands: dict[Dialect, str] = {
        "file": 'psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f FILE',
        "sql": plain.NEXT,
        "alembic": alembic.NEXT,
        "django": django.NEXT,
        "flyway": flyway.NEXT,
        "prisma": prisma.NEXT,
    }
    return commands[dialect]
