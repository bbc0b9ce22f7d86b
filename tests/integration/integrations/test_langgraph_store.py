"""LangGraph's store answers as LangGraph's own does, and keeps what that one forgets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langgraph.store.base import (
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
    TTLConfig,
)
from langgraph.store.memory import InMemoryStore
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine, make_engine
from agentdb.embedding.embedder import DIMENSION
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadFilter, BadInput, BadMetadata
from agentdb.integrations import AgentDBEmbeddings, AgentDBStore
from agentdb.repositories.memories import MemoryRepository
from tests.servers import run, value

EMBEDDER = HashingEmbedder()
ALL = 10_000


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> AgentDBStore:
    return AgentDBStore(engine, EMBEDDER, fields=["text"])


def keys(found: Sequence[Item]) -> list[str]:
    return [item.key for item in found]


# The same as LangGraph's own ----------------------------------------------------------------------

LABELS = st.sampled_from(["users", "user", "a%", "_", "o'hara", 'say "hi"', "b\\c", "é", "*", "]"])
NAMESPACES = st.sampled_from(
    [
        ("users",),
        ("user",),
        ("users", "a%"),
        ("users", "a%", "_"),
        ("users", "o'hara"),
        ('say "hi"', "b\\c", "users"),
        ("*", "é", "]"),
    ]
)
KEYS = st.sampled_from(["1", "a%", '"'])
VALUES = st.fixed_dictionaries(
    {
        "score": st.one_of(st.integers(0, 30), st.sampled_from([2.5, 9.75])),
        "text": st.sampled_from(["ada likes tea", "bob plays chess", "tea and chess"]),
    },
    optional={
        "tag": st.sampled_from(["x", "y", "10"]),
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "of.whom": st.sampled_from(["ada", "bob"]),
        "about": st.fixed_dictionaries({"lang": st.sampled_from(["en", "fr"])}),
    },
)
NUMBERS = st.integers(0, 30)
FILTERS = st.one_of(
    st.none(),
    st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"]).flatmap(
        lambda sign: NUMBERS.map(lambda number: {"score": {sign: number}})
    ),
    st.tuples(NUMBERS, NUMBERS).map(lambda two: {"score": {"$gte": two[0], "$lt": two[1]}}),
    st.sampled_from(["x", "10"]).map(lambda tag: {"tag": tag}),
    st.sampled_from(["x", "10"]).map(lambda tag: {"tag": {"$ne": tag}}),
    st.lists(st.sampled_from(["x", "y"]), max_size=2).map(lambda tags: {"tags": tags}),
    st.sampled_from(["en", "fr"]).map(lambda lang: {"about": {"lang": lang}, "tag": "x"}),
    st.sampled_from(["ada", "bob"]).map(lambda name: {"of.whom": name}),
)
CONDITIONS = st.builds(
    MatchCondition,
    st.sampled_from(["prefix", "suffix"]),
    st.lists(LABELS, min_size=1, max_size=3).map(tuple),
)
PUTS = st.builds(
    PutOp,
    NAMESPACES,
    KEYS,
    st.one_of(VALUES, VALUES, st.none()),
    index=st.sampled_from([None, False, ["text"]]),
    ttl=st.none(),
)
READS = st.one_of(
    st.builds(GetOp, NAMESPACES, KEYS),
    st.builds(
        SearchOp,
        st.one_of(st.just(()), NAMESPACES, st.lists(LABELS, max_size=2).map(tuple)),
        FILTERS,
        limit=st.just(ALL),
        offset=st.just(0),
        query=st.sampled_from([None, "tea", " "]),
    ),
    st.builds(
        ListNamespacesOp,
        st.one_of(st.none(), st.lists(CONDITIONS, max_size=2).map(tuple)),
        st.one_of(st.none(), st.integers(1, 3)),
        st.integers(1, 5),
        st.integers(0, 2),
    ),
)
OPERATIONS = st.one_of(PUTS, READS)


def plain(answer: object) -> object:
    """An answer without times; what a search found in one order for both."""
    if isinstance(answer, Item):
        return answer.namespace, answer.key, answer.value
    if isinstance(answer, list) and answer and isinstance(answer[0], SearchItem):
        return sorted((plain(each) for each in answer), key=repr)
    return answer


class Oracle(InMemoryStore):
    """LangGraph's own store, but a namespace without items is none."""

    def _handle_list_namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        for namespace in [name for name, kept in self._data.items() if not kept]:
            del self._data[namespace]
        return super()._handle_list_namespaces(op)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    puts=st.lists(PUTS, min_size=5, max_size=20),
    batches=st.lists(st.lists(OPERATIONS, max_size=10), max_size=5),
    reads=st.lists(READS, min_size=8, max_size=16),
)
def test_it_answers_as_the_store_of_langgraph_does(
    engine: Engine, puts: list[Op], batches: list[list[Op]], reads: list[Op]
) -> None:
    ours, theirs = AgentDBStore(engine, namespace=uuid4().hex), Oracle()
    for ops in (puts, *batches, reads):
        expected = [plain(answer) for answer in theirs.batch(ops)]
        assert [plain(answer) for answer in ours.batch(ops)] == expected


def test_a_search_ranks_what_the_store_of_langgraph_ranks_and_gives_the_rest_last(
    engine: Engine,
) -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return AgentDBEmbeddings(EMBEDDER).embed_documents(list(texts))

    ours = AgentDBStore(engine, EMBEDDER, fields=["text"])
    theirs = InMemoryStore(index={"dims": DIMENSION, "embed": embed, "fields": ["text"]})
    for store in (ours, theirs):
        store.put(("a",), "tea", {"text": "Ada likes tea", "more": "chess"})
        store.put(("a", "b"), "chess", {"text": "Bob plays chess"})
        store.put(("a",), "hidden", {"text": "tea, tea, tea"}, index=False)
        store.put(("a",), "other field", {"text": "nothing", "more": "green tea"}, index=["more"])
        store.put(("a",), "no text", {"number": 1})
        store.put(("b",), "elsewhere", {"text": "tea"})
    found = ours.search(("a",), query="Who likes tea?")
    expected = theirs.search(("a",), query="Who likes tea?")
    assert keys(found)[0] == keys(expected)[0] == "tea"
    assert sorted(keys(found)[3:]) == sorted(keys(expected)[3:]) == ["hidden", "no text"]
    assert [item.score is None for item in found] == [item.score is None for item in expected]


# What is kept -------------------------------------------------------------------------------------


def test_a_value_put_again_is_replaced_and_keeps_when_it_was_made(store: AgentDBStore) -> None:
    store.put(("a",), "1", {"text": "tea", "old": True})
    first = store.get(("a",), "1")
    store.put(("a",), "1", {"text": "coffee"})
    second = store.get(("a",), "1")
    assert first is not None
    assert second is not None
    assert second.value == {"text": "coffee"}
    assert (second.created_at, first.updated_at) == (first.created_at, first.created_at)
    assert second.updated_at > first.updated_at
    assert store.search(("a",), query="tea")[0].value == {"text": "coffee"}


def test_the_last_of_two_puts_in_a_batch_counts_and_reads_come_before_them(
    store: AgentDBStore,
) -> None:
    space = ("a",)
    got, *_ = store.batch(
        [GetOp(space, "1"), PutOp(space, "1", {"n": 1}), PutOp(space, "1", {"n": 2})]
    )
    assert got is None
    assert store.get(space, "1").value == {"n": 2}  # type: ignore[union-attr]
    store.batch([PutOp(space, "1", {"n": 3}), PutOp(space, "1", None)])
    assert store.get(space, "1") is None


def test_numbers_compare_as_numbers(store: AgentDBStore) -> None:
    for score in (2, 9, 10, 11.5):
        store.put(("a",), str(score), {"score": score})
    assert sorted(keys(store.search(("a",), filter={"score": {"$gte": 10}}))) == ["10", "11.5"]
    assert keys(store.search(("a",), filter={"score": {"$lt": 9}})) == ["2"]


def test_a_prefix_is_of_whole_labels_and_no_pattern(store: AgentDBStore) -> None:
    for label in ("user", "users", "us%", "us_r", "*", "us'; DROP SCHEMA agentdb --"):
        store.put((label, "x"), "1", {})
    for label in ("user", "us%", "us_r", "*", "us'; DROP SCHEMA agentdb --"):
        assert [item.namespace for item in store.search((label,))] == [(label, "x")]
    assert store.search(("us",)) == []
    assert store.search(("x",)) == []


def test_labels_and_keys_do_not_run_into_each_other(store: AgentDBStore) -> None:
    store.put(("a", "b"), "c", {"is": 1})
    store.put(("a",), "b", {"is": 2})
    store.put(('a", "b',), "c", {"is": 3})
    assert store.get(("a", "b"), "c").value == {"is": 1}  # type: ignore[union-attr]
    assert store.get(('a", "b',), "c").value == {"is": 3}  # type: ignore[union-attr]
    store.delete(("a", "b"), "c")
    assert sorted(keys(store.search(()))) == ["b", "c"]


def test_pages_hold_everything_once(store: AgentDBStore) -> None:
    for number in range(23):
        store.put(("a",), str(number), {"text": f"tea number {number}"}, index=None)
    for query in (None, "tea number 7"):
        pages = [
            keys(store.search(("a",), query=query, limit=5, offset=offset))
            for offset in range(0, 25, 5)
        ]
        assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
        assert sorted(key for page in pages for key in page) == sorted(
            str(number) for number in range(23)
        )


# How long it is kept ------------------------------------------------------------------------------


def let_pass(url: str, minutes: float) -> None:
    """Let time pass for what is kept."""
    columns = ("created_at", "valid_from", "expires_at")
    moved = ", ".join(f"{name} = {name} - interval '{minutes} minutes'" for name in columns)
    run(url, f"UPDATE agentdb.entries SET {moved}")


def test_what_has_expired_is_gone_and_shortens_no_page(
    store: AgentDBStore, database_url: str
) -> None:
    for number in range(10):
        store.put(("a",), str(number), {"text": "tea"}, ttl=5 if number % 2 else None)
    store.put(("b",), "1", {}, ttl=5)
    let_pass(database_url, 6)
    assert len(store.search(("a",), limit=5)) == 5
    assert len(store.search(("a",), query="tea", limit=5)) == 5
    assert store.get(("a",), "1") is None
    assert store.list_namespaces() == [("a",)]
    assert store.sweep_ttl() == 6
    assert len(store.search(())) == 5


def test_what_is_read_is_kept_for_longer_unless_it_is_said(
    engine: Engine, database_url: str
) -> None:
    store = AgentDBStore(engine, ttl=TTLConfig(default_ttl=5))
    for key in ("got", "searched", "left", "peeked"):
        store.put((key,), key, {})
    store.put(("for ever",), "1", {}, ttl=None)
    for _ in range(3):
        let_pass(database_url, 3)
        store.get(("got",), "got")
        store.search(("searched",))
        store.get(("peeked",), "peeked", refresh_ttl=False)
        store.search(("peeked",), refresh_ttl=False)
    assert sorted(keys(store.search(()))) == ["1", "got", "searched"]


def test_what_had_expired_is_new_when_it_is_put_again(
    store: AgentDBStore, database_url: str
) -> None:
    store.put(("a",), "1", {"n": 1}, ttl=5)
    let_pass(database_url, 4)
    before = store.get(("a",), "1", refresh_ttl=False)
    let_pass(database_url, 2)
    store.put(("a",), "1", {"n": 2})
    after = store.get(("a",), "1")
    assert before is not None
    assert after is not None
    assert after.created_at > before.created_at + timedelta(minutes=3)
    assert after.created_at == after.updated_at


# Whose transaction, whose items -------------------------------------------------------------------


def test_it_takes_part_in_the_transaction_of_a_session(engine: Engine) -> None:
    with Session(engine) as session:
        mine = AgentDBStore(session)
        mine.put(("a",), "1", {"n": 1})
        assert mine.get(("a",), "1") is not None
        assert AgentDBStore(engine).get(("a",), "1") is None
        session.rollback()
    assert AgentDBStore(engine).get(("a",), "1") is None


def test_no_transaction_is_open_while_texts_are_embedded(engine: Engine) -> None:
    class Watching(Embeddings):
        open_connections = -1

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            self.open_connections = engine.pool.checkedout()  # type: ignore[attr-defined]
            return AgentDBEmbeddings(EMBEDDER).embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    watching = Watching()
    AgentDBStore(engine, watching).put(("a",), "1", {"text": "tea"})
    assert watching.open_connections == 0
    watching.open_connections = -1
    AgentDBStore(engine, watching).search(("a",), query="tea")
    assert watching.open_connections == 0


def test_tenants_and_namespaces_are_apart(engine: Engine) -> None:
    stores = [
        AgentDBStore(engine, tenant=tenant, namespace=name) for tenant in "xy" for name in ("", "n")
    ]
    for number, store in enumerate(stores):
        store.put(("a",), "1", {"of": number})
    for number, store in enumerate(stores):
        assert [item.value for item in store.search(())] == [{"of": number}]
    stores[0].delete(("a",), "1")
    assert [len(store.list_namespaces()) for store in stores] == [0, 1, 1, 1]


def test_items_are_found_beside_memories(engine: Engine, store: AgentDBStore) -> None:
    store.put(("a",), "1", {"text": "Ada likes tea"})
    with Session(engine) as session:
        memories = MemoryRepository(session, EMBEDDER)
        memories.add("Bob likes tea too")
        kinds = {found.memory.kind for found in memories.search("tea")}
    assert kinds == {"item", "fact"}


# On an event loop ---------------------------------------------------------------------------------


async def used(store: AgentDBStore) -> list[object]:
    await store.aput(("a", "b"), "1", {"text": "Ada likes tea"})
    await store.aput(("a", "b"), "2", {"text": "Bob plays chess"}, ttl=5)
    await store.adelete(("a", "b"), "2")
    item = await store.aget(("a", "b"), "1")
    found = await store.asearch(("a",), query="tea", filter={"text": {"$ne": "x"}})
    answers = await store.abatch([GetOp(("a", "b"), "1"), GetOp(("a", "b"), "2")])
    return [plain(item), keys(found), await store.alist_namespaces(), plain(answers[0]), answers[1]]


async def test_the_awaited_methods_answer_the_same_whatever_they_run_on(
    engine: Engine, database_url: str
) -> None:
    async_engine = make_async_engine(database_url)
    try:
        on_threads = await used(AgentDBStore(engine, EMBEDDER, fields=["text"], tenant="1"))
        on_loop = await used(AgentDBStore(async_engine, EMBEDDER, fields=["text"], tenant="2"))
        async with AsyncSession(async_engine) as session:
            joined = await used(AgentDBStore(session, EMBEDDER, fields=["text"], tenant="3"))
            await session.rollback()
        rolled_back = AgentDBStore(async_engine, tenant="3")
        assert await rolled_back.asearch(()) == []
    finally:
        await async_engine.dispose()
    item = (("a", "b"), "1", {"text": "Ada likes tea"})
    assert on_threads == on_loop == joined == [item, ["1"], [("a", "b")], item, None]


async def test_the_event_loop_goes_on_while_a_slow_model_embeds(database_url: str) -> None:
    class Slow(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            time.sleep(0.5)
            return AgentDBEmbeddings(EMBEDDER).embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    async_engine = make_async_engine(database_url)
    ticks = 0
    try:
        put = asyncio.create_task(AgentDBStore(async_engine, Slow()).aput(("a",), "1", {"n": 1}))
        while not put.done():
            await asyncio.sleep(0.02)
            ticks += 1
        await put
    finally:
        await async_engine.dispose()
    assert ticks > 5


async def test_many_at_once_on_a_loop_and_nothing_is_lost(database_url: str) -> None:
    async_engine = make_async_engine(database_url)
    store = AgentDBStore(async_engine)
    try:
        puts = [store.aput(("a", str(n % 3)), str(n % 7), {"n": n}) for n in range(60)]
        await asyncio.gather(*puts)
        found = await store.asearch(("a",), limit=100)
    finally:
        await async_engine.dispose()
    assert len(found) == 21


def test_an_async_engine_wants_to_be_awaited(database_url: str) -> None:
    store = AgentDBStore(make_async_engine(database_url))
    with pytest.raises(BadInput, match="call the methods that are awaited"):
        store.get(("a",), "1")


# Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "op"),
    [
        (BadMetadata, PutOp(("a",), "2", {"text": "a\x00b"})),
        (BadMetadata, PutOp(("a",), "2", {"text": "half \ud800"})),
        (BadMetadata, PutOp(("a",), "2", {"number": float("nan")})),
        (BadMetadata, PutOp(("a",), "2", {"thing": object()})),
        (BadInput, PutOp(("a",), "\ud800", {"n": 1})),
        (BadInput, PutOp(("a",), "k" * 2_000, {"n": 1})),
        (BadInput, PutOp(("a",), "2", {"n": 1}, ttl=-1)),
        (BadInput, PutOp(("a",), "2", {"n": 1}, ttl=float("inf"))),
        (BadInput, GetOp(("a",), "\ud800")),
        (BadFilter, SearchOp(("a",), {"n": {"$near": 1}})),
        (BadFilter, SearchOp(("a\x00",))),
        (BadInput, SearchOp(("a",), None, 10, -1)),
        (BadInput, ListNamespacesOp(None, None, -1)),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_of_the_batch_is_kept(
    store: AgentDBStore, database_url: str, error: type[Exception], op: Op
) -> None:
    with pytest.raises(error) as raised:
        store.batch([PutOp(("a",), "1", {"n": 1}), op])
    assert "\n" not in str(raised.value)
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0


def test_a_value_longer_than_a_memory_is_kept_whole(store: AgentDBStore) -> None:
    text = "tea and more " * 20_000
    store.put(("a",), "1", {"text": text})
    assert store.get(("a",), "1").value == {"text": text}  # type: ignore[union-attr]
    assert keys(store.search(("a",), query="tea")) == ["1"]
