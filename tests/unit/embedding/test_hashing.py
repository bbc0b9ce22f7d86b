"""The vector without a model."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from agentdb.embedding.hashing import HashingEmbedder

TEXT = "equality on text column rare value; ordered by time descending first rows only"

# Families of operator features, each said for statements of several schemas.
FAMILIES = {
    "filter": """
reads; equality on text column; one table; plan Seq Scan 1e5
reads; equality on number column; one table; plan Gather 1e3 > Seq Scan 1e6
reads; equality on text column rare value of skewed; one table; plan Seq Scan 1e4
""",
    "top": """
reads; equality on number column, ordered by time descending first rows only; plan Limit > Sort 1e4
reads; ordered by number descending first rows only; one table; plan Limit 1e1 > Sort 1e6
reads; equality on text column, ordered by time descending first rows only; plan Limit > Sort 1e3
""",
    "infix": """
reads; infix pattern search in text column; one table; plan Seq Scan 1e5
reads; infix pattern search in text expression lower; one table; plan Seq Scan 1e4
reads; infix pattern search in text column; aggregate count; plan Aggregate > Seq Scan 1e6
""",
    "json": """
reads; containment in json column; one table; plan Seq Scan 1e5
reads; containment in json column; aggregate count; one table; plan Aggregate > Seq Scan 1e6
reads; containment in json column, range on time column; one table; plan Seq Scan 1e5
""",
    "join": """
reads; join on number column, equality on text column; 2 tables; plan Hash Join 1e4 > Seq Scan 1e5
reads; join on number column; aggregate sum; 2 tables; plan HashAggregate > Hash Join 1e5
reads; join on number column, equality on number column; 3 tables; plan Hash Join 1e3 > Hash Join
""",
}


def test_the_same_text_gives_the_same_vector_in_another_process() -> None:
    code = (
        "from agentdb.embedding.hashing import HashingEmbedder; import sys; "
        f"sys.stdout.buffer.write(HashingEmbedder().embed([{TEXT!r}]).tobytes())"
    )
    elsewhere = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert elsewhere.stdout == HashingEmbedder().embed([TEXT]).tobytes()


def test_the_recipe_stays_as_it_is_under_this_name() -> None:
    (vector,) = HashingEmbedder().embed(["Seq Scan"])
    places = {int(place): round(float(vector[place]), 3) for place in np.flatnonzero(vector)}
    assert HashingEmbedder().name == "hashing"
    assert places == {0: 0.0, 56: -0.577, 112: 0.577, 195: -0.577}


@pytest.mark.parametrize("text", [TEXT, "", "   ", "—", "日本語", "\ud800", "a " * 5000])
def test_every_text_gives_a_vector_of_length_one(text: str) -> None:
    vectors = HashingEmbedder().embed([text])
    assert (vectors.shape, vectors.dtype.name) == ((1, 384), "float32")
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-6)


def test_no_texts_give_no_vectors() -> None:
    assert HashingEmbedder().embed([]).shape == (0, 384)


def test_case_and_the_form_of_characters_make_no_difference() -> None:
    first, second = HashingEmbedder().embed(["Cafe\u0301 \uff33can", "caf\u00e9 scan"])
    assert first @ second == pytest.approx(1, abs=1e-6)


def test_the_order_of_words_makes_some_difference() -> None:
    first, second = HashingEmbedder().embed(["sort above scan of rows", "rows of scan above sort"])
    assert 0.3 < first @ second < 0.9


def test_a_word_said_often_does_not_drown_the_others() -> None:
    often, other, neither = HashingEmbedder().embed(
        ["join join join join join hash", "hash", "gin"]
    )
    assert often @ other > 0.2 > often @ neither


def test_statements_of_one_kind_find_each_other() -> None:
    said = [(kind, text) for kind, texts in FAMILIES.items() for text in texts.split("\n") if text]
    kinds = [kind for kind, _ in said]
    vectors = HashingEmbedder().embed([text for _, text in said])
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    right = [kinds[int(row.argmax())] == kind for row, kind in zip(alike, kinds, strict=True)]
    assert sum(right) / len(right) >= 0.85
