"""The dialects of plain SQL: names, numbers, and what stands beside a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentdb.delivery.migrations.files import migration_files, next_command, write_files
from agentdb.delivery.migrations.migration_file import Dialect
from agentdb.errors import UnclearRepository
from tests.advices import advice, titled
from tests.unit.delivery.migrations.repositories import put

NAME = "agentdb_1a2b3c01_index_on_orders_customer_id"


def names(root: Path, dialect: Dialect) -> list[str]:
    return [str(file.path) for file in migration_files([advice()], root, dialect)]


def test_plain_scripts_are_a_pair(tmp_path: Path) -> None:
    stem = f"migrations/20260301020304_{NAME}"
    assert names(tmp_path, "sql") == [f"{stem}.up.sql", f"{stem}.down.sql"]
    put(tmp_path, {"db/migrations/003_x.sql": ""})
    assert names(tmp_path, "sql")[0] == f"db/migrations/004_{NAME}.up.sql"


def test_no_line_of_the_way_back_leaves_its_comment(tmp_path: Path) -> None:
    build = "CREATE INDEX CONCURRENTLY i ON t (a) WHERE b <> 'x\ry\r\nz'"
    drop = replace(advice(sql="DROP INDEX CONCURRENTLY i"), kind="drop_index", rollback_sql=build)
    (script,) = migration_files([drop], tmp_path, "file")
    back = script.text.partition("-- The way back:")[2]
    assert "\r" not in back
    assert all(line.startswith("--") for line in back.strip().split("\n"))


def test_a_script_of_flyway_needs_no_transaction(tmp_path: Path) -> None:
    put(tmp_path, {"src/main/resources/db/migration/V1_9__x.sql": ""})
    files = migration_files([advice()], tmp_path, "flyway")
    folder = "src/main/resources/db/migration"
    assert [str(file.path) for file in files] == [
        f"{folder}/V1_10__{NAME}.sql",
        f"{folder}/V1_10__{NAME}.sql.conf",
        f"{folder}/U1_10__{NAME}.sql",
        f"{folder}/U1_10__{NAME}.sql.conf",
    ]
    assert files[1].text == "executeInTransaction=false\n"


def test_what_looks_like_a_placeholder_of_flyway_is_none(tmp_path: Path) -> None:
    put(tmp_path, {"sql/V1__x.sql": ""})
    files = migration_files([titled("Index on t (a) where b = '${c}'")], tmp_path, "flyway")
    assert files[1].text == "executeInTransaction=false\nplaceholderReplacement=false\n"


def test_prisma_runs_concurrently_alone(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"prisma/schema.prisma": "", "prisma/migrations/20260301020304_x/migration.sql": ""},
    )
    files = migration_files([advice()], tmp_path, "prisma")
    assert [str(file.path) for file in files] == [
        *(f"prisma/migrations/20260301020305_{NAME}_{n}/migration.sql" for n in (1, 2, 3, 4)),
        f"prisma/migrations/20260301020305_{NAME}_4/down.sql",
    ]
    for file in files:
        statements = [line for line in file.text.splitlines() if line.endswith(";")]
        if any("INDEX CONCURRENTLY IF" in line and "HINT" not in line for line in statements):
            assert len(statements) == 1, file.text


def test_the_folders_of_two_branches_of_prisma_do_not_mix(tmp_path: Path) -> None:
    put(tmp_path, {"prisma/schema.prisma": ""})
    twelve = ";\n".join(f"CREATE INDEX CONCURRENTLY i{n} ON t (a)" for n in range(4))
    both = [advice(), replace(advice(number=2), sql=twelve)]
    branches = [migration_files([each], tmp_path, "prisma") for each in both]
    names = [[f.path.parent.name for f in branch if f.path.suffix == ".sql"] for branch in branches]
    assert len(names[1]) > len(names[0])
    first, second = (list(dict.fromkeys(each)) for each in names)
    assert len(second) > 9
    assert sorted([*first, *second]) == [*first, *second]


def test_one_file_brings_its_way_back_as_a_comment(tmp_path: Path) -> None:
    (file,) = migration_files([advice(), advice(number=2)], tmp_path, "file")
    assert file.path == Path("agentdb.sql")
    assert file.text.count("\n-- DROP INDEX CONCURRENTLY IF EXISTS public.orders") == 2
    assert file.text.count("\nCREATE INDEX CONCURRENTLY IF NOT EXISTS ") == 2


@pytest.mark.parametrize("dialect", ["sql", "flyway", "prisma"])
def test_what_is_delivered_twice_is_there_once(tmp_path: Path, dialect: Dialect) -> None:
    put(tmp_path, {"prisma/schema.prisma": "", "sql/V1__x.sql": ""})
    first = migration_files([advice()], tmp_path, dialect)
    assert write_files(first, tmp_path) == first
    later = replace(advice(), reasoning="It was measured again.")
    again = migration_files([later], tmp_path, dialect)
    assert sorted(again, key=lambda file: file.path) == sorted(first, key=lambda file: file.path)
    assert write_files(again, tmp_path) == ()


def test_without_a_way_back_there_is_no_script_for_it(tmp_path: Path) -> None:
    put(tmp_path, {"prisma/schema.prisma": "", "sql/V1__x.sql": ""})
    lost = replace(advice(), rollback_sql=None)
    assert len(migration_files([lost], tmp_path, "flyway")) == 2
    assert len(migration_files([lost], tmp_path, "prisma")) == 4
    _, down = migration_files([lost], tmp_path, "sql")
    assert down.text == "-- No way back is known.\n\n\n"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    put(tmp_path, {"migrations": "a file"})
    with pytest.raises(UnclearRepository, match=r"\.up\.sql cannot be written"):
        write_files(migration_files([advice()], tmp_path, "sql"), tmp_path)


def test_flyway_is_told_not_to_hold_a_transaction() -> None:
    assert next_command("flyway") == "flyway -postgresql.transactional.lock=false migrate"


def test_the_page_shows_what_is_written(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "deliver.md").read_text(encoding="utf-8")
    (script,) = migration_files([advice()], tmp_path, "file")
    assert f"```sql\n{script.text}```\n" in page
    for dialect in ("alembic", "django", "flyway", "prisma"):
        assert f"| `{next_command(dialect)}` |" in page
