"""GitLab, also one's own: merge requests over its REST API, version 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from agentdb.delivery.client import Account, Client, Json, moment
from agentdb.delivery.forge import Comment, Draft, Request, RequestState
from agentdb.delivery.remote import Remote

TOKEN = "GITLAB_TOKEN"  # noqa: S105 - the variable's name

# `locked` is a merge request that is being merged.
_STATES: dict[str, RequestState] = {
    "opened": "open",
    "locked": "open",
    "merged": "merged",
    "closed": "closed",
}


class GitLab:
    """One project on GitLab."""

    name: Literal["gitlab"] = "gitlab"

    def __init__(self, client: Client, remote: Remote) -> None:
        self._client = client
        self._path = f"/projects/{quote(remote.project, safe='')}"
        self.place = remote.place

    def default_branch(self) -> str:
        """Return the branch that merge requests go into if nobody names another."""
        return str(self._client.get(self._path)["default_branch"])

    def requests_of(self, branch: str) -> Sequence[Request]:
        """Return all merge requests ever opened from a branch of the project, the newest first."""
        path = f"{self._path}/merge_requests"
        found = self._client.pages(path, source_branch=branch, state="all")
        # Anybody may name a branch of a fork so.
        ours = [e for e in found if e["source_project_id"] == e["target_project_id"]]
        return sorted(map(_request, ours), key=lambda request: -request.number)

    def open_request(self, draft: Draft) -> Request:
        """Open a merge request; ForgeRefused if one of the same branch is open already."""
        content = {
            "title": draft.title,
            "description": draft.body,
            "source_branch": draft.branch,
            "target_branch": draft.base,
        }
        return _request(self._client.send("POST", f"{self._path}/merge_requests", content))

    def update_request(self, number: int, title: str, body: str) -> Request:
        """Give a merge request another title and text."""
        content = {"title": title, "description": body}
        path = f"{self._path}/merge_requests/{number}"
        return _request(self._client.send("PUT", path, content))

    def comments(self, number: int) -> Sequence[Comment]:
        """Return what people said on a merge request, the oldest first."""
        path = f"{self._path}/merge_requests/{number}/notes"
        found = self._client.pages(path, sort="asc", order_by="created_at")
        # GitLab's own notes tell of every push and label.
        said = (each for each in found if not each["system"])
        return [Comment(each["author"]["username"], each["body"]) for each in said]

    def comment(self, number: int, body: str) -> None:
        """Say something on a merge request; on ForgeUnreachable it may have been said."""
        path = f"{self._path}/merge_requests/{number}/notes"
        self._client.send("POST", path, {"body": body}, repeatable=False)


def gitlab_account(remote: Remote, base_url: str | None, token: str) -> Account:
    """Return how to speak to GitLab about a project."""
    headers = {"PRIVATE-TOKEN": token}
    return Account(base_url or f"{remote.web}/api/v4", remote.place, TOKEN, token, headers)


def _request(told: Json) -> Request:
    return Request(
        number=told["iid"],
        url=told["web_url"],
        state=_STATES[told["state"]],
        body=told["description"] or "",
        base=told["target_branch"],
        ended_at=moment(told.get("merged_at") or told.get("closed_at")),
    )
