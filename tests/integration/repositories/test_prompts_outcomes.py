"""What became of the uses of prompts, and which version that makes the best."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from agentdb.errors import BadInput
from agentdb.repositories.prompts import ENOUGH, PromptRepository


@pytest.fixture
def prompts(session: Session) -> PromptRepository:
    """A repository with four versions of one prompt and one of another."""
    prompts = PromptRepository(session)
    for template in ("first", "second", "third", "fourth"):
        prompts.put("summarise", template)
    prompts.put("extract", "only")
    return prompts


def used(
    prompts: PromptRepository,
    outcomes: Mapping[int, tuple[int, int]],
    *,
    name: str = "summarise",
    task: str | None = None,
) -> None:
    """Record so many successes of so many uses for each version."""
    for version, (successes, uses) in outcomes.items():
        for use in range(uses):
            prompts.record(name, version, success=use < successes, task=task)


# Counted ------------------------------------------------------------------------------------------


def test_outcomes_are_counted_for_each_version_also_for_one_that_was_never_used(
    prompts: PromptRepository,
) -> None:
    prompts.record("summarise", 1, success=True, score=1, latency_ms=100, tokens=10)
    prompts.record("summarise", 1, success=False, score=0.5, latency_ms=300, tokens=30)
    prompts.record("summarise", 1)
    first, second, *_ = prompts.outcomes("summarise")
    assert (first.version, first.uses, first.tokens, first.mean_latency_ms) == (1, 3, 40, 200)
    assert first.p95_latency_ms == pytest.approx(290)
    assert first.success is not None
    assert (first.success.value, first.success.trials) == (0.5, 2)
    assert first.score is not None
    assert (first.score.value, first.score.trials) == (0.75, 2)
    assert (second.uses, second.success, second.score, second.tokens) == (0, None, None, 0)
    assert (second.mean_latency_ms, second.p95_latency_ms, second.last_used_at) == (None,) * 3


def test_outcomes_may_be_of_one_task_and_since_a_moment(
    prompts: PromptRepository, session: Session
) -> None:
    used(prompts, {1: (1, 1)}, task="mail")
    session.execute(text("UPDATE agentdb.prompt_uses SET created_at = now() - interval '9 days'"))
    used(prompts, {1: (0, 2)}, task="mail")
    used(prompts, {1: (0, 4), 2: (1, 4)}, task="chat")
    last_week = datetime.now(UTC) - timedelta(days=7)

    def uses(**named: object) -> list[int]:
        return [each.uses for each in prompts.outcomes("summarise", **named)]  # type: ignore[arg-type]

    assert uses() == [7, 4, 0, 0]
    assert uses(task="mail") == [3, 0, 0, 0]
    assert uses(task="mail", since=last_week) == [2, 0, 0, 0]
    assert [(each.version, each.uses) for each in prompts.outcomes(task="chat")] == [(1, 4), (2, 4)]
    assert prompts.outcomes(task="no such task") == ()
    with pytest.raises(BadInput, match="since has no time zone"):
        prompts.outcomes("summarise", since=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


# The best -----------------------------------------------------------------------------------------


def test_few_uses_do_not_beat_many(prompts: PromptRepository) -> None:
    used(prompts, {1: (285, 300), 2: (20, 20), 3: (2, 2), 4: (60, 100)})
    best = prompts.best("summarise")
    assert best.winner is not None
    assert best.winner.version == 1  # 95 % of 300: surely 92 %; 20 of 20: surely 84 % only
    assert [each.version for each in best.tallies] == [1, 2, 4, 3]
    assert not best.clear
    assert best.reason == (
        "summarise 1: success 95% (92% to 97%) of 300 uses; ahead of the next one, maybe by chance"
    )


def test_the_best_is_clear_where_the_difference_cannot_be_chance(prompts: PromptRepository) -> None:
    used(prompts, {1: (60, 100), 2: (95, 100), 3: (55, 100), 4: (1, 1)})
    best = prompts.best("summarise")
    assert best.winner is not None
    assert (best.winner.version, best.clear) == (2, True)
    assert best.reason.endswith("clearly the best")


def test_not_enough_uses_is_an_answer(prompts: PromptRepository) -> None:
    nothing = prompts.best("summarise")
    assert (nothing.winner, nothing.clear, len(nothing.tallies)) == (None, False, 4)
    used(prompts, {1: (5, 5), 2: (3, ENOUGH - 1)})
    best = prompts.best("summarise")
    assert best.winner is None
    assert best.reason == (
        "not enough uses: 20 with a success are needed, the most of any version is 19"
    )
    assert prompts.best("summarise", enough=5).winner is not None
    assert prompts.best(task="no such task").winner is None


def test_a_single_version_is_the_best_but_not_clearly(prompts: PromptRepository) -> None:
    used(prompts, {1: (30, 30)}, name="extract")
    best = prompts.best("extract")
    assert best.winner is not None
    assert not best.clear
    assert best.reason.endswith("no other version has been used enough")


def test_the_best_for_a_task_is_among_all_prompts(prompts: PromptRepository) -> None:
    used(prompts, {1: (90, 100)}, task="mail")
    used(prompts, {1: (20, 100)}, task="chat")
    used(prompts, {1: (70, 100)}, name="extract", task="mail")
    used(prompts, {1: (90, 100)}, name="extract", task="chat")
    for task, name in (("mail", "summarise"), ("chat", "extract")):
        best = prompts.best(task=task)
        assert best.winner is not None
        assert (best.winner.name, best.clear) == (name, True)


def test_scores_are_compared_as_successes_are(prompts: PromptRepository) -> None:
    for use in range(40):
        prompts.record("summarise", 1, score=0.2 + 0.1 * (use % 2), success=True)
        prompts.record("summarise", 2, score=0.8 + 0.1 * (use % 2))
    prompts.record("summarise", 3, score=1)
    best = prompts.best("summarise", by="score")
    assert best.winner is not None
    assert (best.winner.version, best.clear) == (2, True)
    by_success = prompts.best("summarise").winner
    assert by_success is not None
    assert by_success.version == 1


# Two of them --------------------------------------------------------------------------------------


def test_two_versions_are_compared_with_the_interval_of_the_difference(
    prompts: PromptRepository,
) -> None:
    used(prompts, {1: (48, 80), 2: (56, 70)})
    compared = prompts.compare("summarise", 1, 2)
    assert compared.success is not None
    # The example of Newcombe (1998), method 10.
    assert compared.success.value == pytest.approx(0.2)
    assert compared.success.low == pytest.approx(0.0524, abs=5e-5)
    assert compared.success.high == pytest.approx(0.3339, abs=5e-5)
    assert (compared.one.uses, compared.other.uses, compared.score) == (80, 70, None)
    back = prompts.compare("summarise", 2, 1)
    assert back.success is not None
    assert back.success.low == -compared.success.high
    assert prompts.compare("summarise", 1, 3).success is None
