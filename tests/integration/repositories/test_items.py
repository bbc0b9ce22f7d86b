"""Values by key: one of each, whoever writes; found by the indexes meant for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.embedding.embedder import DIMENSION
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadInput, DimensionMismatch
from agentdb.repositories.items import ItemRepository, NewItem
from agentdb.repositories.memories import MemoryRepository
from tests.servers import run, value

VECTOR = HashingEmbedder().embed(["tea"])[0]
ITEMS = 20_000
# Ten items in each of 2,000 namespaces, as the store of LangGraph keeps them.
FILL = f"""
INSERT INTO agentdb.entries (tenant, kind, subject, content, content_hash, metadata)
SELECT 'default', 'item', format('["user%s", "%s"]', n / 10, n), 'word' || n,
    sha256(n::text::bytea), jsonb_build_object('namespace', jsonb_build_array('user' || n / 10))
FROM generate_series(1, {ITEMS}) AS n
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


def test_kinds_are_apart(session: Session) -> None:
    items = ItemRepository(session, kind="item")
    documents = ItemRepository(session, kind="document")
    items.put_many([NewItem("1", "tea")])
    documents.put_many([NewItem("1", "coffee"), NewItem("2", "milk")])
    assert items.get_many(["1", "2"])["1"].content == "tea"
    assert documents.forget_many(["1"]) == 1
    assert [item.content for item in items.find()] == ["tea"]
    assert documents.clear() == 1
    assert documents.clear() == 0


def test_an_item_without_text_is_found_by_its_key_alone(session: Session) -> None:
    items = ItemRepository(session, HashingEmbedder())
    items.put_many([NewItem("1", " \n"), NewItem("2", "tea")])
    assert items.get_many(["1"])["1"].content == ""
    assert [item.key for item in items.search("tea")] == ["2"]
    kept = items.get_many(["1", "2"])
    assert list(items.vectors([kept["1"].id, kept["2"].id])) == [kept["2"].id]


def test_what_is_kept_for_ever_is_not_made_to_expire(session: Session, database_url: str) -> None:
    items = ItemRepository(session)
    items.put_many([NewItem("1", "tea"), NewItem("2", "tea", ttl=timedelta(minutes=1))])
    items.extend(timedelta(days=1), ["1", "2"])
    session.commit()
    kept = "SELECT array_agg(subject) FROM agentdb.entries WHERE expires_at > now() + '1 hour'"
    assert value(database_url, kept) == ["2"]


def test_many_writers_of_the_same_keys_leave_one_value_of_each(
    engine: Engine, database_url: str
) -> None:
    keys = [str(number) for number in range(40)]

    def write(writer: int) -> None:
        ordered = keys if writer % 2 else list(reversed(keys))
        for _ in range(5):
            with Session(engine) as session, session.begin():
                ItemRepository(session).put_many([NewItem(key, f"of {writer}") for key in ordered])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == len(keys)


@pytest.mark.parametrize("number", [0, float("nan"), float("inf")])
def test_a_vector_without_a_direction_is_refused_with_all_that_came_with_it(
    session: Session, number: float
) -> None:
    items = ItemRepository(session)
    none = np.full(DIMENSION, number, dtype=np.float32)
    with pytest.raises(BadInput, match="no direction"):
        items.put_many([NewItem("1", "tea", vector=VECTOR), NewItem("2", "milk", vector=none)])
    assert items.find() == ()


def test_a_vector_of_another_dimension_is_refused_with_all_that_came_with_it(
    session: Session,
) -> None:
    items = ItemRepository(session)
    with pytest.raises(DimensionMismatch, match="gives 3 numbers"):
        items.put_many(
            [NewItem("1", "tea", vector=VECTOR), NewItem("2", "milk", vector=VECTOR[:3])]
        )
    assert items.find() == ()


def test_a_vector_of_any_length_is_kept(session: Session) -> None:
    items = ItemRepository(session)
    items.put_many([NewItem("1", "tea", vector=VECTOR * np.float32(1e6))])
    found = items.search(None, vector=VECTOR)
    assert [item.score for item in found] == [pytest.approx(1, abs=1e-3)]


def test_an_item_whose_text_was_corrected_as_a_memory_is_still_the_one_under_its_key(
    session: Session,
) -> None:
    items = ItemRepository(session)
    items.put_many([NewItem("1", "green te")])
    kept = items.get_many(["1"])["1"]
    MemoryRepository(session).update(kept.id, content="green tea")
    assert [item.content for item in items.find()] == ["green tea"]
    items.put_many([NewItem("1", "black tea")])
    assert [(item.id, item.content) for item in items.find()] == [(kept.id, "black tea")]


def test_a_search_needs_something_to_go_by(session: Session) -> None:
    with pytest.raises(BadInput, match="needs a text or a vector"):
        ItemRepository(session).search(None)


# Plans --------------------------------------------------------------------------------------------


def plan_of(session: Session, do: Callable[[ItemRepository], object]) -> str:
    """What the server does for the last statement of something that a repository does."""
    sent: list[tuple[str, object]] = []
    connection = session.connection()

    def note(*given: object) -> None:
        sent.append((str(given[2]), given[3]))

    event.listen(connection, "before_cursor_execute", note)
    do(ItemRepository(session))
    event.remove(connection, "before_cursor_execute", note)
    return explained(connection, *sent[-1])


def explained(connection: Connection, statement: str, parameters: object) -> str:
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
    return "\n".join(str(row[0]) for row in rows)


def test_statements_use_the_indexes_meant_for_them(session: Session, database_url: str) -> None:
    run(database_url, FILL, "VACUUM ANALYZE agentdb.entries")
    keys = [json.dumps([f"user{n // 10}", str(n)]) for n in range(1, ITEMS, 1_000)]
    of_one = {("namespace", 0): "user77"}
    assert len(ItemRepository(session).get_many(keys)) == len(keys)
    assert len(ItemRepository(session).find(of_one)) == 10
    got = plan_of(session, lambda items: items.get_many(keys))
    gone = plan_of(session, lambda items: items.forget_many(keys))
    found = plan_of(session, lambda items: items.find(of_one))
    listed = plan_of(session, lambda items: items.lists("namespace", of_one))
    for plan, index in (
        (got, "entries_scope_idx"),
        (gone, "entries_scope_idx"),
        (found, "entries_metadata_idx"),
        (listed, "entries_metadata_idx"),
    ):
        assert index in plan
        assert "Seq Scan" not in plan
