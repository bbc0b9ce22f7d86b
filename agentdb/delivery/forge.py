"""What a forge (GitHub, GitLab) is asked for: one project's pull requests, and their comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

RequestState = Literal["open", "merged", "closed"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A pull request to be opened: `branch` is to go into `base`."""

    title: str
    body: str
    branch: str
    base: str


@dataclass(frozen=True, slots=True)
class Request:
    """A pull request (GitLab's merge request) as the forge has it.

    `ended_at` is when it was merged or closed; None while it is open.
    """

    number: int
    url: str
    state: RequestState
    body: str
    base: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said on a pull request."""

    author: str
    body: str


class Forge(Protocol):
    """One project on a forge; every method raises ForgeUnreachable and ForgeRefused."""

    @property
    def name(self) -> Literal["github", "gitlab"]:
        """Which forge it is."""

    @property
    def place(self) -> str:
        """The project, without secrets: github.com/OWNER/NAME."""

    def default_branch(self) -> str:
        """Return the branch that pull requests go into if nobody names another."""

    def requests_of(self, branch: str) -> Sequence[Request]:
        """Return all pull requests ever opened from a branch of the project, the newest first."""

    def open_request(self, draft: Draft) -> Request:
        """Open a pull request; ForgeRefused if one of the same branch is open already."""

    def update_request(self, number: int, title: str, body: str) -> Request:
        """Give a pull request another title and text."""

    def comments(self, number: int) -> Sequence[Comment]:
        """Return what people said on a pull request, the oldest first."""

    def comment(self, number: int, body: str) -> None:
        """Say something on a pull request; on ForgeUnreachable it may have been said."""


def foremost(requests: Sequence[Request]) -> Request | None:
    """Return the one that counts: an open one, else a merged one, else the newest of the closed."""
    order: tuple[RequestState, ...] = ("open", "merged", "closed")
    return min(requests, key=lambda request: order.index(request.state), default=None)
