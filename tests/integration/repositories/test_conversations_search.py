"""A message is found by what it says, by what is said beside it and by who is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import DIMENSION, Vector, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.conversation import FoundMessage, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory

NEXT, AFTER_THAT, BEST, NAMED, QUESTION = 0.30, 0.15, 0.80, 0.20, 0.20
"""What docs/conversations.md says of the score."""

MATCH = "zebra"  # a word that alone is asked for: who has it has a coverage of 1


@pytest.fixture
def wordy(session: Session) -> ConversationRepository:
    return ConversationRepository(session)


def say(
    talks: ConversationRepository, key: str, *contents: str, speaker: str | None = None
) -> None:
    talks.start(key)
    talks.append_many(key, [NewMessage("user", each, speaker=speaker) for each in contents])


def scores(found: Sequence[FoundMessage]) -> dict[str, float]:
    return {each.message.content: round(each.score, 6) for each in found}


def contents(found: Sequence[FoundMessage]) -> list[str]:
    return [each.message.content for each in found]


# The formula --------------------------------------------------------------------------------------


def test_who_stands_beside_a_match_has_a_part_of_it(wordy: ConversationRepository) -> None:
    say(wordy, "chat", "a", "b", "c", MATCH, "d", "e", "f")
    assert scores(wordy.search(MATCH)) == {
        MATCH: 1 + BEST,
        "c": round(NEXT + BEST, 6),
        "d": round(NEXT + BEST, 6),
        "b": round(AFTER_THAT + BEST, 6),
        "e": round(AFTER_THAT + BEST, 6),
    }


def test_two_matches_add_up_between_them(wordy: ConversationRepository) -> None:
    say(wordy, "chat", f"{MATCH} one", "between", f"{MATCH} two", "after")
    found = scores(wordy.search(MATCH))
    assert found["between"] == pytest.approx(2 * NEXT + BEST)
    assert found[f"{MATCH} one"] == pytest.approx(1 + AFTER_THAT + BEST)
    assert found["after"] == pytest.approx(NEXT + BEST)


def test_nothing_reaches_over_the_border_of_a_session(wordy: ConversationRepository) -> None:
    say(wordy, "before", "a", "b")
    say(wordy, "chat", MATCH)
    say(wordy, "after", "c", "d")
    found = wordy.search(MATCH)
    assert scores(found) == {MATCH: 1 + BEST}
    assert contents_of_window(found) == [MATCH]


def contents_of_window(found: Sequence[FoundMessage]) -> list[str]:
    return [each.content for each in found[0].window]


def test_a_question_says_less_than_an_answer(wordy: ConversationRepository) -> None:
    asking = (f"{MATCH}?", f"{MATCH} ? ", f"{MATCH}\uff1f", f'"{MATCH}?"')
    for number, content in enumerate((*asking, f"{MATCH}.", f"? {MATCH}")):
        say(wordy, str(number), content)
    found = wordy.search(MATCH)
    assert {each.message.content for each in found if each.asks} == set(asking)
    assert {round(each.score, 6) for each in found if each.asks} == {1 + BEST - QUESTION}
    assert {round(each.score, 6) for each in found if not each.asks} == {1 + BEST}


def test_a_speaker_who_is_named_is_meant(wordy: ConversationRepository) -> None:
    say(wordy, "one", f"{MATCH} at home", speaker="Ada Lovelace")
    say(wordy, "other", f"{MATCH} abroad", speaker="Charles")
    say(wordy, "third", f"{MATCH} nowhere")
    found = wordy.search(f"ada's {MATCH}")
    assert [each.is_named for each in found] == [True, False, False]
    assert found[0].score - found[1].score == pytest.approx(NAMED)


def test_the_parts_give_the_score(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    say(talks, "one", "Where do you live?", "In Rome, near the river", "Nice", speaker="Ada")
    say(talks, "other", "Do you like Rome?", "Not at all")
    found = talks.search("Where does Ada live in Rome?")
    assert len(found) == 5
    for each in found:
        parts = each.similarity + each.coverage + each.beside + BEST * each.best_of_session
        assert each.score == pytest.approx(parts + NAMED * each.is_named - QUESTION * each.asks)
    assert [each.rank for each in found] == [1, 2, 3, 4, 5]
    assert {each.path for each in found} == {"exact"}


def test_coverage_and_similarity_are_those_of_the_search_of_entries(session: Session) -> None:
    texts = ("I keep bees", "bees in winter", "my bicycle is red", "winter was long")
    talks = ConversationRepository(session, HashingEmbedder())
    say(talks, "chat", *texts)
    memories = MemoryRepository(session, HashingEmbedder())
    plain = memories.search("how do bees live in winter?", kinds=["message"])
    assert {
        each.message.content: (round(each.coverage, 6), round(each.similarity, 6))
        for each in talks.search("how do bees live in winter?")
    } == {
        each.memory.content: (round(each.coverage or 0, 6), round(each.similarity or 0, 6))
        for each in plain
    }


def test_by_words_alone_only_what_has_one_or_stands_beside_it_is_found(
    wordy: ConversationRepository,
) -> None:
    say(wordy, "chat", *"abcdefgh")
    assert wordy.search(MATCH) == ()
    say(wordy, "other", MATCH, "next", "after that", "too far")
    assert contents(wordy.search(MATCH)) == [MATCH, "next", "after that"]


def test_always_k_or_as_many_as_there_are(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    assert talks.search("anything") == ()
    talks.start("empty")
    assert talks.search("anything", session="empty") == ()
    say(talks, "chat", *(f"word{number}" for number in range(20)))
    assert [len(talks.search("nothing of this", k)) for k in (1, 7, 20, 50)] == [1, 7, 20, 20]


# How a question is put ----------------------------------------------------------------------------


@dataclass
class Listening:
    """An embedder that keeps what it was given."""

    heard: list[str]
    name: str = "hashing"
    dimension: int = DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.heard.extend(texts)
        return HashingEmbedder().embed(texts)


def test_a_question_about_a_speaker_is_embedded_as_that_one_would_put_it(session: Session) -> None:
    listening = Listening([])
    talks = ConversationRepository(session, listening)
    say(talks, "chat", "I have a dog", speaker="Ada Lovelace")
    say(talks, "other", "I have a cat", speaker="Charles")
    elsewhere = ConversationRepository(session, listening, namespace="elsewhere")
    say(elsewhere, "chat", "Hi", speaker="Eve")
    listening.heard.clear()
    talks.search("What is Ada's dog called, and did Charles or Eve meet Ada Lovelace?")
    assert listening.heard == ["What is my dog called, and did I or Eve meet I?"]


def test_a_vector_that_is_given_is_taken_as_it_is(session: Session) -> None:
    listening = Listening([])
    talks = ConversationRepository(session, listening)
    say(talks, "chat", "I have a dog", speaker="Ada")
    listening.heard.clear()
    vector: Vector = HashingEmbedder().embed(["I have a dog"])[0]
    (found,) = talks.search("Ada", vector=vector)
    assert (listening.heard, round(found.similarity, 2)) == ([], 1)


# The window ---------------------------------------------------------------------------------------


def test_a_window_holds_the_turns_around_and_ends_with_the_session(
    wordy: ConversationRepository,
) -> None:
    say(wordy, "before", "x", "y")
    say(wordy, "chat", "a", "b", MATCH, "c", "d")
    say(wordy, "after", "x", "y")
    sizes = {0: [MATCH], 1: ["b", MATCH, "c"], 2: ["a", "b", MATCH, "c", "d"]}
    sizes[100] = sizes[2]
    for window, expected in sizes.items():
        found = wordy.search(MATCH, 1, window=window)
        assert contents_of_window(found) == expected
        assert found[0].message in found[0].window


# What is searched ---------------------------------------------------------------------------------


def test_a_search_can_be_narrowed(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    for key, subject, agent in (
        ("1", "ada", "support"),
        ("2", "bob", "support"),
        ("3", "ada", "sales"),
    ):
        talks.start(key, subject=subject, agent=agent)
        talks.append(key, NewMessage("user", f"order {key}"))

    def found(**narrowed: Any) -> set[str]:  # noqa: ANN401
        return {each.message.session for each in talks.search("order", **narrowed)}

    assert found() == {"1", "2", "3"}
    assert found(session="2") == {"2"}
    assert found(subject="ada") == {"1", "3"}
    assert found(agent="support") == {"1", "2"}
    assert found(subject="ada", agent="support") == {"1"}


def test_a_filter_is_about_what_is_found_not_about_what_stands_beside_it(
    wordy: ConversationRepository,
) -> None:
    wordy.start("chat")
    for content, number in ((MATCH, 1), ("beside", 2), ("far", 3), ("farther", 4)):
        wordy.append("chat", NewMessage("user", content, metadata={"n": number}))
    found = wordy.search(MATCH, filter={"n": {"gt": 1}})
    assert contents(found) == ["beside", "far"]
    assert [each.score for each in found] == pytest.approx([NEXT + BEST, AFTER_THAT + BEST])


def test_other_entries_are_no_messages(session: Session) -> None:
    memories = MemoryRepository(session, HashingEmbedder())
    memories.add("the spare key is under the pot")
    memories.add(NewMemory("the spare key", kind="message"))  # of no session
    talks = ConversationRepository(session, HashingEmbedder())
    assert talks.search("spare key") == ()


def test_what_has_expired_is_neither_found_nor_shown(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    say(talks, "chat", "a", MATCH, "b")
    session.execute(
        text("UPDATE agentdb.entries SET expires_at = clock_timestamp() WHERE content = 'b'")
    )  # after the transaction has begun
    assert contents(talks.search(MATCH)) == [MATCH, "a"]
    assert contents_of_window(talks.search(MATCH)) == ["a", MATCH]
    assert [each.content for each in talks.history("chat")] == ["a", MATCH]


def test_the_same_from_sql_alone(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    say(talks, "chat", "a", MATCH, "b")
    rows = session.execute(
        text(
            "SELECT content, score FROM agentdb.search_messages('default', 'zebra') AS s"
            " JOIN agentdb.entries USING (id) ORDER BY score DESC, id"
        )
    ).all()
    assert dict(map(tuple, rows)) == scores(ConversationRepository(session).search(MATCH))


def test_the_function_does_not_depend_on_the_search_path(session: Session) -> None:
    talks = ConversationRepository(session, HashingEmbedder())
    say(talks, "chat", MATCH)
    session.execute(text("SET LOCAL search_path TO pg_catalog"))
    assert session.execute(
        text(
            "SELECT similarity FROM agentdb.search_messages('default', 'zebra',"
            " (SELECT embedding FROM agentdb.entries))"
        )
    ).scalar_one() == pytest.approx(1, abs=1e-3)


# Many ---------------------------------------------------------------------------------------------

FILL = """
WITH begun AS (
    INSERT INTO agentdb.sessions (tenant, key, last_position)
    SELECT 'large', 's' || n, 200 FROM generate_series(1, 80) AS n RETURNING id, key
), said AS (
    INSERT INTO agentdb.entries (tenant, kind, content, content_hash)
    SELECT 'large', 'message', key || ' turn ' || n || ' word' || n % 150 || ' common',
        sha256((key || ' ' || n)::bytea)
    FROM begun, generate_series(1, 200) AS n RETURNING id, content
)
INSERT INTO agentdb.messages (tenant, entry_id, session_id, position, role)
SELECT 'large', said.id, begun.id, split_part(content, ' ', 3)::bigint, 'user'
FROM said JOIN begun ON begun.key = split_part(content, ' ', 1)
"""


@pytest.fixture
def large(session: Session) -> ConversationRepository:
    """16,000 messages, more than are judged one by one."""
    session.execute(text(FILL))
    session.execute(text("ANALYZE agentdb.entries, agentdb.messages"))
    return ConversationRepository(session, tenant="large")


def test_in_a_crowd_those_around_the_best_are_judged(
    large: ConversationRepository,
) -> None:
    large.append("s40", NewMessage("user", "the zebra is out"))
    large.append("s40", NewMessage("user", "oh no"))
    found = large.search(MATCH, 3, window=1)
    assert contents(found) == ["the zebra is out", "s40 turn 200 word50 common", "oh no"]
    assert {each.path for each in found} == {"candidates"}
    assert [each.score for each in found[1:]] == pytest.approx([NEXT + BEST] * 2)
    assert len(large.search("common word77", 50)) == 50
    assert large.search("nothing of it") == ()
    within = large.search("word77", session="s3")
    assert (within[0].path, within[0].message.session) == ("exact", "s3")
    assert "word77" in within[0].message.content


def test_in_a_crowd_as_many_are_found_as_are_asked_for(large: ConversationRepository) -> None:
    found = large.search("common", 10_000, window=0)
    assert len({each.message.id for each in found}) == len(found) == 10_000
    assert {each.path for each in found} == {"candidates"}


@pytest.mark.usefixtures("large")
def test_in_a_crowd_the_work_is_bounded(session: Session) -> None:
    statement = text(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
        " SELECT id FROM agentdb.search_messages('large', 'zebra word77 turn common')"
    )
    session.execute(statement)  # the first call of a session reads the catalogs
    plan = session.execute(statement).scalar_one()[0]["Plan"]
    assert plan["Actual Rows"] == 10
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20_000


def test_in_a_crowd_a_filter_is_met_by_all_that_is_found(
    large: ConversationRepository, session: Session
) -> None:
    session.execute(
        text("UPDATE agentdb.entries SET metadata = '{\"n\": 1}' WHERE content LIKE 's7 turn 1%'")
    )
    found = large.search("word77 common", 10, filter={"n": 1})
    assert len(found) == 10
    assert all(each.message.content.startswith("s7 turn 1") for each in found)
