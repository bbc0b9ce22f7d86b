"""Folders into our tables: what is embedded, what is kept, and what an interrupt leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from agentdb.database import make_engine
from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadInput
from agentdb.repositories import vector_index
from agentdb.repositories.vector_index import build_vector_index, bulk_load
from agentdb.wiring.ingesting import BATCH_DOCUMENTS, EMBEDDED_AT_ONCE, Ingestion, Summary
from tests.vectors import index_state

KEPT = text(
    """SELECT subject, content, metadata::text, times, embedding::text FROM agentdb.entries
       ORDER BY subject, content"""
)
CONCURRENTLY = (
    "CREATE INDEX CONCURRENTLY entries_embedding_idx ON agentdb.entries "
    "USING hnsw (embedding halfvec_cosine_ops)"
)
SESSIONS = text(
    """SELECT count(*) FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction'"""
)


@dataclass(slots=True)
class Watched:
    """A hashing embedder that counts, and that is interrupted at the call it is told."""

    engine: Engine
    interrupted_at: int = 0
    name: str = "hashing"
    dimension: int = DIMENSION
    asked: list[list[str]] = field(default_factory=list)
    in_transactions: int = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return HashingEmbedder().embed(texts)
        self.asked.append(list(texts))
        with self.engine.connect() as connection:
            self.in_transactions += connection.scalar(SESSIONS) or 0
        if len(self.asked) == self.interrupted_at:
            raise KeyboardInterrupt
        return HashingEmbedder().embed(texts)


@dataclass(slots=True)
class Told:
    """What a progress bar was told."""

    steps: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, stage: str, done: int, total: int) -> None:
        assert stage
        self.steps.append((done, total))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def model(engine: Engine) -> Watched:
    return Watched(engine)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """More than one batch: many rows, and a document of more chunks than are embedded at once."""
    folder = tmp_path / "shop"
    folder.mkdir()
    lines = [json.dumps({"text": f"question {n}", "n": n}) for n in range(BATCH_DOCUMENTS + 50)]
    (folder / "faq.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "notes.txt").write_text("The kettle whistles.", encoding="utf-8")
    words = " ".join(f"word{n} of a long story." for n in range(EMBEDDED_AT_ONCE * 50))
    (folder / "story.md").write_text(f"# Story\n\n{words}", encoding="utf-8")
    return folder


def ingest(engine: Engine, model: Watched, *paths: Path, tell: Told | None = None) -> Summary:
    return Ingestion(engine, model).run(paths, None, tell or Told())


def kept(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(KEPT)]


def test_a_folder_is_kept_once_and_embedded_once(
    engine: Engine, model: Watched, folder: Path
) -> None:
    first = ingest(engine, model, folder)
    assert (first.new, first.replaced, first.unchanged) == (BATCH_DOCUMENTS + 52, 0, 0)
    assert first.unreadable == ()
    assert first.chunks == len(kept(engine)) == sum(map(len, model.asked))
    before = kept(engine)
    model.asked.clear()
    again = ingest(engine, model, folder)
    assert (again.new, again.replaced, again.unchanged) == (0, 0, first.new)
    assert (again.chunks, model.asked) == (0, [])
    assert kept(engine) == before


def test_only_what_has_changed_is_embedded_again(
    engine: Engine, model: Watched, folder: Path
) -> None:
    ingest(engine, model, folder)
    model.asked.clear()
    (folder / "notes.txt").write_text("The kettle sings.", encoding="utf-8")
    done = ingest(engine, model, folder)
    assert (done.new, done.replaced, done.chunks) == (0, 1, 1)
    assert model.asked == [["The kettle sings."]]


def test_a_file_that_is_gone_leaves_its_document(
    engine: Engine, model: Watched, folder: Path
) -> None:
    ingest(engine, model, folder)
    before = kept(engine)
    (folder / "notes.txt").unlink()
    ingest(engine, model, folder)
    assert kept(engine) == before


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_an_interrupt_costs_nothing_that_was_told_and_the_rest_comes_later(
    engine: Engine, model: Watched, folder: Path, call: int
) -> None:
    model.interrupted_at = call
    with pytest.raises(KeyboardInterrupt):
        ingest(engine, model, folder)
    there = len({row[0] for row in kept(engine)})  # type: ignore[index]
    second = Watched(engine)
    done = ingest(engine, second, folder)
    assert (done.unchanged, done.new) == (there, BATCH_DOCUMENTS + 52 - there)
    whole = kept(engine)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE agentdb.entries CASCADE"))
    ingest(engine, Watched(engine), folder)
    assert kept(engine) == whole


def test_nothing_is_embedded_within_a_transaction(
    engine: Engine, model: Watched, folder: Path
) -> None:
    ingest(engine, model, folder)
    assert model.asked
    assert model.in_transactions == 0


def test_texts_of_like_length_are_embedded_together(
    engine: Engine, model: Watched, folder: Path
) -> None:
    ingest(engine, model, folder / "story.md")
    assert max(map(len, model.asked)) == EMBEDDED_AT_ONCE
    lengths = [len(text) for texts in model.asked for text in texts]
    assert lengths == sorted(lengths)


def test_progress_only_grows_and_ends_at_the_end(
    engine: Engine, model: Watched, folder: Path
) -> None:
    told = Told()
    ingest(engine, model, folder, tell=told)
    assert told.steps == sorted(told.steps)
    assert len({total for _, total in told.steps}) == 1
    done, total = told.steps[-1]
    assert done == pytest.approx(total, abs=1)


def test_what_two_paths_share_is_one_document(engine: Engine, model: Watched, folder: Path) -> None:
    done = ingest(engine, model, folder / "notes.txt", folder, folder / "." / "notes.txt")
    assert done.new == BATCH_DOCUMENTS + 52


def test_files_of_one_name_in_two_folders_are_two_documents(
    engine: Engine, model: Watched, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "readme.txt").write_text(f"about {name}", encoding="utf-8")
    done = ingest(engine, model, tmp_path / "a", tmp_path / "b" / "readme.txt")
    assert done.new == 2


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(
    engine: Engine, model: Watched, tmp_path: Path
) -> None:
    lines = ['{"text": "good"}', "{broken", '{"text": ""}', f'{{"text": "x", "n": 1{"0" * 3000}}}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "binary.txt").write_bytes(b"a\0b")
    (tmp_path / "marks.txt").write_text("--- !!! ---", encoding="utf-8")
    done = ingest(engine, model, tmp_path, tmp_path / "none.txt")
    assert (done.new, len(done.unreadable)) == (2, 5)
    names = {Path(each.source).name for each in done.unreadable}
    assert names == {"binary.txt", "none.txt", "rows.jsonl#2", "rows.jsonl#3", "rows.jsonl#4"}
    assert all(each.reason for each in done.unreadable)


# What is gone -------------------------------------------------------------------------------------


def sources(engine: Engine) -> set[str]:
    return {row[0] for row in kept(engine)}  # type: ignore[index]


def test_pruning_forgets_what_is_gone_and_only_that(
    engine: Engine, model: Watched, tmp_path: Path
) -> None:
    folder, beside = tmp_path / "shop", tmp_path / "shop2"
    for each in (folder, beside):
        each.mkdir()
        (each / "a.md").write_text("Some words.", encoding="utf-8")
        (each / "b.md").write_text("Other words.", encoding="utf-8")
        (each / "c.csv").write_text("text,n\none,1\ntwo,2\n", encoding="utf-8")
    ingest(engine, model, folder, beside)
    (folder / "b.md").unlink()
    (folder / "c.csv").write_text("text,n\none,1\n", encoding="utf-8")
    (beside / "b.md").unlink()
    before = sources(engine)
    done = Ingestion(engine, model).run([folder], None, Told(), prune=True)
    assert done.pruned == 2
    assert before - sources(engine) == {f"{folder}/b.md", f"{folder}/c.csv#3"}
    assert Ingestion(engine, model).run([folder], None, Told(), prune=True).pruned == 0


def test_what_cannot_be_read_at_the_moment_is_not_pruned(
    engine: Engine, model: Watched, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    table = folder / "c.csv"
    table.write_text("text,n\none,1\n", encoding="utf-8")
    (folder / "a.md").write_text("Some words.", encoding="utf-8")
    ingest(engine, model, folder)
    table.write_text("nothing,of\nit,1\n", encoding="utf-8")
    (folder / "a.md").write_bytes(b"caf\xe9 \xff")
    done = Ingestion(engine, model).run([folder], None, Told(), prune=True)
    assert (len(done.unreadable), done.pruned) == (2, 0)
    assert len(sources(engine)) == 2
    gone = Ingestion(engine, model).run([tmp_path / "nowhere"], None, Told(), prune=True)
    assert gone.pruned == 0


@pytest.mark.parametrize("path", [".", "..", "docs/.."])
def test_pruning_wants_to_know_what_is_a_file(engine: Engine, model: Watched, path: str) -> None:
    with pytest.raises(BadInput, match="name the folder"):
        Ingestion(engine, model).run([Path(path)], None, Told(), prune=True)


def test_a_row_has_tags_and_a_category_of_its_own(
    engine: Engine, model: Watched, tmp_path: Path
) -> None:
    rows = [
        {"text": "one", "tags": ["a", "b"], "category": "faq", "title": "One", "position": 9},
        {"text": "two", "tags": "c; d"},
        {"text": "three", "tags": {"odd": 1}, "category": 7},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "faq.jsonl").write_text(lines, encoding="utf-8")
    Ingestion(engine, model, tags=("shop",)).run([tmp_path], None, Told())
    found = [json.loads(row[2]) for row in sorted(kept(engine))]  # type: ignore[type-var, index]
    one, two, three = found
    assert (one["tags"], one["category"], one["title"]) == (["shop", "a", "b"], "faq", "One")
    assert (one["position"], one["position_"]) == (0, 9)
    assert (two["tags"], "category" in two) == (["shop", "c", "d"], False)
    assert (three["tags"], three["tags_"], three["category_"]) == (["shop"], {"odd": 1}, 7)


# The index ----------------------------------------------------------------------------------------


def test_a_large_load_takes_the_index_away_and_builds_it_again(
    engine: Engine, model: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(engine, model, folder / "notes.txt")
    build_vector_index(engine, least=0)
    states = list[str]()

    def watching(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        states.append(index_state(engine))

    Ingestion(engine, model).run([folder / "story.md"], None, watching)
    assert set(states) == {"valid"}  # too few to be worth it
    monkeypatch.setattr(vector_index, "MANY_ROWS", 20)
    states.clear()
    Ingestion(engine, model).run([folder], None, watching)
    assert "missing" in states
    assert index_state(engine) == "valid"


def test_an_index_that_an_interrupted_load_left_away_comes_back(
    engine: Engine, model: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(engine, model, folder / "notes.txt")
    build_vector_index(engine, least=0)
    monkeypatch.setattr(vector_index, "MANY_ROWS", 0)
    broken = ValueError("killed before the index was built")

    def killed(_: Engine, *, least: int) -> None:  # noqa: ARG001
        raise broken

    with monkeypatch.context() as dying:
        dying.setattr(vector_index, "build_vector_index", killed)
        with pytest.raises(ValueError, match="killed"), bulk_load(engine) as expect:
            assert expect(1000)
    assert index_state(engine) == "missing"
    ingest(engine, model, folder / "notes.txt")
    assert index_state(engine) == "valid"


def test_what_an_interrupted_building_leaves_is_built_anew(engine: Engine) -> None:
    with engine.connect() as holding:
        holding.execute(text("LOCK TABLE agentdb.entries IN ROW EXCLUSIVE MODE"))
        impatient = engine.execution_options(isolation_level="AUTOCOMMIT")
        with impatient.connect() as connection:
            connection.execute(text("SET lock_timeout = '200ms'"))
            with pytest.raises(DBAPIError):
                connection.execute(text(CONCURRENTLY))
            connection.invalidate()
    assert index_state(engine) == "invalid"
    assert build_vector_index(engine, least=0) == "built"
    assert index_state(engine) == "valid"


def test_an_index_that_nobody_made_is_not_made_by_a_load(
    engine: Engine, model: Watched, folder: Path
) -> None:
    ingest(engine, model, folder / "notes.txt")
    assert index_state(engine) == "missing"
