"""Which dialect a repository speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdb.delivery.migrations.detecting import detect
from agentdb.delivery.migrations.files import migration_files
from agentdb.errors import UnclearRepository
from tests.advices import advice
from tests.unit.delivery.migrations.repositories import put

ALEMBIC = {"db/env.py": "", "db/script.py.mako": ""}
DJANGO = {"manage.py": "", "shop/migrations/__init__.py": ""}
FLYWAY = {"sql/V1__x.sql": ""}
PRISMA = {"prisma/schema.prisma": ""}


@pytest.mark.parametrize(
    ("files", "dialect"),
    [
        (ALEMBIC, "alembic"),
        (DJANGO, "django"),
        (FLYWAY, "flyway"),
        (PRISMA, "prisma"),
        ({"migrations/1_x.sql": ""}, "sql"),
        ({"manage.py": ""}, "sql"),
        ({"node_modules/x/prisma/schema.prisma": "", ".venv/alembic.ini": "", ".git/x": ""}, "sql"),
    ],
)
def test_it_is_read_from_the_tree(tmp_path: Path, files: dict[str, str], dialect: str) -> None:
    assert detect(put(tmp_path, files)) == dialect


def test_two_kinds_are_named(tmp_path: Path) -> None:
    put(tmp_path, ALEMBIC | PRISMA)
    with pytest.raises(UnclearRepository, match="say --to alembic or --to prisma"):
        detect(tmp_path)


def test_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnclearRepository, match=r"there is no folder .*/gone: say where"):
        detect(tmp_path / "gone")


def test_a_dialect_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnclearRepository, match="has no migrations of flyway"):
        migration_files([advice()], tmp_path, "flyway")


def test_two_places_are_named(tmp_path: Path) -> None:
    put(tmp_path, {"a/V1__x.sql": "", "b/V1__x.sql": ""})
    with pytest.raises(UnclearRepository, match="migrations of flyway in a, b: name a folder"):
        migration_files([advice()], tmp_path, "flyway")
    (first, *_) = migration_files([advice()], tmp_path / "b", "flyway")
    assert first.path.name.startswith("V2__")
