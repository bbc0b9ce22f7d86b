"""Searches of attached tables: the best rows that meet a condition, however few or many do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum

import numpy as np
import pytest
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from sqlalchemy import ForeignKey, exists, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column

from agentdb.database import make_engine
from agentdb.embedding.embedder import DIMENSION, Vectors, unit
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadFilter, BadInput
from agentdb.repositories.attachment import FoundRow
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.search.ranking import FEW
from tests.business import PRODUCTS, Shop, attach, catch_up
from tests.servers import connect, database_name, new_database, run

EMBEDDER = HashingEmbedder()
EAST = timezone(timedelta(hours=2))


class Colour(Enum):
    RED = "red"


class Base(DeclarativeBase):
    pass


class Maker(Base):
    __tablename__ = "makers"
    __table_args__ = {"schema": "public"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    town: Mapped[str]


class Product(Base):
    __tablename__ = "products"
    __table_args__ = {"schema": "public"}  # noqa: RUF012

    number: Mapped[int] = mapped_column("id", primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal]
    in_stock: Mapped[bool]
    maker: Mapped[int] = mapped_column(ForeignKey("public.makers.id"))


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """Jackets and kettles of two makers, embedded."""
    shop.do(
        "CREATE TABLE public.makers (id int PRIMARY KEY, town text)",
        "INSERT INTO public.makers VALUES (1, 'Bonn'), (2, 'Oslo')",
        "ALTER TABLE public.products ADD maker int REFERENCES public.makers,"
        " ADD made date, ADD tags text[], ADD about jsonb, ADD code uuid DEFAULT gen_random_uuid()",
        """INSERT INTO public.products (id, name, description, price, in_stock, maker, made, tags,
               about)
           SELECT n, CASE WHEN n % 2 = 0 THEN 'warm jacket ' ELSE 'blue kettle ' END || n, 'x', n,
               n % 3 <> 0, 1 + n % 2, date '2024-01-01' + n, ARRAY['t' || n % 4, 'all'],
               jsonb_build_object('size', n % 5)
           FROM generate_series(1, 60) AS n""",
        "UPDATE public.products SET price = NULL WHERE id = 60",
        "ALTER TABLE public.products ADD at timestamp, ADD seen timestamptz",
        "UPDATE public.products SET about = NULL, tags = ARRAY['red', 'None'],"
        " at = '2024-05-01 10:00', seen = '2024-05-01 10:00+00' WHERE id = 59",
    )
    attach(shop.engine, Product)
    catch_up(shop.engine)
    return shop


def search(shop: Shop, query: str, k: int = 10, **more: object) -> tuple[FoundRow, ...]:
    with Session(shop.engine) as session:
        attachments = AttachmentRepository(session, EMBEDDER)
        return attachments.search("products", query, k, **more)  # type: ignore[arg-type]


def ids(found: Sequence[FoundRow]) -> list[object]:
    return [each.key[0] for each in found]


def test_jackets_in_stock_under_fifty(stocked: Shop) -> None:
    condition = (Product.price < 10) & Product.in_stock
    found = search(stocked, "a warm jacket", 3, where=condition, columns=["name", "price"])
    assert sorted(map(str, ids(found))) == ["2", "4", "8"]
    assert found[0].row.keys() == {"name", "price"}
    assert (found[0].path, found[0].vector_rank, found[0].keyword_rank) == ("exact", 1, 1)
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)


@pytest.mark.parametrize("k", [1, 7, 60, 61, 200])
def test_always_k_rows_or_as_many_as_there_are(stocked: Shop, k: int) -> None:
    assert len(search(stocked, "jacket", k)) == min(k, 60)
    assert len(search(stocked, "jacket", k, where=Product.number > 53)) == min(k, 7)
    assert search(stocked, "jacket", k, where=Product.number > 100) == ()


def test_conditions_may_be_about_other_tables_too(stocked: Shop) -> None:
    of_oslo = exists().where(Maker.id == Product.maker, Maker.town == "Oslo")
    assert {int(str(n)) % 2 for n in ids(search(stocked, "jacket", 20, where=of_oslo))} == {1}
    joined = (Maker.id == Product.maker) & (Maker.town == "Bonn")
    assert {int(str(n)) % 2 for n in ids(search(stocked, "kettle", 20, where=joined))} == {0}
    dear = select(Product.number).where(Product.price > 55)
    other = aliased(Product)
    assert len(search(stocked, "jacket", 20, where=Product.number.in_(dear))) == 4
    assert len(search(stocked, "jacket", 20, where=other.number.in_([1, 2, 3]))) == 3


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"price": {"lt": 3}}, {1, 2}),
        ({"price": {"lte": 2.5}}, {1, 2}),
        ({"id": {"gt": 58.5}}, {59, 60}),
        ({"id": {"in": [1, 2, 99]}}, {1, 2}),
        ({"price": None}, {60}),
        ({"price": {"exists": False}}, {60}),
        ({"price": {"nin": list(range(1, 59))}}, {59, 60}),
        ({"price": {"ne": 59}, "id": {"gte": 59}}, {60}),
        ({"name": "blue kettle 7"}, {7}),
        ({"made": {"lt": "2024-01-04"}}, {1, 2}),
        ({"made": {"lt": date(2024, 1, 4)}, "in_stock": True}, {1, 2}),
        ({"tags": {"contains": ["t1", "all"]}, "id": {"lt": 6}}, {1, 5}),
        ({"about.size": {"gte": 4}, "id": {"lt": 10}}, {4, 9}),
        ({"or": [{"id": 1}, {"and": [{"id": 2}, {"in_stock": True}]}]}, {1, 2}),
        ({"not": {"id": {"gt": 2}}}, {1, 2}),
        ({"not": {"price": {"lt": 60}}}, {60}),
        ({"or": []}, set()),
        ({"id": {"in": []}}, set()),
        ({"and": [], "id": 3}, {3}),
        ({"id": 2**70}, set()),
        ({"code": "0190c7a0-0000-7000-8000-000000000001"}, set()),
        # A list of any length, of values that no one type of whole numbers holds.
        ({"id": {"in": [1, 2.0, 2.5, 2**70, *range(1_000, 80_000)]}}, {1, 2}),
        ({"name": {"in": ["blue kettle 7", *map(str, range(80_000))]}}, {7}),
        ({"made": {"in": [date(2024, 1, 2), datetime(2024, 1, 3, tzinfo=UTC)]}}, {1, 2}),
        # A member of an Enum is its value, also in a list.
        ({"tags": {"contains": Colour.RED}}, {59}),
        ({"tags": {"contains": [Colour.RED, "None"]}}, {59}),
        # Where there is no document nothing is in it.
        ({"about.size": {"ne": 1}, "id": {"gt": 57}}, {58, 59, 60}),
        ({"about.size": {"nin": [3, 1]}, "id": {"gt": 57}}, {59, 60}),
        ({"about.size": {"exists": False}, "id": {"gt": 57}}, {59}),
        ({"about.size": {"exists": True}, "id": {"gt": 57}}, {58, 60}),
        ({"not": {"about.size": 0}, "id": {"gt": 57}}, {58, 59}),
        # A moment keeps its time of day and its time zone, whatever the column has.
        ({"made": {"gt": datetime(2024, 2, 29, 12, tzinfo=UTC)}}, {60}),
        ({"made": datetime(2024, 2, 29, 12, tzinfo=UTC)}, set()),
        ({"at": datetime(2024, 5, 1, 12, tzinfo=EAST)}, {59}),
        ({"at": datetime(2024, 5, 1, 10)}, {59}),  # noqa: DTZ001 - as the column is
        ({"seen": {"lte": datetime(2024, 5, 1, 12, tzinfo=EAST)}}, {59}),
    ],
)
def test_a_filter_means_columns(stocked: Shop, where: object, expected: set[int]) -> None:
    assert set(ids(search(stocked, "jacket", 60, where=where))) == expected


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"prize": 3}, "has no column prize: did you mean price?"),
        ({"price": {"like": 3}}, "unknown operator 'like'"),
        ({"price": "cheap"}, "price is numeric: give a number"),
        ({"price": True}, "give a number"),
        ({"in_stock": 1}, "give true or false"),
        ({"name": 3}, "give a text"),
        ({"made": "yesterday or so"}, "does not fit a column of products"),
        ({"price": {"lt": None}}, "compares values"),
        ({"name": {"contains": "x"}}, "no array"),
        ({"about": {"size": 3}}, "unknown operator"),
        ({"name.x": 3}, "no jsonb"),
        ({"or": {"id": 1}}, "takes a list of filters"),
        ({"id": {"in": 3}}, "takes? a list"),
        ({"name": "a\0b"}, "NUL"),
        ({"id": {}}, "has no operator"),
        ({"name": "half \ud83d"}, "half of one"),
        ({"tags": {"contains": None}}, "contains takes values, not None"),
        ({"tags": {"contains": [{"x": 1}]}}, "contains takes values"),
    ],
)
def test_a_filter_that_is_none_says_so(stocked: Shop, where: object, said: str) -> None:
    with pytest.raises(BadFilter, match=said):
        search(stocked, "jacket", where=where)


def test_what_has_left_the_table_is_not_found_before_a_worker_comes(stocked: Shop) -> None:
    stocked.do("DELETE FROM public.products WHERE id <= 40", "UPDATE public.products SET price = 1")
    assert len(search(stocked, "jacket", 50)) == 20
    assert len(search(stocked, "jacket", 15)) == 15
    assert len(search(stocked, "jacket", 50, where={"price": 1})) == 20


def test_without_a_model_words_decide(stocked: Shop) -> None:
    with Session(stocked.engine) as session:
        found = AttachmentRepository(session).search("products", "kettle 7", 5, columns="all")
    assert (found[0].key, found[0].path, found[0].similarity) == ((7,), "words", 0.0)
    assert found[0].row["about"] == {"size": 2}


def test_bad_questions_are_refused(stocked: Shop) -> None:
    for given in ({"k": 0}, {"k": 10_001}, {"columns": ["nothing"]}):
        with pytest.raises(BadInput):
            search(stocked, "jacket", **given)
    with pytest.raises(BadInput):
        search(stocked, "  ")


def test_the_same_in_plain_sql(stocked: Shop) -> None:
    with connect(stocked.url) as connection:
        rows = connection.execute(
            """SELECT p.id FROM agentdb.search_rows('products', 'warm jacket', k => 3,
                   among => ARRAY(SELECT id::text FROM public.products WHERE price < 10)) AS s
               JOIN public.products AS p ON p.id = s.key[1]::bigint
               ORDER BY s.score DESC"""
        ).fetchall()
    assert {id_ for (id_,) in rows} <= {2, 4, 6, 8}
    assert len(rows) == 3


def test_among_rows_with_a_key_of_two_columns_in_plain_sql(shop: Shop) -> None:
    shop.do(
        "CREATE TABLE public.t (a int, b text, name text, PRIMARY KEY (a, b))",
        "INSERT INTO public.t SELECT n, 'x' || n % 2, 'kettle' FROM generate_series(1, 9) AS n",
    )
    attach(shop.engine, "public.t")
    catch_up(shop.engine)
    with connect(shop.url) as connection:
        rows = connection.execute(
            """SELECT s.key FROM agentdb.search_rows('products', 'kettle', among =>
                   ARRAY(SELECT ARRAY[a::text, b] FROM public.t WHERE b = 'x1' AND a < 6)) AS s"""
        ).fetchall()
    assert sorted(key for (key,) in rows) == [["1", "x1"], ["3", "x1"], ["5", "x1"]]


# Many rows ----------------------------------------------------------------------------------------

ROWS = FEW + 2_000


@pytest.fixture(scope="module")
def large(server: str, template_url: str) -> Iterator[tuple[Shop, Vectors]]:
    """More rows than are compared one by one, with random vectors: row n has the vector n."""
    vectors = unit(np.random.default_rng(3).normal(size=(ROWS, DIMENSION)).astype(np.float32))
    with new_database(server, database_name(template_url)) as url:
        run(url, PRODUCTS)
        engine = make_engine(url)
        attach(engine)
        run(
            url,
            f"""INSERT INTO public.products (id, name, price)
                SELECT n, 'w' || n, n FROM generate_series(0, {ROWS - 1}) AS n""",
            "TRUNCATE agentdb.row_queue",
        )
        _fill(url, vectors)
        yield Shop(url, engine), vectors
        engine.dispose()


def _fill(url: str, vectors: Vectors) -> None:
    with connect(url) as connection:
        register_vector(connection)
        columns = "tenant, namespace, kind, subject, content, content_hash, embedding"
        with connection.cursor().copy(f"COPY agentdb.entries ({columns}) FROM STDIN") as copy:
            for at, vector in enumerate(vectors):
                row = ("default", "attached:products", "row", str(at), f"w{at}", b"x")
                copy.write_row((*row, HalfVector(vector)))
    run(
        url,
        """INSERT INTO agentdb.attached_rows (tenant, attachment_id, key, entry_id)
           SELECT 'default', a.id, ARRAY[e.subject], e.id
           FROM agentdb.entries AS e CROSS JOIN agentdb.attachments AS a""",
        "ANALYZE",
    )


@pytest.mark.parametrize(
    "below",
    [0, 5, 100, FEW - 1, FEW, FEW + 1, ROWS, None],
    ids=lambda below: f"below {below}",
)
def test_however_many_meet_the_condition_the_nearest_are_found(
    large: tuple[Shop, Vectors], below: int | None
) -> None:
    shop, vectors = large
    condition = None if below is None else Product.number < below
    for asked in (3, ROWS - 1):
        alike = vectors[:below] @ vectors[asked] if below != 0 else np.array([])
        nearest = [int(n) for n in np.argsort(-alike)[:10]]
        found = search(shop, "unsaid", 10, where=condition, vector=vectors[asked])
        assert len(found) == min(10, len(alike))
        assert len(set(ids(found)) & set(nearest)) >= min(9, len(nearest))


def test_where_most_of_the_nearest_are_not_meant_the_others_are_found(
    large: tuple[Shop, Vectors],
) -> None:
    shop, vectors = large
    far = np.argsort(vectors @ vectors[0])[: FEW + 500]  # all but the nearest 1,500
    condition = Product.number.in_([int(n) for n in far])
    found = search(shop, "unsaid", 10, where=condition, vector=vectors[0])
    nearest = {int(n) for n in far[::-1][:10]}
    assert len(found) == 10
    assert len(set(ids(found)) & nearest) >= 9  # halves round
    assert {each.path for each in found} == {"exact"}
