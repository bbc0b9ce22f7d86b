"""Was advice followed, by what is in the catalog; who gains, who pays, who is asked; what then?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agentdb.architect.outcome import (
    Followed,
    Outcome,
    look_up,
    measure_outcome,
    propose_restoring,
    propose_revert,
    sides,
)
from agentdb.history.catalog import KnownIndex
from agentdb.history.effects import Effect, Judgement, Stretch
from agentdb.history.events import CatalogEvent
from agentdb.history.figures import Figure
from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched

GIVEN = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ADVISED = '"public"."orders" USING btree ("customer_id")'


def index(definition: str = "USING btree (customer_id)", **changed: object) -> KnownIndex:
    known = KnownIndex(
        schema="public",
        table="orders",
        name="made_by_hand",
        definition=definition,
        is_valid=True,
        is_unique=False,
        is_constraint=False,
        size_bytes=8192,
        first_seen=GIVEN + DAY,
        gone_at=None,
        scans=0,
        last_scanned=None,
    )
    return replace(known, **changed)  # type: ignore[arg-type]


def followed(table: str = "public.orders", *marks: str, at: datetime = GIVEN + DAY) -> Followed:
    return Followed(
        id=UUID(int=1),
        kind="create_index",
        definition=ADVISED,
        table=table,
        fingerprints=frozenset(marks),
        given_at=GIVEN,
        applied=Stretch(at - HOUR, at),
    )


def statement(
    mark: str,
    table: str | None,
    milliseconds: tuple[float, float] = (10.0, 10.0),
    *,
    writes: bool = False,
) -> StatementSeries:
    """A statement called fifty times an hour for two weeks on either side of the change."""
    change, start = GIVEN + DAY, GIVEN + DAY - 14 * DAY
    hours = [start + number * HOUR for number in range(28 * 24)]
    buckets = tuple(
        Bucket(
            start=hour,
            length=HOUR,
            calls=50,
            milliseconds=50 * milliseconds[hour >= change] * (1 + number % 5 / 50),
            rows=50,
            blocks=500,
        )
        for number, hour in enumerate(hours)
    )
    tables = frozenset({table} if table else ())
    return StatementSeries(mark, f"SELECT {mark}", tables, writes, buckets)


WATCHED = (Watched(GIVEN - 13 * DAY, GIVEN + 15 * DAY),)


# Was it done? -------------------------------------------------------------------------------------


def test_an_index_of_another_name_is_the_one_that_was_advised() -> None:
    found = look_up(ADVISED, GIVEN, [index()], [])
    assert (found.state, found.since) == ("there", Stretch(GIVEN, GIVEN + DAY))


@pytest.mark.parametrize(
    "other",
    [
        index("USING btree (customer_id, status)"),
        index("USING btree (customer_id) WHERE (status = 'open'::text)"),
        index("USING hash (customer_id)"),
        index(table="customers"),
        index(schema="archive"),
        index("USING spgist (customer_id) WHERE ((("),
    ],
)
def test_another_index_is_not_the_one_that_was_advised(other: KnownIndex) -> None:
    assert look_up(ADVISED, GIVEN, [other], []).state == "absent"


def test_an_invalid_index_is_not_there_unless_a_valid_one_is_beside_it() -> None:
    broken = index(name="broken", is_valid=False, first_seen=GIVEN + 2 * DAY)
    assert look_up(ADVISED, GIVEN, [broken], []).state == "invalid"
    assert look_up(ADVISED, GIVEN, [broken, index()], []).state == "there"


def test_it_came_between_two_readings_when_it_became_valid() -> None:
    def event(kind: str, hours: int) -> CatalogEvent:
        at = GIVEN + hours * HOUR
        place = ("public", "orders", "USING btree (customer_id)")
        return CatalogEvent(kind, at, at - HOUR, "made_by_hand", *place)  # type: ignore[arg-type]

    told = [event("index_created", 3), event("index_became_valid", 5), event("restarted", 7)]
    found = look_up(ADVISED, GIVEN, [index()], told)
    assert found.since == Stretch(GIVEN + 4 * HOUR, GIVEN + 5 * HOUR)


# Did it help? -------------------------------------------------------------------------------------


def test_controls_touch_no_table_that_was_changed_in_these_weeks() -> None:
    series = [
        statement("gains", "public.orders"),
        statement("reads", "public.orders"),
        statement("writes", "public.orders", writes=True),
        statement("free", "public.parts"),
        statement("changed", "public.bills"),
        statement("changed in the fourth week", "public.tickets"),
        statement("changed before it", "public.letters"),
        statement("changed long ago", "public.mails"),
        statement("unknown", None),
    ]
    others = [
        followed("public.bills", at=GIVEN + 9 * DAY),
        followed("public.tickets", at=GIVEN + 25 * DAY),
        followed("public.letters", at=GIVEN - 20 * DAY),
        followed("public.mails", at=GIVEN - 40 * DAY),
    ]
    found = sides(followed("public.orders", "gains"), others, series)
    assert [one.fingerprint for one in found.treated] == ["gains"]
    assert [one.fingerprint for one in found.writers] == ["writes"]
    assert [one.fingerprint for one in found.controls] == [
        "free",
        "changed before it",
        "changed long ago",
    ]


@pytest.mark.parametrize(
    ("after", "everywhere", "verdict"),
    [
        (2.0, 1.0, "confirmed"),
        (10.0, 1.0, "neutral"),
        (20.0, 1.0, "regressed"),
        (20.0, 2.0, "neutral"),
    ],
)
def test_an_outcome_is_what_the_others_did_not_do(
    after: float, everywhere: float, verdict: str
) -> None:
    others = [statement(f"c{n}", "public.parts", (5.0, 5.0 * everywhere)) for n in range(5)]
    gains = statement("gains", "public.orders", (10.0, after))
    advice = followed("public.orders", "gains")
    found = measure_outcome(advice, [], [gains, *others], WATCHED, 7)
    assert found.judgement.verdict == verdict, found.judgement.reason


def test_three_days_are_not_enough() -> None:
    gains = statement("gains", "public.orders", (10.0, 2.0))
    early = (Watched(GIVEN - 13 * DAY, GIVEN + 4 * DAY),)
    found = measure_outcome(followed("public.orders", "gains"), [], [gains], early, 7)
    assert found.judgement.verdict == "not enough data"


def test_an_index_is_unused_only_where_somebody_looked_for_two_weeks() -> None:
    advice, sent = followed("public.orders", "gains"), [statement("gains", "public.orders")]
    gone = measure_outcome(advice, [], sent, WATCHED, 0)
    assert (gone.is_unused, gone.judgement.verdict) == (True, "neutral")
    early = (Watched(GIVEN - 13 * DAY, GIVEN + 14 * DAY),)
    assert not measure_outcome(advice, [], sent, early, 0).is_unused
    assert not measure_outcome(advice, [], sent, WATCHED, 1).is_unused


def test_an_index_is_not_unused_where_nobody_sent_its_statements() -> None:
    sent = statement("gains", "public.orders")
    before = replace(sent, buckets=sent.between(GIVEN - 14 * DAY, GIVEN + DAY))
    found = measure_outcome(followed("public.orders", "gains"), [], [before], WATCHED, 0)
    assert (found.is_unused, found.judgement.verdict) == (False, "not enough data")


# Is it to be taken back? --------------------------------------------------------------------------

EFFECT = Effect(
    gain_percent=Figure(-30.0, -40.0, -20.0),
    saved_milliseconds=Figure(-900.0, -1000.0, -800.0),
    write_cost_milliseconds=Figure(100.0, 50.0, 150.0),
    net_milliseconds=Figure(-1000.0, -1100.0, -900.0),
    treated_milliseconds=3000.0,
    blocks_before=10.0,
    blocks_after=20.0,
    days_before=14,
    days_after=14,
    calls_before=1000,
    calls_after=1000,
    calls_since=1000,
    controls=3,
    lacking=None,
)


def outcome(verdict: str, *, is_unused: bool = False) -> Outcome:
    judgement = Judgement(verdict, "gain -30 % (-40 to -20 %)")  # type: ignore[arg-type]
    return Outcome(EFFECT, judgement, 0 if is_unused else 12, is_unused)


def test_what_made_it_worse_is_taken_back_under_its_real_name() -> None:
    found = propose_revert(outcome("regressed"), index(), None)
    assert found is not None
    assert found.sql == 'DROP INDEX CONCURRENTLY "public"."made_by_hand"'
    assert found.rollback_sql == (
        'CREATE INDEX CONCURRENTLY "made_by_hand" ON "public"."orders" USING btree (customer_id)'
    )
    for figure in ("gain -30 % (-40 to -20 %)", "12 times", "100 ms a week", "8,192 bytes"):
        assert figure in found.reasoning


def test_a_partitioned_index_is_dropped_as_postgres_can_and_made_again_in_parts() -> None:
    parts = "CREATE INDEX a ON ONLY orders (id);\nCREATE INDEX CONCURRENTLY b ON orders_1 (id)"
    found = propose_revert(outcome("regressed"), index(), parts)
    assert found is not None
    assert found.sql == 'DROP INDEX "public"."made_by_hand"'
    assert found.rollback_sql == parts


def test_only_what_failed_is_taken_back_and_nothing_that_keeps_rows_apart() -> None:
    unused = outcome("neutral", is_unused=True)
    assert propose_revert(unused, index(), None) is not None
    assert propose_revert(outcome("neutral"), index(), None) is None
    assert propose_revert(outcome("confirmed"), index(), None) is None
    assert propose_revert(unused, index(is_unique=True), None) is None


def test_an_index_that_was_needed_is_made_again() -> None:
    found = propose_restoring(outcome("regressed"), "orders", "DROP INDEX a", "CREATE INDEX a")
    assert found is not None
    assert (found.sql, found.rollback_sql) == ("CREATE INDEX a", "DROP INDEX a")
    assert "gain -30 % (-40 to -20 %)" in found.reasoning
    assert propose_restoring(outcome("neutral"), "orders", "DROP INDEX a", "CREATE INDEX a") is None
