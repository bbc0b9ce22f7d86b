"""Headings are found where Markdown has them."""

from __future__ import annotations

import pytest

from agentdb.documents.markdown import outline, title_of


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_heading_starts_where_its_first_character_is(end: str) -> None:
    text = end.join(["# One", "text", "", "  ## `Two` [x](y)", "", "Three", "---"])
    found = [(text[heading.start :][:5], heading.path) for heading in outline(text).headings]
    assert found == [("# One", ("One",)), ("## `T", ("One", "Two x")), ("Three", ("One", "Three"))]


def test_code_quotes_and_front_matter_hold_no_headings() -> None:
    text = "---\ntitle: T\ntags: x\n---\n\n```\n# code\n```\n\n> # quoted\n\n    # indented\n"
    assert outline(text).headings == []


def test_a_heading_ends_those_of_its_level_and_below() -> None:
    paths = [heading.path for heading in outline("# A\n### B\n## C\n# D\n").headings]
    assert paths == [("A",), ("A", "B"), ("A", "C"), ("D",)]


def test_the_title_is_in_the_front_matter_or_the_first_heading() -> None:
    assert title_of('---\nid: 1\ntitle: "The *real* one"\n---\n# Other\n') == "The *real* one"
    assert title_of("Hello\n\n# First\n# Second\n") == "First"
    assert title_of("No heading") is None
