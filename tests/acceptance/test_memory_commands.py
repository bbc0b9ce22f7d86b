"""`agentdb remember`, `recall` and `forget`, as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import agentdb, complaint, printed
from tests.isolation import app_role, logged_in_as
from tests.servers import value


def contents(found: list[dict[str, Any]]) -> list[str]:
    """The texts of what was found, the best first."""
    return [each["memory"]["content"] for each in found]


def test_what_is_remembered_is_recalled(database_url: str) -> None:
    printed("remember", "Ada prefers tea", "--subject", "ada", database_url=database_url)
    printed("remember", "The printer is on the second floor", database_url=database_url)
    found = printed("recall", "what tea does Ada like?", "-k", "1", database_url=database_url)
    assert contents(found) == ["Ada prefers tea"]
    assert found[0]["keyword_rank"] == 1


def test_the_same_thing_twice_is_one_memory(database_url: str) -> None:
    printed("remember", "Ada prefers tea", database_url=database_url)
    again = printed("remember", "Ada prefers tea", database_url=database_url)
    assert again["times"] == 2
    assert len(printed("recall", "tea", database_url=database_url)) == 1


def test_a_fact_has_one_value_and_a_past(database_url: str) -> None:
    fact = ("--subject", "ada", "--key", "city")
    first = printed("remember", "Ada lives in Berlin", *fact, database_url=database_url)
    printed("remember", "Ada lives in Paris", *fact, database_url=database_url)
    now = printed("recall", "Ada lives", database_url=database_url)
    then = printed(
        "recall", "Ada lives", "--as-of", first["valid_from"][:19], database_url=database_url
    )
    assert contents(now) == ["Ada lives in Paris"]
    assert "Ada lives in Paris" not in contents(then)


def test_metadata_narrow_a_search(database_url: str) -> None:
    for litres in (1, 2):
        metadata = ("--metadata", f'{{"litres": {litres}}}')
        printed("remember", f"a kettle of {litres} l", *metadata, database_url=database_url)
    large = ("--filter", '{"litres": {"gt": 1}}')
    assert contents(printed("recall", "kettle", *large, database_url=database_url)) == [
        "a kettle of 2 l"
    ]


def test_namespaces_do_not_see_each_other(database_url: str) -> None:
    hostile = "50%_of 'us'"
    printed("remember", "a secret", "--namespace", hostile, database_url=database_url)
    assert printed("recall", "secret", database_url=database_url) == []
    assert len(printed("recall", "secret", "--namespace", hostile, database_url=database_url)) == 1


def test_what_is_forgotten_is_gone(database_url: str) -> None:
    kept = printed("remember", "Ada prefers tea", database_url=database_url)
    done = agentdb("forget", str(kept["id"]), database_url=database_url)
    assert (done.returncode, done.stderr) == (0, "forgotten: 1\n")
    assert printed("recall", "tea", database_url=database_url) == []


def test_the_table_says_why(database_url: str) -> None:
    printed("remember", "Ada prefers tea", database_url=database_url)
    shown = agentdb("recall", "tea", "--explain", database_url=database_url).stdout
    assert "Ada prefers tea" in shown
    assert "exact" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("remember", "   "), "the text is empty"),
        (("remember", "x" * 100_001), "cut it into parts"),
        (("remember", "Paris", "--key", "city"), "needs a subject"),
        (("remember", "tea", "--metadata", "[1]"), "no JSON object"),
        (("remember", "tea", "--metadata", "{"), "not JSON"),
        (("recall", "tea", "--filter", '{"a": {"like": 1}}'), "unknown operator 'like'"),
        (("forget",), "say what to forget"),
    ],
)
def test_bad_input_gets_one_line(database_url: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(agentdb(*arguments, database_url=database_url))


@pytest.mark.parametrize(
    "arguments",
    [("remember", "x" * 100_001), ("recall", "x" * 100_001), ("search", " "), ("recall", " ")],
)
def test_a_text_that_is_refused_is_not_embedded(
    database_url: str, arguments: tuple[str, ...]
) -> None:
    printed("remember", "tea", database_url=database_url)
    assert "the text " in complaint(agentdb(*arguments, database_url=database_url))
    assert value(database_url, "SELECT count(*) FROM agentdb.embedding_cache") == 1


def test_every_command_works_as_the_applications_role(database_url: str, tmp_path: Path) -> None:
    with app_role(database_url) as role:
        settings = {"database_url": logged_in_as(database_url, role)}
        printed("remember", "Ada prefers tea", "--subject", "ada", **settings)
        found = printed("recall", "what does Ada drink, tea?", **settings)
        assert contents(found) == ["Ada prefers tea"]
        (tmp_path / "terms.md").write_text("# Warranty\n\nTwo years.\n", encoding="utf-8")
        done = agentdb("ingest", str(tmp_path), **settings)
        assert done.returncode == 0, done.stderr
        assert "Two years" in json.dumps(printed("search", "warranty", **settings))
        assert agentdb("forget", "--subject", "ada", **settings).stderr == "forgotten: 1\n"
        assert agentdb("recommendations", "list", **settings).returncode == 0
