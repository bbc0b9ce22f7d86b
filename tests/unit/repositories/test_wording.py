"""How the text of a row is made of its columns."""

from __future__ import annotations

import pytest

from agentdb.errors import BadInput
from agentdb.repositories.wording import (
    Wording,
    parts_of,
    plain_name,
    read_wording,
    render,
    written,
)

COLUMNS = ("id", "name", "Weird, Col", 'a"b', "about")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", Wording(("name",))),
        (" NAME ,about,name", Wording(("name", "about"))),
        ('"Weird, Col", "a""b"', Wording(("Weird, Col", 'a"b'))),
        (["Weird, Col"], Wording(("Weird, Col",))),
        ("{name}: {about}, {Name}", Wording(("name", "about"), "{0}: {1}, {0}")),
        ('{{{"Weird, Col"}}}', Wording(("Weird, Col",), "{{{0}}}")),
    ],
)
def test_columns_are_listed_or_stand_in_a_template(text: str, expected: Wording) -> None:
    assert read_wording(text, COLUMNS) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "say which columns"),
        ('"NAME"', "there is no column NAME"),
        (["NAME"], "there is no column NAME"),
        ("nam", "did you mean name"),
        ("{nothing}", "there is no column nothing"),
        ("{name", "it is not"),
        ("{name:>3}", "leave out what follows"),
        ("{}", "say which columns"),
        ("{{name}}", "names no column"),
    ],
)
def test_what_is_no_list_and_no_template_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_wording(text, COLUMNS)


@pytest.mark.parametrize(
    ("wording", "values", "expected"),
    [
        (Wording(("a", "b")), ["x", "y"], "x\ny"),
        (Wording(("a", "b")), [None, "y"], "y"),
        (Wording(("a", "b")), [" ", None], None),
        (Wording(("a", "b"), "{0} of {1}"), ["x", None], "x of "),
        (Wording(("a", "b"), "{0} of {1}"), [None, ""], None),
        (Wording(("a",), "{{{0}}}"), ["{1}"], "{{1}}"),
    ],
)
def test_what_is_null_is_left_out_and_a_row_that_says_nothing_has_no_text(
    wording: Wording, values: list[str | None], expected: str | None
) -> None:
    assert render(wording, values) == expected


def test_it_is_shown_as_it_could_be_given() -> None:
    for text in ("name, about", '{name}: {"Weird, Col"}', '"Weird, Col", name'):
        assert written(read_wording(text, COLUMNS)) == text


def test_parts_are_split_outside_quotes() -> None:
    assert parts_of('a."b.c".d', ".") == ("a", '"b.c"', "d")
    assert [plain_name(part) for part in (' "b""c" ', " d ")] == [('b"c', True), ("d", False)]
