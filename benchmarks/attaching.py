"""What does an attachment cost the application? The same writes with and without its triggers.

python -m benchmarks.attaching --url postgresql://…   a database that may be written to

Two tables alike, one of them attached, take turns; medians over the rounds. The schema `agentdb`
is made where it is missing; the two tables, and the attachment, are removed in the end.
"""

# ruff: noqa: S608 - the names of tables are ours

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from psycopg import Connection, connect
from psycopg.rows import TupleRow

from agentdb.database import make_engine, session, upgrade
from agentdb.repositories.attachments import AttachmentRepository

PLAIN, ATTACHED = "agentdb_bench_plain", "agentdb_bench_attached"
MANY = 10_000

Write = Callable[[Connection[TupleRow], str, int], None]


def insert_one(connection: Connection[TupleRow], table: str, number: int) -> None:
    """Insert a row."""
    connection.execute(
        f"INSERT INTO public.{table} VALUES (%s, 'a name', 'what it is', 3, 1)".encode(), (number,)
    )


def insert_many(connection: Connection[TupleRow], table: str, number: int) -> None:
    """Insert ten thousand rows in one statement."""
    connection.execute(
        f"""INSERT INTO public.{table} SELECT n, 'a name ' || n, 'what it is', n % 97, 1
            FROM generate_series({number * MANY}, {(number + 1) * MANY - 1}) AS n""".encode()
    )


def update_text(connection: Connection[TupleRow], table: str, _: int) -> None:
    """Change what rows are found by."""
    connection.execute(f"UPDATE public.{table} SET name = name || 'x' WHERE id < 10000".encode())


def update_stock(connection: Connection[TupleRow], table: str, _: int) -> None:
    """Change what does not matter to us."""
    connection.execute(f"UPDATE public.{table} SET stock = stock + 1 WHERE id < 10000".encode())


WRITES: Mapping[str, tuple[Write, int]] = {
    "insert one row": (insert_one, 300),
    "insert 10,000 rows": (insert_many, 1),
    "update the text of some 10,000 rows": (update_text, 1),
    "update another column of them": (update_stock, 1),
}


@contextmanager
def tables(url: str) -> Iterator[Connection[TupleRow]]:
    """Make the two tables, one of them attached; remove both in the end."""
    upgrade(url)
    engine = make_engine(url)
    with connect(url, autocommit=True) as connection:
        try:
            for table in (PLAIN, ATTACHED):
                connection.execute(
                    f"""CREATE TABLE public.{table} (id bigint PRIMARY KEY, name text,
                        description text, price numeric, stock int)""".encode()
                )
                connection.execute(f"CREATE INDEX ON public.{table} (price)".encode())
            with session(engine) as opened:
                AttachmentRepository(opened).attach(
                    f"public.{ATTACHED}", "name, description", name=ATTACHED
                )
            yield connection
        finally:
            with session(engine) as opened:
                attachments = AttachmentRepository(opened)
                if ATTACHED in attachments.names():
                    attachments.detach(ATTACHED)
            connection.execute(f"DROP TABLE IF EXISTS public.{PLAIN}, public.{ATTACHED}".encode())
            engine.dispose()


def milliseconds(url: str, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Yield each kind of write with the medians of one, without and with triggers."""
    with tables(url) as connection:
        numbers = count(1_000_000_000)
        for name, (write, times) in WRITES.items():
            taken: dict[str, list[float]] = {PLAIN: [], ATTACHED: []}
            for at in range(rounds + 1):
                for table, samples in taken.items():
                    begun = time.perf_counter()
                    for _ in range(times):
                        write(connection, table, at if write is insert_many else next(numbers))
                    samples.append((time.perf_counter() - begun) / times * 1e3)
            plain, attached = (statistics.median(each[1:]) for each in taken.values())
            yield name, plain, attached


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    print(f"{'':38}{'without, ms':>12}{'with, ms':>12}{'ratio':>8}{'more, ms':>10}")
    for name, plain, attached in milliseconds(asked.url, asked.rounds):
        more = attached - plain
        print(f"{name:38}{plain:12.3f}{attached:12.3f}{attached / plain:8.2f}{more:10.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
