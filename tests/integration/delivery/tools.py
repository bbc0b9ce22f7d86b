"""Repositories with migrations of each kind, and the tools that run them, up and down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import postgast
import pytest

from agentdb.delivery.migrations.files import migration_files, write_files
from agentdb.delivery.migrations.migration_file import Dialect
from agentdb.repositories.advice import Optimization
from tests.servers import connect


@dataclass(frozen=True, slots=True)
class Tool:
    """A repository and what runs its migrations; `forget` makes the tool run them again."""

    dialect: Dialect
    root: Path
    up: Callable[[], None]
    down: Callable[[], None]
    forget: Callable[[], None] = lambda: None

    def deliver(self, *advice: Optimization, together: bool = False) -> None:
        """Write the migrations into the repository."""
        files = migration_files(advice, self.root, self.dialect, app=_app(self), together=together)
        write_files(files, self.root)


def _app(tool: Tool) -> str | None:
    return "shop" if tool.dialect == "django" else None


def command(folder: Path, url: str, *words: str) -> str:
    """Run a program that must succeed, and return what it said."""
    done = subprocess.run(  # noqa: S603
        words,
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(done.stderr + done.stdout)
    return done.stdout


# Plain SQL ---------------------------------------------------------------------------------------


def one_by_one(url: str, script: str) -> None:
    """Run a script as psql does: each statement by itself, all in one session."""
    with connect(url) as connection:
        for statement in postgast.split(script):
            connection.execute(statement.encode())
        left = connection.execute("SELECT name FROM pg_settings WHERE source = 'session'")
        assert {name for (name,) in left} <= {"client_encoding"}


def at_once(url: str, script: str) -> None:
    """Run a script as Prisma's engine does: sent whole, so in one transaction of the server's."""
    with connect(url) as connection:
        connection.execute(script.encode())


def _scripts(folder: Path, pattern: str, run: Callable[[str, str], None], url: str) -> None:
    for file in sorted(folder.glob(pattern)):
        run(url, file.read_text(encoding="utf-8"))


def plain(root: Path, url: str) -> Tool:
    return Tool(
        "sql",
        root,
        up=lambda: _scripts(root, "migrations/*.up.sql", one_by_one, url),
        down=lambda: _scripts(root, "migrations/*.down.sql", one_by_one, url),
    )


def psql(root: Path, url: str) -> Tool:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed: apt-get install postgresql-client")

    def run(kind: str) -> None:
        for file in sorted(root.glob(f"migrations/*.{kind}.sql")):
            command(root, url, program, url, "-qX", "-v", "ON_ERROR_STOP=1", "-f", str(file))

    return Tool("sql", root, up=lambda: run("up"), down=lambda: run("down"))


def flyway(root: Path, url: str) -> Tool:
    """Flyway itself cannot be had here: its scripts by its documented rule, without transaction."""
    folder = root / "db" / "migration"
    folder.mkdir(parents=True)
    (folder / "V7__first.sql").touch()

    def run(pattern: str) -> None:
        scripts = sorted(folder.glob(pattern))
        for script in scripts:
            said = script.with_name(f"{script.name}.conf").read_text(encoding="utf-8")
            assert "executeInTransaction=false\n" in said
        _scripts(folder, pattern, one_by_one, url)

    return Tool("flyway", root, up=lambda: run("V*agentdb*.sql"), down=lambda: run("U*.sql"))


def prisma(root: Path, url: str) -> Tool:
    """Prisma's own engine cannot be had here: its scripts by its rule, each sent whole."""
    (root / "prisma").mkdir()
    (root / "prisma" / "schema.prisma").touch()
    migrations = root / "prisma" / "migrations"
    return Tool(
        "prisma",
        root,
        up=lambda: _scripts(migrations, "*/migration.sql", at_once, url),
        down=lambda: _scripts(migrations, "*/down*.sql", at_once, url),
    )


# Alembic -----------------------------------------------------------------------------------------

_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine

if context.is_offline_mode():
    # As Alembic's own template has it: otherwise any % is printed twice.
    context.configure(
        dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"}
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
    with create_engine(url).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""

_FIRST = 'revision = "first"\ndown_revision = None\ndef upgrade(): pass\ndef downgrade(): pass\n'


def alembic(root: Path, url: str) -> Tool:
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (root / "migrations" / "env.py").write_text(_ENV)
    (versions / "first.py").write_text(_FIRST)

    def run(*words: str) -> None:
        command(root, url, sys.executable, "-m", "alembic", *words)

    return Tool(
        "alembic",
        root,
        up=lambda: run("upgrade", "head"),
        down=lambda: run("downgrade", "first"),
        forget=lambda: run("stamp", "first"),
    )


# Django ------------------------------------------------------------------------------------------

_MANAGE = """
import os, sys
from urllib.parse import parse_qsl, unquote, urlsplit
import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    INSTALLED_APPS=["shop"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or dict(parse_qsl(url.query)).get("host"),
        "PORT": url.port or dict(parse_qsl(url.query)).get("port"),
    }},
)
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

_MODELS = """
from django.db import models

class Order(models.Model):
    customer_id = models.IntegerField()

    class Meta:
        db_table = "orders"
        managed = False
"""


def django(root: Path, url: str) -> Tool:
    pytest.importorskip("django")
    (root / "manage.py").write_text(_MANAGE)
    migrations = root / "shop" / "migrations"
    migrations.mkdir(parents=True)
    for package in (migrations, migrations.parent):
        (package / "__init__.py").touch()
    (migrations.parent / "models.py").write_text(_MODELS)

    def run(*words: str) -> None:
        command(root, url, sys.executable, "manage.py", *words)

    run("makemigrations", "shop")

    def up() -> None:
        run("migrate")
        run("makemigrations", "--check")  # the models know of nothing new

    return Tool(
        "django",
        root,
        up=up,
        down=lambda: run("migrate", "shop", "0001"),
        forget=lambda: run("migrate", "shop", "0001", "--fake"),
    )


TOOLS: Sequence[Callable[[Path, str], Tool]] = (plain, psql, flyway, prisma, alembic, django)
