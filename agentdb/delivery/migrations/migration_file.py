"""What a migration consists of, and the dialects it may be written in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Dialect = Literal["file", "sql", "alembic", "django", "flyway", "prisma"]


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file of a migration: its path below the repository, and its text."""

    path: Path
    text: str
