"""Advice as a pull request, on both forges, with a real repository and a real record."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import Engine

from agentdb import database
from agentdb.database import make_engine
from agentdb.delivery.desk import Requested
from agentdb.delivery.topics import branch_of, topic_of
from agentdb.repositories.advice import Applied, Measurement, Optimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import read_settings
from agentdb.wiring.requesting import deliver_requests
from tests.forges import TOKEN, Answer, Fault, Kind, Loopback, Moment, commit, loopback
from tests.integration.delivery.delivering import (
    ADVICE,
    advice,
    deliveries,
    desk,
    files,
    keep,
    start,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOST = Answer(502, {"message": "bad gateway"})


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=get_args(Kind))
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loopback]:
    with loopback(request.param, tmp_path / "served") as served:
        yield served


@pytest.fixture
def deliver(
    engine: Engine, served: Loopback, tmp_path: Path
) -> Callable[[Optimization], Requested]:
    """Deliver as a run of its own does."""
    (tmp_path / "clones").mkdir()
    return lambda kept: desk(engine, served, tmp_path / "clones").deliver(kept)


@pytest.fixture
def follow(engine: Engine, served: Loopback, tmp_path: Path) -> Callable[[], list[Requested]]:
    """Follow up as a run of its own does."""
    (tmp_path / "followed").mkdir()

    def follow() -> list[Requested]:
        at = desk(engine, served, tmp_path / "followed")
        return [*at.learn(), *at.report()]

    return follow


Deliver = Callable[[Optimization], Requested]
Follow = Callable[[], list[Requested]]

# Sent once ----------------------------------------------------------------------------------------


def test_advice_becomes_a_branch_a_request_and_a_row(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    requested = deliver(kept)
    branch = branch_of(topic_of(kept))
    assert (requested.action, requested.reason) == ("opened", "")
    assert served.opened() == [branch]
    assert served.file(branch, "migrations/0001_index.sql") == f"{kept.sql};"
    (row,) = deliveries(engine)
    assert (row.state, row.number, row.url, row.attempts) == ("sent", 1, requested.url, 1)
    assert (row.channel, row.place) == (served.kind, served.remote.place)
    assert row.optimization_ids == (kept.id,)
    assert served.requests[0]["title"] == kept.title
    assert TOKEN not in repr(row) + served.requests[0]["body"]


def test_the_same_again_sends_nothing(engine: Engine, served: Loopback, deliver: Deliver) -> None:
    kept = keep(engine)
    deliver(kept)
    before = served.requests[0].copy(), served.pushes, served.branches()
    assert deliver(kept).action == "unchanged"
    assert (served.requests[0], served.pushes, served.branches()) == before
    assert [row.attempts for row in deliveries(engine)] == [2]


def test_other_advice_is_another_request(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    deliver(keep(engine))
    deliver(keep(engine, definition="public.orders USING btree (total)"))
    deliver(keep(engine, target="db.example/staging"))
    assert len(set(served.opened())) == 3
    assert len(deliveries(engine)) == 3


def test_a_record_that_was_lost_finds_its_request_again(engine: Engine, deliver: Deliver) -> None:
    kept = keep(engine)
    deliver(kept)
    with database.session(engine) as session:
        session.connection().exec_driver_sql("DELETE FROM agentdb.deliveries")
    assert deliver(kept).action == "unchanged"
    assert [(row.state, row.number) for row in deliveries(engine)] == [("sent", 1)]


def test_an_answer_that_got_lost_does_not_make_a_second_request(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    served.faults.append(Fault("POST", LOST, after=True))
    assert deliver(keep(engine)).action == "opened"
    assert len(served.requests) == 1


def test_what_goes_wrong_is_kept_and_mended_the_next_time(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    served.faults.append(Fault("POST", Answer(403, {"message": "no scope"})))
    requested = deliver(kept)
    (row,) = deliveries(engine)
    assert requested.action == "failed"
    assert row.error == requested.reason
    assert "may not do that" in requested.reason
    assert row.state == "intended"
    assert deliver(kept).action == "opened"
    (row,) = deliveries(engine)
    assert (row.state, row.error, row.attempts) == ("sent", None, 2)


def test_what_failed_at_a_wrong_address_is_sent_to_the_right_one(
    engine: Engine, database_url: str, served: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{served.kind.upper()}_TOKEN", TOKEN)
    told: list[Requested] = []
    kept = keep(engine)
    for address in (served.address.replace("orders", "odrers"), served.address):
        settings = read_settings(
            database_url=database_url,
            deliver_to=served.kind,
            deliver_repository=address,
            deliver_base="main",
        )
        told += deliver_requests(settings, [kept], files)
    assert [each.action for each in told] == ["failed", "opened"]
    assert [row.place for row in deliveries(engine)] == [served.remote.place]


def sent_elsewhere(engine: Engine) -> None:
    with database.session(engine) as session:
        session.connection().exec_driver_sql("UPDATE agentdb.deliveries SET place = 'x.example/y'")


def test_what_went_to_one_project_goes_to_no_other(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    deliver(kept)
    sent_elsewhere(engine)
    served.requests.clear()
    assert deliver(kept).reason == "it was sent to x.example/y before"
    assert served.requests == []


def test_requests_of_a_project_that_has_moved_are_followed_where_it_is(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    first = keep(engine)
    second = keep(engine, definition="public.orders USING btree (total)")
    both = [first, second]
    assert [deliver(each).action for each in both] == ["opened"] * 2
    sent_elsewhere(engine)
    assert deliver(first).action == "unchanged"
    served.end(2, "merged")
    assert [each.action for each in follow()] == ["merged"]
    assert {row.place for row in deliveries(engine)} == {served.remote.place}


def test_a_base_that_cannot_be_cloned_is_told_of_each_piece_of_advice(
    engine: Engine, database_url: str, served: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{served.kind.upper()}_TOKEN", TOKEN)
    settings = read_settings(
        database_url=database_url,
        deliver_to=served.kind,
        deliver_repository=served.address,
        deliver_base="nowhere",
    )
    both = keep(engine), keep(engine, definition="public.orders USING btree (total)")
    told = deliver_requests(settings, both)
    assert [each.action for each in told] == ["failed", "failed"]
    assert all("git clone failed" in each.reason for each in told)


# Kept true ----------------------------------------------------------------------------------------


def test_new_figures_change_the_text_and_nothing_else(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    deliver(keep(engine))
    branches = served.branches()
    assert deliver(keep(engine, gain_percent=50.0)).action == "updated"
    assert "50 % of the time" in served.requests[0]["body"]
    assert served.branches() == branches
    assert len(served.requests) == 1


def test_a_base_that_went_on_renumbers_the_migration(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    deliver(kept)
    commit(served.bare, "main", {"migrations/0001_other.sql": "SELECT 1;"})
    assert deliver(kept).action == "updated"
    branch = branch_of(topic_of(kept))
    assert served.file(branch, "migrations/0002_index.sql") == f"{kept.sql};"
    assert "0002_index.sql" in served.requests[0]["body"]
    assert served.requests[0]["state"] == "open"


def test_what_people_changed_is_left_as_it_is(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    deliver(kept)
    served.requests[0]["body"] = served.requests[0]["body"].replace("Looked up", "Read")
    theirs = commit(served.bare, branch_of(topic_of(kept)), {"migrations/0001_index.sql": "mine"})
    requested = deliver(keep(engine, gain_percent=50.0))
    assert requested.action == "unchanged"
    assert "left as it is" in requested.reason
    assert served.branches()[branch_of(topic_of(kept))] == theirs
    assert "50 % of the time" not in served.requests[0]["body"]


def test_what_the_base_has_already_is_not_requested(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = keep(engine)
    commit(served.bare, "main", {"migrations/0001_index.sql": f"{kept.sql};\n"})
    requested = deliver(kept)
    assert (requested.action, requested.reason) == ("skipped", "main has its migration already")
    assert (served.requests, list(served.branches())) == ([], ["main"])


# Skipped ------------------------------------------------------------------------------------------


def test_advice_that_is_not_sure_enough_stays_inside(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    requested = deliver(keep(engine, confidence=0.79))
    assert requested.action == "skipped"
    assert "79 %" in requested.reason
    assert "AGENTDB_DELIVER_CONFIDENCE" in requested.reason
    assert (served.requests, served.asked, deliveries(engine)) == ([], [], ())


def test_advice_that_is_decided_on_stays_inside(
    engine: Engine, served: Loopback, deliver: Deliver
) -> None:
    kept = decided(engine, keep(engine), "rejected")
    assert deliver(kept).reason == "it is rejected already"
    assert served.asked == []


def decided(engine: Engine, kept: Optimization, status: str) -> Optimization:
    with database.session(engine) as session:
        return OptimizationRepository(session).decide(kept.id, status, "because")  # type: ignore[arg-type]


# What people do with it ---------------------------------------------------------------------------


def test_a_closed_request_stays_closed_and_its_last_comment_is_the_reason(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = keep(engine)
    deliver(kept)
    said = "We drop this table\nnext month."
    served.comments.append({"number": 1, "author": "ann", "body": said})
    served.end(1, "closed")
    (requested,) = follow()
    rejected = advice(engine, kept)
    assert requested.action == "closed"
    assert rejected.status == "rejected"
    assert rejected.status_reason == f"closed: {requested.url}; ann: We drop this table next month."
    assert [row.state for row in deliveries(engine)] == ["closed"]
    assert follow() == []
    again = deliver(keep(engine))
    assert again.action == "closed"
    assert len(served.requests) == 1
    assert advice(engine, kept).status == "rejected"


def test_a_merged_request_makes_its_advice_accepted(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = keep(engine)
    deliver(kept)
    served.end(1, "merged")
    (requested,) = follow()
    assert requested.action == "merged"
    assert advice(engine, kept).status == "accepted"
    (row,) = deliveries(engine)
    assert row.state == "merged"
    assert row.ended_at == datetime(2026, 3, 8, 10, tzinfo=UTC)
    assert deliver(advice(engine, kept)).action == "merged"
    assert len(served.requests) == 1


def test_what_was_merged_and_is_gone_again_gets_a_new_request_when_it_is_advised_anew(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    first = merged(engine, served, deliver, follow)
    measured(engine, first, "confirmed", 93)
    follow()
    decided(engine, advice(engine, first), "reverted")
    anew = keep(engine, sql=f"{ADVICE.sql} ")  # as its migration has a name of its own
    assert anew.id != first.id
    assert [deliver(anew).action for _ in range(2)] == ["opened", "unchanged"]
    assert follow() == []
    served.end(2, "merged")
    assert [each.action for each in follow()] == ["merged"]
    assert advice(engine, anew).status == "accepted"
    assert deliver(advice(engine, anew)).action == "merged"
    with database.session(engine) as session:
        found = Applied("catalog", NOW, NOW + timedelta(hours=1))
        OptimizationRepository(session).find_applied(anew.id, found, "it is there")
    measured(engine, anew, "confirmed", 90)
    assert [each.action for each in follow()] == ["commented"]
    assert follow() == []
    assert [each["number"] for each in served.comments] == [1, 2]


def test_a_new_request_that_is_closed_rejects_the_advice_given_anew(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    first = merged(engine, served, deliver, follow)
    decided(engine, first, "reverted")
    anew = keep(engine, sql=f"{ADVICE.sql} ")  # as its migration has a name of its own
    deliver(anew)
    served.end(2, "closed")
    assert [each.action for each in follow()] == ["closed"]
    assert advice(engine, anew).status == "rejected"
    assert len(served.requests) == 2


def test_a_request_that_is_opened_again_is_followed_again(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = keep(engine)
    deliver(kept)
    served.end(1, "closed")
    follow()
    served.requests[0].update(state="open", ended=None)
    assert deliver(decided(engine, kept, "accepted")).action == "unchanged"
    assert [row.state for row in deliveries(engine)] == ["sent"]


def test_advice_that_was_applied_by_hand_is_not_rejected_by_closing(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = keep(engine)
    deliver(kept)
    decided(engine, kept, "applied")
    served.end(1, "closed")
    follow()
    assert advice(engine, kept).status == "applied"


def test_advice_that_is_not_proposed_any_more_is_said_so_once(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = keep(engine)
    deliver(kept)
    with database.session(engine) as session:
        OptimizationRepository(session).decide(kept.id, "superseded", "not any more", by="audit")
    assert [each.action for each in follow()] == ["commented"]
    assert follow() == []
    assert "not worth it any more" in served.comments[0]["body"]


# What it really did -------------------------------------------------------------------------------


def merged(engine: Engine, served: Loopback, deliver: Deliver, follow: Follow) -> Optimization:
    """Advice whose request was merged and that was applied since."""
    kept = keep(engine)
    deliver(kept)
    served.end(1, "merged")
    follow()
    with database.session(engine) as session:
        found = Applied("catalog", NOW, NOW + timedelta(hours=1))
        return OptimizationRepository(session).find_applied(kept.id, found, "it is there")


def measured(engine: Engine, kept: Optimization, verdict: str, gain: float) -> None:
    found = Measurement(
        verdict=verdict,  # type: ignore[arg-type]
        why="seven days before and after",
        gain_percent=gain,
        gain_low_percent=gain - 5,
        gain_high_percent=gain + 5,
    )
    with database.session(engine) as session:
        OptimizationRepository(session).measure(kept.id, found)


def test_the_measured_outcome_is_said_once_on_the_merged_request(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = merged(engine, served, deliver, follow)
    assert follow() == []
    measured(engine, kept, "confirmed", 93)
    assert [each.action for each in follow()] == ["commented"]
    assert follow() == []
    (said,) = served.comments
    assert "**It helped.** Its statements take 93 % less time" in said["body"]
    assert "88 to 98 %" in said["body"]
    assert "Expected were 99 % less." in said["body"]


@pytest.mark.parametrize("fault", [Fault("POST", LOST, after=True), Fault("POST", LOST)])
def test_a_comment_whose_answer_got_lost_is_looked_for_before_it_is_said_again(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow, fault: Fault
) -> None:
    measured(engine, merged(engine, served, deliver, follow), "neutral", 2)
    served.faults.append(fault)
    assert [each.action for each in follow()] == ["failed"]
    assert [each.action for each in follow()] == ["commented"]
    assert len(served.comments) == 1


def test_what_made_things_worse_is_taken_back_by_a_request(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    kept = merged(engine, served, deliver, follow)
    measured(engine, kept, "regressed", -40)
    back = keep(
        engine,
        kind="drop_index",
        title="Take back the index on orders (customer_id)",
        sql=ADVICE.rollback_sql,
        rollback_sql=ADVICE.sql,
        definition="drop public.orders USING btree (customer_id)",
        confidence=0.1,
        reverts=kept.id,
    )
    assert [each.action for each in follow()] == ["commented", "opened"]
    assert [each.action for each in follow()] == ["unchanged"]
    first, second = served.requests
    assert "It made things worse" in served.comments[0]["body"]
    assert first["branch"] != second["branch"]
    assert f"{ADVICE.rollback_sql};" in served.file(second["branch"], "migrations/0002_index.sql")
    assert "pull/1" in second["body"] or "merge_requests/1" in second["body"]
    assert "take 40 % more time since" in second["body"]
    assert deliver(back).action == "unchanged"


# Killed -------------------------------------------------------------------------------------------

STEPS = ("intended", "looked", "pushed", "opened", "kept")


@pytest.mark.parametrize("step", range(1, len(STEPS) + 1), ids=STEPS)
def test_who_is_killed_between_two_steps_never_makes_a_second_request(
    engine: Engine, database_url: str, served: Loopback, step: int
) -> None:
    kept = keep(engine)
    killed = start(served, database_url, kept, step)
    assert killed.end() == (-signal.SIGKILL, "")
    assert deliveries(engine)[0].state == ("sent" if step == len(STEPS) else "intended")
    finish(engine, database_url, served, kept)


@pytest.mark.parametrize("moment", ["before push", "after push", "before POST", "after POST"])
def test_who_is_killed_in_the_middle_of_a_step_never_makes_a_second_request(
    engine: Engine, database_url: str, served: Loopback, moment: Moment
) -> None:
    kept = keep(engine)
    killed = start(served, database_url, kept)
    served.watchers[moment] = killed.process.kill
    assert killed.end() == (-signal.SIGKILL, "")
    assert served.watchers == {}
    assert deliveries(engine)[0].state == "intended"
    finish(engine, database_url, served, kept)


@pytest.mark.parametrize("state", ["open", "merged", "closed"])
def test_a_request_whose_sender_was_killed_is_followed_though_it_is_not_advised_any_more(
    engine: Engine, database_url: str, served: Loopback, follow: Follow, state: str
) -> None:
    kept = keep(engine)
    start(served, database_url, kept, STEPS.index("opened") + 1).end()
    with database.session(engine) as session:
        OptimizationRepository(session).decide(kept.id, "superseded", "not any more", by="audit")
    if state != "open":
        served.end(1, state)  # type: ignore[arg-type]
    told = [[each.action for each in follow()] for _ in range(3)]
    assert told == ([["opened"], ["commented"], []] if state == "open" else [[state], [], []])


def test_what_was_never_opened_is_not_spoken_of(
    engine: Engine, served: Loopback, deliver: Deliver, follow: Follow
) -> None:
    served.faults.append(Fault("POST", Answer(403, {"message": "no scope"})))
    kept = keep(engine)
    assert deliver(kept).action == "failed"
    assert follow() == []
    with database.session(engine) as session:
        OptimizationRepository(session).decide(kept.id, "superseded", "not any more", by="audit")
    assert follow() == []
    assert served.comments == []


def finish(engine: Engine, database_url: str, served: Loopback, kept: Optimization) -> None:
    """Run again, twice: the first run goes on, the second finds nothing to do."""
    first, second = (start(served, database_url, kept).end() for _ in range(2))
    assert first in ((0, "opened"), (0, "unchanged"))
    assert second == (0, "unchanged")
    assert served.opened() == [branch_of(topic_of(kept))]
    assert sorted(served.branches()) == [branch_of(topic_of(kept)), "main"]
    assert [(row.state, row.number) for row in deliveries(engine)] == [("sent", 1)]


def test_two_at_once_make_one_request(engine: Engine, database_url: str, served: Loopback) -> None:
    kept = keep(engine)
    both = [start(served, database_url, kept) for _ in range(2)]
    said = {each.end() for each in both}
    assert (0, "opened") in said
    assert said <= {(0, "opened"), (0, "unchanged"), (1, "DeliveryRunning")}
    assert len(served.requests) == 1
