"""Templates and what a prompt is searched by."""

from __future__ import annotations

import doctest
from string import Template

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.errors import BadTemplate, BadText
from agentdb.repositories import prompt as module
from agentdb.repositories.prompt import LONGEST_TEMPLATE, searchable, variables

TEXTS = st.text(st.characters(blacklist_characters="\x00$", blacklist_categories=["Cs"]))


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("no variables", ()),
        ("$b $a $b ${c}", ("b", "a", "c")),
        ("$$a costs $${b}", ()),
        ('{"x": {y}} %s {{z}} <$tag>', ("tag",)),
        ("$name,$Name and ${under_score}s", ("name", "Name", "under_score")),
    ],
)
def test_variables_are_those_of_a_string_template(template: str, names: tuple[str, ...]) -> None:
    assert variables(template) == names


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["$$", "${a}", "${b}"])), min_size=1))
def test_what_is_taken_can_be_rendered_with_its_variables(parts: list[tuple[str, str]]) -> None:
    template = "".join(text + sign for text, sign in parts)
    values = dict.fromkeys(variables(template), "V")
    rendered = "".join(text + {"$$": "$"}.get(sign, "V") for text, sign in parts)
    assert Template(template).substitute(values) == rendered


@pytest.mark.parametrize("template", ["5 $", "$5", "${}", "${a-b}", "$ {a}", "$é"])
def test_a_dollar_that_is_no_variable_is_refused(template: str) -> None:
    with pytest.raises(BadTemplate, match="line 1"):
        variables(template)


def test_a_template_may_be_so_long_and_no_longer() -> None:
    assert variables("x" * LONGEST_TEMPLATE) == ()
    with pytest.raises(BadText, match="100,001 characters, 100,000 are allowed"):
        variables("x" * (LONGEST_TEMPLATE + 1))


def test_a_prompt_is_searched_by_the_words_of_its_name_and_what_it_says() -> None:
    text = searchable("support/summarise_ticket-v2", "Say $it", "For the help desk")
    assert text == "support summarise ticket v2\nFor the help desk\nSay $it"
    assert searchable("--", "Say $it") == "Say $it"
    assert len(searchable("name", "x" * LONGEST_TEMPLATE)) == LONGEST_TEMPLATE


def test_the_example_is_true() -> None:
    assert doctest.testmod(module).failed == 0
