"""Many memories at once: the same as one by one, whatever comes between."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from agentdb.database import make_engine, upgrade
from agentdb.database import session as transaction
from agentdb.embedded.server import start, status, stop
from agentdb.embedding.embedder import DIMENSION, unit
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import BadInput, BadMetadata, BadText, DatabaseUnreachable, DimensionMismatch
from agentdb.repositories.bulk import FROM
from agentdb.repositories.memories import LONGEST, MemoryRepository
from agentdb.repositories.memory import Memory, NewMemory
from tests.servers import connect, reachable_folder, value

MAY = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
MANY = 4 * FROM
VECTORS = unit(np.random.default_rng(3).normal(size=(MANY, DIMENSION)).astype(np.float32))
COUNT = "SELECT count(*) FROM agentdb.entries"


@pytest.fixture
def memories(session: Session) -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder(), tenant="50%_'", namespace="a:b")


def odd(number: int) -> NewMemory:
    """A memory that differs from the others in all that a memory can."""
    texts = ["tea", "日本語", "👩‍👩‍👧 é", "'); DROP --", "a\tb\nc\\N", "half \ud83d", "x" * LONGEST]
    return NewMemory(
        f"{texts[number % 7]} {number}"[-LONGEST:],
        kind=("fact", "episode", "preference", "procedure")[number % 4],
        subject=None if number % 3 else f"süb 'ject' {number}",
        agent=None if number % 5 else "agént",
        metadata={} if number % 2 else {"n": number, "é": [1.5, None, True, "ü\\"], "big": 2**60},
        importance=number / MANY,
        ttl=None if number % 6 else timedelta(days=number + 1),
        valid_from=None if number % 4 else MAY,
        vector=None if number % 7 == 1 else VECTORS[number],
    )


def plain(memory: Memory) -> Memory:
    """A memory without what differs by when and in which order it was kept."""
    given = memory.valid_from if memory.valid_from == MAY else MAY - timedelta(1)
    ends = memory.expires_at and memory.expires_at.replace(second=0, microsecond=0)
    return replace(memory, id=0, created_at=MAY, valid_from=given, expires_at=ends)


def test_many_are_kept_as_one_by_one_and_returned_in_their_order(
    memories: MemoryRepository, session: Session
) -> None:
    other = MemoryRepository(session, HashingEmbedder(), tenant="other", namespace="a:b")
    given = [odd(number) for number in range(MANY)]
    together = memories.add_many(given)
    single = [other.add(each) for each in given]
    assert [plain(each) for each in together] == [
        plain(replace(each, tenant="50%_'")) for each in single
    ]
    assert [plain(memories.get(each.id)) for each in together] == [plain(each) for each in together]
    assert [memories.get(each.id).created_at for each in together[:9]] == [
        each.created_at for each in together[:9]
    ]


def test_their_vectors_are_the_ones_that_were_given_or_embedded(
    memories: MemoryRepository,
) -> None:
    kept = memories.add_many([odd(number) for number in range(MANY)])
    for number in range(0, MANY, 13):
        vector = HashingEmbedder().embed([odd(number).content])[0]
        nearest = memories.search("zzz", 1, vector=vector if number % 7 == 1 else VECTORS[number])
        assert nearest[0].memory.id == kept[number].id
        assert nearest[0].similarity == pytest.approx(1, abs=1e-3)


def test_without_vectors_many_are_kept_too(session: Session) -> None:
    memories = MemoryRepository(session)
    some = [NewMemory(f"row {n}", vector=VECTORS[n] if n % 2 else None) for n in range(MANY)]
    memories.add_many(some)
    missing = text(COUNT + " WHERE embedding IS NULL")
    assert session.scalar(missing) == MANY // 2
    assert len(memories.add_many([f"other {n}" for n in range(MANY)])) == MANY


def test_what_is_known_is_counted_and_merged(memories: MemoryRepository) -> None:
    def said(words: str, **of: object) -> list[NewMemory]:
        return [NewMemory(f"row {n}", metadata={words: n, **of}) for n in range(MANY)]

    memories.add_many(said("first", both=1))
    louder = [replace(each, importance=0.9) for each in said("second", both=2)]
    again = memories.add_many([*louder, *said("third"), "another"])
    assert len(again) == 2 * MANY + 1
    assert {each.times for each in again[:-1]} == {3}
    assert {each.importance for each in again[:-1]} == {0.9}
    assert dict(again[7].metadata) == {"first": 7, "second": 7, "third": 7, "both": 2}
    assert again[7] == again[7 + MANY] == memories.get(again[7].id)
    assert again[-1].times == 1


def test_facts_among_many_take_the_place_of_those_before(memories: MemoryRepository) -> None:
    facts = [NewMemory(f"lives in {n}", subject="ada", key="city") for n in range(3)]
    kept = memories.add_many([*facts, *(f"row {n}" for n in range(MANY))])
    assert [each.content for each in memories.history("ada", "city")] == [
        "lives in 0",
        "lives in 1",
        "lives in 2",
    ]
    assert [each.content for each in kept[:3]] == [each.content for each in facts]


def test_it_works_again_and_again_in_one_transaction_and_in_savepoints(
    memories: MemoryRepository, session: Session
) -> None:
    for turn in range(8):  # psycopg prepares what comes often
        with session.begin_nested() as point:
            memories.add_many([f"row {turn} {n}" for n in range(MANY)])
            if turn % 2:
                point.rollback()
    assert session.scalar(text(COUNT)) == 4 * MANY


def test_an_engine_of_the_applications_own_will_do(database_url: str) -> None:
    from sqlalchemy import create_engine  # noqa: PLC0415 - only here is it not ours

    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:", 1))
    with Session(engine) as session, session.begin():
        given = [NewMemory(f"row {n}", vector=VECTORS[n]) for n in range(MANY)]
        assert MemoryRepository(session).load(given).new == MANY
    engine.dispose()


# Light --------------------------------------------------------------------------------------------


def test_loading_tells_how_many_are_new_and_how_many_are_known(memories: MemoryRepository) -> None:
    rows = [f"row {n}" for n in range(MANY)]
    assert (memories.load(rows).new, memories.load(rows).again) == (MANY, MANY)
    mixed = memories.load(
        [*rows[:10], "new", "new", *(NewMemory("x", subject="a", key="k") for _ in range(2))]
    )
    assert (mixed.new, mixed.again, mixed.refused) == (2, 12, ())


BAD = {
    30: NewMemory("  "),
    60: NewMemory("a NUL \0"),
    61: NewMemory("x" * 10_000_000),
    90: NewMemory("tea", metadata={"when": object()}),
    120: NewMemory("tea", subject="x" * 1000),
    150: NewMemory("zero", vector=np.zeros(DIMENSION, dtype=np.float32)),
    151: NewMemory("nan", vector=np.full(DIMENSION, np.nan, dtype=np.float32)),
    152: NewMemory("short", vector=np.ones(3, dtype=np.float32)),
    153: NewMemory("words", vector="a"),  # type: ignore[arg-type]
    180: NewMemory("lives in Rome", subject="ada", key="city", valid_from=MAY),
}


def with_faults() -> Iterator[NewMemory]:
    yield NewMemory("lives in Oslo", subject="ada", key="city", valid_from=MAY)
    for number in range(2, 201):
        yield BAD.get(number) or NewMemory(f"row {number}", vector=VECTORS[number % MANY])


def test_what_cannot_be_kept_is_told_by_its_number_and_the_rest_is_kept(
    memories: MemoryRepository, session: Session
) -> None:
    done = memories.load(with_faults(), on_error="report")
    assert [each.number for each in done.refused] == sorted(BAD)
    assert (done.new, done.again) == (200 - len(BAD), 0)
    assert session.scalar(text(COUNT)) == 200 - len(BAD)
    assert all(each.reason and len(each.reason) < 300 for each in done.refused)
    errors = [type(each.error) for each in done.refused]
    assert (errors[0], errors[3], errors[7]) == (BadText, BadMetadata, DimensionMismatch)


@pytest.mark.parametrize("number", BAD)
def test_by_default_one_fault_refuses_all_and_says_which_it_is(
    memories: MemoryRepository, session: Session, number: int
) -> None:
    given = [each for n, each in enumerate(with_faults(), 1) if n == number or n not in BAD]
    place = next(place for place, each in enumerate(given, 1) if each is BAD[number])
    for do in (memories.add_many, memories.load):
        refused = (BadInput, DimensionMismatch)
        with pytest.raises(refused, match=f"^memory {place}: |has another value"):
            do(given)
        assert session.scalar(text(COUNT)) == 0


# The worst ----------------------------------------------------------------------------------------


@pytest.fixture
def killable() -> Iterator[tuple[Path, str]]:
    with reachable_folder() as parent:
        folder = parent / "server"
        url = start(folder)
        upgrade(url)
        try:
            yield folder, url
        finally:
            stop(folder)


def batch(number: int) -> list[NewMemory]:
    return [NewMemory(f"batch {number} row {n}", vector=VECTORS[n % MANY]) for n in range(2000)]


def test_a_killed_server_loses_nothing_acknowledged_and_keeps_nothing_half(
    killable: tuple[Path, str],
) -> None:
    folder, url = killable
    engine = make_engine(url)
    acknowledged = list[int]()

    def write() -> None:
        for number in range(1000):
            try:
                with transaction(engine) as session:
                    MemoryRepository(session).load(batch(number))
            except DatabaseUnreachable:
                return
            acknowledged.append(number)

    writer = Thread(target=write)
    writer.start()
    while len(acknowledged) < 2:
        time.sleep(0.01)
    wait_until_busy(url)
    pid = status(folder).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    writer.join(60)
    assert not writer.is_alive()
    engine.dispose()
    kept = kept_by_batch(start(folder))
    assert set(acknowledged) <= set(kept) <= {*acknowledged, len(acknowledged)}
    assert set(kept.values()) == {2000}


def wait_until_busy(url: str) -> None:
    busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ '^WITH'"
    while value(url, busy) == 0:
        time.sleep(0.001)


def kept_by_batch(url: str) -> dict[int, int]:
    query = """SELECT split_part(content, ' ', 2)::int, count(*) FROM agentdb.entries GROUP BY 1"""
    with connect(url) as connection:
        return dict(connection.execute(query.encode()).fetchall())


def test_two_who_load_the_same_at_once_keep_it_once(engine: Engine, database_url: str) -> None:
    def write(order: int) -> None:
        with transaction(engine) as session:
            MemoryRepository(session).load([f"row {n}" for n in range(500)][::order])

    writers = [Thread(target=write, args=(order,)) for order in (1, -1, 1, -1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert value(database_url, COUNT) == 500
    assert value(database_url, "SELECT min(times) FROM agentdb.entries") == 4
