"""Django's dialect: a migration of the app that owns the table, not atomic, models untouched."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from agentdb.delivery.migrations.change import Change
from agentdb.delivery.migrations.migration_file import MigrationFile
from agentdb.delivery.migrations.texts import python_docstring, python_string, python_strings
from agentdb.delivery.migrations.tree import Tree, assigned
from agentdb.errors import UnclearRepository

NEXT = "python manage.py migrate"


@dataclass(frozen=True, slots=True)
class _App:
    """An app with migrations: how Django calls it, where it is, the tables of its models."""

    label: str
    folder: PurePath
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Migration:
    """A migration of one app, those of the same app it comes after, and those it stands for."""

    file: PurePath
    after: frozenset[str]
    replaces: frozenset[str]


def places(tree: Tree) -> tuple[PurePath, ...]:
    """Return the folders with a manage.py whose apps have migrations."""
    folders = (file.parent for file in tree.named("manage.py"))
    return tuple(folder for folder in folders if any(_apps(tree, folder)))


def write(
    changes: Sequence[Change], tree: Tree, folder: PurePath, label: str | None
) -> tuple[MigrationFile, ...]:
    """Return one migration for each change, in the app named or else in the table's own."""
    apps = tuple(_apps(tree, folder))
    leaves: dict[str, str | None] = {}
    files = []
    for change in changes:
        app = _named(apps, label) if label else _owner(apps, change.tables)
        there = [f for f in tree.inside(app.folder / "migrations") if change.mark in f.name]
        if there:
            files.append(MigrationFile(Path(there[0]), tree.text(there[0])))
            continue
        after = leaves[app.label] if app.label in leaves else _leaf(app, _migrations(tree, app))
        name = f"{_number(after):04}_{change.name}"
        path = Path(app.folder, "migrations", f"{name}.py")
        files.append(MigrationFile(path, _text(change, app.label, after)))
        leaves[app.label] = name
    return tuple(files)


# The apps ----------------------------------------------------------------------------------------


def _apps(tree: Tree, folder: PurePath) -> Iterator[_App]:
    for marker in tree.named("__init__.py"):
        package = marker.parent.parent
        if marker.parent.name == "migrations" and (package == folder or folder in package.parents):
            label = _label(tree, package)
            yield _App(label, package, frozenset(_tables(tree, package, label)))


def _label(tree: Tree, package: PurePath) -> str:
    """Return how the app's configuration calls it, else the name of its folder."""
    if package / "apps.py" in tree.files:
        for node in tree.module(package / "apps.py").body:
            label = _text_of(assigned(node.body, "label")) if isinstance(node, ast.ClassDef) else ""
            if label:
                return label
    return package.name


def _tables(tree: Tree, package: PurePath, label: str) -> Iterator[str]:
    models = (package / "models.py", *tree.below(package / "models"))
    for file in (file for file in models if file in tree.files and file.suffix == ".py"):
        for node in tree.module(file).body:
            if isinstance(node, ast.ClassDef):
                yield _table(node, label)


def _table(model: ast.ClassDef, label: str) -> str:
    for node in model.body:
        if isinstance(node, ast.ClassDef) and node.name == "Meta":
            named = _text_of(assigned(node.body, "db_table"))
            if named:
                return named.rpartition('"."')[2].strip('"')
    return f"{label}_{model.name.lower()}"


def _text_of(value: ast.expr | None) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return ""


def _named(apps: Sequence[_App], label: str) -> _App:
    for app in apps:
        if app.label == label:
            return app
    raise UnclearRepository(f"no app {label} has migrations: name one of {_labels(apps)} in --app")


def _owner(apps: Sequence[_App], tables: Sequence[str]) -> _App:
    """Return the app with a model of such a table, else the only one whose tables begin so."""
    owners = [app for app in apps if app.tables.intersection(tables)] or [
        # A table between two models belongs to no class of its own.
        app
        for app in apps
        if any(table.startswith(f"{app.label}_") for table in tables)
    ]
    if len(owners) == 1:
        return owners[0]
    raise UnclearRepository(
        f"{'no' if not owners else 'more than one'} app of Django owns {', '.join(tables)}: "
        f"name one of {_labels(owners or apps)} in --app"
    )


def _labels(apps: Sequence[_App]) -> str:
    return ", ".join(sorted(app.label for app in apps))


# Their migrations --------------------------------------------------------------------------------


def _migrations(tree: Tree, app: _App) -> dict[str, _Migration]:
    files = [f for f in tree.inside(app.folder / "migrations") if f.suffix == ".py"]
    read = ((f, _migration_class(tree, f)) for f in files if f.name != "__init__.py")
    return {f.stem: _migration(f, body, app.label) for f, body in read if body}


def _migration_class(tree: Tree, file: PurePath) -> list[ast.stmt]:
    for node in tree.module(file).body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            return node.body
    return []


def _migration(file: PurePath, body: list[ast.stmt], label: str) -> _Migration:
    after = frozenset(_pairs(assigned(body, "dependencies"), label))
    return _Migration(file, after, frozenset(_pairs(assigned(body, "replaces"), label)))


def _pairs(value: ast.expr | None, label: str) -> Iterator[str]:
    """Return the names in `[("app", "name"), …]` that are of this app."""
    for item in value.elts if isinstance(value, ast.List | ast.Tuple) else ():
        if isinstance(item, ast.Tuple) and [_text_of(part) for part in item.elts][:1] == [label]:
            yield _text_of(item.elts[1])


def _leaf(app: _App, migrations: Mapping[str, _Migration]) -> str | None:
    """Return the last migration of an app; what is squashed stands behind what it became."""
    replaced = frozenset[str]().union(*(each.replaces for each in migrations.values()))
    followed = frozenset[str]().union(
        *(each.after for name, each in migrations.items() if name not in replaced)
    )
    squashed = {name for name, each in migrations.items() if each.replaces & followed}
    leaves = sorted(set(migrations) - replaced - followed - squashed)
    if len(leaves) > 1:
        raise UnclearRepository(
            f"the app {app.label} has several last migrations ({', '.join(leaves)}): "
            "run `python manage.py makemigrations --merge`"
        )
    return leaves[0] if leaves else None


def _number(after: str | None) -> int:
    """Return the number of the next migration, as makemigrations counts."""
    digits = (after or "").partition("_")[0]
    return int(digits) + 1 if digits.isdecimal() else 1


# The text ----------------------------------------------------------------------------------------


def _text(change: Change, label: str, after: str | None) -> str:
    last = f"\n        ({python_string(label)}, {python_string(after)}),\n    " if after else ""
    back = f"            reverse_sql=[\n{python_strings(change.down, 16)}            ],\n"
    return _MIGRATION.format(
        head=python_docstring([change.title, "", *change.about]),
        dependencies=f"[{last}]",
        up=python_strings(change.up, 16),
        back=back if change.down else "",
    )


_MIGRATION = """\
{head}

from django.db import migrations


class Migration(migrations.Migration):
    # CONCURRENTLY cannot run in a transaction.
    atomic = False

    dependencies = {dependencies}

    # Plain SQL, which AddIndexConcurrently has no words for: what a failed build left is dropped,
    # locks are not waited for too long, and the models stay as they are.
    operations = [
        migrations.RunSQL(
            sql=[
{up}            ],
{back}        ),
    ]
"""
