"""Advice in, the files of migrations out; the only place here that writes any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agentdb.repositories.advice import Optimization

Dialect = Literal["file", "sql", "alembic", "django", "flyway", "prisma"]


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file of a migration: its path below the repository, and its text."""

    path: Path
    text: str


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
    raise NotImplementedError


def write_files(files: Sequence[MigrationFile], repository: Path) -> tuple[MigrationFile, ...]:
    """Write what is not there yet, and return that."""
    raise NotImplementedError
