"""Statements of a made-up database over nine weeks, with what was planted in the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched

Array = npt.NDArray[np.float64]

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = 9
HOURS_OF_WEEK = 168
STARTS = [NOW + (hour - WEEKS * HOURS_OF_WEEK) * HOUR for hour in range(WEEKS * HOURS_OF_WEEK)]

Planted = Literal["slower", "faster", "more calls", "new", "gone", "outlier", "nothing"]
PLANTED: tuple[Planted, ...] = (
    *("slower",) * 5,
    *("faster",) * 3,
    *("more calls",) * 3,
    *("outlier",) * 3,
    "new",
    "gone",
)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A database's history, and what is true of it."""

    series: tuple[StatementSeries, ...]
    watched: tuple[Watched, ...]
    planted: dict[str, Planted]


@dataclass(frozen=True, slots=True)
class Nature:
    """How a statement is: milliseconds and blocks a call, calls a week, how its calls scatter."""

    milliseconds: float
    blocks: float
    calls_per_week: float
    scatter: float  # coefficient of variation of a call
    slow_share: float  # of the calls, which take 20 times what the others take
    hourly: float  # standard deviations of logarithms
    daily: float
    weekly: float


def simulate(seed: int, statements: int = 60, machine: float | None = None) -> Simulated:
    """Make up a database; one in four has a machine that got half slower in the last week."""
    random = np.random.default_rng(seed)
    if machine is None:
        machine = 1.5 if seed % 4 == 3 else 1.0
    watched = watched_but_for(gaps(random))
    known = watched_hours(watched)
    machines = machine_factors(random, machine)
    nothing: list[Planted] = ["nothing" for _ in range(statements - len(PLANTED))]
    planted = [*PLANTED, *nothing]
    series = [
        one_statement(random, f"{place:04}", what, machines, known)
        for place, what in enumerate(planted)
    ]
    return Simulated(
        tuple(series),
        watched,
        {one.fingerprint: what for one, what in zip(series, planted, strict=True)},
    )


def machine_factors(random: np.random.Generator, last_week: float) -> Array:
    """What the machine multiplies times by: each hour of each week."""
    hours = np.exp(
        random.normal(0, 0.05, (WEEKS, 1)) + random.normal(0, 0.03, (WEEKS, HOURS_OF_WEEK))
    )
    hours[-1] *= last_week
    return hours


def gaps(random: np.random.Generator) -> list[tuple[int, int]]:
    """Two resets, after each of which a part of two days is missing."""
    starts = sorted(random.integers(10, WEEKS * HOURS_OF_WEEK - 60, 2))
    return [(int(start), int(start + random.integers(3, 30))) for start in starts]


def watched_but_for(missing: list[tuple[int, int]]) -> tuple[Watched, ...]:
    begin = NOW - timedelta(weeks=WEEKS)
    stretches, at = [], 0
    for start, end in missing:
        if start > at:
            stretches.append(Watched(begin + at * HOUR, begin + start * HOUR))
        at = max(at, end)
    return (*stretches, Watched(begin + at * HOUR, NOW))


def watched_hours(watched: tuple[Watched, ...]) -> npt.NDArray[np.bool_]:
    begin = NOW - timedelta(weeks=WEEKS)
    known = np.zeros(WEEKS * HOURS_OF_WEEK, dtype=np.bool_)
    for stretch in watched:
        known[int((stretch.start - begin) / HOUR) : int((stretch.end - begin) / HOUR)] = True
    return known


def any_nature(random: np.random.Generator) -> Nature:
    return Nature(
        milliseconds=float(np.exp(random.normal(1, 2))),
        blocks=float(np.exp(random.normal(3, 2))) + 1,
        calls_per_week=float(10 ** random.uniform(2, 6)),
        scatter=float(random.choice([0.3, 1.0])),
        slow_share=float(random.choice([0.0, 0.0, 0.05])),
        hourly=float(random.uniform(0.02, 0.25)),
        daily=float(random.uniform(0.01, 0.1)),
        weekly=float(random.uniform(0.005, 0.05)),
    )


def one_statement(
    random: np.random.Generator,
    fingerprint: str,
    planted: Planted,
    machines: Array,
    known: npt.NDArray[np.bool_],
) -> StatementSeries:
    nature = any_nature(random)
    calls = called(random, nature.calls_per_week)
    times, work = times_of_a_call(random, nature) * machines, np.full_like(calls, nature.blocks)
    plant(random, planted, calls, times, work)
    counts = random.poisson(calls)
    milliseconds = totals(random, counts, times, nature)
    blocks = totals(random, counts, work, nature)
    return StatementSeries(
        fingerprint,
        f"SELECT {fingerprint}",
        frozenset({f"public.t{int(fingerprint) % 12}"}),
        writes=False,
        buckets=buckets(counts, milliseconds, blocks, known),
    )


def called(random: np.random.Generator, per_week: float) -> Array:
    """Calls to expect in each hour: by day, less at night and on Sundays; or once a day."""
    hours = np.arange(HOURS_OF_WEEK)
    if random.random() < 0.1:
        pattern = (hours % 24 == random.integers(24)).astype(np.float64)
        per_week = 7.0 * random.choice([1, 4, 100])
    else:
        phase = random.uniform(0, 24)
        pattern = 1 + 0.8 * np.sin((hours - phase) * np.pi / 12)
        pattern[hours >= 144] *= random.uniform(0.2, 1)
    growth = np.exp(random.normal(0.01, 0.02) * np.arange(WEEKS))[:, None]
    return np.asarray(per_week * growth * pattern / pattern.sum())


def times_of_a_call(random: np.random.Generator, nature: Nature) -> Array:
    hours = np.arange(HOURS_OF_WEEK)
    season = 1 + random.uniform(0, 0.5) * np.sin((hours - random.uniform(0, 24)) * np.pi / 12)
    growth = random.normal(0.003, 0.003) * np.arange(WEEKS)[:, None]
    noise = (
        random.normal(0, nature.hourly, (WEEKS, HOURS_OF_WEEK))
        + np.repeat(random.normal(0, nature.daily, (WEEKS, 7)), 24, axis=1)
        + random.normal(0, nature.weekly, (WEEKS, 1))
    )
    return np.asarray(nature.milliseconds * season * np.exp(growth + noise))


def plant(
    random: np.random.Generator, planted: Planted, calls: Array, times: Array, work: Array
) -> None:
    factor = float(np.exp(random.uniform(np.log(1.5), np.log(6))))
    if planted == "slower":
        times[-1] *= factor
        work[-1] *= factor
    elif planted == "faster":
        times[-1] /= factor
        work[-1] /= factor
    elif planted == "more calls":
        calls[-1] *= 4
    elif planted == "outlier":
        times[-1, random.integers(HOURS_OF_WEEK)] *= 50
    elif planted == "new":
        calls[:-1] = 0
    elif planted == "gone":
        calls[-1] = 0


def totals(
    random: np.random.Generator, counts: npt.NDArray[np.int64], means: Array, nature: Nature
) -> Array:
    """What so many calls take in all (a sum of gammas is a gamma), a few of them slow ones."""
    slow = random.binomial(counts, nature.slow_share)
    fast = means / (1 + 19 * nature.slow_share)
    return gammas(random, counts - slow, fast, nature) + gammas(random, slow, 20 * fast, nature)


def gammas(
    random: np.random.Generator, counts: npt.NDArray[np.int64], means: Array, nature: Nature
) -> Array:
    drawn = random.gamma(np.maximum(counts, 1) / nature.scatter**2, means * nature.scatter**2)
    return drawn * (counts > 0)


def buckets(
    counts: npt.NDArray[np.int64],
    milliseconds: Array,
    blocks: Array,
    known: npt.NDArray[np.bool_],
) -> tuple[Bucket, ...]:
    at = np.flatnonzero((counts.ravel() > 0) & known)
    columns = counts, milliseconds, blocks.astype(np.int64)
    return tuple(
        Bucket(STARTS[hour], HOUR, calls, time, calls, read)
        for hour, calls, time, read in zip(
            at.tolist(), *(column.ravel()[at].tolist() for column in columns), strict=True
        )
    )


def any_buckets(begin: datetime) -> st.SearchStrategy[list[Bucket]]:
    """What anybody may have read of a statement from `begin` to NOW, in any order."""
    return st.lists(
        st.builds(
            Bucket,
            start=st.datetimes(
                min_value=begin.replace(tzinfo=None),
                max_value=NOW.replace(tzinfo=None),
                timezones=st.just(UTC),
            ),
            length=st.sampled_from([HOUR / 4, HOUR, timedelta(days=1), timedelta(days=7)]),
            calls=st.integers(1, 10**12),
            milliseconds=st.one_of(st.just(0.0), st.floats(1e-4, 1e12)),
            rows=st.just(0),
            blocks=st.integers(0, 10**15),
        ),
        max_size=30,
    )
