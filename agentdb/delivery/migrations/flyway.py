"""Flyway's dialect: a versioned script, and beside it the word that it needs no transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from agentdb.delivery.migrations.change import Change
from agentdb.delivery.migrations.migration_file import MigrationFile
from agentdb.delivery.migrations.numbering import next_number
from agentdb.delivery.migrations.steps import Step
from agentdb.delivery.migrations.texts import sql_script
from agentdb.delivery.migrations.tree import Tree

NEXT = "flyway -postgresql.transactional.lock=false migrate"
"""Otherwise Flyway 9.1.2 and later hold a transaction open, for which CONCURRENTLY waits."""

_SCRIPT = re.compile(r"V([0-9]+(?:[._][0-9]+)*)__.+\.sql")
_LOCK = "Run it with flyway.postgresql.transactional.lock=false: CONCURRENTLY waits for that lock."


def places(tree: Tree) -> tuple[PurePath, ...]:
    """Return the folders of versioned scripts."""
    found = {file.parent for file in tree.files if _SCRIPT.fullmatch(file.name)}
    return tuple(sorted(found))


def write(changes: Sequence[Change], tree: Tree, folder: PurePath) -> tuple[MigrationFile, ...]:
    """Return script, undo script and their configurations for each change."""
    names = [file.name for file in tree.inside(folder)]
    taken = [found.group(1) for name in names if (found := _SCRIPT.fullmatch(name))]
    files = []
    for change in changes:
        there = [file for file in tree.inside(folder) if change.mark in file.name]
        if there:
            files += [MigrationFile(Path(file), tree.text(file)) for file in there]
            continue
        version = next_number(taken, change.advised_at)
        taken.append(version)
        name = f"{version}__{change.name}.sql"
        files += _script(Path(folder, f"V{name}"), (_LOCK, "", *change.about), change.up)
        if change.down:
            files += _script(Path(folder, f"U{name}"), (_LOCK, "", *change.about), change.down)
    return tuple(files)


def _script(path: Path, about: Iterable[str], steps: Sequence[Step]) -> list[MigrationFile]:
    text = sql_script(about, steps)
    settings = "executeInTransaction=false\n"
    if "${" in text:  # it is the application's own text, and no placeholder
        settings += "placeholderReplacement=false\n"
    return [MigrationFile(path, text), MigrationFile(path.with_name(f"{path.name}.conf"), settings)]
