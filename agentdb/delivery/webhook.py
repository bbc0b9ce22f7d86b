"""A message to a chat: JSON as Slack's incoming webhooks take it, and others that follow them.

The URL is a secret: whoever knows it may write there. It is shown nowhere; only its host is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from agentdb.errors import ForgeRefused, ForgeUnreachable

MOST_CHARACTERS = 4_000
"""What Slack shows as one message."""

_TIMEOUT_SECONDS = 30
_WAITS_SECONDS = (1.0, 2.0, 4.0)
_LONGEST_WAIT_SECONDS = 60.0


def escaped(text: str) -> str:
    """Return text that Slack shows as it is: neither a link nor a call to everybody.

    >>> escaped("a < b & <!channel>")
    'a &lt; b &amp; &lt;!channel&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitted(lines: list[str], most: int = MOST_CHARACTERS) -> str:
    """Return lines as one message; what does not fit is counted in its last line."""
    text = "\n".join(lines)
    shown = len(lines)
    while len(text) > most and shown:
        shown -= 1
        text = "\n".join([*lines[:shown], f"… and {len(lines) - shown} more lines"])
    return text


def send_message(
    url: str, text: str, key: str, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send a message, also again where the server is busy; `key` is the same for the same message.

    Raises ForgeUnreachable and ForgeRefused, which name the host alone.
    """
    for wait in _WAITS_SECONDS:
        try:
            return _post(url, text, key)
        except _Busy as busy:
            pause = wait if busy.seconds is None else busy.seconds
            if pause > _LONGEST_WAIT_SECONDS:
                raise
        sleep(pause)
    return _post(url, text, key)


def host_of(url: str) -> str:
    """Return what of a webhook's URL is no secret."""
    return urlsplit(url).netloc


def _post(url: str, text: str, key: str) -> None:
    request = Request(  # noqa: S310 - Settings admit http and https only
        url,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
        method="POST",
    )
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            answer.read(1)
    except HTTPError as error:
        with error:
            raise _refusal(host_of(url), error.code, error.headers) from None  # it holds the URL
    except (OSError, HTTPException, ValueError):
        raise _Busy(f"{host_of(url)} does not answer: try again later") from None


def _refusal(host: str, status: int, headers: Message) -> ForgeUnreachable | ForgeRefused:
    busy = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if busy:
        after = headers.get("Retry-After", "")
        seconds = float(after) if after.isdecimal() else None
        return _Busy(f"{host} answers {status}: try again later", seconds)
    return ForgeRefused(f"{host} refuses the message ({status}): check AGENTDB_WEBHOOK_URL", status)


class _Busy(ForgeUnreachable):
    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class _StayHere(HTTPRedirectHandler):
    """Follows nothing: a message is for the host that was named."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return nothing, which makes it an error."""
        del req, fp, code, msg, headers, newurl


_OPENER = build_opener(_StayHere)
