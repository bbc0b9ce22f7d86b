"""`agentdb deliver --to github|gitlab`: advice as pull requests, each opened once and kept true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from agentdb.repositories.advice import Optimization
from agentdb.settings import Settings

Action = Literal["opened", "updated", "unchanged", "merged", "closed", "skipped", "failed"]


class File(Protocol):
    """A file of a migration: where in the repository it belongs, and what is in it."""

    @property
    def path(self) -> Path: ...
    @property
    def text(self) -> str: ...


Files = Callable[[Optimization, Path], Sequence[File]]
"""Makes the migration of a piece of advice for a checkout of the repository."""


@dataclass(frozen=True, slots=True)
class Requested:
    """What became of one piece of advice on its way out; `reason` says why, where it is not plain."""

    advice_id: UUID
    title: str
    action: Action
    url: str | None
    reason: str


def deliver_requests(
    settings: Settings,
    advice: Sequence[Optimization],
    files: Files,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Requested, ...]:
    """Open or update a pull request for each piece of advice; see `Settings.deliver_to` and below.

    Raises BadSetting where settings or token are missing, and DeliveryRunning.
    """
    raise NotImplementedError


def follow_requests(
    settings: Settings, files: Files, tell: Callable[[str], None] = lambda _: None
) -> tuple[Requested, ...]:
    """Keep what became of the pull requests sent, say what was measured, revert what made worse."""
    raise NotImplementedError
