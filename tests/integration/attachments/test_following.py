"""What is written to an attached table is followed, whoever writes and whoever works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event, Lock

import numpy as np
import pytest
from sqlalchemy import text

from agentdb import database
from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import EmbeddingError, ModelUnavailable, SpaceMismatch
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.queue import RowQueue
from agentdb.wiring.working import BATCH, LEASE, Worked, Worker
from tests.business import Shop, add_products, attach, catch_up, kept, queued, status, wanted
from tests.servers import connect, value

LATER = "UPDATE agentdb.row_queue SET due_at = now() WHERE due_at > now()"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "


@dataclass
class Watching:
    """A hashing embedder that does something at each call, and counts the texts."""

    do: Callable[[Sequence[str]], None] = lambda _: None
    name: str = "hashing"
    dimension: int = DIMENSION
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self.lock:
            self.asked += texts
        self.do(texts)
        return HashingEmbedder().embed(texts)


# What is queued -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("UPDATE public.products SET name = name || '!' WHERE id = 1", 1),
        ("UPDATE public.products SET price = price + 1", 0),
        ("UPDATE public.products SET name = name, price = 3", 0),
        ("UPDATE public.products SET name = NULL WHERE id <= 2", 2),
        ("UPDATE public.products SET id = id + 1000 WHERE id = 1", 2),
        ("UPDATE public.products SET id = id + 1000", 500),
        ("DELETE FROM public.products WHERE id = 1", 1),
        ("DELETE FROM public.products WHERE id = -1", 0),
        ("INSERT INTO public.products VALUES (1, 'x') ON CONFLICT DO NOTHING", 0),
        (
            (
                "INSERT INTO public.products VALUES (1, 'x'), (999, 'y')"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name"
            ),
            2,
        ),
        (
            (
                "MERGE INTO public.products AS p"
                " USING (VALUES (1), (2), (999)) AS n (id) ON n.id = p.id"
                " WHEN MATCHED AND p.id = 1 THEN DELETE"
                " WHEN MATCHED THEN UPDATE SET name = 'merged'"
                " WHEN NOT MATCHED THEN INSERT VALUES (n.id, 'new')"
            ),
            3,
        ),
    ],
)
def test_only_what_concerns_the_text_or_the_key_is_queued(
    shop: Shop, statement: str, rows: int
) -> None:
    add_products(shop.url, 250)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do(statement)
    keys = "SELECT coalesce(sum(array_length(keys, 1)), 0) FROM agentdb.row_queue"
    assert value(shop.url, keys) == rows
    catch_up(shop.engine)
    assert kept(shop.url) == wanted(shop.url)
    assert queued(shop.url) == 0


def test_a_copy_of_ten_thousand_rows_is_queued_in_a_hundred_parts(shop: Shop) -> None:
    attach(shop.engine)
    copying = "COPY public.products (id, name) FROM STDIN"
    with connect(shop.url) as connection, connection.cursor().copy(copying) as copy:
        for number in range(10_000):
            copy.write_row((number, "x"))
    assert queued(shop.url) == 100


def test_a_write_that_is_rolled_back_leaves_nothing_in_the_queue(shop: Shop) -> None:
    attach(shop.engine)
    with connect(shop.url) as connection, connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO public.products VALUES (1, 'x')")
        connection.execute("TRUNCATE public.products")
    assert queued(shop.url) == 0


def test_a_truncated_table_has_no_entries(shop: Shop) -> None:
    add_products(shop.url, 250)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do("TRUNCATE public.products")
    add_products(shop.url, 2)
    assert catch_up(shop.engine).removed == 248
    assert kept(shop.url) == wanted(shop.url)
    assert status(shop.engine).state == "in step"


def test_rows_that_a_foreign_key_takes_along_are_forgotten(shop: Shop) -> None:
    shop.do(
        "CREATE TABLE public.makers (id int PRIMARY KEY)",
        "ALTER TABLE public.products ADD maker int REFERENCES public.makers ON DELETE CASCADE",
        "INSERT INTO public.makers VALUES (1)",
        "INSERT INTO public.products (id, name, maker) VALUES (1, 'x', 1), (2, 'y', NULL)",
    )
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do("DELETE FROM public.makers")
    catch_up(shop.engine)
    assert kept(shop.url) == {"2": "y"}


def test_two_rows_that_say_the_same_are_two_and_embedded_once(shop: Shop) -> None:
    shop.do("INSERT INTO public.products VALUES (1, 'same'), (2, 'same')")
    attach(shop.engine)
    model = Watching()
    assert catch_up(shop.engine, model).embedded == 2
    assert model.asked == ["same"]
    assert kept(shop.url) == {"1": "same", "2": "same"}


def test_what_says_nothing_is_not_kept_and_unchanged_text_not_embedded_again(shop: Shop) -> None:
    shop.do("INSERT INTO public.products VALUES (1, NULL, '  '), (2, 'a', NULL), (3, 'b', 'c')")
    attach(shop.engine, text="{name}, {description}")
    catch_up(shop.engine)
    assert kept(shop.url) == {"2": "a, ", "3": "b, c"}
    model = Watching()
    shop.do(
        "UPDATE public.products SET name = 'x' WHERE id = 2",
        "UPDATE public.products SET name = 'a' WHERE id = 2",
        "UPDATE public.products SET name = ' ', description = NULL WHERE id = 3",
    )
    catch_up(shop.engine, model)
    assert (model.asked, kept(shop.url)) == ([], {"2": "a, "})


# What becomes of the table ------------------------------------------------------------------------


@pytest.mark.parametrize("written_before_work", [True, False])
def test_columns_that_are_renamed_are_followed(shop: Shop, *, written_before_work: bool) -> None:
    add_products(shop.url, 3)
    attach(shop.engine, text="{name}: {description}")
    catch_up(shop.engine)
    shop.do(
        "ALTER TABLE public.products RENAME name TO title",
        "ALTER TABLE public.products RENAME id TO number",
        "ALTER TABLE public.products RENAME TO goods",
    )
    insert = "INSERT INTO public.goods VALUES (7, 'kettle', 'red')"
    if written_before_work:
        shop.do(insert)
        catch_up(shop.engine)
    else:
        catch_up(shop.engine)
        shop.do(insert)
        catch_up(shop.engine)
    assert kept(shop.url)["7"] == "kettle: red"
    assert len(kept(shop.url)) == 4
    now = status(shop.engine)
    assert (now.state, now.table, now.text) == ("in step", "goods", "{title}: {description}")
    with database.session(shop.engine) as session:
        (found,) = AttachmentRepository(session).search("products", "kettle", columns=["title"])
    assert found.row == {"title": "kettle"}


def test_a_column_that_was_replaced_under_its_name_is_meant(shop: Shop) -> None:
    add_products(shop.url, 2)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do(
        "ALTER TABLE public.products RENAME name TO old_name",
        "ALTER TABLE public.products ADD name text DEFAULT 'new'",
    )
    catch_up(shop.engine)
    assert kept(shop.url) == {"1": "new", "2": "new"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP COLUMN name", "has no column name any more"),
        ("DROP CONSTRAINT products_pkey", "another primary key"),
        ("DROP CONSTRAINT products_pkey, ADD PRIMARY KEY (id, price)", "another primary key"),
    ],
)
def test_what_cannot_be_followed_any_more_is_told_and_the_application_goes_on(
    shop: Shop, change: str, said: str
) -> None:
    add_products(shop.url, 2)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do(
        f"ALTER TABLE public.products {change}",
        "INSERT INTO public.products (id, price) VALUES (7, 3)",
        "UPDATE public.products SET price = 9",
        "DELETE FROM public.products WHERE id = 7",
    )
    assert said in catch_up(shop.engine).troubles[0]
    assert (status(shop.engine).state, said in str(status(shop.engine).error)) == ("broken", True)


def test_types_may_change(shop: Shop) -> None:
    add_products(shop.url, 2)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do("ALTER TABLE public.products ALTER id TYPE text", "DELETE FROM public.products")
    shop.do("INSERT INTO public.products VALUES ('x-1', 'kettle')")
    catch_up(shop.engine)
    assert kept(shop.url) == {"x-1": "kettle"}


def test_partitions_are_followed_also_those_that_come_later(shop: Shop) -> None:
    shop.do(
        "CREATE TABLE public.p (id int, name text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
        "CREATE TABLE public.p1 (name text, id int NOT NULL)",
        "ALTER TABLE public.p ATTACH PARTITION public.p1 FOR VALUES FROM (0) TO (100)",
        "INSERT INTO public.p SELECT n, 'a' || n FROM generate_series(1, 10) AS n",
    )
    attach(shop.engine, "public.p")
    catch_up(shop.engine)
    shop.do("INSERT INTO public.p1 VALUES ('direct', 50)")
    catch_up(shop.engine)
    assert kept(shop.url) == wanted(shop.url, "public.p")
    shop.do(
        "CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES FROM (100) TO (200)",
        "INSERT INTO public.p2 VALUES (150, 'new')",
        "UPDATE public.p SET id = 160 WHERE id = 1",
    )
    catch_up(shop.engine)
    shop.do("UPDATE public.p2 SET name = 'newer' WHERE id = 150", "TRUNCATE public.p1")
    catch_up(shop.engine)
    assert kept(shop.url) == wanted(shop.url, "public.p") == {"150": "newer", "160": "a1"}
    shop.do("ALTER TABLE public.p DETACH PARTITION public.p2")
    shop.do("INSERT INTO public.p2 VALUES (170, 'alone')")
    catch_up(shop.engine)
    assert "170" not in kept(shop.url)


# Many at once -------------------------------------------------------------------------------------


def write_for(shop: Shop, stop: Event, seed: int) -> int:
    """Insert, change, move and delete rows until told to stop; return how often."""
    dice = np.random.default_rng(seed)
    done = 0
    with connect(shop.url) as connection:
        while not stop.is_set():
            one, other = (int(n) for n in dice.integers(1, 3_000, 2))
            match dice.integers(5):
                case 0:
                    connection.execute("DELETE FROM public.products WHERE id = %s", (one,))
                case 1:
                    connection.execute(
                        "UPDATE public.products SET id = %s WHERE id = %s"
                        " AND NOT EXISTS (SELECT FROM public.products WHERE id = %s)",
                        (other, one, other),
                    )
                case _:
                    connection.execute(
                        "INSERT INTO public.products VALUES (%s, %s) ON CONFLICT (id)"
                        " DO UPDATE SET name = excluded.name",
                        (one, f"written {done} by {seed}"),
                    )
            done += 1
            time.sleep(0.002)
    return done


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_written_during_the_back_fill_are_kept_as_they_are_in_the_end(
    shop: Shop, workers: int
) -> None:
    add_products(shop.url, 2_000)
    attach(shop.engine)
    stop = Event()
    slow = Watching(lambda _: time.sleep(0.01))
    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(write_for, shop, stop, 1)]
        writing += [pool.submit(write_for, shop, stop, 100)] if workers > 1 else []
        worker = Worker(shop.engine, slow, batch=50, lease=timedelta(milliseconds=20))
        working = [pool.submit(worker.catch_up) for _ in range(workers)]
        for each in working:
            each.result()
        assert [each.result() for each in working]
        stop.set()
        assert sum(each.result() for each in writing) > 50
    shop.do(LATER)
    done = catch_up(shop.engine)
    assert (done.failed, done.troubles) == (0, ())
    assert kept(shop.url) == wanted(shop.url)
    assert queued(shop.url) == 0


def test_a_row_written_while_its_text_is_embedded_is_looked_at_again(shop: Shop) -> None:
    shop.do("INSERT INTO public.products VALUES (1, 'old'), (2, 'gone'), (3, 'same')")
    attach(shop.engine)

    def meanwhile(texts: Sequence[str]) -> None:
        if "old" in texts:
            shop.do(
                "UPDATE public.products SET name = 'new' WHERE id = 1",
                "DELETE FROM public.products WHERE id = 2",
            )

    catch_up(shop.engine, Watching(meanwhile))
    assert kept(shop.url) == {"1": "new", "3": "same"}


def test_a_worker_that_is_late_does_not_bring_back_what_was(shop: Shop) -> None:
    shop.do("INSERT INTO public.products VALUES (1, 'old')")
    attach(shop.engine)

    def meanwhile(texts: Sequence[str]) -> None:
        if "old" in texts:
            shop.do("UPDATE public.products SET name = 'new' WHERE id = 1")
            assert catch_up(shop.engine).embedded == 1
            assert kept(shop.url) == {"1": "new"}

    catch_up(shop.engine, Watching(meanwhile))
    assert kept(shop.url) == {"1": "new"}


def test_workers_share_what_there_is(shop: Shop) -> None:
    add_products(shop.url, 1_000)
    attach(shop.engine)
    model = Watching(lambda _: time.sleep(0.02))
    with ThreadPoolExecutor(3) as pool:
        worker = Worker(shop.engine, model, batch=50)
        done = list(pool.map(lambda _: worker.catch_up(), range(3)))
    assert sum(each.embedded for each in done) == 1_000
    assert sum(each.embedded > 0 for each in done) > 1
    assert sorted(model.asked) == sorted(wanted(shop.url).values())  # none of them twice


def test_no_transaction_is_open_while_texts_are_embedded(shop: Shop) -> None:
    add_products(shop.url, 3)
    attach(shop.engine)
    seen: list[object] = []
    idle = WAITING + "state LIKE 'idle in transaction%'"
    catch_up(shop.engine, Watching(lambda _: seen.append(value(shop.url, idle))))
    assert seen == [0]


def test_an_application_never_waits_for_a_worker(shop: Shop) -> None:
    add_products(shop.url, 10)
    attach(shop.engine)
    catch_up(shop.engine)
    add_products(shop.url, 10, first=11)
    with database.session(shop.engine) as session:
        followed = AttachmentRepository(session).follow("products")
        queue = RowQueue(session, followed, HashingEmbedder())
        assert queue.take(100, LEASE)
        queue.keep(queue.read([("1",), ("11",)]), {})
        with connect(shop.url) as connection:
            connection.execute("SET lock_timeout = '1s'")
            connection.execute("UPDATE public.products SET name = 'x'")
            connection.execute("DELETE FROM public.products WHERE id = 11")
        # Nor another worker, for what is taken.
        with database.session(shop.engine) as other:
            taken = RowQueue(other, followed, HashingEmbedder()).take(1_000, LEASE)
            assert sum(len(claim.keys) for claim in taken) == 21


def test_while_somebody_detaches_workers_stop(shop: Shop) -> None:
    add_products(shop.url, 10)
    attach(shop.engine)

    def meanwhile(_: Sequence[str]) -> None:
        with database.session(shop.engine) as session:
            AttachmentRepository(session).detach("products")

    assert catch_up(shop.engine, Watching(meanwhile)) == Worked()
    assert kept(shop.url) == {}


# What goes wrong ----------------------------------------------------------------------------------


PROGRAM = """
import sys, time
from agentdb.database import make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.wiring.working import Worker

class Stuck:
    name, dimension, calls = "hashing", 384, 0
    def embed(self, texts):
        Stuck.calls += 1
        if Stuck.calls == 3:
            print("stuck", flush=True)
            time.sleep(600)
        return HashingEmbedder().embed(texts)

Worker(make_engine(sys.argv[1]), Stuck(), batch=100).catch_up()
"""


def test_a_worker_that_is_killed_loses_nothing(shop: Shop) -> None:
    add_products(shop.url, 1_000)
    attach(shop.engine)
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", PROGRAM, shop.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"stuck\n"
        worker.send_signal(signal.SIGKILL)
    assert len(kept(shop.url)) == 200
    before = catch_up(shop.engine)
    assert before.embedded == 700  # not what the other one has
    assert (status(shop.engine).state, status(shop.engine).waiting) == ("behind", 100)
    shop.do(f"UPDATE agentdb.row_queue SET due_at = due_at - interval '{LEASE.seconds} seconds'")
    assert catch_up(shop.engine).embedded == 100
    assert kept(shop.url) == wanted(shop.url)


def test_an_interrupted_worker_gives_back_what_it_has(shop: Shop) -> None:
    add_products(shop.url, 500)
    attach(shop.engine)

    def interrupt(texts: Sequence[str]) -> None:
        if "product word300" in texts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(shop.engine, Watching(interrupt))
    assert len(kept(shop.url)) == 200
    assert catch_up(shop.engine).embedded == 300


def test_the_back_fill_goes_on_where_it_was(shop: Shop) -> None:
    add_products(shop.url, 100)
    attach(shop.engine)
    with database.session(shop.engine) as session:
        followed = AttachmentRepository(session).follow("products")
        assert RowQueue(session, followed).feed(60)
    shop.do("UPDATE agentdb.row_queue SET due_at = 'infinity'")
    assert catch_up(shop.engine).embedded == 40
    shop.do(LATER)
    assert catch_up(shop.engine).embedded == 60


def poisoned(texts: Sequence[str]) -> None:
    if any("word13" in each for each in texts):
        raise ValueError("thirteen is not for me")


def test_a_row_that_cannot_be_embedded_stands_in_nobodys_way(shop: Shop) -> None:
    add_products(shop.url, 20)
    shop.do("INSERT INTO public.products VALUES (21, repeat('long ', 30000))")
    attach(shop.engine)
    model = Watching(poisoned)
    done = catch_up(shop.engine, model)
    assert (done.embedded, done.failed) == (19, 2)
    now = status(shop.engine)
    assert (now.embedded, now.failed, now.waiting, now.state) == (19, 2, 0, "in step")
    reasons = "SELECT string_agg(error, '|' ORDER BY keys) FROM agentdb.row_queue"
    said = str(value(shop.url, reasons))
    assert "ValueError: thirteen is not for me" in said
    assert "its text has 150,000 characters" in said


def test_what_has_failed_is_tried_again_later_and_later(shop: Shop) -> None:
    add_products(shop.url, 15)
    attach(shop.engine)
    waits = []
    for _ in range(4):
        catch_up(shop.engine, Watching(poisoned))
        assert catch_up(shop.engine, Watching(poisoned)) == Worked()  # not before its time
        wait = value(
            shop.url,
            "SELECT round(extract(epoch FROM due_at - clock_timestamp()) / 30)::int"
            " FROM agentdb.row_queue",
        )
        waits.append((wait, value(shop.url, "SELECT attempts FROM agentdb.row_queue")))
        shop.do(LATER)
    assert waits == [(1, 1), (2, 2), (4, 3), (8, 4)]
    catch_up(shop.engine)
    assert kept(shop.url) == wanted(shop.url)
    assert status(shop.engine).failed == 0


def test_a_row_that_is_mended_is_no_failure_any_more(shop: Shop) -> None:
    add_products(shop.url, 15)
    attach(shop.engine)
    catch_up(shop.engine, Watching(poisoned))
    assert status(shop.engine).failed == 1
    shop.do("UPDATE public.products SET name = 'well' WHERE id = 13")
    catch_up(shop.engine, Watching(poisoned))
    assert (status(shop.engine).failed, queued(shop.url)) == (0, 0)
    assert kept(shop.url) == wanted(shop.url)


def test_a_vector_without_a_direction_is_a_failure_of_its_row(shop: Shop) -> None:
    @dataclass
    class Blank(Watching):
        def embed(self, texts: Sequence[str]) -> Vectors:
            vectors = HashingEmbedder().embed(texts)
            vectors[[at for at, each in enumerate(texts) if "word3" in each]] = np.nan
            return vectors

    add_products(shop.url, 5)
    attach(shop.engine)
    done = catch_up(shop.engine, Blank())
    assert (done.embedded, done.failed) == (4, 1)


@pytest.mark.parametrize("error", [ModelUnavailable, EmbeddingError])
def test_a_model_that_is_down_is_no_rows_fault(shop: Shop, error: type[EmbeddingError]) -> None:
    add_products(shop.url, 500)
    attach(shop.engine)

    def down(_: Sequence[str]) -> None:
        raise error("no answer")

    model = Watching(down)
    with pytest.raises(error, match="no answer"):
        catch_up(shop.engine, model)
    assert len(model.asked) <= BATCH + 1
    assert status(shop.engine).failed == 0
    assert catch_up(shop.engine).embedded == 500


def test_another_model_than_before_is_refused(shop: Shop) -> None:
    add_products(shop.url, 2)
    attach(shop.engine)
    catch_up(shop.engine)
    add_products(shop.url, 2, first=3)
    with pytest.raises(SpaceMismatch, match="hashing"):
        catch_up(shop.engine, Watching(name="another"))
    assert catch_up(shop.engine).embedded == 2


def test_a_worker_goes_on_until_it_is_stopped(shop: Shop) -> None:
    attach(shop.engine)
    stop, done = Event(), list[Worked]()

    def hear(worked: Worked) -> None:
        done.append(worked)
        match len(done):
            case 1:
                add_products(shop.url, 3)
            case 3:
                stop.set()

    worker = Worker(shop.engine, HashingEmbedder())
    worker.run(stop, every=timedelta(milliseconds=1), tell=hear)
    assert [each.embedded for each in done] == [0, 3, 0]


def test_progress_counts_the_rows_that_are_left(shop: Shop) -> None:
    add_products(shop.url, 450)
    attach(shop.engine)
    told: list[tuple[int, int]] = []
    worker = Worker(shop.engine, HashingEmbedder())
    worker.catch_up(tell=lambda _, done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((0, 450), (450, 450))
    assert told == sorted(told)


def test_who_waits_and_for_how_long_is_told(shop: Shop) -> None:
    add_products(shop.url, 3)
    attach(shop.engine)
    assert status(shop.engine).state == "back-filling"
    catch_up(shop.engine)
    add_products(shop.url, 150, first=4)
    shop.do("UPDATE agentdb.row_queue SET queued_at = queued_at - interval '1 hour'")
    now = replace(status(shop.engine), lag_seconds=0.0)
    assert (now.state, now.rows, now.embedded, now.waiting) == ("behind", 153, 3, 150)
    assert 3600 <= status(shop.engine).lag_seconds < 3700


def test_a_write_and_its_trigger_are_one_transaction(shop: Shop) -> None:
    attach(shop.engine)
    with connect(shop.url) as connection, connection.transaction():
        connection.execute("INSERT INTO public.products VALUES (1, 'x')")
        assert catch_up(shop.engine) == Worked()
    assert catch_up(shop.engine).embedded == 1


def test_what_is_read_is_found_by_indexes(shop: Shop) -> None:
    add_products(shop.url, 5_000)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do(
        """INSERT INTO agentdb.row_queue (tenant, attachment_id, keys, due_at)
           SELECT 'default', n, '{}', 'infinity' FROM generate_series(1000, 9000) AS n""",
        "ANALYZE",
    )
    plans: list[str] = []
    with database.session(shop.engine) as session:
        raw = session.connection().connection.driver_connection
        assert raw is not None
        raw.add_notice_handler(lambda said: plans.append(said.message_primary or ""))
        for setting in (
            "LOAD 'auto_explain'",
            "SET auto_explain.log_min_duration = 0",
            "SET client_min_messages = log",
        ):
            session.execute(text(setting))
        queue = RowQueue(session, AttachmentRepository(session).follow("products"))
        plans.clear()
        queue.read([(str(n),) for n in range(100)])
        queue.take(10, LEASE)
        queue.finish([], failed={("1",): "x"})
    assert plans
    assert [plan for plan in plans if "Seq Scan" in plan] == []
