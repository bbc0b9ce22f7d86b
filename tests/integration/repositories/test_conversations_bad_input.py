"""What cannot be said, recorded or asked is refused in one line, before anything is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadFilter, BadInput, BadMetadata, BadText, NotFound
from agentdb.repositories.conversation import NewInteraction, NewMessage
from agentdb.repositories.conversations import ConversationRepository

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the fault


@pytest.fixture
def talks(session: Session) -> ConversationRepository:
    return ConversationRepository(session, HashingEmbedder())


MESSAGES: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"content": ""}, "empty"),
    "white space": ({"content": " \n\u3000"}, "empty"),
    "NUL": ({"content": "a\x00b"}, "NUL"),
    "10 MB": ({"content": "word " * 2_000_000}, "10,000,000 characters"),
    "unknown role": ({"role": "wizard"}, "'wizard' is none of user, assistant, system, tool"),
    "no role": ({"role": None}, "None is none of"),
    "negative tokens": ({"tokens": -1}, "-1 tokens"),
    "too many tokens": ({"tokens": 2**80}, "tokens cannot be"),
    "naive at": ({"at": NAIVE}, "at has no time zone"),
    "empty key": ({"key": ""}, "a key is empty"),
    "NUL in a key": ({"key": "\x00"}, "a key holds a NUL"),
    "long key": ({"key": "k" * 401}, "401 bytes"),
    "empty speaker": ({"speaker": "  "}, "a speaker is empty"),
    "half a speaker": ({"speaker": "\ud83d"}, "half of one"),
}


@pytest.mark.parametrize(("given", "said"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_that_makes_no_sense_is_refused(
    talks: ConversationRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    message = NewMessage(**{"role": "user", "content": "tea", **given})
    with pytest.raises(BadInput, match=said) as refused:
        talks.append_many("chat", [NewMessage("user", "fine"), message])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
    assert not session.in_transaction()  # nothing was sent


def test_metadata_that_json_cannot_hold_are_refused(talks: ConversationRepository) -> None:
    nan = {"a": float("nan")}
    talks.start("chat")
    for do in (
        lambda: talks.append("chat", NewMessage("user", "tea", metadata=nan)),
        lambda: talks.start("other", metadata=nan),
        lambda: talks.record(NewInteraction("support", 5, metadata=nan)),
    ):
        with pytest.raises(BadMetadata):
            do()
    assert talks.history("chat") == ()


def test_a_session_that_is_not_there_is_named(talks: ConversationRepository) -> None:
    for do in (
        lambda: talks.session("chat"),
        lambda: talks.append("chat", NewMessage("user", "tea")),
        lambda: talks.history("chat"),
        lambda: talks.history("chat", 5, before=3),
        lambda: talks.search("tea", session="chat"),
        lambda: talks.end("chat"),
        lambda: talks.forget("chat"),
        lambda: talks.record(NewInteraction("support", 5, session="chat")),
    ):
        with pytest.raises(NotFound, match=r"no session has the key 'chat': begin it with start"):
            do()


@pytest.mark.parametrize("key", ["", "\x00", "\ud83d", "k" * 401])
def test_a_key_that_is_none_is_refused(talks: ConversationRepository, key: str) -> None:
    message = NewMessage("user", "tea")
    for do in (talks.start, talks.session, talks.history, lambda k: talks.append(k, message)):
        with pytest.raises(BadInput, match="a session"):
            do(key)


STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "empty agent": ({"agent": ""}, "an agent is empty"),
    "empty subject": ({"subject": ""}, "a subject is empty"),
    "NUL in a subject": ({"subject": "\x00"}, "NUL"),
    "naive at": ({"at": NAIVE}, "at has no time zone"),
}


@pytest.mark.parametrize(("given", "said"), STARTS.values(), ids=STARTS)
def test_a_session_that_makes_no_sense_is_refused(
    talks: ConversationRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        talks.start("chat", **given)
    assert not session.in_transaction()


INTERACTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "empty agent": ({"agent": ""}, "an agent is empty"),
    "negative time": ({"processing_ms": -1}, "-1 ms"),
    "NaN": ({"processing_ms": float("nan")}, "nan ms"),
    "for ever": ({"processing_ms": float("inf")}, "inf ms"),
    "negative tokens in": ({"tokens_in": -1}, "-1 tokens"),
    "negative tokens out": ({"tokens_out": -5}, "-5 tokens"),
    "error and success": ({"error": "timed out"}, "success=False"),
    "NUL in an error": ({"success": False, "error": "\x00"}, "NUL"),
    "naive at": ({"at": NAIVE}, "at has no time zone"),
    "empty session": ({"session": ""}, "a session is empty"),
}


@pytest.mark.parametrize(("given", "said"), INTERACTIONS.values(), ids=INTERACTIONS)
def test_an_interaction_that_makes_no_sense_is_refused(
    talks: ConversationRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        talks.record(NewInteraction(**{"agent": "support", "processing_ms": 5, **given}))
    assert not session.in_transaction()


SEARCHES: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"query": " "}, "empty"),
    "NUL": ({"query": "\x00"}, "NUL"),
    "k = 0": ({"k": 0}, "not 0"),
    "k too large": ({"k": 10_001}, "10,001"),
    "window = -1": ({"window": -1}, "not -1"),
    "window too wide": ({"window": 101}, "not 101"),
    "NUL in a subject": ({"subject": "\x00"}, "NUL"),
    "NUL in an agent": ({"agent": "\x00"}, "NUL"),
    "NUL in a session": ({"session": "\x00"}, "NUL"),
}


@pytest.mark.parametrize(("given", "said"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_that_makes_no_sense_is_refused(
    talks: ConversationRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        talks.search(**{"query": "tea", **given})
    assert not session.in_transaction()


def test_a_filter_with_an_unknown_operator_is_refused(talks: ConversationRepository) -> None:
    with pytest.raises(BadFilter, match="gtee"):
        talks.search("tea", filter={"price": {"gtee": 3}})


@pytest.mark.parametrize("last", [0, -1, 10_001])
def test_a_count_that_is_none_is_refused(talks: ConversationRepository, last: int) -> None:
    talks.start("chat")
    for do in (talks.sessions, talks.interactions, lambda n: talks.history("chat", n)):
        with pytest.raises(BadInput, match="last is 1 to"):
            do(last)


@pytest.mark.parametrize(
    "content",
    [
        "'); DROP TABLE agentdb.entries; --",
        "100 % \\ _ :name %s {} $1",
        "日本語" * 30_000,
        "\u200b",
    ],
    ids=["sql", "signs", "long", "invisible"],
)
def test_an_odd_text_is_kept_and_found(talks: ConversationRepository, content: str) -> None:
    talks.start("chat")
    kept = talks.append("chat", NewMessage("user", content, speaker="Rob')(+*?[", key="';--"))
    (found,) = talks.search(f"Rob')(+*?[ {content}"[:1000])
    assert found.message == kept
    assert kept.content == content


def test_a_text_without_a_word_is_an_answer_too(talks: ConversationRepository) -> None:
    talks.start("chat")
    talks.append("chat", NewMessage("user", "👍"))
    assert talks.search("👍")[0].message.content == "👍"
    assert ConversationRepository(talks._session).search("👍") == ()  # noqa: SLF001


def test_an_error_that_goes_on_and_on_is_cut(talks: ConversationRepository) -> None:
    kept = talks.record(NewInteraction("support", 5, success=False, error="x" * 1_000_000))
    assert kept.error == "x" * 10_000


def test_a_text_with_half_a_character_is_refused_nowhere(talks: ConversationRepository) -> None:
    talks.start("chat")
    assert talks.append("chat", NewMessage("user", "tea \ud83d")).content == "tea ?"
    with pytest.raises(BadText):
        talks.append("chat", NewMessage("user", "\x00"))
