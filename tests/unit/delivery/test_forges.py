"""GitHub and GitLab behind one interface: the same tests for both, against a strict server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from agentdb.delivery.client import checked_token
from agentdb.delivery.forge import Draft, Forge, foremost
from agentdb.delivery.github import github_account
from agentdb.delivery.gitlab import gitlab_account
from agentdb.delivery.remote import read_remote
from agentdb.errors import BadSetting, DeliveryError, ForgeRefused, ForgeUnreachable
from tests.forges import TOKEN, Answer, Fault, Kind, Loopback, commit, loopback

BRANCH = "agentdb/create-index-orders-1a2b"
DRAFT = Draft("Index on orders", "Because", BRANCH, "main")
BUSY = Answer(503, {"message": "busy"})


@pytest.fixture(params=get_args(Kind))
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loopback]:
    with loopback(request.param, tmp_path) as served:
        commit(served.bare, BRANCH, {"migration.sql": "CREATE INDEX …"})
        yield served


@pytest.fixture
def waits() -> list[float]:
    """How long was waited, which no test does."""
    return []


@pytest.fixture
def forge(served: Loopback, waits: list[float]) -> Forge:
    return served.forge(waits.append)


# What it is asked for -----------------------------------------------------------------------------


def test_a_request_is_opened_and_found_by_its_branch(served: Loopback, forge: Forge) -> None:
    assert forge.default_branch() == "main"
    assert forge.requests_of(BRANCH) == []
    opened = forge.open_request(DRAFT)
    assert (opened.number, opened.state, opened.base, opened.body) == (1, "open", "main", "Because")
    assert opened.url.startswith(served.url)
    assert forge.requests_of(BRANCH) == [opened]
    assert forge.requests_of("agentdb/another") == []


def test_a_second_one_of_the_same_branch_is_refused(served: Loopback, forge: Forge) -> None:
    forge.open_request(DRAFT)
    with pytest.raises(ForgeRefused, match="already exists") as caught:
        forge.open_request(DRAFT)
    assert caught.value.status in (409, 422)
    assert len(served.requests) == 1


def test_title_and_text_can_be_changed(served: Loopback, forge: Forge) -> None:
    forge.open_request(DRAFT)
    assert forge.update_request(1, "Another", "Since").body == "Since"
    assert served.requests[0]["title"] == "Another"


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_it_is_told_how_and_when_a_request_ended(
    served: Loopback, forge: Forge, state: str
) -> None:
    forge.open_request(DRAFT)
    served.end(1, state)  # type: ignore[arg-type]
    (request,) = forge.requests_of(BRANCH)
    assert request.state == state
    assert request.ended_at == datetime(2026, 3, 8, 10, tzinfo=UTC)


def test_an_open_request_counts_before_a_merged_and_that_before_a_closed_one(
    served: Loopback, forge: Forge
) -> None:
    forge.open_request(DRAFT)
    served.end(1, "closed")
    forge.open_request(DRAFT)
    newest = foremost(forge.requests_of(BRANCH))
    served.end(2, "closed")
    last = foremost(forge.requests_of(BRANCH))
    served.requests[0]["state"] = "merged"
    merged = foremost(forge.requests_of(BRANCH))
    found = [request and request.number for request in (newest, last, merged)]
    assert found == [2, 2, 1]
    assert foremost([]) is None


def test_a_branch_of_a_fork_is_none_of_ours(tmp_path: Path) -> None:
    with loopback("gitlab", tmp_path) as served:
        commit(served.bare, BRANCH, {"migration.sql": "CREATE INDEX …"})
        served.forge().open_request(DRAFT)
        served.requests[0]["project"] = 8
        assert served.forge().requests_of(BRANCH) == []


def test_requests_and_comments_on_many_pages_are_all_found(served: Loopback, forge: Forge) -> None:
    served.per_page = 2
    for number in range(1, 6):
        forge.open_request(DRAFT)
        served.end(number, "closed")
        forge.comment(1, f"comment {number}")
    assert [each.number for each in forge.requests_of(BRANCH)] == [5, 4, 3, 2, 1]
    assert [each.body for each in forge.comments(1)] == [f"comment {n}" for n in range(1, 6)]
    assert forge.comments(2) == []


# What goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "break_", "says"),
    [
        ("ghp_wrong", lambda _: None, "does not accept the token: set GIT(HUB|LAB)_TOKEN anew"),
        (TOKEN, lambda s: fail(s, 404), "knows nothing of 127.*, or hides it from this token"),
        (TOKEN, lambda s: fail(s, 403), r"may not do that in 127.* \(no scope\): let it write"),
        (TOKEN, lambda s: fail(s, 301), "has moved: give its new address as --repository"),
        (TOKEN, lambda s: fail(s, 422), r"refuses \(422\): no scope$"),
    ],
)
def test_a_refusal_is_one_clear_line(
    served: Loopback, token: str, break_: Callable[[Loopback], None], says: str
) -> None:
    break_(served)
    with pytest.raises(ForgeRefused, match=says) as caught:
        served.forge(token=token).default_branch()
    assert "\n" not in str(caught.value)


def fail(served: Loopback, status: int) -> None:
    headers = {"Location": f"{served.url}/elsewhere"} if status == 301 else {}
    served.faults.append(Fault("GET", Answer(status, {"message": "no scope"}, headers)))


def test_a_busy_server_is_asked_again(served: Loopback, forge: Forge, waits: list[float]) -> None:
    served.faults += [Fault("GET", BUSY), Fault("GET", None), Fault("POST", BUSY)]
    assert forge.default_branch() == "main"
    assert forge.open_request(DRAFT).number == 1
    assert waits == [1, 2, 1]


def test_a_server_that_stays_busy_is_given_up(
    served: Loopback, forge: Forge, waits: list[float]
) -> None:
    served.faults += [Fault("GET", BUSY)] * 4
    with pytest.raises(ForgeUnreachable, match="answers 503: try again later"):
        forge.default_branch()
    assert waits == [1, 2, 4]
    served.faults += [Fault("GET", None)] * 4
    with pytest.raises(ForgeUnreachable, match=r"does not answer .*: try again later"):
        forge.default_branch()


@pytest.mark.parametrize(
    ("status", "headers", "waited"),
    [
        (429, {"Retry-After": "7"}, 7),
        (403, {"Retry-After": "7"}, 7),
        (429, {}, 1),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{in 7 s}"}, 7),
        (429, {"RateLimit-Reset": "{in 7 s}"}, 7),
        (429, {"Retry-After": "yesterday"}, 1),
    ],
)
def test_a_limit_is_waited_for_as_the_server_asks(
    served: Loopback,
    forge: Forge,
    waits: list[float],
    status: int,
    headers: dict[str, str],
    waited: float,
) -> None:
    soon = str(int(time.time()) + 8)
    given = {name: value.replace("{in 7 s}", soon) for name, value in headers.items()}
    served.faults.append(Fault("POST", Answer(status, {"message": "slow down"}, given)))
    forge.comment(1, "said once")
    assert waits == [pytest.approx(waited, abs=1.1)]
    assert [each["body"] for each in served.comments] == ["said once"]


def test_a_limit_of_an_hour_is_not_waited_for(
    served: Loopback, forge: Forge, waits: list[float]
) -> None:
    served.faults.append(Fault("GET", Answer(429, {}, {"Retry-After": "3600"})))
    with pytest.raises(ForgeUnreachable, match=r"asked less: try again after \d\d:\d\d UTC"):
        forge.default_branch()
    assert waits == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 20},
        {"Retry-After": "9" * 400},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1799999999000"},  # milliseconds
    ],
)
def test_a_limit_of_ages_is_later(served: Loopback, forge: Forge, headers: dict[str, str]) -> None:
    served.faults.append(Fault("GET", Answer(429, {}, headers)))
    with pytest.raises(ForgeUnreachable, match="asked less: try again later"):
        forge.default_branch()


def test_a_comment_that_may_have_arrived_is_not_said_again(served: Loopback, forge: Forge) -> None:
    served.faults.append(Fault("POST", BUSY, after=True))
    with pytest.raises(ForgeUnreachable):
        forge.comment(1, "said once")
    assert len(served.comments) == 1


def test_an_answer_that_is_no_api_s_is_said(served: Loopback, forge: Forge) -> None:
    served.faults.append(Fault("GET", Answer(200, b"<html>")))
    with pytest.raises(ForgeRefused, match="not as an API does: check AGENTDB_FORGE_URL"):
        forge.default_branch()


def test_a_next_page_elsewhere_does_not_get_the_token(served: Loopback, forge: Forge) -> None:
    link = {"Link": '<https://evil.example/x>; rel="next"'}
    served.faults.append(Fault("GET", Answer(200, [], link)))
    with pytest.raises(ForgeRefused, match="to another place for the next page"):
        forge.requests_of(BRANCH)


# The token ----------------------------------------------------------------------------------------


def test_the_token_is_in_no_log_and_in_no_error(
    served: Loopback, forge: Forge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"message": f"what do you mean by {TOKEN}?"}
    forge.open_request(DRAFT)
    shown = [repr(forge), repr(vars(forge))]
    for status in (400, 403, 404, 422, 503):
        served.faults += [Fault("GET", Answer(status, echo))] * 4
        with pytest.raises(DeliveryError) as caught:
            forge.default_branch()
        served.faults.clear()
        shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert TOKEN not in "\n".join([*shown, caplog.text])
    assert "Request" in caplog.text


def test_accounts_do_not_show_the_token() -> None:
    remote = read_remote("git@github.com:shop/orders.git")
    for account in (github_account(remote, None, TOKEN), gitlab_account(remote, None, TOKEN)):
        assert TOKEN not in repr(account)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "ümlaut"])
def test_a_token_that_cannot_be_one_is_refused_unseen(token: str) -> None:
    with pytest.raises(BadSetting, match="GITHUB_TOKEN") as caught:
        checked_token("GITHUB_TOKEN", {"GITHUB_TOKEN": token})
    assert not token.strip() or token not in str(caught.value)


# Where an API is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "github", "gitlab"),
    [
        ("https://github.com/shop/orders.git", "https://api.github.com", None),
        ("git@github.com:shop/orders.git", "https://api.github.com", None),
        ("ssh://git@ssh.github.com:443/shop/orders", "https://api.github.com", None),
        ("https://ghe.example/shop/orders", "https://ghe.example/api/v3", None),
        ("git@gitlab.com:shop/sub/orders.git", None, "https://gitlab.com/api/v4"),
        ("ssh://git@git.example:2222/shop/orders", None, "https://git.example/api/v4"),
        ("https://git.example:8443/shop/orders", None, "https://git.example:8443/api/v4"),
    ],
)
def test_the_api_is_where_the_repository_says(
    address: str, github: str | None, gitlab: str | None
) -> None:
    remote = read_remote(address)
    assert github in (None, github_account(remote, None, TOKEN).base_url)
    assert gitlab in (None, gitlab_account(remote, None, TOKEN).base_url)
    assert github_account(remote, "https://api.ghe.example", TOKEN).host == "api.ghe.example"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://ann:secret@github.com/shop/orders.git/", "github.com/shop/orders"),
        ("https://ghp_secret@github.com/shop/orders", "github.com/shop/orders"),
        ("git@gitlab.com:shop/sub/orders.git", "gitlab.com/shop/sub/orders"),
    ],
)
def test_a_password_in_an_address_goes_no_further(address: str, place: str) -> None:
    remote = read_remote(address)
    assert remote.place == place
    assert "secret" not in remote.address + repr(remote)


@pytest.mark.parametrize(
    "address",
    [
        "http://github.com/shop/orders",
        "https://github.com/orders",
        "https://github.com/shop/../orders",
        "ftp://x:secret@github.com/shop/orders",
        "https://x:secret@[broken/shop/orders",
        "ext::sh -c 'touch secret'",
        "/srv/git/secret/orders.git",
    ],
)
def test_an_address_of_no_project_is_refused_unseen(address: str) -> None:
    with pytest.raises(BadSetting, match="--repository") as caught:
        read_remote(address)
    assert "secret" not in str(caught.value)
