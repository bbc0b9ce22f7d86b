"""A shop whose table of products is attached: for the tests of attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from agentdb import database
from agentdb.embedding.embedder import Embedder
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.attachment import AttachmentStatus
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.wiring.working import Worked, Worker
from tests.servers import connect, run, value

PRODUCTS = """CREATE TABLE public.products (
    id bigint PRIMARY KEY, name text, description text,
    price numeric, in_stock boolean DEFAULT true)"""

CATALOG = """
    SELECT 'class ' || oid::regclass::text FROM pg_class
    WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
    UNION ALL SELECT 'function ' || oid::regprocedure::text FROM pg_proc
    WHERE pronamespace <> 'pg_catalog'::regnamespace
    UNION ALL SELECT 'trigger ' || tgname || tgrelid::regclass FROM pg_trigger
    UNION ALL SELECT 'constraint ' || conname || conrelid::regclass FROM pg_constraint
    UNION ALL SELECT 'type ' || oid::regtype::text FROM pg_type
    WHERE typnamespace <> 'pg_catalog'::regnamespace
    UNION ALL SELECT 'role ' || rolname FROM pg_roles
    UNION ALL SELECT 'right ' || relacl::text FROM pg_class WHERE relacl IS NOT NULL
    UNION ALL SELECT 'entry ' || id FROM agentdb.entries
    UNION ALL SELECT 'row ' || entry_id FROM agentdb.attached_rows
    UNION ALL SELECT 'queue ' || id FROM agentdb.row_queue
    UNION ALL SELECT 'attachment ' || name FROM agentdb.attachments
    ORDER BY 1"""


def add_products(url: str, count: int, first: int = 1) -> None:
    """Add products, each with a word of its own."""
    run(
        url,
        f"""INSERT INTO public.products (id, name, description, price)
            SELECT n, 'product word' || n, 'a thing for the house', n
            FROM generate_series({first}, {first + count - 1}) AS n""",
    )


def attach(
    engine: Engine, table: object = "public.products", text: str | Sequence[str] = "name"
) -> str:
    """Attach a table, and return what it is called."""
    with database.session(engine) as session:
        return AttachmentRepository(session).attach(table, text, name="products").name


def catch_up(engine: Engine, embedder: Embedder | None = None) -> Worked:
    """Let a worker work until nothing waits."""
    worker = Worker(engine, embedder or HashingEmbedder())
    done = last = worker.catch_up()
    while last not in (Worked(), Worked(troubles=last.troubles)):
        last = worker.catch_up()
        done += last
    return done


def status(engine: Engine) -> AttachmentStatus:
    """How far the only attachment is."""
    with database.session(engine) as session:
        (found,) = AttachmentRepository(session).status()
        return found


def kept(url: str) -> dict[str, str]:
    """The texts of the rows that can be found, by what they are about."""
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT subject, content FROM agentdb.entries WHERE embedding IS NOT NULL"
        )
        return dict(rows)


def wanted(url: str, table: str = "public.products") -> dict[str, str]:
    """What ought to be kept of products that are found by their name."""
    with connect(url) as connection:
        rows = connection.execute(
            f"SELECT id::text, name FROM {table} WHERE btrim(name) <> ''".encode()
        )
        return dict(rows)


def queued(url: str) -> object:
    """How many rows of the queue there are."""
    return value(url, "SELECT count(*) FROM agentdb.row_queue")


def catalog(url: str) -> list[str]:
    """All that a database holds besides the rows of business tables."""
    with connect(url) as connection:
        return [text for (text,) in connection.execute(CATALOG)]


@dataclass(frozen=True, slots=True)
class Shop:
    """A database with products, and a way in."""

    url: str
    engine: Engine

    def do(self, *statements: str) -> None:
        """Let the application work."""
        run(self.url, *statements)
