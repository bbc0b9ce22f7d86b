"""What a search finds among a few memories: the scope, the words, the order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadInput, DatabaseUnreachable
from agentdb.repositories.direct import fetch
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Found, NewMemory
from tests.servers import connect


@pytest.fixture
def memories(session: Session) -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder())


@pytest.fixture
def wordy(session: Session) -> MemoryRepository:
    """Without an embedder: words alone."""
    return MemoryRepository(session)


def texts(found: Collection[Found]) -> list[str]:
    return [each.memory.content for each in found]


def ids(found: Collection[Found]) -> list[int]:
    return [each.memory.id for each in found]


# How many -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [0, 1, 9, 10, 11, 70])
def test_as_many_are_found_as_there_are_and_no_more_than_asked(
    memories: MemoryRepository, there: int
) -> None:
    memories.add_many([NewMemory(f"thing {n}", subject="ada") for n in range(there)])
    memories.add_many([NewMemory(f"other {n}", subject="bob") for n in range(20)])
    for query in ("thing", "nothing of that", "..."):
        found = memories.search(query, 10, subject="ada")
        assert len({f.memory.id for f in found}) == len(found) == min(10, there)
        assert {f.path for f in found} <= {"exact"}


def test_more_than_sixty_are_found_if_they_are_asked_for(memories: MemoryRepository) -> None:
    memories.add_many([f"thing {n}" for n in range(300)])
    assert len(memories.search("thing", 200)) == 200
    assert len(memories.search("nothing of that", 10_000)) == 300


def test_expired_rows_do_not_shorten_a_page(memories: MemoryRepository) -> None:
    gone = datetime.now(UTC) - timedelta(seconds=1)
    for kept in memories.add_many([f"tea number {n}" for n in range(40)]):
        memories.update(kept.id, expires_at=gone)
    memories.add_many([NewMemory(f"cup {n} of tea", ttl=timedelta(hours=1)) for n in range(10)])
    assert sorted(texts(memories.search("tea number"))) == [f"cup {n} of tea" for n in range(10)]


def test_what_has_ended_does_not_shorten_a_page(memories: MemoryRepository) -> None:
    memories.add_many([NewMemory(f"at {n}", subject="ada", key="place") for n in range(30)])
    memories.add_many([f"thing {n}" for n in range(9)])
    found = texts(memories.search("at 7"))
    assert len(found) == 10
    assert [content for content in found if content.startswith("at")] == ["at 29"]


# Which --------------------------------------------------------------------------------------------


def test_scopes_narrow_what_is_found(memories: MemoryRepository) -> None:
    memories.add_many(
        [
            NewMemory("tea one", subject="ada", agent="x", metadata={"n": 1, "tags": ["hot"]}),
            NewMemory("tea two", kind="preference", subject="ada", metadata={"n": 2}),
            NewMemory("tea three", kind="episode", agent="x", metadata={"n": 10}),
        ]
    )

    def count(**scope: object) -> int:
        return len(memories.search("tea", **scope))  # type: ignore[arg-type]

    assert count() == count(kinds=None) == 3
    assert count(kinds=["fact", "episode"]) == 2
    assert count(kinds=[]) == 0
    assert (count(subject="ada"), count(subject="ad"), count(subject="%")) == (2, 0, 0)
    assert (count(agent="x"), count(agent="x", subject="ada")) == (2, 1)
    assert count(filter={"n": {"gte": 2}}) == 2  # 10 is more than 2, also as a text it is not
    assert count(filter={"tags": {"contains": "hot"}}) == 1
    assert count(filter={"tags": {"exists": False}}, kinds=["episode"]) == 1
    assert count(filter={}) == 3


def test_a_search_stays_in_its_tenant_and_namespace(session: Session) -> None:
    def of(tenant: str, namespace: str) -> MemoryRepository:
        return MemoryRepository(session, HashingEmbedder(), tenant=tenant, namespace=namespace)

    places = [("a", ""), ("a", "n"), ("b", ""), ("b", "n")]
    for tenant, namespace in places:
        of(tenant, namespace).add(f"tea of {tenant}{namespace}")
    for tenant, namespace in places:
        assert texts(of(tenant, namespace).search("tea")) == [f"tea of {tenant}{namespace}"]


def test_two_searches_in_a_row_answer_their_own_questions(memories: MemoryRepository) -> None:
    memories.add_many(["green tea from Japan", "black coffee from Kenya", "cold milk"])
    for _ in range(4):
        assert texts(memories.search("green tea", 1)) == ["green tea from Japan"]
        assert texts(memories.search("coffee", 1)) == ["black coffee from Kenya"]
        assert texts(memories.search("milk", 1)) == ["cold milk"]


def test_a_search_in_a_read_only_transaction_works(session: Session) -> None:
    session.execute(text("SET TRANSACTION READ ONLY"))
    assert MemoryRepository(session, HashingEmbedder()).search("tea") == ()


# Words --------------------------------------------------------------------------------------------


def test_words_alone_find_any_of_them_the_rare_ones_first(wordy: MemoryRepository) -> None:
    wordy.add_many([f"a meeting about budgets {n}" for n in range(20)])
    wordy.add_many(["a meeting about zebras", "nothing at all"])
    found = wordy.search("meetings and zebra", 30)
    assert len(found) == 21
    assert found[0].memory.content == "a meeting about zebras"
    assert found[0].coverage == pytest.approx(1)
    assert found[0].keyword_rank == 1
    assert all(0 < f.coverage < 0.5 for f in found[1:] if f.coverage is not None)
    assert {(f.path, f.vector_rank) for f in found} == {("words", None)}


@pytest.mark.parametrize("query", ["zebra budget", "unheard budget", "zebra zebras striped budget"])
def test_words_alone_find_as_many_as_are_asked_for_when_the_rare_ones_are_too_few(
    wordy: MemoryRepository, query: str
) -> None:
    wordy.load(f"a budget, number {n}" for n in range(2_100))  # more than are counted of a word
    wordy.add_many(["a striped zebra", "a striped zebra again"])
    for k in (2, 10, 100):
        found = wordy.search(query, k)
        assert len(found) == k
        assert {"zebra" in text for text in texts(found[:2])} == {"zebra" in query}


LOOK_UPS = {
    "identifier": ("what is ERR-4711?", "error ERR-4711 in line 3"),
    "name with a dot": ("pg_stat.calls", "see pg_stat.calls for that"),
    "path": ("src/main.py", "it is in src/main.py"),
    "phrase": ('"time flies"', "time flies like an arrow"),
    "prefix": ("zeb*", "a zebra crossing"),
    "address": ("ada@example.org", "write to ada@example.org"),
}


@pytest.mark.parametrize(("query", "wanted"), LOOK_UPS.values(), ids=LOOK_UPS)
def test_names_phrases_and_prefixes_are_found(
    wordy: MemoryRepository, query: str, wanted: str
) -> None:
    wordy.add_many(found for _, found in LOOK_UPS.values())
    wordy.add_many(
        [
            "an err, 4711 times, of error ERR-4712",
            "stat of pg calls",
            "main src py",
            "flies and time, time and flies",
            "a zeal of crossing",
            "ada, or example or org",
        ]
    )
    assert texts(wordy.search(query, 1)) == [wanted]


STRANGE = {
    "stop words": "the of and a",
    "punctuation": "?! ... -- ''",
    "quotes": "\"' \"\" ''' \"a",
    "wildcards": "% _ * \\ \\\\",
    "operators": "a & b | !c <-> d:* (e",
    "colon and parameters": ":x ::text %s %(a)s $1 {}",
    "emoji": "👍🏽 🫖",
    "sql": "'); DROP TABLE agentdb.entries; --",
    "backslash word": "back\\slash a\\'b*",
    "only a prefix": "**** ab* ''*",
    "long identifier": "a-" * 2000 + "b",
    "one long word": "x" * 5000,
    "quotes without end": '"' * 5001,
}


@pytest.mark.parametrize("query", STRANGE.values(), ids=STRANGE)
def test_a_strange_query_is_no_error(
    memories: MemoryRepository, wordy: MemoryRepository, query: str
) -> None:
    memories.add_many(["tea", "it's 100 % back\\slash"])
    assert len(memories.search(query)) == 2
    assert len(wordy.search(query)) <= 2


def test_a_query_of_ten_thousand_words_is_answered_at_once(memories: MemoryRepository) -> None:
    memories.add_many([f"word{n} and word{n + 1}" for n in range(1000)])
    query = " ".join(f'word{n} "x{n} y{n}" a-{n}' for n in range(3334))
    began = perf_counter()
    found = memories.search(query)
    assert perf_counter() - began < 2
    assert len(found) == 10
    assert any(f.keyword_rank is not None for f in found)


# Order --------------------------------------------------------------------------------------------


def test_scores_order_what_is_found_and_the_ranks_say_why(memories: MemoryRepository) -> None:
    memories.add_many([f"tea {'and cake ' * (n % 3)}{n}" for n in range(80)])
    found = memories.search("tea and cake 7", 30)
    assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)
    both = [f for f in found if f.vector_rank is not None and f.keyword_rank is not None]
    assert both
    for each in found:
        assert each.similarity is not None
        assert each.coverage is not None
        assert each.score == pytest.approx(each.similarity + each.coverage)


def boosts(found: Collection[Found]) -> dict[str, float]:
    return {f.memory.content: f.score / ((f.similarity or 0) + (f.coverage or 0)) for f in found}


def test_importance_adds_or_takes_a_tenth_at_the_most(memories: MemoryRepository) -> None:
    memories.add_many(
        [NewMemory(f"tea {share}", importance=share) for share in (0.0, 0.25, 0.5, 1.0)]
    )
    expected = {"tea 0.0": 0.9, "tea 0.25": 0.95, "tea 0.5": 1, "tea 1.0": 1.1}
    assert boosts(memories.search("tea")) == pytest.approx(expected)


@pytest.mark.parametrize("half_life", [timedelta(microseconds=1), timedelta(days=10)])
def test_age_adds_or_takes_a_tenth_at_the_most(
    memories: MemoryRepository, session: Session, half_life: timedelta
) -> None:
    memories.add_many(["tea new", "tea old", "tea ahead", "tea between"])
    aged = text("UPDATE agentdb.entries SET created_at = now() + :by WHERE content = :content")
    for content, by in (
        ("tea old", timedelta(days=-365_000)),
        ("tea ahead", timedelta(days=365_000)),
        ("tea between", -half_life),
    ):
        session.execute(aged, {"content": content, "by": by})
    found = boosts(memories.search("tea", half_life=half_life))
    assert found["tea old"] == pytest.approx(0.9)
    assert found["tea ahead"] == pytest.approx(1.1)
    if half_life > timedelta(hours=1):
        assert found["tea new"] == pytest.approx(1.1, abs=1e-4)
        assert found["tea between"] == pytest.approx(1.0, abs=1e-4)
    assert list(boosts(memories.search("tea")).values()) == pytest.approx([1, 1, 1, 1])


# From SQL -----------------------------------------------------------------------------------------


def test_psql_finds_the_same_in_the_same_order(
    memories: MemoryRepository, session: Session
) -> None:
    memories.add_many([f"tea {n} with {'milk ' * (n % 4)}" for n in range(50)])
    asked = "tea 7 with milk"
    vector = HashingEmbedder().embed([asked])[0].tolist()
    statement = "SELECT id, score FROM agentdb.search('default', :asked, CAST(:vector AS halfvec))"
    rows = session.execute(text(statement), {"asked": asked, "vector": str(vector)})
    found = [(f.memory.id, f.score) for f in memories.search(asked)]
    assert [tuple(row) for row in rows] == found
    assert len(found) == 10


@pytest.mark.parametrize("path", ["''", "pg_catalog", "nowhere", "agentdb"])
def test_the_function_works_on_any_search_path(
    memories: MemoryRepository, session: Session, path: str
) -> None:
    kept = memories.add("green tea")
    session.execute(text(f"SET LOCAL search_path = {path}"))
    found = session.execute(
        text(
            "SELECT found.id, found.path FROM agentdb.entries AS e "
            "CROSS JOIN LATERAL agentdb.search('default', 'tea', e.embedding) AS found"
        )
    )
    assert [tuple(row) for row in found] == [(kept.id, "exact")]


def test_the_function_works_with_pgvector_in_a_schema_of_its_own(
    memories: MemoryRepository, session: Session
) -> None:
    kept = memories.add("green tea")
    session.execute(text("CREATE SCHEMA elsewhere"))
    session.execute(text("ALTER EXTENSION vector SET SCHEMA elsewhere"))
    session.execute(text("ALTER FUNCTION agentdb.search SET search_path = elsewhere"))
    session.execute(text("SET LOCAL search_path = ''"))
    found = session.execute(
        text(
            "SELECT found.id FROM agentdb.entries AS e "
            "CROSS JOIN LATERAL agentdb.search('default', 'tea', e.embedding) AS found"
        )
    )
    assert found.scalars().all() == [kept.id]


# Several questions at once ------------------------------------------------------------------------


def test_several_questions_are_answered_as_each_by_itself(
    memories: MemoryRepository, wordy: MemoryRepository
) -> None:
    memories.add_many([f"thing {n} of {n % 7}" for n in range(60)])
    asked = ["thing 7", "of 3", "nothing of that", "thing 7", '"thing 9"']
    for repository in (memories, wordy):
        for scope in ({}, {"subject": "nobody"}, {"kinds": ["fact"], "half_life": timedelta(1)}):
            together = repository.search_many(asked, 5, **scope)
            alone = [repository.search(each, 5, **scope) for each in asked]
            assert [ids(each) for each in together] == [ids(each) for each in alone]
            assert [len(each) for each in together] == [len(each) for each in alone]
    assert memories.search_many([]) == ()


def test_several_questions_take_one_round_trip(memories: MemoryRepository) -> None:
    memories.add("tea")
    asked = [f"tea {n}" for n in range(20)]
    sent: list[object] = []
    real = psycopg.Cursor.execute

    class Counting(psycopg.Cursor[tuple[object, ...]]):
        def execute(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - as its parent's
            sent.append(given[0])
            return real(self, *given, **named)

    session = memories._session  # noqa: SLF001
    driver: Any = session.connection().connection.driver_connection
    driver.cursor_factory = Counting
    assert len(memories.search_many(asked)) == 20
    assert len(sent) == 1


def test_questions_and_vectors_belong_together(memories: MemoryRepository) -> None:
    memories.add_many(["green tea", "black coffee"])
    tea, coffee = HashingEmbedder().embed(["green tea", "black coffee"])
    found = memories.search_many([None, "coffee", None], 1, vectors=[tea, None, coffee])
    assert [texts(each) for each in found] == [["green tea"], ["black coffee"], ["black coffee"]]
    with pytest.raises(BadInput, match="2 texts have 1 vectors"):
        memories.search_many(["a", "b"], vectors=[tea])
    with pytest.raises(BadInput, match="a text or a vector"):
        memories.search(None)
    with pytest.raises(BadInput, match=r"100 questions|at most"):
        memories.search_many(["tea"] * 1001)


def test_without_a_text_the_vector_decides(memories: MemoryRepository) -> None:
    memories.add_many(["green tea", "green tea with milk", "coffee"])
    found = memories.search(None, 2, vector=HashingEmbedder().embed(["green tea"])[0])
    assert texts(found) == ["green tea", "green tea with milk"]
    assert [(f.vector_rank, f.keyword_rank, f.coverage) for f in found] == [
        (1, None, None),
        (2, None, None),
    ]
    assert found[0].similarity == pytest.approx(1, abs=1e-3)


# Variety and second reading -----------------------------------------------------------------------


def test_the_more_diversity_the_fewer_of_the_same(memories: MemoryRepository) -> None:
    memories.add_many([f"green tea from Japan, again {n}" for n in range(8)])
    memories.add_many(["green paint", "tea cups", "a map of Japan"])
    query = "green tea from Japan"
    same = [
        sum("again" in content for content in texts(memories.search(query, 4, diversity=share)))
        for share in (0, 0.5, 1)
    ]
    assert same[0] == 4
    assert same[0] > same[1] >= same[2] >= 1
    assert len(memories.search(query, 100, diversity=0.3)) == 11
    first = memories.search(query, 1)
    assert memories.search(query, 1, diversity=0.5) == first
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadInput, match="diversity"):
            memories.search(query, diversity=wrong)


@dataclass(slots=True)
class Longest:
    """A reranker that likes long texts."""

    read: list[str] = field(default_factory=list)

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        self.read += [query, *texts]
        return [len(text) for text in texts]


def test_a_reranker_orders_the_first_thirty(session: Session) -> None:
    reranker = Longest()
    memories = MemoryRepository(session, HashingEmbedder(), reranker=reranker)
    memories.add_many(["tea " + "x" * n for n in range(50)])
    plain = MemoryRepository(session, HashingEmbedder()).search("tea", 40)
    found = memories.search("tea", 40)
    assert len(reranker.read) == 31
    assert [f.rerank_score for f in found[:30]] == sorted(
        (float(len(f.memory.content)) for f in plain[:30]), reverse=True
    )
    assert ids(found[30:]) == ids(plain[30:])
    assert {f.rerank_score for f in found[30:]} == {None}
    assert texts(memories.search("tea", 1)) == texts(found[:1])


# What others have got wrong -----------------------------------------------------------------------


def test_numbers_are_compared_as_numbers(memories: MemoryRepository) -> None:
    memories.add_many([NewMemory(f"tea {n}", metadata={"score": n}) for n in (2, 9, 10, 100)])
    assert sorted(texts(memories.search("tea", filter={"score": {"$gte": 10}}))) == [
        "tea 10",
        "tea 100",
    ]


@pytest.mark.parametrize("odd", ["%", "_", "a%", "it's", 'say "x"', "\\", "a_b", ";--", "日本"])
def test_a_name_with_signs_is_that_name_alone(session: Session, odd: str) -> None:
    def of(name: str) -> MemoryRepository:
        return MemoryRepository(session, HashingEmbedder(), tenant=name, namespace=name)

    for name in (odd, "axb", "abc", "a", "say x"):
        of(name).add(NewMemory(f"tea of {name}", subject=name, agent=name))
    assert texts(of(odd).search("tea", subject=odd, agent=odd)) == [f"tea of {odd}"]
    assert texts(of(odd).search("tea")) == [f"tea of {odd}"]
    assert of(odd).forget(subject=odd) == 1
    assert len(of("axb").search("tea")) == 1


def test_two_thousand_scopes_add_no_index(session: Session) -> None:
    def relations() -> int:
        counted = "SELECT count(*) FROM pg_class WHERE relnamespace = 'agentdb'::regnamespace"
        return int(session.execute(text(counted)).scalar_one())

    before = relations()
    scopes = text(
        "INSERT INTO agentdb.entries (tenant, namespace, kind, subject, content, content_hash) "
        "SELECT 't' || n, 'n' || n, 'fact', 's' || n, 'tea ' || n, sha256(n::text::bytea) "
        "FROM generate_series(1, 2000) AS n"
    )
    session.execute(scopes)
    for n in (1, 1000, 2000):
        own = MemoryRepository(session, HashingEmbedder(), tenant=f"t{n}", namespace=f"n{n}")
        assert texts(own.search("tea")) == [f"tea {n}"]
    assert relations() == before


# When it fails ------------------------------------------------------------------------------------


def test_an_error_of_the_server_is_the_sessions_own(session: Session) -> None:
    session.execute(text("SET LOCAL statement_timeout = 1"))
    with pytest.raises(OperationalError, match="statement timeout"):
        fetch(session, "SELECT pg_sleep(%(seconds)s)", {"seconds": 5})
    session.rollback()
    assert fetch(session, "SELECT %(n)s::integer", {"n": 1}) == [(1,)]


def test_a_connection_that_breaks_is_not_used_again(
    memories: MemoryRepository, session: Session, database_url: str
) -> None:
    memories.search("tea")
    backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with connect(database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [backend])
    with pytest.raises(DatabaseUnreachable):
        memories.search("tea")
    session.rollback()
    assert memories.search("tea") == ()
