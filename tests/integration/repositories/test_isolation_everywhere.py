"""All that belongs to a tenant lies behind row-level security, whichever repository keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.models.every import Base
from agentdb.repositories.analytics import AnalyticsRepository
from agentdb.repositories.conversation import NewInteraction, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.prompts import PromptRepository
from agentdb.repositories.states import AgentStateRepository
from tests.isolation import app_role, logged_in_as
from tests.servers import connect, run

OF_TENANTS = sorted(
    name for name, table in Base.metadata.tables.items() if "tenant" in table.columns
)


@pytest.fixture
def app(database_url: str) -> Iterator[str]:
    """The way in for an application."""
    with app_role(database_url) as role:
        yield logged_in_as(database_url, role)


def fill(session: Session, tenant: str) -> None:
    """Let a tenant keep something with each repository."""
    talk = ConversationRepository(session, HashingEmbedder(), tenant=tenant)
    talk.start("monday")
    talk.append_many(
        "monday",
        [NewMessage("user", f"the secret of {tenant}"), NewMessage("assistant", "is safe")],
    )
    talk.record(NewInteraction("clerk", 12.0, session="monday"))
    prompts = PromptRepository(session, HashingEmbedder(), tenant=tenant)
    prompts.put("greeting", f"$name, the secret of {tenant}")
    prompts.record("greeting", 1, success=True)
    AgentStateRepository(session, tenant=tenant).save("clerk", "t1", {"secret": tenant})


def seen(session: Session, tenant: str) -> str:
    """Return all that a tenant's repositories find, as one text."""
    talk = ConversationRepository(session, HashingEmbedder(), tenant=tenant)
    prompts = PromptRepository(session, HashingEmbedder(), tenant=tenant)
    states = AgentStateRepository(session, tenant=tenant)
    found: list[object] = [
        talk.sessions(),
        talk.history("monday"),
        talk.search("secret"),
        talk.interactions(),
        AnalyticsRepository(session, tenant=tenant).activity(),
        prompts.list(),
        prompts.search("secret"),
        prompts.outcomes("greeting"),
        states.last("clerk", "t1"),
        states.threads(),
    ]
    assert all(found), "each of them finds the tenant's own"
    return repr(found)


@pytest.mark.parametrize("table", OF_TENANTS)
def test_every_table_with_a_tenant_refuses_who_announces_none(app: str, table: str) -> None:
    with connect(app) as connection, pytest.raises(InsufficientPrivilege, match="no tenant"):
        connection.execute(f"SELECT * FROM {table}".encode())


@pytest.mark.parametrize("order", [("alfa", "bolt"), ("bolt", "alfa")])
def test_each_repository_keeps_tenants_apart_though_they_share_a_session(
    app: str, order: tuple[str, str]
) -> None:
    engine = make_engine(app)
    with Session(engine) as session, session.begin():
        for tenant in order:
            fill(session, tenant)
        for tenant, other in (order, order[::-1]):
            told = seen(session, tenant)
            assert tenant in told
            assert other not in told
    engine.dispose()


@pytest.mark.parametrize(
    "call",
    [
        "SELECT * FROM agentdb.search_messages('bolt', 'secret')",
        "SELECT * FROM agentdb.search('bolt', 'secret')",
    ],
)
def test_no_function_searches_for_another_tenant(app: str, call: str) -> None:
    engine = make_engine(app)
    with Session(engine) as session, session.begin():
        fill(session, "bolt")
    engine.dispose()
    with connect(app) as connection:
        connection.execute("SET agentdb.tenant = 'alfa'")
        with pytest.raises(InsufficientPrivilege, match="cannot be searched as alfa"):
            connection.execute(call.encode())


def test_a_savepoint_that_is_rolled_back_takes_no_tenant_with_it(app: str) -> None:
    engine = make_engine(app)
    with Session(engine) as session, session.begin():
        states: Callable[[str], AgentStateRepository] = lambda tenant: AgentStateRepository(  # noqa: E731
            session, tenant=tenant
        )
        states("alfa").save("clerk", "t1", {"of": "alfa"})
        inner = session.begin_nested()
        states("bolt").save("clerk", "t1", {"of": "bolt"})
        inner.rollback()
        kept = states("alfa").last("clerk", "t1")
        assert kept is not None
        assert kept.state == {"of": "alfa"}
        assert states("bolt").last("clerk", "t1") is None
    engine.dispose()


def test_the_owner_is_not_hindered(database_url: str) -> None:
    for table in OF_TENANTS:
        run(database_url, f"SELECT * FROM {table}")
