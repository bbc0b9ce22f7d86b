"""How a stage says how far it has come; the doors decide how that looks."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Something that shows how far the audit has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` parts of a stage are done; total 0: cannot be told."""
        ...
