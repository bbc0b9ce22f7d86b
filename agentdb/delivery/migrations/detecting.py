"""Which dialect of migrations a repository speaks, and where, read from its tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

from agentdb.delivery.migrations import alembic, django, flyway, plain, prisma
from agentdb.delivery.migrations.migration_file import Dialect
from agentdb.delivery.migrations.tree import Tree, read_tree
from agentdb.errors import UnclearRepository

_PLACES: Mapping[Dialect, Callable[[Tree], tuple[PurePath, ...]]] = {
    "alembic": alembic.places,
    "django": django.places,
    "flyway": flyway.places,
    "prisma": prisma.places,
}


def detect(repository: Path) -> Dialect:
    """Return the only dialect that a repository has migrations in; `sql` where it has none.

    Raises UnclearRepository, which names them, for more than one.
    """
    tree = read_tree(repository)
    found: list[Dialect] = [dialect for dialect, places in _PLACES.items() if places(tree)]
    if len(found) > 1:
        options = " or ".join(f"--to {dialect}" for dialect in found)
        raise UnclearRepository(f"{repository} has migrations of several kinds: say {options}")
    return found[0] if found else "sql"


def place_of(dialect: Dialect, tree: Tree) -> PurePath:
    """Return the only place for migrations of a dialect; raise UnclearRepository."""
    found = _PLACES.get(dialect, plain.places)(tree)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnclearRepository(
            f"{tree.root} has no migrations of {dialect}: see --to, --repository"
        )
    places = ", ".join(map(str, found))
    raise UnclearRepository(
        f"{tree.root} has migrations of {dialect} in {places}: name a folder with one of them "
        "in --repository"
    )
