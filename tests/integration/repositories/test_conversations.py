"""Sessions, what is said in them, and what came of it: kept in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadInput, NotFound
from agentdb.repositories.conversation import Message, NewInteraction, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory
from tests.servers import connect, run, value

MAY = datetime(2024, 5, 1, 12, tzinfo=UTC)
TABLES = ("entries", "messages", "sessions", "interactions")


@pytest.fixture
def talks(session: Session) -> ConversationRepository:
    return ConversationRepository(session, HashingEmbedder())


def said(messages: tuple[Message, ...]) -> list[str]:
    return [each.content for each in messages]


def texts(*contents: str) -> list[NewMessage]:
    return [NewMessage("user", content) for content in contents]


def rows(session: Session) -> list[int]:
    """How many rows each of the tables has."""
    counts = (f"SELECT count(*) FROM agentdb.{table}" for table in TABLES)
    return [session.execute(text(count)).scalar_one() for count in counts]


# Sessions -----------------------------------------------------------------------------------------


def test_a_session_is_what_it_was_begun_as(talks: ConversationRepository) -> None:
    begun = talks.start("chat-1", agent="support", subject="ada", metadata={"via": "mail"}, at=MAY)
    assert begun == talks.session("chat-1")
    assert (begun.key, begun.agent, begun.subject) == ("chat-1", "support", "ada")
    assert (begun.metadata, begun.started_at, begun.ended_at) == ({"via": "mail"}, MAY, None)


def test_a_session_without_a_key_gets_one(talks: ConversationRepository) -> None:
    first, second = talks.start(), talks.start()
    assert first.key != second.key
    assert talks.session(first.key) == first


def test_a_session_that_was_begun_is_not_begun_again(talks: ConversationRepository) -> None:
    begun = talks.start("chat-1", agent="support", at=MAY)
    assert talks.start("chat-1", agent="sales") == begun


def test_a_session_ends_once(talks: ConversationRepository) -> None:
    talks.start("chat-1", at=MAY)
    ended = talks.end("chat-1", MAY + timedelta(hours=1))
    assert ended.ended_at == MAY + timedelta(hours=1)
    assert talks.end("chat-1") == ended == talks.session("chat-1")
    with pytest.raises(BadInput, match="cannot end before"):
        talks.end("chat-1", MAY - timedelta(hours=1))


def test_sessions_are_listed_the_newest_first(talks: ConversationRepository) -> None:
    for number, subject in enumerate(("ada", "bob", "ada")):
        talks.start(
            str(number), subject=subject, agent=f"agent{number}", at=MAY.replace(day=number + 1)
        )
    assert [each.key for each in talks.sessions()] == ["2", "1", "0"]
    assert [each.key for each in talks.sessions(1)] == ["2"]
    assert [each.key for each in talks.sessions(subject="ada")] == ["2", "0"]
    assert [each.key for each in talks.sessions(agent="agent1")] == ["1"]


# Messages -----------------------------------------------------------------------------------------


def test_a_message_is_what_it_was_said_as(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    kept = talks.append(
        "chat-1",
        NewMessage(
            "assistant",
            "Hello Ada",
            speaker="Support",
            key="m1",
            tokens=3,
            at=MAY,
            metadata={"model": "x"},
        ),
    )
    assert talks.history("chat-1") == (kept,)
    assert (kept.session, kept.position, kept.role, kept.content) == (
        "chat-1",
        1,
        "assistant",
        "Hello Ada",
    )
    assert (kept.speaker, kept.key, kept.tokens, kept.at) == ("Support", "m1", 3, MAY)
    assert kept.metadata == {"model": "x"}


def test_the_same_words_twice_are_two_messages(talks: ConversationRepository) -> None:
    talks.start("chat-1", subject="ada")
    first, second = talks.append_many("chat-1", texts("yes", "yes"))
    third = talks.append("chat-1", NewMessage("assistant", "yes"))
    assert len({first.id, second.id, third.id}) == 3
    assert [each.position for each in talks.history("chat-1")] == [1, 2, 3]
    assert {each.message.id for each in talks.search("yes")} == {first.id, second.id, third.id}


def test_the_same_words_in_two_sessions_are_two_messages(talks: ConversationRepository) -> None:
    for key in ("one", "other"):
        talks.start(key, subject="ada")
        talks.append(key, NewMessage("user", "yes"))
    assert said(talks.history("one")) == said(talks.history("other")) == ["yes"]


def test_what_is_said_is_found_beside_the_memories_of_whom_it_is_about(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    talks.start("chat-1", subject="ada", agent="support")
    talks.append("chat-1", NewMessage("user", "I prefer tea"))
    (found,) = MemoryRepository(session, HashingEmbedder()).search("tea", subject="ada")
    assert (found.memory.kind, found.memory.agent) == ("message", "support")
    assert found.memory.times == 1


def test_the_same_text_of_two_identities_is_two_memories(session: Session) -> None:
    memories = MemoryRepository(session)
    first, other, again = memories.add_many(
        NewMemory("yes", subject="ada", identity=identity) for identity in ("1", "2", "1")
    )
    assert (first.id, first.times) == (again.id, 2)
    assert other.id != first.id
    assert memories.add(NewMemory("yes", subject="ada")).times == 1


def test_history_is_read_backwards_page_by_page(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    talks.append_many("chat-1", texts("a", "b", "c", "d", "e"))
    last = talks.history("chat-1", 2)
    before = talks.history("chat-1", 2, before=last[0].position)
    assert (said(before), said(last)) == (["b", "c"], ["d", "e"])
    assert talks.history("chat-1", before=1) == ()
    assert talks.history("chat-1", before=2**70) == talks.history("chat-1")


def test_a_session_without_messages_has_an_empty_history(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    assert talks.history("chat-1") == ()
    assert talks.append_many("chat-1", []) == ()


def test_a_message_with_a_key_is_kept_once(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    first = talks.append("chat-1", NewMessage("user", "hello", key="m1"))
    again = talks.append_many(
        "chat-1",
        [
            NewMessage("user", "hello", key="m1"),
            NewMessage("user", "more", key="m2"),
            NewMessage("user", "more", key="m2"),
        ],
    )
    assert again[0] == first
    assert again[1] == again[2]
    assert talks.history("chat-1") == again[:2]


def test_a_key_does_not_change_its_message(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    talks.append("chat-1", NewMessage("user", "hello", key="m1"))
    for other in (
        [NewMessage("user", "goodbye", key="m1")],
        [NewMessage("assistant", "hello", key="m1")],
        [NewMessage("user", "a", key="m2"), NewMessage("user", "b", key="m2")],
    ):
        with pytest.raises(BadInput, match="kept with another text"):
            talks.append_many("chat-1", [NewMessage("user", "fine"), *other])
    assert said(talks.history("chat-1")) == ["hello"]


def test_the_same_key_in_another_session_is_another_message(talks: ConversationRepository) -> None:
    for key in ("one", "other"):
        talks.start(key)
        talks.append(key, NewMessage("user", f"hello {key}", key="m1"))
    assert said(talks.history("one")) == ["hello one"]


# Together or not at all ---------------------------------------------------------------------------


@pytest.mark.parametrize("committed", [True, False])
def test_a_business_row_and_a_message_are_kept_together_or_not_at_all(
    engine: Engine, database_url: str, *, committed: bool
) -> None:
    run(database_url, "CREATE TABLE orders (item text)")
    with Session(engine) as session:
        talks = ConversationRepository(session, HashingEmbedder())
        session.execute(text("INSERT INTO orders VALUES ('kettle')"))
        talks.start("chat-1")
        talks.append("chat-1", NewMessage("user", "I ordered a kettle"))
        assert value(database_url, "SELECT count(*) FROM agentdb.messages") == 0
        (session.commit if committed else session.rollback)()
    for table in ("orders", "agentdb.sessions", "agentdb.messages", "agentdb.entries"):
        assert value(database_url, f"SELECT count(*) FROM {table}") == int(committed)


def test_who_appends_at_once_gets_positions_of_their_own(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        ConversationRepository(session).start("chat-1")

    def append(writer: int) -> None:
        for number in range(5):
            with Session(engine) as session, session.begin():
                talks = ConversationRepository(session)
                talks.append_many("chat-1", texts("same", f"{writer} {number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(append, range(6)))
    with Session(engine) as session:
        history = ConversationRepository(session).history("chat-1")
    assert [each.position for each in history] == list(range(1, 61))
    # What is appended together stays together.
    assert [each.content for each in history[::2]] == ["same"] * 30


def test_a_message_sent_twice_at_once_is_kept_once(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        ConversationRepository(session).start("chat-1")

    def send(_: int) -> int:
        with Session(engine) as session, session.begin():
            talks = ConversationRepository(session)
            return talks.append("chat-1", NewMessage("user", "hello", key="m1")).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(send, range(12)))) == 1


@dataclass
class Watching:
    """An embedder that looks whether a transaction is open."""

    session: Session
    open: list[bool] = field(default_factory=list)
    name: str = "hashing"
    dimension: int = DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.open.append(self.session.in_transaction())
        return HashingEmbedder().embed(texts)


def test_what_is_said_is_embedded_before_anything_is_sent(session: Session) -> None:
    watching = Watching(session)
    talks = ConversationRepository(session, watching)
    talks.start("chat-1")
    session.commit()
    talks.append_many("chat-1", texts("a", "b"))
    assert watching.open == [False]


def test_an_append_that_fails_leaves_the_transaction_usable(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    with pytest.raises(NotFound, match="'chat-2'"):
        talks.append("chat-2", NewMessage("user", "hello"))
    assert said((talks.append("chat-1", NewMessage("user", "hello")),)) == ["hello"]


# Deleted ------------------------------------------------------------------------------------------


def test_a_session_that_is_forgotten_leaves_nothing(
    talks: ConversationRepository, session: Session
) -> None:
    for key in ("chat-1", "chat-2"):
        talks.start(key)
        talks.append_many(key, texts("a", "b"))
        talks.record(NewInteraction("support", 5, session=key))
    assert talks.forget("chat-1") == 2
    assert rows(session) == [2, 2, 1, 1]
    with pytest.raises(NotFound):
        talks.session("chat-1")
    assert said(talks.history("chat-2")) == ["a", "b"]


@pytest.mark.parametrize("table", ["sessions", "messages", "entries"])
def test_whoever_deletes_a_part_of_a_message_in_sql_deletes_the_whole(
    talks: ConversationRepository, session: Session, table: str
) -> None:
    MemoryRepository(session).add("a fact")
    talks.start("chat-1")
    talks.append("chat-1", NewMessage("user", "hello"))
    kind = " WHERE kind = 'message'" if table == "entries" else ""
    session.execute(text(f"DELETE FROM agentdb.{table}{kind}"))
    assert rows(session)[:2] == [1, 0]


def test_a_message_that_is_forgotten_leaves_a_gap_that_nobody_minds(
    talks: ConversationRepository, session: Session
) -> None:
    talks.start("chat-1", subject="ada")
    kept = talks.append_many("chat-1", texts("one", "secret", "three"))
    MemoryRepository(session).forget(kept[1].id)
    added = talks.append("chat-1", NewMessage("user", "four"))
    assert [each.position for each in talks.history("chat-1")] == [1, 3, 4]
    assert said(talks.search("three", 1, window=1)[0].window) == ["one", "three", "four"]
    MemoryRepository(session).forget(added.id)
    assert talks.append("chat-1", NewMessage("user", "five")).position == 5


# Whose it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"tenant": "b"}, {"namespace": "50%_off'"}])
def test_tenants_and_namespaces_do_not_see_each_other(
    session: Session, other: dict[str, str]
) -> None:
    ours = ConversationRepository(session, HashingEmbedder())
    theirs = ConversationRepository(session, HashingEmbedder(), **other)
    ours.start("chat-1")
    ours.append("chat-1", NewMessage("user", "the code is 4711", speaker="Ada"))
    ours.record(NewInteraction("support", 5, session="chat-1"))
    for do in (
        lambda: theirs.session("chat-1"),
        lambda: theirs.history("chat-1"),
        lambda: theirs.append("chat-1", NewMessage("user", "x")),
        lambda: theirs.search("code", session="chat-1"),
        lambda: theirs.end("chat-1"),
        lambda: theirs.forget("chat-1"),
        lambda: theirs.record(NewInteraction("support", 5, session="chat-1")),
    ):
        with pytest.raises(NotFound, match="'chat-1'"):
            do()
    assert (theirs.search("code"), theirs.sessions(), theirs.interactions()) == ((), (), ())
    theirs.start("chat-1")
    assert said(ours.history("chat-1")) == ["the code is 4711"]


def test_nobodys_message_stands_in_the_session_of_another_tenant(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute("INSERT INTO agentdb.sessions (tenant, id, key) VALUES ('a', 1, 'k')")
        connection.execute(
            "INSERT INTO agentdb.entries (tenant, id, kind, content, content_hash)"
            " VALUES ('b', 1, 'message', 'x', 'x')"
        )
        with pytest.raises(Exception, match="messages_tenant_session_id_fkey"):
            connection.execute(
                "INSERT INTO agentdb.messages (tenant, entry_id, session_id, position, role)"
                " VALUES ('b', 1, 1, 1, 'user')"
            )


# Interactions -------------------------------------------------------------------------------------


def test_an_interaction_is_what_was_recorded(talks: ConversationRepository) -> None:
    talks.start("chat-1")
    done = talks.record(
        NewInteraction(
            "support",
            12.5,
            session="chat-1",
            tokens_in=10,
            tokens_out=20,
            metadata={"a": 1},
            at=MAY,
        )
    )
    failed = talks.record(NewInteraction("sales", 900, success=False, error="timed out"))
    assert talks.interactions() == (failed, done)
    assert talks.interactions(session="chat-1") == talks.interactions(agent="support") == (done,)
    assert (done.success, done.error, done.processing_ms, done.at) == (True, None, 12.5, MAY)
    assert (done.tokens_in, done.tokens_out, done.metadata) == (10, 20, {"a": 1})
    assert (failed.session, failed.success, failed.error) == (None, False, "timed out")


def test_two_messages_may_be_corrected_to_the_same_words(
    talks: ConversationRepository, session: Session
) -> None:
    talks.start("monday")
    kept = talks.append_many("monday", texts("the ketle leaks", "teh kettle leaks"))
    memories = MemoryRepository(session)
    for each in kept:
        memories.update(each.id, content="the kettle leaks")
    assert said(talks.history("monday")) == ["the kettle leaks"] * 2
