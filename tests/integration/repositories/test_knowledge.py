"""Documents in a session: put once, replaced as a whole, found by words and by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.documents.splitting import Chunk, split
from agentdb.embedding.cached import content_hash
from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadFilter, BadInput, BadMetadata, BadText
from agentdb.repositories.knowledge import (
    LONGEST_SOURCE,
    KnowledgeRepository,
    NewDocument,
    Stored,
    embedded_text,
)
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Found, NewMemory

HANDBOOK = """# Handbook

## Returns

A kettle may be returned within thirty days.

## Warranty

Two years on all parts.
"""


@dataclass(slots=True)
class Counting:
    """A hashing embedder that remembers what it was asked."""

    name: str = "hashing"
    dimension: int = DIMENSION
    asked: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return HashingEmbedder().embed(texts)


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def knowledge(session: Session, embedder: Counting) -> KnowledgeRepository:
    return KnowledgeRepository(session, embedder)


def document(source: str, text: str, *, title: str = "", tags: Sequence[str] = ()) -> NewDocument:
    return NewDocument(
        source=source,
        title=title or source,
        text_hash=content_hash(text),
        chunks=split(text, format="markdown", size=20, overlap=0),
        tags=tags,
    )


def texts(found: Sequence[Found]) -> list[str]:
    return [each.memory.content for each in found]


# Put ----------------------------------------------------------------------------------------------


def test_a_document_is_kept_as_its_chunks_with_where_they_are(
    knowledge: KnowledgeRepository,
) -> None:
    chunks = split(HANDBOOK, format="markdown", size=20, overlap=0)
    stored = knowledge.put(
        "handbook.md", "Handbook", chunks, text_hash="1", tags=["shop"], metadata={"year": 2026}
    )
    assert stored == Stored("new", len(chunks))
    [found] = knowledge.search("two years on all parts", 1)
    chunk = next(each for each in chunks if "Two years" in each.text)
    assert found.memory.kind == "chunk"
    assert found.memory.subject == "handbook.md"
    assert found.memory.content == chunk.text
    known = dict(found.memory.metadata)
    assert known.pop("document")
    assert known == {
        "title": "Handbook",
        "tags": ["shop"],
        "headings": list(chunk.headings),
        "position": chunk.position,
        "year": 2026,
    }


def test_what_is_embedded_is_the_heading_and_the_text(
    knowledge: KnowledgeRepository, embedder: Counting
) -> None:
    chunk = Chunk(0, "Two years on all parts.", 0, 23, ("Handbook", "Warranty"))
    knowledge.put("handbook.md", "Handbook", [chunk], text_hash="1")
    assert embedder.asked == ["Handbook > Warranty\nTwo years on all parts."]
    assert texts(knowledge.search("handbook warranty", 1)) == ["Two years on all parts."]


def test_an_unchanged_document_is_neither_embedded_nor_written(
    session: Session, knowledge: KnowledgeRepository, embedder: Counting
) -> None:
    knowledge.put_many([document("handbook.md", HANDBOOK)])
    before = knowledge.search("kettle", 1)
    embedder.asked.clear()
    session.flush()
    [again] = knowledge.put_many([document("handbook.md", HANDBOOK)])
    assert again.status == "unchanged"
    assert again.chunks == knowledge.sources()[0].chunks
    assert embedder.asked == []
    assert knowledge.search("kettle", 1) == before


@pytest.mark.parametrize(
    "changed",
    [
        document("handbook.md", HANDBOOK.replace("thirty", "ninety")),
        document("handbook.md", HANDBOOK, title="The shop's handbook"),
        document("handbook.md", HANDBOOK, tags=["shop"]),
    ],
    ids=["text", "title", "tags"],
)
def test_a_changed_document_takes_the_place_of_the_one_before(
    knowledge: KnowledgeRepository, changed: NewDocument
) -> None:
    knowledge.put_many([document("handbook.md", HANDBOOK), document("other.md", "Other words.")])
    [stored] = knowledge.put_many([changed])
    assert stored == Stored("replaced", len(changed.chunks))
    kept = {each.source: each for each in knowledge.sources()}
    assert kept["handbook.md"].version == changed.version
    assert kept["handbook.md"].chunks == len(changed.chunks)
    assert kept["other.md"].chunks == 1
    found = knowledge.search("kettle returned", 10, sources=["handbook.md"])
    assert sorted(texts(found)) == sorted(chunk.text for chunk in changed.chunks)


def test_a_replacement_that_fails_leaves_what_was_there(knowledge: KnowledgeRepository) -> None:
    knowledge.put_many([document("handbook.md", HANDBOOK)])
    before = knowledge.sources()
    broken = [Chunk(0, "new", 0, 3, ()), Chunk(1, "a NUL \0", 3, 9, ())]
    with pytest.raises(BadText):
        knowledge.put("handbook.md", "Handbook", broken, text_hash="2")
    assert knowledge.sources() == before
    assert "thirty days" in texts(knowledge.search("thirty days", 1))[0]


def test_a_chunk_that_comes_twice_is_kept_once_where_it_came_first(
    knowledge: KnowledgeRepository,
) -> None:
    chunks = [
        Chunk(0, "the same", 0, 8, ("One",)),
        Chunk(1, "another", 9, 16, ("One",)),
        Chunk(2, "the same", 17, 25, ("Two",)),
    ]
    assert knowledge.put("a.md", "A", chunks, text_hash="1") == Stored("new", 2)
    found = knowledge.search("the same", 1)[0].memory
    assert (found.times, found.metadata["position"]) == (1, 0)
    assert found.metadata["headings"] == ["One"]
    assert knowledge.put("a.md", "A", chunks, text_hash="1") == Stored("unchanged", 2)


def test_two_documents_may_say_the_same(knowledge: KnowledgeRepository) -> None:
    knowledge.put_many([document("a.md", "Twins."), document("b.md", "Twins.")])
    knowledge.forget("a.md")
    assert [each.memory.subject for each in knowledge.search("twins")] == ["b.md"]


def test_many_documents_one_after_the_other_fit_in_one_session(
    knowledge: KnowledgeRepository,
) -> None:
    for number in range(30):
        knowledge.put_many([document(f"{number}.md", f"Page {number}.")])
    assert len(knowledge.sources()) == 30


def test_two_who_put_the_same_document_at_once_leave_one_of_the_two(engine: Engine) -> None:
    versions = [document("a.md", f"# Version {n}\n\nwords of {n}") for n in range(8)]

    def put(version: NewDocument) -> None:
        with transaction(engine) as session:
            KnowledgeRepository(session, HashingEmbedder()).put_many([version])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, versions))
    with transaction(engine) as session:
        [kept] = KnowledgeRepository(session).sources()
    assert kept.version in {version.version for version in versions}


def test_without_an_embedder_chunks_are_found_by_their_words(session: Session) -> None:
    knowledge = KnowledgeRepository(session)
    knowledge.put_many([document("handbook.md", HANDBOOK)])
    found = knowledge.search("kettle", 1)
    assert (found[0].path, found[0].similarity or 0) == ("words", 0)


def test_vectors_of_the_caller_are_kept_as_they_are(
    knowledge: KnowledgeRepository, embedder: Counting
) -> None:
    given = document("handbook.md", HANDBOOK)
    vectors = HashingEmbedder().embed([embedded_text(chunk) for chunk in given.chunks])
    knowledge.put(
        given.source, given.title, given.chunks, text_hash=given.text_hash, vectors=vectors
    )
    assert embedder.asked == []
    [found] = knowledge.search("anything", 1, vector=vectors[0])
    assert found.memory.content == given.chunks[0].text
    assert found.similarity == pytest.approx(1, abs=0.01)


# Versions -----------------------------------------------------------------------------------------


def test_each_version_of_a_document_has_a_number_and_its_time(
    knowledge: KnowledgeRepository,
) -> None:
    first = document("handbook.md", HANDBOOK)
    second = document("handbook.md", HANDBOOK.replace("thirty", "ninety"), title="New")
    knowledge.put_many([first, document("other.md", "Other.")])
    knowledge.put_many([first])  # unchanged: no new version
    knowledge.put_many([second])
    one, two = knowledge.history("handbook.md")
    assert (one.number, one.version, one.title) == (1, first.version, "handbook.md")
    assert (two.number, two.version, two.title) == (2, second.version, "New")
    assert (one.text_hash, two.text_hash) == (first.text_hash, second.text_hash)
    assert (two.chunks, one.since < two.since) == (len(second.chunks), True)
    assert {each.source: each.number for each in knowledge.sources()} == {
        "handbook.md": 2,
        "other.md": 1,
    }


def test_a_document_without_a_chunk_has_versions_too(knowledge: KnowledgeRepository) -> None:
    empty, full = document("a.md", ""), document("a.md", "Some words.")
    given = [empty, empty, full, empty, empty, full]
    stored = [knowledge.put_many([each])[0] for each in given]
    assert [(each.status, each.chunks) for each in stored] == [
        ("new", 0),
        ("unchanged", 0),
        ("replaced", 1),
        ("replaced", 0),
        ("unchanged", 0),
        ("replaced", 1),
    ]
    assert [each.chunks for each in knowledge.history("a.md")] == [0, 1, 0, 1]


def test_a_version_that_fails_is_none(knowledge: KnowledgeRepository) -> None:
    with pytest.raises(BadText):
        knowledge.put("a.md", "A", [Chunk(0, "a NUL \0", 0, 6, ())], text_hash="1")
    assert knowledge.history("a.md") == ()


def test_what_is_forgotten_has_no_history_and_others_keep_theirs(session: Session) -> None:
    mine, other = KnowledgeRepository(session, tenant="a"), KnowledgeRepository(session, tenant="b")
    for each in (mine, other):
        each.put_many([document("a.md", "Some words."), document("b.md", "Others.")])
    assert mine.forget_many(["a.md", "none.md"]) == 1
    assert mine.history("a.md") == ()
    assert len(mine.history("b.md")) == len(other.history("a.md")) == 1


# Found in which category, and where ---------------------------------------------------------------


def test_a_category_narrows_a_search_and_is_told(knowledge: KnowledgeRepository) -> None:
    chunk = Chunk(0, "about the kettle", 0, 16, ())
    for category in ("faq", "50%_'x\"", None):
        knowledge.put(f"{category}.md", "t", [chunk], text_hash="1", category=category)
    for category in ("faq", "50%_'x\""):
        found = knowledge.search("kettle", category=category)
        assert [each.memory.subject for each in found] == [f"{category}.md"]
    assert {each.source: each.category for each in knowledge.sources()}["None.md"] is None
    assert knowledge.search("kettle", category="none") == ()
    assert len(knowledge.search("kettle")) == 3


def test_metadata_with_a_name_of_ours_are_kept_beside_it(knowledge: KnowledgeRepository) -> None:
    own = {"title": "own", "position": 7, "tags": 5, "document": "d", "headings": "h", "n": 1}
    knowledge.put("a.md", "A", [Chunk(0, "tea", 0, 3, ())], text_hash="1", metadata=own)
    kept = dict(knowledge.search("tea")[0].memory.metadata)
    assert (kept["title"], kept["position"], kept["tags"], kept["n"]) == ("A", 0, [], 1)
    assert [kept[f"{name}_"] for name in ("title", "position", "tags", "document", "headings")] == [
        "own",
        7,
        5,
        "d",
        "h",
    ]
    assert len(knowledge.sources()) == 1


def test_a_highlight_says_where_the_answer_is_whatever_the_text_holds(
    knowledge: KnowledgeRepository,
) -> None:
    begin, end = "\ue000", "\ue001"
    text = f"1 < 2: the kettle {begin}whistles{end} «loudly». " + "Something else. " * 200
    chunks = [Chunk(0, text, 0, len(text), ()), Chunk(1, "Nothing of it.", 0, 13, ())]
    knowledge.put("a.md", "A", chunks, text_hash="1")
    found = knowledge.search("loud kettles ERR-4711", 2)
    best, other = knowledge.highlight("loud kettles ERR-4711", found)
    assert [part for part, asked in best.parts if asked] == ["kettle", "loudly"]
    assert "«kettle» whistles ««loudly»»" in str(best)
    assert len(str(best)) < 700
    assert (str(other), {asked for _, asked in other.parts}) == ("Nothing of it.", {False})
    assert knowledge.highlight("the of", found)  # stop words only
    assert knowledge.highlight("kettle", ()) == ()


def test_a_document_has_as_many_vectors_as_chunks() -> None:
    vectors = np.ones((2, DIMENSION), dtype=np.float32)
    with pytest.raises(BadInput, match="1 chunks and 2 vectors"):
        NewDocument(
            source="a.md",
            title="A",
            text_hash="1",
            chunks=[Chunk(0, "tea", 0, 3, ())],
            vectors=vectors,
        )


# Found --------------------------------------------------------------------------------------------


def test_a_search_is_narrowed_by_sources_tags_and_metadata(
    knowledge: KnowledgeRepository,
) -> None:
    for n, tags in enumerate([["a"], ["a", "b"], []]):
        chunk = Chunk(0, f"a kettle, number {n}", 0, 18, ())
        knowledge.put(f"{n}.md", f"{n}", [chunk], text_hash="1", tags=tags, metadata={"n": n})

    def subjects(**narrowed: object) -> set[str | None]:
        found = knowledge.search("kettle", **narrowed)  # type: ignore[arg-type]
        return {each.memory.subject for each in found}

    assert subjects() == {"0.md", "1.md", "2.md"}
    assert subjects(tags=["a"]) == {"0.md", "1.md"}
    assert subjects(tags=["a", "b"]) == {"1.md"}
    assert subjects(sources=["0.md", "2.md", "none.md"]) == {"0.md", "2.md"}
    assert subjects(sources=[]) == set()
    assert subjects(filter={"n": {"gt": 0}}) == {"1.md", "2.md"}
    assert subjects(filter={"n": {"gt": 0}}, tags=["a"], sources=["0.md", "1.md"]) == {"1.md"}
    with pytest.raises(BadFilter):
        subjects(filter={"n": {"near": 0}})


def test_memories_are_no_knowledge_and_stay_when_a_document_goes(
    session: Session, knowledge: KnowledgeRepository
) -> None:
    memories = MemoryRepository(session, HashingEmbedder())
    memories.add(NewMemory("a note about the kettle", subject="handbook.md"))
    knowledge.put_many([document("handbook.md", HANDBOOK)])
    assert "a note about the kettle" not in texts(knowledge.search("note kettle"))
    assert knowledge.forget("handbook.md") > 0
    assert knowledge.sources() == ()
    assert texts(memories.search("kettle")) == ["a note about the kettle"]


def test_tenants_and_namespaces_do_not_see_each_other(session: Session) -> None:
    mine = KnowledgeRepository(session, tenant="a", namespace="50%_of 'us'")
    others = [
        KnowledgeRepository(session, tenant="b", namespace="50%_of 'us'"),
        KnowledgeRepository(session, tenant="a", namespace="50X of 'us'"),
    ]
    mine.put_many([document("handbook.md", HANDBOOK)])
    for other in others:
        assert other.search("kettle") == ()
        assert other.sources() == ()
        assert other.forget("handbook.md") == 0
    assert len(mine.sources()) == 1


def test_what_is_not_kept_is_forgotten_without_a_word(knowledge: KnowledgeRepository) -> None:
    assert knowledge.forget("nothing.md") == 0


# Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"source": ""}, BadText),
        ({"source": "a\0b"}, BadMetadata),
        ({"source": "half \ud800"}, BadMetadata),
        ({"source": "x" * (LONGEST_SOURCE + 1)}, BadText),
        ({"title": "a\0b"}, BadMetadata),
        ({"text_hash": "a\0b"}, BadMetadata),
        ({"tags": ["a\0b"]}, BadMetadata),
        ({"metadata": {"when": object()}}, BadMetadata),
        ({"metadata": {"number": float("nan")}}, BadMetadata),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_sent(
    values: dict[str, object], error: type[BadInput]
) -> None:
    given: dict[str, object] = {"source": "a.md", "title": "A", "text_hash": "1", **values}
    with pytest.raises(error):
        NewDocument(**given)  # type: ignore[arg-type]


def test_half_a_character_in_a_question_is_no_error(knowledge: KnowledgeRepository) -> None:
    knowledge.put_many([document("a.md", "kettle")])
    [one] = knowledge.highlight("kettle \ud83d", knowledge.search("kettle \ud83d"))
    assert ("kettle", True) in one.parts


@pytest.mark.parametrize("words", [2, 3, 10_000])
def test_a_passage_may_be_short_or_long(knowledge: KnowledgeRepository, words: int) -> None:
    knowledge.put_many([document("a.md", "kettle")])
    [one] = knowledge.highlight("kettle", knowledge.search("kettle"), words=words)
    assert ("kettle", True) in one.parts


@pytest.mark.parametrize("words", [-1, 0, 1, 10_001])
def test_a_passage_of_so_many_words_is_refused(knowledge: KnowledgeRepository, words: int) -> None:
    with pytest.raises(BadInput, match=r"2 to 10,000 words"):
        knowledge.highlight("kettle", (), words=words)


def test_the_longest_source_fits_the_indexes(knowledge: KnowledgeRepository) -> None:
    source = "".join(np.random.default_rng(5).choice(list("abcdefghij/"), LONGEST_SOURCE))
    assert knowledge.put_many([document(source, "words")])[0].status == "new"
