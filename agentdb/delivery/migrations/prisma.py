"""Prisma's dialect: folders in order, since it sends a script of several statements as one.

The server runs such a script in one transaction, where CONCURRENTLY cannot run: each statement
that has to be alone gets a folder of its own. Of a way back Prisma knows nothing; down.sql is for
`prisma db execute`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path, PurePath

from agentdb.delivery.migrations.change import Change
from agentdb.delivery.migrations.migration_file import MigrationFile
from agentdb.delivery.migrations.numbering import next_number
from agentdb.delivery.migrations.steps import Step
from agentdb.delivery.migrations.texts import sql_script
from agentdb.delivery.migrations.tree import Tree

NEXT = "npx prisma migrate deploy"

_FOLDER = re.compile("([0-9]{14})_.+")


def places(tree: Tree) -> tuple[PurePath, ...]:
    """Return the folders of migrations: beside each schema.prisma, or where a lock file is."""
    locked = [file.parent for file in tree.named("migration_lock.toml")]
    beside = [file.parent / "migrations" for file in tree.named("schema.prisma")]
    return tuple(dict.fromkeys(locked or beside))


def write(changes: Sequence[Change], tree: Tree, folder: PurePath) -> tuple[MigrationFile, ...]:
    """Return the folders of each change, one after the other."""
    scripts = tree.below(folder)
    folders = (file.parent.name for file in scripts)
    taken = [found.group(1) for name in folders if (found := _FOLDER.fullmatch(name))]
    files: list[MigrationFile] = []
    for change in changes:
        there = [file for file in scripts if change.mark in file.parent.name]
        if there:
            files += [MigrationFile(Path(file), tree.text(file)) for file in there]
            continue
        number = next_number(taken, change.advised_at)
        taken.append(number)
        files += _folders(change, Path(folder, f"{number}_{change.name}"))
    return tuple(files)


def _folders(change: Change, stem: Path) -> Iterator[MigrationFile]:
    """Return migration.sql of each folder, then what goes into the last one for the way back.

    They share one number: with one each, those of two branches that are merged would mix.
    """
    scripts = tuple(together(change.up))
    digits = len(str(len(scripts)))
    for place, steps in enumerate(scripts, start=1):
        script = stem.with_name(f"{stem.name}_{place:0{digits}}") / "migration.sql"
        yield MigrationFile(script, sql_script(change.about, steps))
    # Each is sent in a session of its own, so that only settings of its own would count.
    undo = [steps for steps in together(change.down) if not all(map(_is_setting, steps))]
    for number, steps in enumerate(undo, start=1):
        name = "down.sql" if len(undo) == 1 else f"down_{number}.sql"
        text = sql_script(("The way back: npx prisma db execute --file", ""), steps)
        yield MigrationFile(script.with_name(name), text)


def together(steps: Iterable[Step]) -> Iterator[Sequence[Step]]:
    """Return the scripts: a statement that has to be alone is, others stay together."""
    for alone, group in groupby(steps, key=lambda step: step.alone):
        found = list(group)
        yield from ([step] for step in found) if alone else (found,)


def _is_setting(step: Step) -> bool:
    return step.sql.startswith(("SET ", "RESET "))
