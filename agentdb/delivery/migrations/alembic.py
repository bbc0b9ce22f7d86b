"""Alembic's dialect: a revision after the only head, run outside a transaction."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from agentdb.delivery.migrations.change import Change
from agentdb.delivery.migrations.migration_file import MigrationFile
from agentdb.delivery.migrations.texts import python_docstring, python_string, python_strings
from agentdb.delivery.migrations.tree import Tree, assigned
from agentdb.errors import UnclearRepository

NEXT = "alembic upgrade head"


@dataclass(frozen=True, slots=True)
class _Revision:
    """One revision of a repository, and those it comes after."""

    file: PurePath
    name: str
    after: frozenset[str]


def places(tree: Tree) -> tuple[PurePath, ...]:
    """Return the folders with an env.py: one for each set of migrations."""
    return tuple(dict.fromkeys(each.script for each in _homes(tree)))


def write(changes: Sequence[Change], tree: Tree, script: PurePath) -> tuple[MigrationFile, ...]:
    """Return one revision for each change, each after the one before."""
    folders = next(home.versions for home in _homes(tree) if home.script == script)
    revisions = [each for folder in folders for each in _revisions(tree, folder)]
    head = _head(revisions)
    folder, after = (head.file.parent, head.name) if head else (folders[0], None)
    known = {revision.name: revision.file for revision in revisions}
    files = []
    for change in changes:
        name = change.mark.rstrip("_")
        if name in known:
            files.append(MigrationFile(Path(known[name]), tree.text(known[name])))
        else:
            text = _text(change, name, after)
            files.append(MigrationFile(Path(folder, f"{change.name}.py"), text))
            after = name
    return tuple(files)


# The repository ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a set of migrations lives: the folder of its env.py, and those of its revisions."""

    script: PurePath
    versions: tuple[PurePath, ...]


def _homes(tree: Tree) -> tuple[_Home, ...]:
    """Return what the configurations say; without any, every folder that looks like one."""
    configured = (*_from_ini(tree), *_from_pyproject(tree))
    scripts = (
        file.parent for file in tree.named("env.py") if file.parent / "script.py.mako" in tree.files
    )
    return configured or tuple(_Home(script, (script / "versions",)) for script in scripts)


def _from_ini(tree: Tree) -> Iterator[_Home]:
    for file in tree.named("alembic.ini"):
        ini = configparser.RawConfigParser(strict=False)
        try:
            ini.read_string(tree.text(file))
        except configparser.Error as error:
            raise UnclearRepository(f"{file} cannot be read: {error.message}") from error
        location = ini.get("alembic", "script_location", fallback=None)
        versions = ini.get("alembic", "version_locations", fallback="")
        if location:
            yield _home(tree, file, location, re.split(r"[\s,;]+", versions.strip()))


def _from_pyproject(tree: Tree) -> Iterator[_Home]:
    for file in tree.named("pyproject.toml"):
        try:
            tool = tomllib.loads(tree.text(file)).get("tool", {})
        except tomllib.TOMLDecodeError as error:
            raise UnclearRepository(f"{file} cannot be read: {error}") from error
        said = tool.get("alembic", {})
        if "script_location" in said:
            yield _home(tree, file, said["script_location"], said.get("version_locations", []))


def _home(tree: Tree, file: PurePath, location: str, versions: Sequence[str]) -> _Home:
    script = _located(tree, file, location)
    folders = tuple(_located(tree, file, each) for each in versions if each)
    return _Home(script, folders or (script / "versions",))


def _located(tree: Tree, file: PurePath, location: str) -> PurePath:
    """Return the folder that a configuration means: relative to it, or in a package."""
    package, colon, inside = (
        location.replace("%(here)s/", "").replace("%(here)s", "").partition(":")
    )
    path = PurePath(*package.split("."), inside) if colon else PurePath(package)
    for start in (file.parent, file.parent / "src"):
        if tree.below(start / path):
            return start / path
    raise UnclearRepository(f"{file} puts migrations in {location}, which is not there")


def _revisions(tree: Tree, folder: PurePath) -> Iterator[_Revision]:
    for file in tree.below(folder):
        if file.suffix == ".py" and file.name != "__init__.py":
            body = tree.module(file).body
            name = _known(file, assigned(body, "revision"))
            if isinstance(name, str):
                yield _Revision(file, name, _names(_known(file, assigned(body, "down_revision"))))


def _known(file: PurePath, value: ast.expr | None) -> object:
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError as error:
        raise UnclearRepository(f"{file} computes its revision, which is not run here") from error


def _names(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(map(str, value)) if isinstance(value, tuple | list) else frozenset()


def _head(revisions: Sequence[_Revision]) -> _Revision | None:
    followed = frozenset[str]().union(*(revision.after for revision in revisions))
    heads = [revision for revision in revisions if revision.name not in followed]
    if len(heads) > 1:
        names = ", ".join(sorted(revision.name for revision in heads))
        raise UnclearRepository(f"Alembic has several heads ({names}): run `alembic merge heads`")
    return heads[0] if heads else None


# The text ----------------------------------------------------------------------------------------


def _text(change: Change, name: str, after: str | None) -> str:
    facts = (f"Revision ID: {name}", f"Revises: {after or ''}".strip())
    created = f"Create Date: {change.advised_at:%Y-%m-%d %H:%M:%S%z}"
    head = python_docstring([change.title, "", *change.about, "", *facts, created])
    return _REVISION.format(
        head=head,
        name=name,
        after=python_string(after) if after else "None",
        up=python_strings(change.up, 4),
        down=python_strings(change.down, 4),
        downgrade="_run(DOWN)" if change.down else _NO_WAY_BACK,
    ).replace("DOWN = (\n)\n", "DOWN = ()\n")


_NO_WAY_BACK = 'raise NotImplementedError("no way back is known")'

_REVISION = """\
{head}

from __future__ import annotations

from alembic import op

revision: str = "{name}"
down_revision: str | None = {after}
branch_labels = None
depends_on = None

UP = (
{up})

DOWN = (
{down})


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    {downgrade}


def _run(statements: tuple[str, ...]) -> None:
    # CONCURRENTLY cannot run in a transaction, and a colon here is no parameter.
    with op.get_context().autocommit_block():
        for statement in statements:
            op.execute(statement.replace(":", r"\\:"))
"""
