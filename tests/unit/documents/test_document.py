"""What is not installed is said before it is missed."""

from __future__ import annotations

import pytest

from agentdb.documents.document import require, strings
from agentdb.errors import ReaderMissing


def test_a_library_that_is_not_there_names_the_extra() -> None:
    require("json", "JSON")
    with pytest.raises(
        ReaderMissing, match=r"^PDF needs nowhere: pip install 'agentdb\[documents\]'$"
    ):
        require("nowhere", "PDF")


def test_every_string_in_metadata_is_found() -> None:
    value = {"a": ["b", {"c": "d"}, 1, None, [["e"]]], "f": True}
    assert sorted(strings(value)) == ["a", "b", "c", "d", "e", "f"]
