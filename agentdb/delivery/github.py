"""GitHub, and GitHub Enterprise: pull requests over its REST API, version 2022-11-28."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from agentdb.delivery.client import Account, Client, Json, moment
from agentdb.delivery.forge import Comment, Draft, Request
from agentdb.delivery.remote import Remote

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the variable's name

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHub:
    """One repository on GitHub."""

    name: Literal["github"] = "github"

    def __init__(self, client: Client, remote: Remote) -> None:
        self._client = client
        self._owner = remote.project.partition("/")[0]
        self._path = f"/repos/{remote.project}"
        self.place = remote.place

    def default_branch(self) -> str:
        """Return the branch that pull requests go into if nobody names another."""
        return str(self._client.get(self._path)["default_branch"])

    def requests_of(self, branch: str) -> Sequence[Request]:
        """Return all pull requests ever opened from a branch of the project, the newest first."""
        head = f"{self._owner}:{branch}"
        found = self._client.pages(f"{self._path}/pulls", head=head, state="all")
        # Without a match for `head`, an old Enterprise server returns all there are.
        ours = [each for each in found if each["head"]["ref"] == branch]
        return sorted(map(_request, ours), key=lambda request: -request.number)

    def open_request(self, draft: Draft) -> Request:
        """Open a pull request; ForgeRefused if one of the same branch is open already."""
        content = {
            "title": draft.title,
            "body": draft.body,
            "head": draft.branch,
            "base": draft.base,
        }
        return _request(self._client.send("POST", f"{self._path}/pulls", content))

    def update_request(self, number: int, title: str, body: str) -> Request:
        """Give a pull request another title and text."""
        content = {"title": title, "body": body}
        return _request(self._client.send("PATCH", f"{self._path}/pulls/{number}", content))

    def comments(self, number: int) -> Sequence[Comment]:
        """Return what people said on a pull request, the oldest first."""
        found = self._client.pages(f"{self._path}/issues/{number}/comments")
        return [Comment((each["user"] or {}).get("login", "ghost"), each["body"]) for each in found]

    def comment(self, number: int, body: str) -> None:
        """Say something on a pull request; on ForgeUnreachable it may have been said."""
        path = f"{self._path}/issues/{number}/comments"
        self._client.send("POST", path, {"body": body}, repeatable=False)


def github_account(remote: Remote, base_url: str | None, token: str) -> Account:
    """Return how to speak to GitHub about a project; Enterprise has its API on its own host."""
    usual = "https://api.github.com" if remote.is_on("github.com") else f"{remote.web}/api/v3"
    headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
    return Account(base_url or usual, remote.place, TOKEN, token, headers)


def _request(told: Json) -> Request:
    merged = told["merged_at"] is not None
    return Request(
        number=told["number"],
        url=told["html_url"],
        state="merged" if merged else told["state"],
        body=told["body"] or "",
        base=told["base"]["ref"],
        ended_at=moment(told["merged_at"] or told["closed_at"]),
    )
