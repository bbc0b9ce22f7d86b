"""A message to a webhook on the loopback interface, whose URL is a secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from agentdb.delivery.webhook import send_message
from agentdb.errors import DeliveryError, ForgeRefused, ForgeUnreachable
from agentdb.settings import read_settings
from tests.hooks import SECRET, Hook, listening


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


def test_a_message_arrives_with_its_key(hook: Hook) -> None:
    send_message(hook.url, "hello ✓", "k-1")
    assert hook.sent == [(f"/services/{SECRET}", "hello ✓", "k-1")]


def test_a_busy_server_gets_the_same_message_again_under_the_same_key(hook: Hook) -> None:
    waits: list[float] = []
    hook.answers += [(503, {}), (429, {"Retry-After": "7"})]
    send_message(hook.url, "hello", "k-1", waits.append)
    assert waits == [1, 7]
    assert hook.keys == ["k-1"] * 3


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
