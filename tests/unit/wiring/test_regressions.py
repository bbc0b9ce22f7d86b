"""What got slower, put together: the machine judged like a statement, causes beside changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agentdb.history.causes import CatalogHistory
from agentdb.history.events import CatalogEvent
from agentdb.history.figures import Figure
from agentdb.history.series import HOUR, Watched
from agentdb.wiring.regressions import Kept, RegressionReport, machine_verdict, report_of
from tests.simulated import NOW
from tests.unit.history.test_regressions import ALWAYS, DAY, LAST_WEEK, QUIET, last_week, steady

DROPPED = CatalogEvent(
    "index_dropped", LAST_WEEK, LAST_WEEK - HOUR, "by_a", "public", "t", "USING btree (a)"
)
SLOW = steady("slow", last_week(2))


def reported(
    *series: str, watched: tuple[Watched, ...] = ALWAYS, factor: float = 2
) -> RegressionReport:
    found = [steady(name, last_week(factor)) for name in series]
    history = CatalogHistory(events=[DROPPED])
    return report_of(Kept("db.example/shop", [*QUIET, *found], watched, history), NOW)


@pytest.mark.parametrize(
    ("percent", "verdict"),
    [
        (None, "not enough data"),
        (Figure(50, 40, 60), "slower"),
        (Figure(-30, -40, -20), "faster"),
        (Figure(50, -5, 120), "unchanged"),
        (Figure(6, 4, 8), "unchanged"),
    ],
)
def test_the_machine_changed_when_its_figure_is_large_and_sure(
    percent: Figure | None, verdict: str
) -> None:
    assert machine_verdict(percent) == verdict


def test_only_what_changed_has_causes_and_the_costliest_loss_comes_first() -> None:
    found = reported("slow", "slower too")
    assert found.has_enough
    assert found.regressed
    assert [change.verdict for change in found.statements[:2]] == ["slower", "slower"]
    first, second = (change.lost_ms_per_week for change in found.statements[:2])
    assert first is not None
    assert second is not None
    assert first.value >= second.value
    assert all(change.causes[0].kind == "index dropped" for change in found.of("slower"))
    assert all(change.causes == () for change in found.of("unchanged"))


def test_what_got_faster_is_no_regression() -> None:
    found = reported("fast", factor=0.5)
    assert [change.fingerprint for change in found.of("faster", "slower")] == ["fast"]
    assert not found.regressed


def test_how_many_weeks_there_are_is_that_of_the_best_known_statement() -> None:
    young = replace(SLOW, buckets=SLOW.between(NOW - timedelta(weeks=2), NOW))
    kept = Kept("db.example/shop", [young], ALWAYS, CatalogHistory())
    assert report_of(kept, NOW).weeks == 1
    assert report_of(replace(kept, series=[young, *QUIET]), NOW).weeks == 8


def test_the_last_reading_is_told_and_so_is_when_there_will_be_enough() -> None:
    begun, ended = NOW - 3 * DAY, NOW - DAY
    found = reported("slow", watched=(Watched(begun, ended),))
    assert found.read_at == ended
    nobody = report_of(Kept("db.example/shop", [], (), CatalogHistory()), NOW)
    assert (nobody.read_at, nobody.weeks, nobody.enough_from) == (None, 0, None)
    few = report_of(Kept("db.example/shop", [], (Watched(begun, ended),), CatalogHistory()), NOW)
    assert few.enough_from == begun + timedelta(weeks=2.5)
