"""From one embedding model to another: nobody waits, nothing is lost, and there is a way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from time import sleep

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.database import session as transaction
from agentdb.documents.splitting import Chunk
from agentdb.embedding.embedder import Embedder, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import DimensionMismatch, SpaceMismatch, SpaceUnready
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.conversation import NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.items import ItemRepository, NewItem
from agentdb.repositories.knowledge import KnowledgeRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory
from agentdb.repositories.spaces import Space, SpaceRepository
from agentdb.repositories.vector_index import build_vector_index
from agentdb.wiring.reembedding import Change, Reembedding
from agentdb.wiring.working import Worker
from tests.servers import connect, run, value
from tests.vectors import index_state

OLD = HashingEmbedder()
NEW = HashingEmbedder("hashing-64", 64)
TEXTS = [f"note {n} about {word}" for n in range(100) for word in ("tea", "coffee", "milk")]


@dataclass(slots=True)
class Interrupted:
    """The new model, which is interrupted at the call it is told."""

    at: int
    name: str = NEW.name
    dimension: int = NEW.dimension
    version: str = NEW.version
    asked: list[str] = field(default_factory=list)
    calls: int = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        self.asked += texts
        return NEW.embed(texts)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    with transaction(engine) as session:
        MemoryRepository(session, OLD).add_many(TEXTS)
    yield engine
    engine.dispose()


def silent(stage: str, done: int, total: int) -> None:
    assert stage
    assert 0 <= done <= total


def change(engine: Engine, to: Embedder, *, sample: int = 0, switch: bool = True) -> Change:
    return Reembedding(engine, to, silent, at_once=32).run(sample=sample, switch=switch)


def spaces(engine: Engine) -> tuple[Space, ...]:
    with transaction(engine) as session:
        return SpaceRepository(session).all()


def nearest(engine: Engine, model: Embedder, query: str) -> tuple[str, bool]:
    """The best memory for a text, and whether its vector is the text's own."""
    with transaction(engine) as session:
        [found] = MemoryRepository(session, model).search(query, 1)
    return found.memory.content, (found.similarity or 0) > 0.999


def test_all_that_is_kept_is_found_by_the_new_model(engine: Engine) -> None:
    done = change(engine, NEW)
    assert done == Change(OLD.name, NEW.name, len(TEXTS), None, 0, switched=True)
    for each in TEXTS[::50]:
        assert nearest(engine, NEW, each) == (each, True)
    current = [space for space in spaces(engine) if space.is_current]
    assert [(each.model, each.dimension) for each in current] == [("hashing-64", 64)]


def test_until_the_switch_the_old_model_is_searched_and_from_then_on_the_new_one(
    engine: Engine,
) -> None:
    change(engine, NEW, switch=False)
    assert nearest(engine, OLD, TEXTS[7])[0] == TEXTS[7]
    with pytest.raises(SpaceMismatch, match="are of the model hashing, not of hashing-64"):
        nearest(engine, NEW, TEXTS[7])
    assert change(engine, NEW).embedded == 0
    assert nearest(engine, NEW, TEXTS[7])[0] == TEXTS[7]
    with pytest.raises(SpaceMismatch, match=r"are of the model hashing-64, not of hashing: set"):
        nearest(engine, OLD, TEXTS[7])
    with (
        pytest.raises(SpaceMismatch, match="agentdb reembed --model hashing"),
        Session(engine) as session,
    ):
        MemoryRepository(session, OLD).add("more")


@pytest.mark.parametrize("call", [1, 2, 5])
def test_an_interrupt_costs_one_batch_and_the_next_run_goes_on(engine: Engine, call: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        change(engine, Interrupted(call))
    assert nearest(engine, OLD, TEXTS[0])[0] == TEXTS[0]
    again = Interrupted(0)
    done = change(engine, again)
    assert done.embedded == len(again.asked) == len(TEXTS) - 32 * (call - 1)
    assert len(spaces(engine)) == 2
    assert nearest(engine, NEW, TEXTS[-1])[0] == TEXTS[-1]


class Unhurried(HashingEmbedder):
    """The new model, slow enough for others to write while it is filled in."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        sleep(0.02)
        return super().embed(texts)


def test_who_writes_meanwhile_is_not_forgotten(engine: Engine, database_url: str) -> None:
    stop, written = Event(), list[str]()

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            try:
                with transaction(engine) as session:
                    memories = MemoryRepository(session, OLD)
                    kept = memories.add(NewMemory(f"new {number} of cocoa"))
                    memories.update(kept.id, content=f"changed {number} to lemonade")
                    memories.update(number + 1, content=f"corrected {number} to water")
                    written.append(f"changed {number} to lemonade")
            except (SpaceMismatch, DimensionMismatch):
                return  # the new model has taken over: the program has to be told

    writer = Thread(target=write)
    writer.start()
    try:
        change(engine, Unhurried(NEW.name, NEW.dimension))
    finally:
        stop.set()
        writer.join()
    assert len(written) > 2
    assert value(database_url, "SELECT count(*) FROM agentdb.entries WHERE embedding IS NULL") == 0
    for each in written[:: max(1, len(written) // 5)]:
        assert nearest(engine, NEW, each) == (each, True)
    assert nearest(engine, NEW, "corrected 0 to water")[1]


def test_a_text_that_changes_after_it_was_filled_in_is_embedded_again(engine: Engine) -> None:
    change(engine, NEW, switch=False)
    with transaction(engine) as session:
        memories = MemoryRepository(session, OLD)
        memories.update(1, content="something else altogether")
        memories.update(2, importance=0.9)
    assert change(engine, NEW).embedded == 1
    found = nearest(engine, NEW, "something else altogether")
    assert found == ("something else altogether", True)


def put(engine: Engine, model: Embedder, key: str, content: str) -> None:
    with transaction(engine) as session:
        ItemRepository(session, model).put_many([NewItem(key, content)])


def nearest_item(engine: Engine, model: Embedder, query: str) -> tuple[str, bool]:
    with transaction(engine) as session:
        [found] = ItemRepository(session, model).search(None, 1, vector=model.embed([query])[0])
    return found.content, (found.score or 0) > 0.999


def test_an_item_that_is_put_again_after_it_was_filled_in_is_embedded_again(
    engine: Engine,
) -> None:
    put(engine, OLD, "a", "a wooden spoon")
    change(engine, NEW, switch=False)
    put(engine, OLD, "a", "a silver fork")
    assert change(engine, NEW).embedded == 1
    assert nearest_item(engine, NEW, "a silver fork") == ("a silver fork", True)
    put(engine, NEW, "a", "a sharp knife")
    assert change(engine, OLD).embedded == 1
    assert nearest_item(engine, OLD, "a sharp knife") == ("a sharp knife", True)


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The new model; while it works, an item gets another text."""

    engine: Engine
    name: str = NEW.name
    dimension: int = NEW.dimension
    version: str = NEW.version

    def embed(self, texts: Sequence[str]) -> Vectors:
        if "a wooden spoon" in texts:
            put(self.engine, OLD, "a", "a silver fork")
        return NEW.embed(texts)


def test_an_item_that_is_put_again_while_it_is_embedded_gets_the_vector_of_its_new_text(
    engine: Engine,
) -> None:
    put(engine, OLD, "a", "a wooden spoon")
    change(engine, Overtaken(engine))
    assert nearest_item(engine, NEW, "a silver fork") == ("a silver fork", True)


def test_the_switch_waits_for_nobody_for_long_and_comes_when_the_table_is_free(
    engine: Engine, database_url: str
) -> None:
    with connect(database_url) as holding:
        holding.execute("BEGIN")
        holding.execute("SELECT count(*) FROM agentdb.entries")
        freeing = Thread(target=lambda: (Event().wait(1.5), holding.execute("ROLLBACK")))
        freeing.start()
        assert change(engine, NEW).switched
        freeing.join()


def test_there_is_a_way_back_and_forth(engine: Engine) -> None:
    change(engine, NEW)
    with transaction(engine) as session:
        MemoryRepository(session, NEW).add("written with the new model")
        MemoryRepository(session, NEW).update(5, content="changed with the new model")
    back = change(engine, OLD)
    assert (back.before, back.now, back.embedded) == (NEW.name, OLD.name, 2)
    for each in ("written with the new model", "changed with the new model", TEXTS[9]):
        assert nearest(engine, OLD, each) == (each, True)
    assert change(engine, NEW).embedded == 0
    assert len(spaces(engine)) == 2


def test_what_was_is_forgotten_and_can_begin_anew(engine: Engine, database_url: str) -> None:
    change(engine, NEW)
    with transaction(engine) as session:
        repository = SpaceRepository(session)
        old = repository.previous()
        assert old is not None
        repository.drop(old)
        assert repository.previous() is None
    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'entries' "
        "AND column_name LIKE 'embedding%'"
    )
    assert value(database_url, columns) == 1
    assert change(engine, OLD).embedded == len(TEXTS)


def test_the_same_model_and_a_second_change_at_once_are_refused(engine: Engine) -> None:
    with pytest.raises(SpaceUnready, match="of hashing already"):
        change(engine, OLD)
    change(engine, NEW, switch=False)
    with pytest.raises(SpaceUnready, match="a change to hashing-64 has begun"):
        change(engine, HashingEmbedder("hashing-32", 32))


def test_both_models_are_compared_by_what_they_find(engine: Engine) -> None:
    done = change(engine, HashingEmbedder("hashing-2048", 2048), sample=50)
    assert done.sample == 50
    assert done.overlap is not None
    assert 0.5 < done.overlap <= 1
    coarse = change(engine, HashingEmbedder("hashing-2", 2), sample=50)
    assert coarse.overlap is not None
    assert coarse.overlap < done.overlap


def test_conversations_tables_and_items_go_on_with_a_model_of_another_dimension(
    engine: Engine, database_url: str
) -> None:
    run(database_url, "CREATE TABLE lamps (id int PRIMARY KEY, name text)")
    run(database_url, "INSERT INTO lamps VALUES (1, 'a green lamp')")
    with transaction(engine) as session:
        talk = ConversationRepository(session, OLD)
        talk.append(talk.start("monday").key, NewMessage("user", "the kettle leaks"))
        AttachmentRepository(session, OLD).attach("lamps", "name")
        ItemRepository(session, OLD).put_many([NewItem("a", "a wooden spoon")])
    Worker(engine, OLD).catch_up()
    change(engine, NEW)
    with transaction(engine) as session:
        ItemRepository(session, NEW).put_many([NewItem("b", "a silver fork")])
        said = ConversationRepository(session, NEW).search("kettle")
        rows = AttachmentRepository(session, NEW).search("lamps", "green lamp")
        items = ItemRepository(session, NEW).search("silver fork", 1)
    assert [each.message.content for each in said] == ["the kettle leaks"]
    assert [each.key for each in rows] == [(1,)]
    assert [each.key for each in items] == ["b"]


def test_a_chunk_is_embedded_with_its_headings(engine: Engine) -> None:
    chunk = Chunk(0, "Two years.", 0, 10, ("Handbook", "Warranty"))
    with transaction(engine) as session:
        KnowledgeRepository(session, OLD).put("a.md", "A", [chunk], text_hash="1")
        MemoryRepository(session, OLD).add(NewMemory("plain", metadata={"headings": ["no"]}))
    change(engine, NEW)
    with transaction(engine) as session:
        found = KnowledgeRepository(session, NEW).search("Handbook > Warranty\nTwo years.", 1)
    assert found[0].similarity == pytest.approx(1, abs=1e-3)
    assert nearest(engine, NEW, "plain")[1]


def test_an_index_follows(engine: Engine) -> None:
    assert build_vector_index(engine, least=0) == "built"
    assert build_vector_index(engine, least=0) == "there"
    change(engine, NEW)
    assert index_state(engine) == "valid"
    with engine.connect() as connection:
        index = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'entries_embedding_idx'")
        assert "(embedding halfvec_cosine_ops)" in connection.scalar(index)
    change(engine, OLD)
    assert index_state(engine) == "valid"


def test_an_empty_table_may_have_a_model_of_any_dimension(database_url: str) -> None:
    engine = make_engine(database_url)
    with pytest.raises(DimensionMismatch, match="agentdb reembed"), transaction(engine) as session:
        MemoryRepository(session, NEW).add("tea")
    assert change(engine, NEW).switched
    with transaction(engine) as session:
        MemoryRepository(session, NEW).add("tea")
    assert nearest(engine, NEW, "tea") == ("tea", True)
    engine.dispose()


def test_a_callers_own_vectors_have_to_fit_the_space(engine: Engine) -> None:
    change(engine, NEW)
    with transaction(engine) as session:
        memories = MemoryRepository(session)
        memories.add(NewMemory("given", vector=np.ones(64, dtype=np.float32)))
        for wrong in (1, 63, 384):
            vector = np.ones(wrong, dtype=np.float32)
            with pytest.raises(DimensionMismatch, match=f"gives {wrong} numbers.* have 64"):
                memories.add(NewMemory("refused", vector=vector))
            with pytest.raises(DimensionMismatch, match=f"gives {wrong} numbers.* have 64"):
                memories.search("refused", vector=vector)


def test_another_version_of_the_model_is_another_model(engine: Engine) -> None:
    newer = HashingEmbedder(version="2")
    with pytest.raises(SpaceMismatch, match="in its version 1, not 2"), Session(engine) as session:
        MemoryRepository(session, newer).add("tea")
    assert change(engine, newer).embedded == len(TEXTS)
    assert nearest(engine, newer, TEXTS[3])[0] == TEXTS[3]


def test_a_schema_with_two_models_goes_back_to_the_one_before(database_url: str) -> None:
    from agentdb.database import downgrade, upgrade  # noqa: PLC0415 - of this test alone

    engine = make_engine(database_url)
    with transaction(engine) as session:
        MemoryRepository(session, OLD).add("tea")
    change(engine, NEW)
    engine.dispose()
    downgrade(database_url, "0003_memory")
    assert value(database_url, "SELECT count(*) FROM agentdb.entries WHERE embedding IS NULL") == 1
    upgrade(database_url)
    run(database_url, "SELECT agentdb.open_space('x', 3, '')")
