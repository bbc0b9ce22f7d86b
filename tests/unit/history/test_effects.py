"""Differences in differences: what a change did, and that the interval holds what it promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdb.history.effects import Effect, Sides, Stretch, measure_effect, verdict
from agentdb.history.figures import Figure
from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched
from tests.simulated import NOW, any_buckets

DAY = timedelta(days=1)
BEGIN = NOW - 28 * DAY
APPLIED = Stretch(NOW - 14 * DAY - HOUR / 4, NOW - 14 * DAY)
CHANGE = APPLIED.until
ALWAYS = (Watched(BEGIN - DAY, NOW),)

Factor = Callable[[datetime], float]


def statement(
    name: str,
    factor: Factor = lambda _: 1.0,
    *,
    milliseconds: float = 10.0,
    calls: Callable[[datetime], int] = lambda _: 50,
    length: timedelta = HOUR,
    noise: float = 0.05,
    end: datetime = NOW,
) -> StatementSeries:
    random = np.random.default_rng(list(name.encode()))
    starts = [BEGIN + place * length for place in range(int((end - BEGIN) / length))]
    buckets = tuple(
        Bucket(at, length, n, n * milliseconds * factor(at) * float(np.exp(e)), n, int(40 * n))
        for at, e in zip(starts, random.normal(0, noise, len(starts)), strict=True)
        if (n := calls(at))
    )
    return StatementSeries(name, "SELECT", frozenset({"public.t"}), writes=False, buckets=buckets)


def since_the_change(factor: float) -> Factor:
    return lambda at: factor if at >= CHANGE else 1.0


CONTROLS = tuple(statement(f"control{place}") for place in range(5))


def effect_of(
    *treated: StatementSeries,
    writers: tuple[StatementSeries, ...] = (),
    controls: tuple[StatementSeries, ...] = CONTROLS,
    now: datetime = NOW,
) -> Effect:
    return measure_effect(Sides(treated, writers, controls), APPLIED, ALWAYS, now)


def known(figure: Figure | None) -> Figure:
    assert figure is not None
    assert figure.low <= figure.value <= figure.high
    return figure


def test_a_statement_that_takes_half_the_time_gains_half() -> None:
    effect = effect_of(statement("it", since_the_change(0.5)))
    gain = known(effect.gain_percent)
    assert gain.low < 50 < gain.high
    assert gain.high - gain.low < 5
    assert known(effect.saved_milliseconds).value == pytest.approx(0.5 * 10 * 50 * 168, rel=0.03)
    assert (effect.days_before, effect.days_after, effect.controls) == (14, 13, 5)


def test_what_all_statements_do_is_no_effect() -> None:
    slower = since_the_change(1.6)
    controls = tuple(statement(f"control{place}", slower) for place in range(5))
    gain = known(effect_of(statement("it", slower), controls=controls).gain_percent)
    assert gain.low < 0 < gain.high
    assert abs(gain.value) < 3


def test_a_slower_machine_that_not_all_feel_is_no_gain_of_those_who_do_not() -> None:
    """Half of the controls pay for it, half hardly do; the treated statement does not."""
    controls = tuple(
        statement(f"control{place}", since_the_change(1.1 if place % 2 else 3))
        for place in range(8)
    )
    effect = effect_of(statement("it"), controls=controls)
    assert verdict(effect, 14, 12).verdict == "not enough data"
    lost = effect_of(statement("it", since_the_change(0.02)), controls=controls)
    assert verdict(lost, 14, 12).verdict == "confirmed"


def test_a_control_that_goes_its_own_way_does_not_count() -> None:
    odd = statement("odd", since_the_change(30))
    gain = known(effect_of(statement("it"), controls=(*CONTROLS, odd)).gain_percent)
    assert abs(gain.value) < 3


def test_without_controls_before_and_after_are_compared_alone() -> None:
    gain = known(effect_of(statement("it", since_the_change(0.5)), controls=()).gain_percent)
    assert gain.value == pytest.approx(50, abs=3)


def test_calls_that_move_to_a_cheaper_statement_are_no_effect() -> None:
    cheap = statement("cheap", calls=lambda at: 500 if at >= CHANGE else 50)
    dear = statement("dear", milliseconds=1000, calls=lambda at: 5 if at >= CHANGE else 50)
    gain = known(effect_of(cheap, dear).gain_percent)
    assert abs(gain.value) < 3


def test_calls_that_move_to_cheaper_hours_are_no_effect() -> None:
    def dear_at_night(at: datetime) -> float:
        return 30.0 if at.hour < 4 else 1.0

    def fewer_at_night(at: datetime) -> int:
        return 5 if at.hour < 4 and at >= CHANGE else 50

    gain = known(effect_of(statement("it", dear_at_night, calls=fewer_at_night)).gain_percent)
    assert abs(gain.value) < 3


def test_one_terrible_morning_does_not_hide_a_gain() -> None:
    def slow_day(at: datetime) -> float:
        terrible = CHANGE + 3 * DAY + 2 * HOUR <= at < CHANGE + 3 * DAY + 9 * HOUR
        return 20.0 if terrible else since_the_change(0.5)(at)

    gain = known(effect_of(statement("it", slow_day)).gain_percent)
    assert gain.low > 45


def test_what_writers_pay_is_taken_off() -> None:
    writer = statement("writer", since_the_change(1.2))
    effect = effect_of(statement("it", since_the_change(0.5)), writers=(writer,))
    week = 10 * 50 * 168
    assert known(effect.write_cost_milliseconds).value == pytest.approx(0.2 * week, rel=0.1)
    net = known(effect.net_milliseconds)
    assert net.value == pytest.approx(0.3 * week, rel=0.1)
    assert (
        net.high - net.low
        > 1e-9 + known(effect.saved_milliseconds).high - known(effect.saved_milliseconds).low
    )


def test_blocks_are_a_second_witness() -> None:
    fewer = statement("it", since_the_change(0.5))
    buckets = (replace(b, blocks=b.calls * 4) if b.start >= CHANGE else b for b in fewer.buckets)
    effect = effect_of(replace(fewer, buckets=tuple(buckets)))
    assert (effect.blocks_before, effect.blocks_after) == (40, 4)


def test_the_hour_of_the_change_and_the_one_after_belong_to_neither() -> None:
    def terrible(at: datetime) -> float:
        return 1000.0 if CHANGE - HOUR <= at < CHANGE + HOUR else 1.0

    assert effect_of(statement("it", terrible)) == effect_of(statement("it"))


def test_what_two_weeks_leave_open_four_may_tell() -> None:
    """The verdict of day 28 rests on the days since day 14, too, and not on the clock alone."""
    end = CHANGE + 29 * DAY
    days = np.random.default_rng(5).normal(0, 0.2, 50)

    def by_day(at: datetime) -> float:
        return since_the_change(0.85)(at) * float(np.exp(days[(at - BEGIN).days]))

    it = statement("it", by_day, end=end)
    controls = tuple(statement(f"control{place}", end=end) for place in range(5))
    early = effect_of(it, controls=controls, now=CHANGE + 15 * DAY)
    late = effect_of(it, controls=controls, now=end)
    assert (early.days_after, late.days_after) == (14, 28)
    wide, narrow = known(early.gain_percent), known(late.gain_percent)
    assert narrow.high - narrow.low < 0.9 * (wide.high - wide.low)


@pytest.mark.parametrize("days", [0, 1, 2])
def test_too_few_days_give_no_figures(days: int) -> None:
    effect = effect_of(statement("it", since_the_change(0.1)), now=CHANGE + days * DAY + 2 * HOUR)
    assert effect.gain_percent is None
    assert effect.lacking
    assert verdict(effect, days, None).verdict == "not enough data"


def test_too_few_calls_give_no_figures() -> None:
    rare = statement("it", since_the_change(0.1), calls=lambda at: int(at.hour == 0))
    effect = effect_of(rare)
    assert effect.gain_percent is None
    assert effect.lacking is not None
    assert "20 calls" in effect.lacking


def test_nothing_treated_gives_no_figures() -> None:
    assert effect_of().gain_percent is None


def test_days_after_a_roll_up_are_enough() -> None:
    rolled = statement("it", since_the_change(0.5), length=DAY, noise=0.02)
    gain = known(effect_of(rolled).gain_percent)
    assert gain.low < 50 < gain.high


def autocorrelated(random: np.random.Generator, days: int, spread: float) -> np.ndarray[Any, Any]:
    """Noise of days of which each has 0.4 of the one before."""
    noise = random.normal(0, spread, days)
    for day in range(1, days):
        noise[day] = 0.4 * noise[day - 1] + np.sqrt(1 - 0.4**2) * noise[day]
    return noise


def simulated_case(seed: int) -> tuple[float, Effect]:
    """A change with a known effect, among seasons, noise, and a machine that drifts."""
    random = np.random.default_rng(seed)
    log = float(random.uniform(-1.5, 0.3))
    after = int(random.integers(4, 14))
    machine = autocorrelated(random, 28, 0.2)

    def noisy(name: str, change: float) -> StatementSeries:
        own = autocorrelated(random, 28, 0.1)
        season = random.uniform(0, 1, 4)
        busy = int(random.integers(20, 500))

        def factor(at: datetime) -> float:
            day = (at - BEGIN).days
            weekend = 0.3 * (day % 7 > 4)
            effect = change if at >= CHANGE else 0
            return float(np.exp(own[day] + machine[day] + season[at.hour // 6] + weekend + effect))

        return statement(f"{name}{seed}", factor, calls=lambda _: busy, length=6 * HOUR)

    treated = [noisy("a", log), noisy("b", log)]
    controls = tuple(noisy(f"c{place}", 0) for place in range(4))
    now = CHANGE + after * DAY + HOUR
    effect = measure_effect(Sides(treated, (), controls), APPLIED, ALWAYS, now)
    return 100 * (1 - float(np.exp(log))), effect


def test_the_interval_holds_the_truth() -> None:
    """Of 400 cases with noise that lasts for days, in nine of ten at least, and not in all."""
    cases = [simulated_case(seed) for seed in range(400)]
    held = sum(g.low <= gain <= g.high for gain, e in cases if (g := e.gain_percent))
    assert 0.9 * 400 <= held < 400
    widths = [known(e.gain_percent).high - known(e.gain_percent).low for _, e in cases]
    assert np.median(widths) < 25


def simulated_wanderer(seed: int, spread: float) -> Effect:
    """Nothing is changed, but each statement has reasons of its own to get slower or faster."""
    random = np.random.default_rng([seed, int(1000 * spread)])

    def wandering(name: str) -> StatementSeries:
        own, own_days = random.normal(0, spread), random.normal(0, 0.03, 28)

        def factor(at: datetime) -> float:
            return float(np.exp(own_days[(at - BEGIN).days] + (own if at >= CHANGE else 0)))

        return statement(f"{name}{seed}", factor, length=6 * HOUR)

    controls = tuple(wandering(f"c{place}") for place in range(12))
    return effect_of(wandering("it"), controls=controls)


@pytest.mark.parametrize("spread", [0.05, 0.1, 0.2])
def test_where_statements_wander_for_their_own_reasons_the_interval_is_as_wide(
    spread: float,
) -> None:
    """No effect lies within in 85 of 100 cases at least: twelve controls tell it roughly."""
    gains = [known(simulated_wanderer(seed, spread).gain_percent) for seed in range(60)]
    held = sum(gain.low <= 0 <= gain.high for gain in gains)
    assert 0.85 * 60 <= held < 60


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_clocks_that_change_between_are_no_effect(zone: str) -> None:
    """Moments of one zone differ by what its clocks show: an hour less, in spring."""

    def told(at: datetime) -> datetime:
        return (at + 34 * DAY).astimezone(ZoneInfo(zone))

    def moved(one: StatementSeries) -> StatementSeries:
        return replace(one, buckets=tuple(replace(b, start=told(b.start)) for b in one.buckets))

    def batch(at: datetime) -> float:
        return 30.0 if at.hour == 3 else 1.0

    def often(at: datetime) -> int:
        return 2000 if at.hour == 3 else 50

    it = statement("it", batch, calls=often)
    effect = measure_effect(
        Sides([moved(it)], (), tuple(map(moved, CONTROLS))),
        Stretch(told(APPLIED.since), told(APPLIED.until)),
        tuple(Watched(told(stretch.start), told(stretch.end)) for stretch in ALWAYS),
        told(NOW),
    )
    assert effect == effect_of(it)


BARE = Effect(None, None, None, None, 100.0, 40.0, 4.0, 14, 14, 900, 900, 900, 5, None)


def measured(gain: tuple[float, float], net: tuple[float, float]) -> Effect:
    middle = Figure(sum(gain) / 2, *gain)
    return replace(BARE, gain_percent=middle, net_milliseconds=Figure(sum(net) / 2, *net))


@pytest.mark.parametrize(
    ("gain", "net", "age_days", "scans", "expected"),
    [
        ((30, 60), (100, 900), 7, 12, "confirmed"),
        ((30, 60), (100, 900), 7, None, "confirmed"),
        ((30, 60), (100, 900), 14, 0, "neutral"),
        ((30, 60), (100, 900), 13, 0, "confirmed"),
        ((3, 40), (10, 900), 7, 12, "not enough data"),
        ((3, 40), (10, 900), 28, 12, "neutral"),
        ((-4, 15), (-10, 90), 7, 12, "neutral"),
        ((30, 60), (-10, 900), 7, 12, "not enough data"),
        ((-60, -6), (-900, -10), 7, 0, "regressed"),
        ((-22, -1), (-90, -1), 7, 12, "neutral"),  # less than anybody feels
        ((-60, -6), (-900, 10), 14, 0, "regressed"),
        ((-60, 80), (-900, 900), 7, 12, "not enough data"),
    ],
)
def test_a_verdict_needs_an_interval_that_tells(
    gain: tuple[float, float],
    net: tuple[float, float],
    age_days: float,
    scans: int | None,
    expected: str,
) -> None:
    assert verdict(measured(gain, net), age_days, scans).verdict == expected


@pytest.mark.parametrize(
    ("cost", "net", "expected"),
    [
        ((60, 900), (-900, -10), "regressed"),
        ((-10, 900), (-900, -10), "not enough data"),
        ((0.1, 4), (-4, -0.1), "not enough data"),  # of 100 ms: less than anybody feels
    ],
)
def test_writing_that_surely_costs_more_than_is_gained_is_a_regression(
    cost: tuple[float, float], net: tuple[float, float], expected: str
) -> None:
    dear = Figure(sum(cost) / 2, *cost)
    effect = replace(measured((30, 60), net), write_cost_milliseconds=dear)
    assert verdict(effect, 7, 12).verdict == expected


def test_an_index_never_used_needs_no_figures() -> None:
    judged = verdict(replace(BARE, lacking="few calls"), 20, 0)
    assert (judged.verdict, judged.reason) == ("neutral", "never used in 14 days")


def test_an_index_is_not_unused_where_nobody_sent_its_statements() -> None:
    """A report at the end of each month, two weeks after the first."""

    def rarely(at: datetime) -> int:
        return 40 * (at.hour == 2 and CHANGE - 4 * DAY <= at < CHANGE)

    report = statement("it", calls=rarely)
    assert verdict(effect_of(report), 20, 0).verdict == "not enough data"
    again = statement("it", calls=lambda at: rarely(at) or int(at == CHANGE + 3 * DAY))
    assert verdict(effect_of(again), 20, 0).reason == "never used in 14 days"


@given(st.floats(0.01, 100))
@settings(max_examples=10, deadline=None)
def test_the_unit_of_time_does_not_matter(factor: float) -> None:
    def times(one: StatementSeries) -> StatementSeries:
        buckets = (replace(b, milliseconds=b.milliseconds * factor) for b in one.buckets)
        return replace(one, buckets=tuple(buckets))

    it = statement("it", since_the_change(0.7))
    gain = known(effect_of(it).gain_percent)
    scaled = known(effect_of(times(it), controls=tuple(map(times, CONTROLS))).gain_percent)
    assert (scaled.low, scaled.high) == pytest.approx((gain.low, gain.high))


@given(st.permutations(CONTROLS))
@settings(max_examples=10, deadline=None)
def test_the_order_of_controls_does_not_matter(controls: list[StatementSeries]) -> None:
    it = statement("it", since_the_change(0.7))
    one, other = effect_of(it), effect_of(it, controls=tuple(controls))
    assert known(one.gain_percent).value == pytest.approx(known(other.gain_percent).value)


ANY_BUCKETS = any_buckets(BEGIN)


@given(st.lists(ANY_BUCKETS, min_size=3, max_size=6))
@settings(max_examples=30, deadline=None)
def test_whatever_was_read_figures_are_in_order(histories: list[list[Bucket]]) -> None:
    series = [
        StatementSeries(str(place), "SELECT", frozenset(), writes=False, buckets=tuple(buckets))
        for place, buckets in enumerate(histories)
    ]
    sides = Sides(series[:1], series[1:2], series[2:])
    effect = measure_effect(sides, APPLIED, ALWAYS, NOW)
    for figure in (effect.gain_percent, effect.net_milliseconds, effect.write_cost_milliseconds):
        assert figure is None or figure.low <= figure.value <= figure.high
    verdict(effect, 20, None)


def test_statements_that_took_no_time_have_nothing_to_gain() -> None:
    effect = effect_of(statement("it", lambda _: 0.0))
    assert effect.lacking == "no time was spent on them before the change"
    assert verdict(effect, 28, 5).verdict == "not enough data"
