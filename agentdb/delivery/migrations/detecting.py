"""Which dialect of migrations a repository speaks, read from its tree."""

from __future__ import annotations

from pathlib import Path

from agentdb.delivery.migrations.files import Dialect


def detect(repository: Path) -> Dialect:
    """Return the only dialect that a repository has migrations in; `sql` where it has none.

    Raises UnclearRepository, which names them, for more than one.
    """
    raise NotImplementedError
