"""What an index has to be worth, with and without a budget."""

from __future__ import annotations

import pytest

from agentdb.architect.audit import Policy, _rules
from agentdb.architect.recall import Refusal
from agentdb.architect.selection import Option, Terms
from agentdb.architect.workload import Thresholds, judge
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.statements import Entry, Window
from tests.builders import catalog, column, table

ORDERS = table("orders", column("id"), rows=100_000)  # of 10 MB
POLICY = Policy(least_share=0.03, tiny=0.002, price_of_space=0.06, price_within_budget=0.003)


def terms(*, budget_bytes: int | None = None) -> Terms:
    """The terms for a workload of 1,000 ms on that table."""
    entry = Entry("SELECT id FROM orders", 1, 1_000.0, rows=1, blocks=1, temp_blocks=0)
    workload = judge([entry], Thresholds(), Window(), 180001)
    policy = Policy(
        least_share=POLICY.least_share,
        tiny=POLICY.tiny,
        price_of_space=POLICY.price_of_space,
        price_within_budget=POLICY.price_within_budget,
        budget_bytes=budget_bytes,
    )
    return _rules(workload, catalog(ORDERS), policy, lambda *_: None, {}).terms


def option(size_bytes: int) -> Option:
    return Option(IndexDefinition("public", "orders", "btree", (Key("id"),)), size_bytes, 0.0)


def test_without_a_budget_only_a_tiny_index_has_to_save_a_third() -> None:
    assert terms().least(option(20_000)) == pytest.approx(10)
    assert terms().least(option(20_001)) == pytest.approx(30)


def test_within_a_budget_a_third_is_enough_whatever_the_size() -> None:
    bounded = terms(budget_bytes=5_000_000)
    assert bounded.least(option(20_000)) == pytest.approx(10 / 3)
    assert bounded.least(option(5_000_000)) == pytest.approx(10)


def test_within_a_budget_space_is_nearly_free() -> None:
    assert terms().price(option(5_000_000)) == pytest.approx(30)
    assert terms(budget_bytes=5_000_000).price(option(5_000_000)) == pytest.approx(1.5)


@pytest.mark.parametrize(("saved_milliseconds", "stands"), [(199.0, True), (200.0, False)])
def test_a_refusal_stands_until_twice_as_much_would_be_saved(
    saved_milliseconds: float, stands: bool
) -> None:
    index = IndexDefinition("public", "orders", "btree", (Key("id"),))
    refusals = {index.unnamed: Refusal("rejected on 2026-01-05 because: too big", 0.1)}
    entry = Entry("SELECT id FROM orders", 1, 1_000.0, rows=1, blocks=1, temp_blocks=0)
    workload = judge([entry], Thresholds(), Window(), 180001)
    rules = _rules(workload, catalog(ORDERS), POLICY, lambda *_: None, refusals)
    assert (rules.objection(index, saved_milliseconds) is not None) == stands
    assert rules.objection(index.on("public", "customers"), saved_milliseconds) is None


def test_less_is_asked_for_within_a_budget_unless_told_otherwise() -> None:
    usual = Policy()
    assert usual.price_within_budget < usual.price_of_space / 10
