"""The database that is measured, and rows sent to it by the shortest way there is: binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import Connection, connect
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from agentdb.database import upgrade
from agentdb.repositories.memory import DEFAULT_TENANT
from benchmarks.memory.corpus import Corpus

INDEX = """
CREATE INDEX entries_embedding_idx ON agentdb.entries
USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 100)
"""

_COPY = """
COPY agentdb.entries (
    id, tenant, namespace, kind, content, content_hash, metadata, importance, embedding
) FROM STDIN (FORMAT binary)
"""
_TYPES = ("int8", "text", "text", "text", "text", "bytea", "jsonb", "float8", "halfvec")

Raw = tuple[int, str, bytes, Mapping[str, int], NDArray[np.float32]]
"""A row at hand: its number, text, hash, metadata, vector."""


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    """Give a database with the schema `agentdb`; drop it in the end, whoever is in it."""
    with connect(server, autocommit=True) as connection:
        _drop(connection, name)
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            upgrade(url)
            yield url
        finally:
            _drop(connection, name)


def open_connection(url: str) -> Connection[TupleRow]:
    """Return a connection in autocommit mode that knows vectors."""
    connection = connect(url, autocommit=True)
    register_vector(connection)
    return connection


def raw_rows(corpus: Corpus) -> list[Raw]:
    """Return the rows as a program would have them at hand."""
    hashes = [sha256(text.encode()).digest() for text in corpus.texts]
    numbers = range(len(corpus.texts))
    columns = (numbers, corpus.texts, hashes, corpus.metadata, corpus.vectors)
    return list(zip(*columns, strict=True))


def copy(connection: Connection[TupleRow], rows: Iterable[Raw], namespace: str, first: int) -> None:
    """Send rows in one binary COPY; a row's id is its number after `first`."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as sent:
        sent.set_types(_TYPES)
        for number, text, digest, metadata, vector in rows:
            whose = (first + number, DEFAULT_TENANT, namespace, "fact")
            sent.write_row((*whose, text, digest, Jsonb(metadata), 0.5, HalfVector(vector)))


def fill(connection: Connection[TupleRow], rows: Iterable[Raw]) -> None:
    """Put these rows alone into the table, and index them."""
    connection.execute("TRUNCATE agentdb.entries CASCADE")
    copy(connection, rows, "", 0)
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute(INDEX)
    connection.execute("VACUUM (ANALYZE) agentdb.entries")


def _drop(connection: Connection[TupleRow], name: str) -> None:
    connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
