"""How much drawn values weigh beside those that were seen."""

from __future__ import annotations

import pytest

from agentdb.target.parameters.binding import Binding, tempered, unseen_share


def binding(label: str, prior: float) -> Binding:
    return Binding(label, (label,), f"SELECT '{label}'", prior / 2, prior)


@pytest.mark.parametrize(
    ("times", "share"),
    [
        ([], 1.0),
        ([1], 1.0),
        ([1, 1, 1], 1.0),  # new each time: so is the next
        ([4, 3], 0.5 / 7.5),  # the same two again and again
        ([5, 1, 1], 2.5 / 7.5),
    ],
)
def test_as_many_are_unseen_as_were_seen_once(times: list[int], share: float) -> None:
    assert unseen_share(times) == pytest.approx(share)


def test_drawn_values_weigh_together_what_is_likely_not_to_have_been_seen() -> None:
    found = tempered([binding("captured", 9), binding("rare", 2), binding("common", 4)], 0.1)
    assert [each.prior for each in found] == pytest.approx([9, 1 / 3, 2 / 3])
    assert [each.weight for each in found] == pytest.approx([4.5, 1 / 6, 1 / 3])


@pytest.mark.parametrize("unseen", [0.7, 1.0])
def test_drawn_values_are_never_given_more(unseen: float) -> None:
    given = [binding("captured", 2), binding("rare", 1)]
    assert list(tempered(given, unseen)) == given


def test_without_seen_values_nothing_changes() -> None:
    given = [binding("rare", 2), binding("common", 2)]
    assert list(tempered(given, 0.01)) == given
