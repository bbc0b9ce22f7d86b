"""What cannot be kept or searched for is refused in one line, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import (
    BadFilter,
    BadInput,
    BadMetadata,
    BadText,
    DimensionMismatch,
    SpaceMismatch,
)
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.items import ItemRepository
from agentdb.repositories.knowledge import KnowledgeRepository
from agentdb.repositories.memories import LONGEST, MOST, MemoryRepository
from agentdb.repositories.memory import NewMemory

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the fault
AWARE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Constant:
    """An embedder that says the same of every text."""

    number: float
    dimension: int = DIMENSION
    name: str = "constant"

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dimension), self.number, dtype=np.float32)


@pytest.fixture
def memories(session: Session) -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder())


# Texts --------------------------------------------------------------------------------------------

TEXTS = {
    "empty": ("", "empty"),
    "white space": (" \t\n\u3000", "empty"),
    "NUL": ("a\x00b", "NUL"),
    "10 MB": ("word " * 2_000_000, "10,000,000 characters"),
}


@pytest.mark.parametrize(("given", "said"), TEXTS.values(), ids=TEXTS)
def test_a_text_that_cannot_be_kept_is_refused(
    memories: MemoryRepository, given: str, said: str
) -> None:
    kept = memories.add("there")
    for do in (memories.add, memories.search, lambda t: memories.update(kept.id, content=t)):
        with pytest.raises(BadText, match=said) as refused:
            do(given)
        assert len(str(refused.value)) < 200
    assert memories.get(kept.id) == kept


def test_half_a_surrogate_is_kept_as_a_question_mark(memories: MemoryRepository) -> None:
    assert memories.add("tea \ud83d").content == "tea ?"
    assert memories.search("tea \ud83d")[0].keyword_rank == 1


@pytest.mark.parametrize(
    "text",
    [
        "x" * LONGEST,
        " ".join(f"w{number}" for number in range(14_000)),
        "日本語" * 30_000,
        "👩‍👩‍👧" * 10_000,
        "'); DROP TABLE agentdb.entries; --",
        "100 % \\ _ :name %s {} $1",
        "\u200b",
    ],
    ids=["one word", "many words", "no spaces", "emoji", "sql", "signs", "invisible"],
)
def test_an_odd_text_is_kept_and_found(memories: MemoryRepository, text: str) -> None:
    kept = memories.add(text)
    assert memories.get(kept.id).content == text
    assert [found.memory.id for found in memories.search(text)] == [kept.id]


# Names and numbers --------------------------------------------------------------------------------

NEW: dict[str, tuple[dict[str, Any], str]] = {
    "key without subject": ({"key": "city"}, "needs a subject"),
    "empty subject": ({"subject": ""}, "a subject is empty"),
    "empty key": ({"subject": "ada", "key": ""}, "a key is empty"),
    "empty agent": ({"agent": ""}, "an agent is empty"),
    "NUL in a subject": ({"subject": "a\x00"}, "NUL"),
    "half a character": ({"subject": "a\ud83d"}, "half of one"),
    "long key": ({"subject": "ada", "key": "k" * 3000}, "3,000 bytes"),
    "importance 2": ({"importance": 2}, "importance 2"),
    "importance -0.1": ({"importance": -0.1}, "importance -0.1"),
    "importance NaN": ({"importance": float("nan")}, "importance nan"),
    "unknown kind": ({"kind": "rumour"}, "rumour"),
    "naive valid_from": ({"valid_from": NAIVE}, "valid_from has no time zone"),
    "naive valid_to": ({"valid_to": NAIVE}, "valid_to has no time zone"),
    "naive and aware": ({"valid_from": NAIVE, "valid_to": AWARE}, "valid_from has no time zone"),
    "ends first": ({"valid_from": AWARE, "valid_to": AWARE}, "ends before it begins"),
    "ended, not begun": ({"valid_to": AWARE}, "give a valid_from"),
    "no ttl": ({"ttl": timedelta(0)}, "ttl"),
    "ttl for ever": ({"ttl": timedelta.max}, "ttl"),
}


@pytest.mark.parametrize(("given", "said"), NEW.values(), ids=NEW)
def test_a_memory_that_makes_no_sense_is_refused(
    memories: MemoryRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        memories.add_many(["fine", NewMemory("tea", **given)])
    assert "\n" not in str(refused.value)
    assert not session.in_transaction()  # nothing was sent


SEARCHES: dict[str, tuple[dict[str, Any], str]] = {
    "k = 0": ({"k": 0}, "not 0"),
    "k = -1": ({"k": -1}, "not -1"),
    "k too large": ({"k": MOST + 1}, "10,001"),
    "naive as_of": ({"as_of": NAIVE}, "as_of has no time zone"),
    "half_life 0": ({"half_life": timedelta(0)}, "half_life"),
    "half_life < 0": ({"half_life": timedelta(days=-1)}, "half_life"),
    "kinds is a text": ({"kinds": "fact"}, "a list of"),
    "unknown kind": ({"kinds": ["fact", "rumour"]}, "rumour"),
    "NUL in subject": ({"subject": "\x00"}, "NUL"),
    "NUL in agent": ({"agent": "\x00"}, "NUL"),
}


@pytest.mark.parametrize(("given", "said"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_that_makes_no_sense_is_refused(
    memories: MemoryRepository, session: Session, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        memories.search("tea", **given)
    assert "\n" not in str(refused.value)
    assert not session.in_transaction()


def test_a_filter_with_an_unknown_operator_is_refused(memories: MemoryRepository) -> None:
    with pytest.raises(BadFilter, match=r"gtee.*there are eq"):
        memories.search("tea", filter={"price": {"gtee": 3}})


@pytest.mark.parametrize("name", ["", "\x00", "\ud83d", "t" * 401])
def test_a_tenant_that_is_none_is_refused(session: Session, name: str) -> None:
    with pytest.raises(BadInput, match="a tenant"):
        MemoryRepository(session, tenant=name)


@pytest.mark.parametrize("name", ["\x00", "\ud83d", "n" * 401])
def test_a_namespace_that_cannot_be_kept_is_refused(session: Session, name: str) -> None:
    with pytest.raises(BadInput, match="a namespace"):
        MemoryRepository(session, namespace=name)


def test_the_longest_names_that_are_allowed_fit_the_indexes(session: Session) -> None:
    rng = np.random.default_rng(1)  # random, as what repeats is compressed
    name, key = ("".join(map(chr, rng.integers(0x4E00, 0x9FA0, 133))) for _ in range(2))
    memories = MemoryRepository(session, tenant=name, namespace=key)
    kept = memories.add(NewMemory("tea", subject=name, key=key, agent=name))
    memories.add(NewMemory("tea", subject=name, agent=name))
    assert memories.history(name, key) == (kept,)


UNFIT = ("a\0b", "half \ud83d")


@pytest.mark.parametrize("name", UNFIT)
def test_what_no_text_can_be_is_refused_also_by_those_who_only_look(
    session: Session, memories: MemoryRepository, name: str
) -> None:
    knowledge, items = KnowledgeRepository(session), ItemRepository(session)
    doings: list[Callable[[], object]] = [
        lambda: memories.forget(subject=name),
        lambda: memories.history(name, "city"),
        lambda: memories.history("ada", name),
        lambda: knowledge.sources([name]),
        lambda: knowledge.search("tea", sources=[name]),
        lambda: knowledge.history(name),
        lambda: knowledge.forget(name),
        lambda: items.find(but=[name]),
        lambda: items.lists(name),
        lambda: AttachmentRepository(session, tenant=name),
    ]
    for do in doings:
        with pytest.raises(BadInput, match="a NUL character or half of one"):
            do()


@pytest.mark.parametrize("identity", UNFIT)
def test_an_identity_may_be_any_text(memories: MemoryRepository, identity: str) -> None:
    for each in (identity, identity, f"{identity}!"):
        memories.add(NewMemory("tea", identity=each))
    assert sorted(found.memory.times for found in memories.search("tea")) == [1, 2]


def test_an_update_is_checked_as_an_addition_is(memories: MemoryRepository) -> None:
    kept = memories.add("tea")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"importance": 2}, "importance 2"),
        ({"expires_at": NAIVE}, "expires_at has no time zone"),
        ({"metadata": {"a": float("nan")}}, "NaN"),
    ]
    for given, said in refused:
        with pytest.raises(BadInput, match=said):
            memories.update(kept.id, **given)
    assert memories.get(kept.id) == kept


# Metadata -----------------------------------------------------------------------------------------


def test_metadata_that_json_cannot_hold_are_refused(memories: MemoryRepository) -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"a": deep}
    for given in ({"a": "\x00"}, {"a": "\ud83d"}, {"a": float("inf")}, {"a": NAIVE}, deep):
        with pytest.raises(BadMetadata) as refused:
            memories.add(NewMemory("tea", metadata=given))
        assert len(str(refused.value)) < 400


def test_large_metadata_are_kept_and_found(memories: MemoryRepository) -> None:
    large = {"note": "x" * 2_000_000, "list": list(range(20_000)), "n": 7}
    kept = memories.add(NewMemory("tea", metadata=large))
    assert memories.get(kept.id).metadata == large
    assert len(memories.search("tea", filter={"n": 7})) == 1


# Vectors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, float("nan"), float("inf"), -float("inf")])
def test_a_vector_without_a_direction_is_refused(session: Session, number: float) -> None:
    memories = MemoryRepository(session, Constant(number))
    for do in (memories.add, memories.search):
        with pytest.raises(BadInput, match="constant gave a vector that has no direction"):
            do("tea")


@pytest.mark.parametrize("number", [0, float("nan")])
def test_a_callers_vector_without_a_direction_is_refused(
    memories: MemoryRepository, number: float
) -> None:
    vector = np.full(DIMENSION, number, dtype=np.float32)
    with pytest.raises(BadInput, match="no direction"):
        memories.add(NewMemory("tea", vector=vector))
    with pytest.raises(BadInput, match="no direction"):
        memories.search("tea", vector=vector)


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1e6, 1e30])
def test_the_length_of_a_vector_does_not_matter(memories: MemoryRepository, length: float) -> None:
    vector = HashingEmbedder().embed(["tea"])[0] * np.float32(length)
    memories.add(NewMemory("tea", vector=vector))
    assert memories.search("tea", vector=vector)[0].similarity == pytest.approx(1, abs=1e-3)


def test_a_vector_of_another_dimension_is_refused(session: Session) -> None:
    memories = MemoryRepository(session, Constant(1, dimension=768))
    for do in (memories.add, memories.search):
        with pytest.raises(DimensionMismatch, match="768"):
            do("tea")


@pytest.mark.parametrize("count", [3, 20])
@pytest.mark.parametrize("place", [0, 2])
def test_a_callers_vector_of_another_dimension_is_refused_by_its_number(
    session: Session, count: int, place: int
) -> None:
    vectors = [*HashingEmbedder().embed([f"tea {n}" for n in range(count)])]
    vectors[place] = vectors[place][:3]
    given = [NewMemory(f"tea {n}", vector=vector) for n, vector in enumerate(vectors)]
    memories = MemoryRepository(session)
    with pytest.raises(DimensionMismatch, match=f"memory {place + 1}: .* gives 3 numbers"):
        memories.add_many(given)
    done = memories.load(given, on_error="report")
    assert (done.new, [each.number for each in done.refused]) == (count - 1, [place + 1])


def test_one_of_several_questions_with_a_vector_of_another_dimension_is_refused(
    session: Session, memories: MemoryRepository
) -> None:
    memories.add("tea")
    vector = HashingEmbedder().embed(["tea"])[0]
    with pytest.raises(DimensionMismatch, match="gives 3 numbers a text, the vectors kept have"):
        MemoryRepository(session).search_many(["tea", "milk"], vectors=[vector, vector[:3]])


def test_vectors_of_another_model_are_refused_by_its_name(
    session: Session, memories: MemoryRepository
) -> None:
    kept = memories.add("tea")
    other = MemoryRepository(session, Constant(1))
    doings = (other.add, other.search, lambda t: other.update(kept.id, content=t))
    for do in doings:
        with pytest.raises(SpaceMismatch, match="model hashing, not of constant"):
            do("milk")
    assert memories.add("milk").times == 1


def test_who_only_searches_does_not_say_which_model_it_is(session: Session) -> None:
    assert MemoryRepository(session, Constant(1)).search("tea") == ()
    assert MemoryRepository(session, HashingEmbedder()).add("tea").times == 1


def test_without_an_embedder_no_model_is_wrong(session: Session) -> None:
    MemoryRepository(session, HashingEmbedder()).add("green tea")
    wordy = MemoryRepository(session)
    assert wordy.add("black tea").times == 1
    assert len(wordy.search("tea")) == 2
