"""Plain SQL: a script up and a script down for a folder of such, or one text with both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from agentdb.delivery.migrations.change import Change
from agentdb.delivery.migrations.migration_file import MigrationFile
from agentdb.delivery.migrations.numbering import next_number
from agentdb.delivery.migrations.texts import sql_comment, sql_script
from agentdb.delivery.migrations.tree import Tree

NEXT = 'psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f FILE.up.sql'

_FOLDER = PurePath("migrations")
_OUTSIDE = ("Run each statement by itself, not in one transaction: psql does, without -1.", "")


def places(tree: Tree) -> tuple[PurePath, ...]:
    """Return the folders called `migrations` that hold scripts; `migrations` if there is none."""
    found = {f.parent for f in tree.files if f.suffix == ".sql" and f.parent.name == _FOLDER.name}
    return tuple(sorted(found)) or (_FOLDER,)


def write(changes: Sequence[Change], tree: Tree, folder: PurePath) -> tuple[MigrationFile, ...]:
    """Return a script up and a script down for each change, numbered as the others are."""
    names = [file.name for file in tree.inside(folder)]
    taken = [found.group() for name in names if (found := re.match("[0-9]+(?=[_.-])", name))]
    files = []
    for change in changes:
        there = [file for file in tree.inside(folder) if change.mark in file.name]
        if there:
            files += [MigrationFile(Path(file), tree.text(file)) for file in there]
            continue
        number = next_number(taken, change.advised_at)
        taken.append(number)
        files += _pair(change, Path(folder, f"{number}_{change.name}"))
    return tuple(files)


def _pair(change: Change, stem: Path) -> list[MigrationFile]:
    about = (*_OUTSIDE, *change.about)
    up = MigrationFile(stem.with_name(f"{stem.name}.up.sql"), sql_script(about, change.up))
    undone = ("The way back.", "", *about) if change.down else ("No way back is known.",)
    down = sql_script(undone, change.down)
    return [up, MigrationFile(stem.with_name(f"{stem.name}.down.sql"), down)]


def one_file(changes: Sequence[Change]) -> MigrationFile:
    """Return one script for all changes, with the way back of each as a comment below it."""
    text = "\n".join(sql_script((*_OUTSIDE, *c.about), c.up) + _way_back(c) for c in changes)
    name = changes[0].name if len(changes) == 1 else "agentdb"
    return MigrationFile(Path(f"{name}.sql"), text)


def _way_back(change: Change) -> str:
    # A carriage return ends a comment, too.
    lines = [line for step in change.down for line in re.split("[\r\n]", f"{step.sql};")]
    return f"\n{sql_comment(['The way back:', *lines])}\n" if lines else ""
