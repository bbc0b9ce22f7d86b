"""Which clocks of the benchmark are put together, and what is called slower."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from agentdb.demo import Template
from benchmarks.measure import Figures, Question, Sample, calmed, redrawn, summarise

READ = Question("read", 0, Template("read", "", 1, False, ((1,),), "SELECT %s"))  # noqa: FBT003 - a row
OTHER_VALUE = Question("read", 1, READ.template)
WRITE = Question("write", 0, Template("write", "", 1, False, ((1,),), "DELETE FROM t"))  # noqa: FBT003 - a row
QUICK, SLOW = (1.0, 1.0, 1.0), (3.0, 3.0, 3.0)


def samples(times: tuple[float, ...], blocks: int, plan: Hashable = "scan") -> list[Sample]:
    return [Sample(time, 0.1, blocks, plan) for time in times]


def milliseconds(figures: Figures, question: Question = READ) -> dict[str, float]:
    return {name: figure.milliseconds for (of, name), figure in figures.items() if of == question}


@pytest.mark.parametrize(("blocks", "together"), [(1_000, True), (1_010, True), (1_011, False)])
def test_the_same_plan_over_as_many_blocks_has_the_same_time(blocks: int, together: bool) -> None:
    figures = summarise(
        {(READ, "none"): samples(QUICK, 1_000), (READ, "human"): samples(SLOW, blocks)}
    )
    expected = {"none": 2.0, "human": 2.0} if together else {"none": 1.0, "human": 3.0}
    assert milliseconds(figures) == expected
    assert figures[READ, "human"].blocks == blocks


def test_a_chain_of_small_differences_does_not_join_its_ends() -> None:
    figures = summarise(
        {
            (READ, "human"): samples(SLOW, 1_016),
            (READ, "none"): samples(QUICK, 1_000),
            (READ, "agentdb"): samples(SLOW, 1_008),
        }
    )
    assert milliseconds(figures) == {"none": 2.0, "agentdb": 2.0, "human": 3.0}


def test_another_plan_over_as_many_blocks_has_a_time_of_its_own() -> None:
    figures = summarise(
        {(READ, "none"): samples(QUICK, 8), (READ, "human"): samples(SLOW, 8, "bitmap")}
    )
    assert milliseconds(figures) == {"none": 1.0, "human": 3.0}


def test_a_plan_that_changed_between_the_rounds_is_not_put_together() -> None:
    wavering = [*samples(SLOW[:2], 8), *samples(SLOW[2:], 8, "bitmap")]
    figures = summarise({(READ, "none"): samples(QUICK, 8), (READ, "human"): wavering})
    assert milliseconds(figures) == {"none": 1.0, "human": 3.0}


def test_other_values_are_another_question() -> None:
    figures = summarise(
        {(READ, "none"): samples(QUICK, 8), (OTHER_VALUE, "none"): samples(SLOW, 8)}
    )
    assert milliseconds(figures) == {"none": 1.0}
    assert milliseconds(figures, OTHER_VALUE) == {"none": 3.0}


def test_writes_are_never_put_together() -> None:
    figures = summarise({(WRITE, "none"): samples(QUICK, 8), (WRITE, "human"): samples(SLOW, 8)})
    assert milliseconds(figures, WRITE) == {"none": 1.0, "human": 3.0}


def test_what_a_round_did_to_all_variants_is_taken_off() -> None:
    taken = {
        (READ, "none"): samples((2.0, 20.0, 20.0), 9),
        (READ, "human"): samples((1.0, 10.0, 40.0), 8, "index"),
        (OTHER_VALUE, "none"): samples((1.0, 1.0, 4.0), 9),
    }
    calm = {key: [s.execution_ms for s in found] for key, found in calmed(taken).items()}
    assert calm[READ, "none"] == pytest.approx([20.0, 20.0, 10.0])
    assert calm[READ, "human"] == pytest.approx([10.0, 10.0, 20.0])
    assert calm[OTHER_VALUE, "none"] == pytest.approx([1.0, 1.0, 1.0])


def test_the_same_rounds_are_drawn_for_all() -> None:
    rounds = tuple(float(each) for each in range(7))
    taken = {(READ, "none"): samples(rounds, 9), (WRITE, "human"): samples(rounds, 8)}
    drawn = list(redrawn(taken, 20))
    orders = [[[s.execution_ms for s in of] for of in draw.values()] for draw in drawn]
    assert all(one == other for one, other in orders)
    assert len({tuple(one) for one, _ in orders}) > 1
