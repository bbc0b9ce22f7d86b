"""Prompts: versions that never change, labels that move, found by meaning, judged by outcomes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import (
    AgentDBError,
    BadFilter,
    BadInput,
    BadMetadata,
    BadTemplate,
    BadText,
    MissingVariables,
    NotFound,
    SpaceMismatch,
)
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory
from agentdb.repositories.prompt import LONGEST_TEMPLATE, searchable
from agentdb.repositories.prompts import PromptRepository

EMBEDDER = HashingEmbedder()


@pytest.fixture
def prompts(session: Session) -> PromptRepository:
    return PromptRepository(session, EMBEDDER)


def versions(prompts: PromptRepository, name: str) -> list[int]:
    return [each.version for each in prompts.history(name)]


# Versions -----------------------------------------------------------------------------------------


def test_each_new_text_is_the_next_version_and_the_newest_is_got(prompts: PromptRepository) -> None:
    first = prompts.put("greet", "Hello $name")
    second = prompts.put("greet", "Dear ${name}, in $language", description="A letter's opening")
    assert (first.version, first.variables, first.description) == (1, ("name",), "")
    assert (second.version, second.variables) == (2, ("name", "language"))
    assert prompts.get("greet") == second
    assert prompts.get("greet", 1) == first
    assert prompts.history("greet") == (first, second)


def test_the_same_text_again_is_the_version_that_it_was(prompts: PromptRepository) -> None:
    first = prompts.put("greet", "Hello", description="short", metadata={"model": "small"})
    prompts.put("greet", "Hi")
    assert prompts.put("greet", "Hello") == first
    assert prompts.put("greet", "Hello", description="short", metadata={"model": "small"}) == first
    assert versions(prompts, "greet") == [1, 2]
    assert prompts.get("greet").template == "Hi"


@pytest.mark.parametrize("said", [{"description": "long"}, {"metadata": {"model": "large"}}])
def test_the_same_text_with_something_else_said_of_it_is_refused(
    prompts: PromptRepository, said: dict[str, Any]
) -> None:
    first = prompts.put("greet", "Hello", description="short", metadata={"model": "small"})
    with pytest.raises(BadInput, match="version 1 of the prompt greet has this text"):
        prompts.put("greet", "Hello", **said)
    assert prompts.get("greet") == first


def test_white_space_and_letters_are_kept_as_they_are(prompts: PromptRepository) -> None:
    template = "  cafe\u0301\r\n\t$x \u200b\n"
    prompts.put("odd", template)
    assert prompts.get("odd").template == template


@pytest.mark.parametrize("column", ["template = 'other'", "metadata = '{}'", "version = 7"])
def test_the_database_itself_refuses_to_change_a_version(
    prompts: PromptRepository, session: Session, column: str
) -> None:
    prompts.put("greet", "Hello")
    with pytest.raises(IntegrityError, match="stays as it is, put a new one"):
        session.execute(text(f"UPDATE agentdb.prompt_versions SET {column}"))


def test_what_is_not_there_is_named(prompts: PromptRepository) -> None:
    prompts.put("greet", "Hello", labels=["production"])
    lookups: list[Any] = [
        lambda: prompts.get("part"),
        lambda: prompts.get("greet", 2),
        lambda: prompts.get("greet", 2**70),
        lambda: prompts.label("greet", "production", 2**63),
        lambda: prompts.record("greet", 2**63, success=True),
        lambda: prompts.get("greet", label="staging"),
        lambda: prompts.label("greet", "production", 2),
        lambda: prompts.record("greet", 2, success=True),
        lambda: prompts.record("part", 1, success=True),
        lambda: prompts.outcomes("part"),
        lambda: prompts.best("part"),
        lambda: prompts.compare("greet", 1, 2),
    ]
    for look_up in lookups:
        with pytest.raises(NotFound, match=r"there is no prompt '(greet|part)'"):
            look_up()
    assert prompts.history("part") == ()


def test_all_prompts_are_listed_by_name_with_their_newest_version(
    prompts: PromptRepository,
) -> None:
    prompts.put("b", "one", labels=["production"])
    two = prompts.put("b", "two")
    other = prompts.put("a", "three")
    assert prompts.list() == (other, two)
    assert [each.template for each in prompts.list(label="production")] == ["one"]


# Variables ----------------------------------------------------------------------------------------


def test_a_prompt_is_rendered_with_its_variables_once(prompts: PromptRepository) -> None:
    template = 'Answer as {"price": "$$5"} to ${ticket}: $ticket, $self'
    prompt = prompts.put("answer", template)
    rendered = prompt.render(ticket="I paid $name $$", self=7, unused="left out")
    assert rendered == 'Answer as {"price": "$5"} to I paid $name $$: I paid $name $$, 7'


def test_a_variable_without_a_value_is_named(prompts: PromptRepository) -> None:
    prompt = prompts.put("answer", "$a $b $c")
    with pytest.raises(MissingVariables, match=r"answer \(version 1\) needs a, c: give each"):
        prompt.render(b=1)
    assert prompt.render(a=None, b="", c=0) == "None  0"


@pytest.mark.parametrize(
    ("template", "place"),
    [("It costs $5", "line 1, column 10"), ("a\n${not closed", "line 2, column 1"), ("$", "1")],
)
def test_a_dollar_that_is_no_variable_is_refused_with_its_place(
    prompts: PromptRepository, session: Session, template: str, place: str
) -> None:
    with pytest.raises(BadTemplate, match=rf"{place}.*write \$\$ for a dollar"):
        prompts.put("price", template)
    assert not session.in_transaction()


# Labels -------------------------------------------------------------------------------------------


def test_a_label_points_at_one_version_and_moves(prompts: PromptRepository) -> None:
    prompts.put("greet", "one", labels=["production", "staging"])
    prompts.put("greet", "two", labels=["staging"])
    assert prompts.get("greet", label="production").template == "one"
    assert prompts.get("greet", label="staging").template == "two"
    assert prompts.label("greet", "production", 2).labels == ("production", "staging")
    assert prompts.get("greet", 1).labels == ()
    assert prompts.label("greet", "production", 1).labels == ("production",)  # and back
    assert prompts.unlabel("greet", "production")
    assert not prompts.unlabel("greet", "production")
    assert prompts.get("greet", 1).labels == ()


def test_a_label_is_never_missing_while_it_moves(engine: Engine) -> None:
    with transaction(engine) as session:
        prompts = PromptRepository(session)
        prompts.put("greet", "one", labels=["production"])
        prompts.put("greet", "two")

    def move(times: int) -> None:
        for turn in range(times):
            with transaction(engine) as session:
                PromptRepository(session).label("greet", "production", turn % 2 + 1)

    with ThreadPoolExecutor(1) as pool, Session(engine) as session:
        moving = pool.submit(move, 40)
        seen = set()
        while not moving.done():
            seen.add(PromptRepository(session).get("greet", label="production").version)
            session.rollback()
        moving.result()
    assert seen <= {1, 2}


# Two writers --------------------------------------------------------------------------------------


def test_writers_at_once_get_versions_that_follow_each_other(engine: Engine) -> None:
    writers, puts = 4, 8
    start = Barrier(writers)

    def write(writer: int) -> list[int]:
        start.wait()
        got = []
        for turn in range(puts):
            with transaction(engine) as session:
                prompts = PromptRepository(session, EMBEDDER)
                got.append(prompts.put("shared", f"writer {writer}, turn {turn}").version)
        return got

    with ThreadPoolExecutor(writers) as pool:
        got = list(pool.map(write, range(writers)))
    assert sorted(version for each in got for version in each) == list(range(1, writers * puts + 1))
    assert all(each == sorted(each) for each in got)
    with Session(engine) as session:
        prompts = PromptRepository(session, EMBEDDER)
        assert versions(prompts, "shared") == list(range(1, writers * puts + 1))
        newest = prompts.get("shared")
        assert [each.prompt for each in prompts.search("writer turn")] == [newest]


def test_writers_of_the_same_text_at_once_make_one_version(engine: Engine) -> None:
    start = Barrier(4)

    def write(_: int) -> int:
        start.wait()
        with transaction(engine) as session:
            return PromptRepository(session, EMBEDDER).put("shared", "the same").version

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [1, 1, 1, 1]


def test_a_writer_waits_for_the_one_before_and_takes_its_place_if_that_gives_up(
    engine: Engine,
) -> None:
    with Session(engine) as first, ThreadPoolExecutor(1) as pool:
        assert PromptRepository(first).put("shared", "first").version == 1

        def second() -> int:
            with transaction(engine) as session:
                return PromptRepository(session).put("shared", "second").version

        waiting = pool.submit(second)
        while not _one_waits(engine):
            assert not waiting.done()
        first.rollback()
        assert waiting.result() == 1


def _one_waits(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(connection.scalar(text(waiting)) == 1)


# The caller's transaction, tenants ----------------------------------------------------------------


def test_a_business_row_and_a_prompt_are_kept_together_or_not_at_all(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (item text)"))
    for commit in (False, True):
        with Session(engine) as session:
            session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            prompts = PromptRepository(session, EMBEDDER)
            prompt = prompts.put("greet", "Hello", labels=["production"])
            prompts.record("greet", prompt.version, success=True)
            (session.commit if commit else session.rollback)()
        with Session(engine) as session:
            assert session.scalar(text("SELECT count(*) FROM orders")) == int(commit)
            prompts = PromptRepository(session, EMBEDDER)
            assert len(prompts.list(label="production")) == int(commit)
            assert len(prompts.search("hello")) == int(commit)


def test_what_is_refused_leaves_the_transaction_as_it_was(
    prompts: PromptRepository, session: Session
) -> None:
    prompts.put("greet", "Hello", metadata={"a": 1})
    with pytest.raises(BadInput):
        prompts.put("greet", "Hello", metadata={"a": 2}, labels=["production"])
    assert prompts.get("greet").labels == ()
    assert session.scalar(text("SELECT count(*) FROM agentdb.entries")) == 1


@pytest.mark.parametrize("other", [{"tenant": "other"}, {"namespace": "other"}])
def test_tenants_and_namespaces_are_apart(
    prompts: PromptRepository, session: Session, other: dict[str, str]
) -> None:
    theirs = PromptRepository(session, EMBEDDER, **other)
    ours = prompts.put("greet", "Hello", labels=["production"])
    assert theirs.put("greet", "Good day").version == 1
    prompts.record("greet", 1, success=True, task="mail")
    assert theirs.get("greet").template == "Good day"
    assert theirs.list(label="production") == ()
    assert [each.prompt.template for each in theirs.search("hello good day")] == ["Good day"]
    assert theirs.outcomes("greet")[0].uses == 0
    assert theirs.outcomes(task="mail") == ()
    assert theirs.forget("greet") == 1
    assert prompts.list() == (ours,)
    assert len(prompts.search("hello")) == 1


# Search -------------------------------------------------------------------------------------------


def test_a_prompt_is_found_by_its_name_its_description_and_its_text(
    prompts: PromptRepository,
) -> None:
    prompts.put("support_tickets/summarise", "Say it shortly: $ticket", metadata={"team": "help"})
    prompts.put("triage", "Which queue? $text", description="Chooses who answers a customer")
    prompts.put("translate", "Into $language: $text", metadata={"team": "docs"})

    def found(query: str, **named: Any) -> list[str]:  # noqa: ANN401 - of search
        return [each.prompt.name for each in prompts.search(query, **named)]

    assert found("prompt for summarising tickets")[0] == "support_tickets/summarise"
    assert found("customer")[0] == "triage"
    assert found("language", k=1) == ["translate"]
    assert found("text", filter={"team": "docs"}) == ["translate"]
    with pytest.raises(BadFilter):
        found("text", filter={"team": {"like": "d%"}})


def test_the_newest_version_is_searched_and_each_prompt_comes_once(
    prompts: PromptRepository,
) -> None:
    prompts.put("greet", "kettle")
    newest = prompts.put("greet", "teapot")
    (found,) = prompts.search("kettle teapot")
    assert found.prompt == newest
    assert found.path == "exact"
    wordy = PromptRepository(prompts._session)  # noqa: SLF001
    assert wordy.search("kettle") == ()
    assert wordy.search("teapot")[0].keyword_rank == 1


def test_memories_are_not_found_among_prompts_nor_stray_entries(
    prompts: PromptRepository, session: Session
) -> None:
    memories = MemoryRepository(session, EMBEDDER)
    memories.add(NewMemory("tea with milk"))
    memories.add(NewMemory("tea with sugar", kind="prompt"))
    assert prompts.search("tea") == ()


def test_a_prompt_whose_entry_was_forgotten_stays_and_is_found_after_the_next_put(
    prompts: PromptRepository, session: Session
) -> None:
    kept = prompts.put("greet", "Hello")
    MemoryRepository(session).forget(subject="greet")
    assert prompts.get("greet") == kept
    assert prompts.search("hello") == ()
    prompts.put("greet", "Hello")
    assert [each.prompt for each in prompts.search("hello")] == [kept]


def test_without_an_embedder_a_vector_may_be_given(session: Session) -> None:
    prompts = PromptRepository(session)
    vector = EMBEDDER.embed([searchable("greet", "Hello $name", "opens a letter")])[0]
    prompts.put("greet", "Hello $name", description="opens a letter", vector=vector)
    (found,) = prompts.search("elsewhere", vector=vector)
    assert found.similarity == pytest.approx(1, abs=1e-3)


def test_vectors_of_another_model_are_refused(prompts: PromptRepository, session: Session) -> None:
    prompts.put("greet", "Hello")
    with pytest.raises(SpaceMismatch):
        PromptRepository(session, HashingEmbedder("other")).put("greet", "Hi")
    assert versions(prompts, "greet") == [1]


def test_a_forgotten_prompt_leaves_nothing(prompts: PromptRepository, session: Session) -> None:
    prompts.put("greet", "one", labels=["production"])
    prompts.put("greet", "two")
    prompts.record("greet", 1, success=True)
    assert prompts.forget("greet") == 2
    assert prompts.forget("greet") == 0
    tables = ("prompts", "prompt_versions", "prompt_labels", "prompt_uses", "entries")
    for table in tables:
        assert session.scalar(text(f"SELECT count(*) FROM agentdb.{table}")) == 0
    assert prompts.put("greet", "three").version == 1


# Bad input ----------------------------------------------------------------------------------------

PUTS: dict[str, tuple[dict[str, Any], type[AgentDBError], str]] = {
    "empty name": ({"name": ""}, BadInput, "the name of a prompt is empty"),
    "NUL in a name": ({"name": "a\x00"}, BadInput, "NUL"),
    "long name": ({"name": "n" * 401}, BadInput, "401 bytes"),
    "empty": ({"template": " \n"}, BadText, "the template is empty"),
    "NUL": ({"template": "a\x00"}, BadText, "NUL"),
    "half a character": ({"template": "a\ud83d"}, BadText, "half of one"),
    "10 MB": ({"template": "word " * 2_000_000}, BadText, "10,000,000 characters"),
    "metadata": ({"metadata": {"a": float("nan")}}, BadMetadata, "NaN"),
    "description": ({"description": "\x00"}, BadText, "description"),
    "long description": ({"description": "d" * 10_001}, BadText, "10,001 characters"),
    "labels is a text": ({"labels": "production"}, BadInput, "labels are a list"),
    "empty label": ({"labels": [""]}, BadInput, "a label is empty"),
}


@pytest.mark.parametrize(("given", "error", "said"), PUTS.values(), ids=PUTS)
def test_a_prompt_that_cannot_be_kept_is_refused_before_anything_is_sent(
    prompts: PromptRepository,
    session: Session,
    given: dict[str, Any],
    error: type[AgentDBError],
    said: str,
) -> None:
    with pytest.raises(error, match=said) as refused:
        prompts.put(**{"name": "greet", "template": "Hello", **given})
    assert "\n" not in str(refused.value)
    assert not session.in_transaction()


RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "score 4": ({"score": 4}, "between 0 and 1: scale it"),
    "score NaN": ({"score": float("nan")}, "a score is nan"),
    "score -0.1": ({"score": -0.1}, "a score is -0.1"),
    "success 1": ({"success": 1}, "success is True, False or None"),
    "latency -1": ({"latency_ms": -1}, "0 or more"),
    "latency inf": ({"latency_ms": float("inf")}, "0 or more"),
    "tokens -1": ({"tokens": -1}, "a whole number"),
    "tokens 1.5": ({"tokens": 1.5}, "a whole number"),
    "tokens 2**63": ({"tokens": 2**63}, "a whole number"),
    "empty task": ({"task": ""}, "a task is empty"),
    "NUL in a name": ({"name": "\x00"}, "NUL"),
}


@pytest.mark.parametrize(("given", "said"), RECORDS.values(), ids=RECORDS)
def test_an_outcome_that_makes_no_sense_is_refused(
    prompts: PromptRepository, given: dict[str, Any], said: str
) -> None:
    prompts.put("greet", "Hello")
    with pytest.raises(BadInput, match=said):
        prompts.record(**{"name": "greet", "version": 1, **given})
    assert prompts.outcomes("greet")[0].uses == 0


def test_the_longest_that_is_allowed_is_kept_and_found(session: Session) -> None:
    name = "".join(chr(0x4E00 + n * 37) for n in range(133))  # 399 bytes, not to be compressed
    prompts = PromptRepository(session, EMBEDDER, tenant=name, namespace=name)
    prompts.put(name, "x " * (LONGEST_TEMPLATE // 2), labels=[name], description="y" * 10_000)
    prompts.record(name, 1, task=name, success=True)
    assert len(prompts.search("x")) == 1
    assert prompts.get(name, label=name).version == 1


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda p: p.get("greet", 1, label="production"), "give one of the two"),
        (lambda p: p.get("a\x00"), "NUL"),
        (lambda p: p.history("a\ud83d"), "half of one"),
        (lambda p: p.unlabel("greet", "\x00"), "NUL"),
        (lambda p: p.forget("\x00"), "NUL"),
        (lambda p: p.list(label="\x00"), "NUL"),
        (lambda p: p.outcomes(), "say whose outcomes"),
        (lambda p: p.outcomes(task="\x00"), "NUL"),
        (lambda p: p.best("greet", by="tokens"), "by success or by score"),
        (lambda p: p.best("greet", enough=0), "at least 1"),
        (lambda p: p.search("tea", 0), "not 0"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    prompts: PromptRepository, do: Callable[[PromptRepository], object], said: str
) -> None:
    prompts.put("greet", "Hello")
    with pytest.raises(BadInput, match=said):
        do(prompts)
