"""What agents did is counted in the database, by the days of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from agentdb.errors import BadInput
from agentdb.repositories.analytics import Activity, AnalyticsRepository
from agentdb.repositories.conversation import NewInteraction
from agentdb.repositories.conversations import ConversationRepository

BERLIN = ZoneInfo("Europe/Berlin")
MAY = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def talks(session: Session) -> ConversationRepository:
    return ConversationRepository(session)


@pytest.fixture
def reader(session: Session) -> AnalyticsRepository:
    return AnalyticsRepository(session)


def did(talks: ConversationRepository, at: datetime, agent: str = "support", **more: Any) -> None:  # noqa: ANN401
    talks.record(NewInteraction(agent, more.pop("ms", 10), at=at, **more))


def counts(found: tuple[Activity, ...]) -> list[tuple[str, str | None, int]]:
    return [(f"{each.since:%Y-%m-%d}", each.agent, each.interactions) for each in found]


def test_nothing_was_done_yet(reader: AnalyticsRepository) -> None:
    assert reader.activity() == ()


def test_a_period_says_all_that_an_agent_did(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    for number in range(1, 101):
        error = "timed out" if number > 90 else None
        did(talks, MAY, ms=number, success=not error, error=error, tokens_in=number, tokens_out=1)
    for key in ("one", "other"):
        talks.start(key, agent="support", at=MAY)
    (found,) = reader.activity()
    assert (found.since, found.agent) == (datetime(2024, 5, 1, tzinfo=UTC), "support")
    assert (found.interactions, found.failures, found.success_rate) == (100, 10, 0.9)
    assert (found.mean_ms, found.p50_ms) == (50.5, 50.5)
    assert found.p95_ms == pytest.approx(95.05)
    assert (found.sessions, found.tokens_in, found.tokens_out) == (2, 5050, 100)


def test_every_agent_has_every_period_between(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    did(talks, MAY)
    did(talks, MAY + timedelta(days=2), "sales")
    found = reader.activity()
    assert counts(found) == [
        ("2024-05-01", "sales", 0),
        ("2024-05-01", "support", 1),
        ("2024-05-02", "sales", 0),
        ("2024-05-02", "support", 0),
        ("2024-05-03", "sales", 1),
        ("2024-05-03", "support", 0),
    ]
    empty = found[0]
    assert (empty.success_rate, empty.mean_ms, empty.p50_ms, empty.p95_ms) == (None,) * 4
    assert (empty.sessions, empty.tokens_in, empty.tokens_out, empty.failures) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("week", [("2024-04-29", 2), ("2024-05-06", 0), ("2024-05-13", 0), ("2024-05-20", 0)]),
        ("month", [("2024-05-01", 2), ("2024-06-01", 1)]),
    ],
)
def test_weeks_begin_on_mondays_and_months_on_the_first(
    talks: ConversationRepository,
    reader: AnalyticsRepository,
    by: Any,  # noqa: ANN401
    expected: list[tuple[str, int]],
) -> None:
    did(talks, MAY)
    did(talks, MAY + timedelta(days=4, hours=11))
    did(talks, datetime(2024, 6, 30, 23, 59, tzinfo=UTC))
    found = [(since, done) for since, _, done in counts(reader.activity(by))]
    assert found[: len(expected)] == expected
    assert found[-1][1] == 1


def test_a_day_is_a_day_of_the_zone(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    did(talks, datetime(2024, 5, 1, 23, 30, tzinfo=UTC))  # half past one in Berlin
    assert counts(reader.activity()) == [("2024-05-01", "support", 1)]
    (there,) = reader.activity(zone="Europe/Berlin")
    assert there.since == datetime(2024, 5, 2, tzinfo=BERLIN)
    assert there.since.utcoffset() == timedelta(hours=2)


def test_days_with_another_length_are_still_days(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    # The clock goes forward on 31 March and back on 27 October.
    for month, day in ((3, 30), (10, 26)):
        for hour in range(72):
            midnight = datetime(2024, month, day, tzinfo=BERLIN).astimezone(UTC)
            did(talks, midnight + timedelta(hours=hour), f"agent{month}")
    spring = reader.activity(agent="agent3", zone="Europe/Berlin")
    assert [each.interactions for each in spring] == [24, 23, 24, 1]
    autumn = reader.activity(agent="agent10", zone="Europe/Berlin")
    assert [each.interactions for each in autumn] == [24, 25, 23]
    assert all((each.since.hour, each.since.minute) == (0, 0) for each in (*spring, *autumn))


def test_sessions_count_where_they_began_also_without_an_agent(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    talks.start("one", at=MAY)
    talks.start("two", agent="support", at=MAY + timedelta(days=1))
    found = [(each.since.day, each.agent, each.sessions) for each in reader.activity()]
    assert found == [(1, "support", 0), (1, None, 1), (2, "support", 1), (2, None, 0)]


def test_only_what_was_asked_for_is_counted(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    for day in range(5):
        did(talks, MAY + timedelta(days=day))
    did(talks, MAY + timedelta(days=1), "sales")
    within = reader.activity(
        agent="support", since=MAY + timedelta(days=1), until=MAY + timedelta(days=3)
    )
    assert counts(within) == [("2024-05-02", "support", 1), ("2024-05-03", "support", 1)]
    assert reader.activity(agent="nobody") == ()


def test_tenants_and_namespaces_are_counted_by_themselves(session: Session) -> None:
    did(ConversationRepository(session), MAY)
    did(ConversationRepository(session, tenant="b"), MAY)
    did(ConversationRepository(session, namespace="shop"), MAY)
    assert AnalyticsRepository(session).activity()[0].interactions == 2  # all namespaces
    assert AnalyticsRepository(session, namespace="").activity()[0].interactions == 1
    assert AnalyticsRepository(session, tenant="b").activity()[0].interactions == 1
    assert AnalyticsRepository(session, tenant="c").activity() == ()


def test_a_session_that_is_forgotten_is_not_counted(
    talks: ConversationRepository, reader: AnalyticsRepository
) -> None:
    talks.start("one", agent="support", at=MAY)
    did(talks, MAY, session="one")
    did(talks, MAY)
    talks.forget("one")
    (found,) = reader.activity()
    assert (found.interactions, found.sessions) == (1, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"by": "year"}, "a day, a week or a month, not 'year'"),
        ({"zone": "Mars/Olympus"}, "'Mars/Olympus' is no time zone"),
        ({"zone": "../etc/passwd"}, "is no time zone"),
        ({"zone": ""}, "is no time zone"),
        ({"zone": "UTC'; --"}, "is no time zone"),
        ({"since": datetime(2024, 1, 1)}, "since has no time zone"),  # noqa: DTZ001
        ({"until": datetime(2024, 1, 1)}, "until has no time zone"),  # noqa: DTZ001
        ({"agent": "\x00"}, "NUL"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    reader: AnalyticsRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        reader.activity(**given)
    assert not session.in_transaction()
