"""A question about somebody who talks is put as that one would put it."""

from __future__ import annotations

import pytest

from agentdb.search.messages import first_person, words_of


@pytest.mark.parametrize(
    ("question", "speakers", "put"),
    [
        ("When did Ada move?", ["Ada"], "When did I move?"),
        ("Where is Ada's dog?", ["Ada"], "Where is my dog?"),
        ("Where is Ada\u2019s dog?", ["Ada"], "Where is my dog?"),
        ("Where is Ada Lovelace's dog?", ["Ada Lovelace"], "Where is my dog?"),
        ("Where is Ada's dog?", ["Ada Lovelace"], "Where is my dog?"),
        ("Do Ada and Bob agree?", ["Ada", "Bob"], "Do I and I agree?"),
        ("Where is Adam's dog?", ["Ada"], "Where is Adam's dog?"),
        ("Is there Canada?", ["ada"], "Is there Canada?"),
        ("When will Ada come?", ["Will"], "When will Ada come?"),
        ("What did a+b? say", ["a+b?"], "What did I say"),
        ("Where is the dog?", [], "Where is the dog?"),
        ("Where is \u00c5sa's dog?", ["\u00c5sa"], "Where is my dog?"),
    ],
)
def test_a_name_becomes_the_first_person(question: str, speakers: list[str], put: str) -> None:
    assert first_person(question, speakers) == put


def test_the_words_of_a_question_are_bounded() -> None:
    assert words_of("What does Ada's dog eat? Ada!") == ["what", "does", "ada", "s", "dog", "eat"]
    assert len(words_of(" ".join(f"w{number}" for number in range(10_000)))) == 64
    assert words_of("?!") == []
