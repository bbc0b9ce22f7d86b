"""A message to a webhook on the loopback interface, whose URL is a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from agentdb.delivery.webhook import send_message
from agentdb.errors import DeliveryError, ForgeRefused, ForgeUnreachable
from agentdb.settings import read_settings

SECRET = "T0/B0/verysecret"  # noqa: S105 - nobody's


@dataclass
class Hook:
    """What the server answers in turn (then 200), and what it was sent."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
            hook.sent.append((self.path, text, self.headers["Idempotency-Key"]))
            status, headers = hook.answers.pop(0) if hook.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


def test_a_message_arrives_with_its_key(hook: Hook) -> None:
    send_message(hook.url, "hello ✓", "k-1")
    assert hook.sent == [(f"/services/{SECRET}", "hello ✓", "k-1")]


def test_a_busy_server_gets_the_same_message_again_under_the_same_key(hook: Hook) -> None:
    waits: list[float] = []
    hook.answers += [(503, {}), (429, {"Retry-After": "7"})]
    send_message(hook.url, "hello", "k-1", waits.append)
    assert waits == [1, 7]
    assert {each[2] for each in hook.sent} == {"k-1"}
    assert len(hook.sent) == 3


@pytest.mark.parametrize(
    ("answers", "error", "says"),
    [
        ([(404, {})], ForgeRefused, "refuses the message (404): check AGENTDB_WEBHOOK_URL"),
        ([(302, {"Location": "/elsewhere"})], ForgeRefused, "refuses the message (302)"),
        ([(500, {})] * 4, ForgeUnreachable, "answers 500: try again later"),
        ([(429, {"Retry-After": "600"})], ForgeUnreachable, "answers 429"),
    ],
)
def test_what_goes_wrong_names_the_host_alone(
    hook: Hook,
    answers: list[tuple[int, dict[str, str]]],
    error: type[DeliveryError],
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.answers += answers
    with pytest.raises(error) as caught:
        send_message(hook.url, "hello", "k-1", lambda _: None)
    assert str(caught.value).startswith("127.0.0.1:")
    assert says in str(caught.value)
    shown = [str(caught.value), repr(caught.value), repr(caught.value.__cause__), caplog.text]
    assert "verysecret" not in "\n".join(shown)


def test_the_setting_is_not_printed() -> None:
    settings = read_settings(webhook_url=f"https://hooks.slack.com/services/{SECRET}")
    assert "verysecret" not in repr(settings) + str(settings)
