from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agentdb.search.fusion import fuse

rankings = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=4)


def test_what_two_rankings_like_beats_what_one_likes_best() -> None:
    assert list(fuse(["a", "b"], ["c", "b"])) == ["b", "a", "c"]


def test_equals_keep_the_order_of_the_first_ranking() -> None:
    assert list(fuse(["a", "b"], ["b", "a"])) == ["a", "b"]


def test_one_ranking_stays_as_it_is() -> None:
    assert list(fuse([3, 1, 2])) == [3, 1, 2]


@given(rankings)
def test_everything_ranked_is_there_once_and_scores_fall(given_rankings: list[list[int]]) -> None:
    fused = fuse(*given_rankings)
    assert set(fused) == {item for ranking in given_rankings for item in ranking}
    assert all(first >= second for first, second in pairwise(fused.values()))


@given(rankings, st.integers(0, 9))
def test_another_vote_never_harms(given_rankings: list[list[int]], favourite: int) -> None:
    before = fuse(*given_rankings).get(favourite, 0.0)
    assert fuse(*given_rankings, [favourite])[favourite] > before
