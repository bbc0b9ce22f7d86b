"""Requests to a forge's API: patient with a busy one, and silent about the token.

The token travels in a header alone, to the host of `base_url` alone: nothing is followed elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

from agentdb.errors import BadSetting, ClientMissing, ForgeRefused, ForgeUnreachable

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 30.0
_WAITS_SECONDS = (1.0, 2.0, 4.0)
_LONGEST_WAIT_SECONDS = 60.0
_DAY_SECONDS = 86_400
_SHOWN = 200  # characters of what the server said

BUSY = frozenset(
    {
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers of a server that may do better in a moment."""

Method = Literal["GET", "POST", "PATCH", "PUT"]
Json = Any  # what a forge answers; read at once, and kept as values


@dataclass(frozen=True, slots=True)
class Account:
    """Where an API is, whose project it is asked for, and how it is convinced."""

    base_url: str  # without a slash at the end
    place: str  # github.com/OWNER/NAME
    token_name: str  # the variable that the token came from
    token: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """The host and port asked."""
        return urlsplit(self.base_url).netloc


class Client:
    """Asks one API; raises ForgeRefused for what it does not do, ForgeUnreachable if it is away."""

    def __init__(self, account: Account, sleep: Callable[[float], None] = time.sleep) -> None:
        if find_spec("httpx") is None:
            raise ClientMissing("pull requests need httpx: pip install 'agentdb[deliver]'")
        self._account = account
        self._sleep = sleep

    def get(self, path: str) -> Json:
        """Return what is there."""
        return self._read(self._answer("GET", path))

    def pages(self, path: str, **query: str) -> Iterator[Json]:
        """Yield what is there, page by page, as long as an answer names a next one."""
        answer = self._answer("GET", f"{path}?{urlencode({**query, 'per_page': 100})}")
        yield from self._read(answer)
        while following := answer.links.get("next", {}).get("url"):
            answer = self._answer("GET", self._below(following))
            yield from self._read(answer)

    def send(
        self, method: Method, path: str, content: Mapping[str, str], *, repeatable: bool = True
    ) -> Json:
        """Send something and return the answer.

        What is not `repeatable` is not sent again where it may have arrived.
        """
        return self._read(self._answer(method, path, content, repeatable=repeatable))

    def _answer(
        self,
        method: Method,
        path: str,
        content: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
    ) -> httpx.Response:
        for wait in _WAITS_SECONDS:
            try:
                return self._once(method, path, content)
            except _Busy as busy:
                pause = wait if busy.seconds is None else busy.seconds
                if pause > _LONGEST_WAIT_SECONDS or (busy.may_have_arrived and not repeatable):
                    raise
            self._sleep(pause)
        return self._once(method, path, content)

    def _once(self, method: Method, path: str, content: Mapping[str, str] | None) -> httpx.Response:
        import httpx  # noqa: PLC0415 - of an extra

        account = self._account
        try:
            with httpx.Client(timeout=TIMEOUT_SECONDS, headers=account.headers) as client:
                answer = client.request(method, f"{account.base_url}{path}", json=content)
        except httpx.HTTPError as error:
            raise _Busy(
                f"{account.host} does not answer ({self._plain(str(error))}): try again later",
                may_have_arrived=not isinstance(error, httpx.ConnectError),
            ) from None  # it holds the request, and that the token
        if answer.is_success:
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> ForgeUnreachable | ForgeRefused:
        limited, host = _is_limit(answer), self._account.host
        if not limited and answer.status_code not in BUSY:
            return ForgeRefused(self._explained(answer), answer.status_code)
        seconds = _asked_pause(answer)
        reason = "wants to be asked less" if limited else f"answers {answer.status_code}"
        return _Busy(
            f"{host} {reason}: try again {_then(seconds)}", seconds, may_have_arrived=not limited
        )

    def _explained(self, answer: httpx.Response) -> str:
        account, status = self._account, answer.status_code
        if answer.is_redirect:
            return f"{account.place} has moved: give its new address as --repository"
        if status == HTTPStatus.UNAUTHORIZED:
            return f"{account.host} does not accept the token: set {account.token_name} anew"
        if status == HTTPStatus.NOT_FOUND:
            return (
                f"{account.host} knows nothing of {account.place}, or hides it from this token: "
                f"check --repository and {account.token_name}"
            )
        said = self._plain(_message(answer))
        if status == HTTPStatus.FORBIDDEN:
            return (
                f"the token in {account.token_name} may not do that in {account.place} ({said}): "
                "let it write contents and pull requests"
            )
        return f"{account.host} refuses ({status}): {said}"

    def _read(self, answer: httpx.Response) -> Json:
        try:
            return answer.json()
        except ValueError:
            raise ForgeRefused(
                f"{self._account.host} answers, but not as an API does: check AGENTDB_FORGE_URL",
                answer.status_code,
            ) from None

    def _below(self, url: str) -> str:
        """Return the path of a next page; never one elsewhere, which would get the token."""
        base = self._account.base_url
        if not url.startswith(f"{base}/"):
            raise ForgeRefused(
                f"{self._account.host} sends to another place for the next page: "
                f"check AGENTDB_FORGE_URL ({base})",
                HTTPStatus.BAD_GATEWAY,
            )
        return url.removeprefix(base)

    def _plain(self, said: str) -> str:
        return " ".join(said.replace(self._account.token, "…").split())[:_SHOWN]


class _Busy(ForgeUnreachable):
    """Not now: it may work in so many seconds, or in a while."""

    def __init__(
        self, message: str, seconds: float | None = None, *, may_have_arrived: bool
    ) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.may_have_arrived = may_have_arrived


def checked_token(name: str, environment: Mapping[str, str]) -> str:
    """Return a token from the environment; raise BadSetting without showing it."""
    token = environment.get(name, "").strip()
    if not token:
        raise BadSetting(f"pull requests need a token: set {name}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadSetting(f"{name} holds characters that no token has: set it anew")
    return token


def moment(written: str | None) -> datetime | None:
    """Return a time as JSON writes it."""
    return None if written is None else datetime.fromisoformat(written)


def _is_limit(answer: httpx.Response) -> bool:
    """Tell whether it was refused for asking too much: nothing was done."""
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    headers = answer.headers
    return answer.status_code == HTTPStatus.FORBIDDEN and (
        headers.get("x-ratelimit-remaining") == "0"
        or "retry-after" in headers
        or "secondary rate limit" in answer.text
    )


def _asked_pause(answer: httpx.Response) -> float | None:
    """Return the seconds that a server asks to wait, in any of the three ways there are."""
    after = answer.headers.get("retry-after")
    if after is not None:
        return _seconds(after)
    if answer.headers.get("x-ratelimit-remaining", "0") != "0":
        return None
    reset = answer.headers.get("x-ratelimit-reset") or answer.headers.get("ratelimit-reset")
    return max(float(reset) - time.time(), 1.0) if reset and reset.isdecimal() else None


def _then(seconds: float | None) -> str:
    """Return when that is; what is a day away or more is no time of a day."""
    if not seconds or seconds >= _DAY_SECONDS:
        return "later"
    return f"after {datetime.fromtimestamp(time.time() + seconds, UTC):%H:%M} UTC"


def _seconds(after: str) -> float | None:
    if after.isdecimal():
        return float(after)
    try:
        return max(parsedate_to_datetime(after).timestamp() - time.time(), 1.0)
    except ValueError:
        return None


def _message(answer: httpx.Response) -> str:
    """Return what a forge says of its refusal: a message, and the errors that go with it."""
    try:
        told = answer.json()
    except ValueError:
        return answer.reason_phrase
    if not isinstance(told, dict):
        return answer.reason_phrase
    errors = told.get("errors")
    details = [
        str(each.get("message", each.get("code", ""))) if isinstance(each, dict) else str(each)
        for each in (errors if isinstance(errors, list) else ())
    ]
    message = told.get("message", told.get("error", answer.reason_phrase))
    said = "; ".join(map(str, message)) if isinstance(message, list) else str(message)
    return "; ".join(filter(None, [said, *details]))
