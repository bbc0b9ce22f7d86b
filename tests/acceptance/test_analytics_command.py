"""`agentdb analytics`, as a shell sees it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.repositories.conversation import NewInteraction
from agentdb.repositories.conversations import ConversationRepository
from tests.acceptance.running import agentdb, complaint, printed

MAY = datetime(2024, 5, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def worked(database_url: str) -> str:
    """A database in which two agents have worked."""
    engine = make_engine(database_url)
    with Session(engine) as session, session.begin():
        talks = ConversationRepository(session, namespace="shop")
        talks.start("chat", agent="support", at=MAY)
        for number in range(1, 5):
            new = NewInteraction("support", number, success=number < 4, tokens_in=10, at=MAY)
            talks.record(new)
        talks.record(NewInteraction("sales", 100, at=MAY))
    engine.dispose()
    return database_url


def test_what_agents_did_is_printed(worked: str) -> None:
    sales, support = printed("analytics", database_url=worked)
    assert (sales["agent"], sales["interactions"], sales["sessions"]) == ("sales", 1, 0)
    assert support["since"] == "2024-05-01T00:00:00+00:00"
    assert (support["success_rate"], support["p50_ms"], support["tokens_in"]) == (0.75, 2.5, 40)
    shown = agentdb("analytics", database_url=worked).stdout
    assert "75.0" in shown
    assert "2024-05-01" in shown


def test_it_can_be_narrowed(worked: str) -> None:
    line = ("analytics", "--by", "month", "--agent", "support", "--zone", "Asia/Tokyo")
    (found,) = printed(*line, "--namespace", "shop", database_url=worked)
    assert found["since"] == "2024-05-01T00:00:00+09:00"
    assert printed("analytics", "--namespace", "other", database_url=worked) == []
    assert printed("analytics", "--since", "2024-06-01", database_url=worked) == []


def test_nothing_recorded_is_told(database_url: str) -> None:
    done = agentdb("analytics", database_url=database_url)
    assert (done.returncode, done.stderr) == (
        0,
        "nothing is recorded yet: ConversationRepository.record(…) does that\n",
    )


def test_bad_input_gets_one_line(database_url: str) -> None:
    done = agentdb("analytics", "--zone", "Mars/Olympus", database_url=database_url)
    assert "'Mars/Olympus' is no time zone" in complaint(done)
    assert agentdb("analytics", "--by", "year", database_url=database_url).returncode == 2
