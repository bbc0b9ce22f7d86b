"""Statements about conversations use the indexes meant for them, with one tenant and with 5,000."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from agentdb.database import accept_vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.analytics import AnalyticsRepository
from agentdb.repositories.conversation import NewInteraction, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from tests.servers import connect, database_name, new_database

MESSAGES = 30_000

# Sessions of two messages each, one interaction each; speakers are named as their sessions.
FILL = """
WITH begun AS (
    INSERT INTO agentdb.sessions (tenant, key, subject, agent, last_position, started_at)
    SELECT 'tenant' || n % {tenants}, 's' || n, 'subject' || n, 'agent' || n % 3, 2,
        timestamptz '2026-01-01' + n * interval '1 minute'
    FROM generate_series(1, {messages} / 2) AS n RETURNING tenant, id, key, started_at
), said AS (
    INSERT INTO agentdb.entries (tenant, kind, subject, content, content_hash, embedding)
    SELECT tenant, 'message', 'subject' || substr(key, 2), key || ' ' || n || ' word' || id % 1000,
        sha256((key || ' ' || n)::bytea),
        (SELECT array_agg(sin((id * 2 + n) * i::float8)) FROM generate_series(1, 384) AS i)::halfvec
    FROM begun, generate_series(1, 2) AS n RETURNING tenant, id, content
), placed AS (
    INSERT INTO agentdb.messages (tenant, entry_id, session_id, position, key, role, speaker)
    SELECT said.tenant, said.id, begun.id, split_part(content, ' ', 2)::bigint,
        'm' || split_part(content, ' ', 2), 'user', 'Speaker' || begun.key
    FROM said JOIN begun ON begun.key = split_part(content, ' ', 1)
)
INSERT INTO agentdb.interactions (tenant, session_id, agent, success, processing_ms, at)
SELECT tenant, id, 'agent' || id % 3, true, 5, started_at FROM begun
"""


@dataclass(slots=True)
class Plans:
    """What the server logged of its plans."""

    logged: list[str] = field(default_factory=list)

    def indexes(self) -> set[str]:
        """The indexes used since the last time; a sequential scan counts as one named `none`."""
        said = "\n".join(self.logged)
        self.logged.clear()
        ours = "entries|messages|sessions|interactions"
        scan = r"(?:Index Scan|Index Only Scan|Scan) (?:Backward )?(?:using|on)"
        named = re.findall(rf"{scan} ((?:{ours})_\w+)", said)
        return {*named, *({"none"} if re.search(rf"Seq Scan on ({ours})\b", said) else ())}


@dataclass(frozen=True, slots=True)
class Watched:
    """A repository whose plans are seen."""

    talks: ConversationRepository
    session: Session
    plans: Plans
    key: str

    def indexes(self, do: Callable[[ConversationRepository, str], object]) -> set[str]:
        do(self.talks, self.key)
        self.plans.logged.clear()
        do(self.talks, self.key)
        return self.plans.indexes()


@pytest.fixture(scope="module", params=[1, 5000], ids=["1 tenant", "5000 tenants"])
def tenants(request: pytest.FixtureRequest) -> int:
    assert isinstance(request.param, int)
    return request.param


@pytest.fixture(scope="module")
def filled(server: str, template_url: str, tenants: int) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        with connect(url) as connection:
            connection.execute(FILL.format(tenants=tenants, messages=MESSAGES).encode())
            connection.execute("VACUUM ANALYZE agentdb.entries, agentdb.messages")
            connection.execute("VACUUM ANALYZE agentdb.sessions, agentdb.interactions")
        yield url


@pytest.fixture
def watched(filled: str) -> Iterator[Watched]:
    """With auto_explain, which sees inside functions."""
    plans = Plans()

    def opened() -> psycopg.Connection:
        connection = psycopg.connect(filled)
        connection.add_notice_handler(lambda said: plans.logged.append(said.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on"):
            connection.execute(f"SET auto_explain.{setting}".encode())
        connection.execute("SET client_min_messages = log")
        connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=opened)
    accept_vectors(engine)
    with Session(engine) as session:
        talks = ConversationRepository(session, HashingEmbedder(), tenant="tenant0")
        yield Watched(talks, session, plans, "s5000")
        session.rollback()
    engine.dispose()


PLACE = "messages_tenant_session_id_position_key"
KEY = "sessions_tenant_namespace_key_key"


def test_history_reads_the_messages_it_returns(watched: Watched) -> None:
    for do in (
        lambda t, k: t.history(k, 10),
        lambda t, k: t.history(k, 1, before=2),
        lambda t, k: t.history(k),
    ):
        used = watched.indexes(do)
        assert {KEY, PLACE, "entries_pkey"} <= used
        assert "none" not in used


def test_a_search_in_a_session_reads_that_alone(watched: Watched) -> None:
    used = watched.indexes(lambda t, k: t.search("word77", session=k))
    assert {KEY, PLACE, "entries_pkey"} <= used
    assert "none" not in used


def test_a_search_about_a_subject_reads_that_alone(watched: Watched) -> None:
    used = watched.indexes(lambda t, _: t.search("word77", subject="subject5000"))
    assert {"entries_scope_idx", "messages_pkey"} <= used
    assert "none" not in used


def test_a_search_of_all_reads_its_own_tenant(watched: Watched, tenants: int) -> None:
    used = watched.indexes(lambda t, _: t.search("word77"))
    if tenants > 1:
        assert used & {"entries_scope_idx", "messages_speaker_idx", PLACE}
        assert "none" not in used
    else:  # all 30,000 are this tenant's: to count 12,001 of them any way is good
        assert "entries_words_idx" in used


def test_who_is_named_is_looked_up_in_an_index(watched: Watched) -> None:
    words = "what did Speakers5000 say about the weather"
    used = watched.indexes(lambda t, _: t._speakers(words))  # noqa: SLF001 - a part of a search
    assert used == {"messages_speaker_idx"}
    assert watched.talks._speakers(words) == ["Speakers5000"]  # noqa: SLF001


def test_an_append_reads_no_table(watched: Watched) -> None:
    new = [NewMessage("user", f"new {n}", key=f"new{n}") for n in range(20)]
    used = watched.indexes(lambda t, k: t.append_many(k, new))
    assert KEY in used
    assert used & {"messages_key_key", PLACE}
    assert "none" not in used


def test_a_session_is_forgotten_without_reading_others(watched: Watched) -> None:
    watched.session.begin_nested()
    used = watched.indexes(
        lambda t, k: (t.start(k), t.append(k, NewMessage("user", "x")), t.forget(k))
    )
    assert "none" not in used
    assert {"messages_pkey", "entries_pkey"} & used


def test_lists_read_what_they_return(watched: Watched, tenants: int) -> None:
    # Of a tenant with three sessions, any index that begins with the tenant reads no more.
    own = {"sessions_started_idx"} if tenants == 1 else {"sessions_started_idx", "sessions_pkey"}
    listed = watched.indexes(lambda t, _: t.sessions(10))
    assert listed <= own != {*listed, "none"}
    own |= {"interactions_at_idx", "interactions_pkey", "sessions_pkey"}
    recorded = watched.indexes(lambda t, _: t.interactions(10))
    assert recorded <= own
    assert tenants > 1 or "interactions_at_idx" in recorded
    of_session = watched.indexes(lambda t, k: t.interactions(10, session=k))
    assert tenants == 1 or "none" not in of_session


def test_an_interaction_is_recorded_without_reading_others(watched: Watched) -> None:
    used = watched.indexes(lambda t, k: t.record(NewInteraction("agent1", 5, session=k)))
    assert "none" not in used


def test_analytics_read_their_own_tenant(watched: Watched, tenants: int) -> None:
    reader = AnalyticsRepository(watched.session, tenant="tenant0", namespace="")
    used = watched.indexes(lambda *_: reader.activity("day"))
    if tenants > 1:
        assert used & {"interactions_at_idx", "interactions_pkey"}
        assert used & {"sessions_started_idx", "sessions_pkey"}
        assert "none" not in used
    else:
        assert used == {"none"}  # which sees that the watcher sees one
