"""What is remembered: kept once, changed, superseded and forgotten in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from time import sleep

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import AgentDBError, BadInput, BadText, DatabaseUnreachable, NotFound
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Memory, NewMemory
from tests.servers import connect, value

JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4))


def repository(session: Session, tenant: str = "acme", namespace: str = "") -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder(), tenant=tenant, namespace=namespace)


@pytest.fixture
def memories(session: Session) -> MemoryRepository:
    return repository(session)


def city(name: str, since: datetime | None = None, until: datetime | None = None) -> NewMemory:
    return NewMemory(name, subject="ada", key="city", valid_from=since, valid_to=until)


def texts(found: tuple[Memory, ...]) -> list[str]:
    return [memory.content for memory in found]


def current(memories: MemoryRepository) -> list[str]:
    return [m.content for m in memories.history("ada", "city") if m.valid_to is None]


def holding(memories: MemoryRepository) -> list[str]:
    """What is found now."""
    return [found.memory.content for found in memories.search("city")]


def rows(session: Session) -> int:
    count = session.scalar(text("SELECT count(*) FROM agentdb.entries"))
    assert isinstance(count, int)
    return count


# Kept and read ------------------------------------------------------------------------------------


def test_what_was_added_is_read_again(memories: MemoryRepository) -> None:
    when = datetime.now(UTC)
    added = memories.add(
        NewMemory(
            "Ada prefers tea",
            kind="preference",
            subject="ada",
            agent="waiter",
            metadata={"cups": 3, "when": when},
            importance=0.9,
            ttl=timedelta(days=1),
        )
    )
    assert memories.get(added.id) == added
    assert (added.kind, added.subject, added.agent) == ("preference", "ada", "waiter")
    assert (added.tenant, added.namespace, added.importance, added.times) == ("acme", "", 0.9, 1)
    assert added.metadata == {"cups": 3, "when": when.isoformat(timespec="microseconds")}
    assert added.valid_to is None
    assert added.expires_at is not None
    assert timedelta(hours=23) < added.expires_at - when < timedelta(hours=25)


def test_many_come_back_in_the_order_they_were_given(memories: MemoryRepository) -> None:
    given = [f"thing {number % 1100}" for number in range(1200)]
    given[5:5] = ["zebra", "aardvark"]
    assert texts(memories.add_many(given)) == given


def test_nothing_to_add_is_no_error(memories: MemoryRepository) -> None:
    assert memories.add_many([]) == ()


def test_the_same_text_again_is_counted_and_merged(memories: MemoryRepository) -> None:
    first = memories.add(NewMemory("tea", metadata={"a": 1, "b": 1}, importance=0.8))
    second = memories.add(NewMemory("tea", metadata={"b": 2}, importance=0.2))
    assert (second.id, second.times, second.importance) == (first.id, 2, 0.8)
    assert second.metadata == {"a": 1, "b": 2}


def test_the_same_text_twice_in_one_call_is_one_row(
    memories: MemoryRepository, session: Session
) -> None:
    kept = memories.add_many(["tea", "milk", "tea"])
    assert kept[0] == kept[2]
    assert [memory.times for memory in kept] == [2, 1, 2]
    assert rows(session) == 2


def test_texts_that_differ_only_in_their_unicode_form_are_one(memories: MemoryRepository) -> None:
    assert memories.add("caf\u00e9").id == memories.add("cafe\u0301").id


@pytest.mark.parametrize(
    "other",
    [
        NewMemory("tea", kind="episode"),
        NewMemory("tea", subject="bob"),
        NewMemory("tea", subject="ada", key="drink"),
        NewMemory("Tea"),
    ],
)
def test_the_same_text_of_something_else_is_another_memory(
    memories: MemoryRepository, other: NewMemory
) -> None:
    first = memories.add("tea")
    assert memories.add(other).id != first.id
    assert memories.get(first.id).times == 1


@pytest.mark.parametrize(("tenant", "namespace"), [("other", ""), ("acme", "shop")])
def test_tenants_and_namespaces_share_nothing(
    session: Session, memories: MemoryRepository, tenant: str, namespace: str
) -> None:
    mine = memories.add(city("Berlin"))
    theirs = repository(session, tenant, namespace)
    assert theirs.add(city("Berlin")).id != mine.id
    assert theirs.history("ada", "city") != memories.history("ada", "city")
    with pytest.raises(NotFound):
        theirs.get(mine.id)
    with pytest.raises(NotFound):
        theirs.update(mine.id, importance=1)
    assert theirs.forget(mine.id) == 0
    assert theirs.forget(subject="ada") == 1
    assert memories.get(mine.id) == mine


@pytest.mark.parametrize("name", ["%", "_", "a%", "it's", 'say "hi"', "back\\slash", "日本", "é\n"])
def test_names_are_taken_as_they_are(session: Session, name: str) -> None:
    odd, plain = repository(session, name, name), repository(session, "abc", "abc")
    kept = odd.add(NewMemory("tea", subject=name, agent=name))
    plain.add(NewMemory("tea", subject="abc", agent="abc"))
    assert [f.memory for f in odd.search("tea", subject=name, agent=name)] == [kept]
    assert plain.search("tea", subject=name) == ()
    assert (plain.forget(subject=name), odd.forget(subject=name)) == (0, 1)


# Changed and forgotten ----------------------------------------------------------------------------


def test_an_update_changes_what_is_given_and_nothing_else(memories: MemoryRepository) -> None:
    before = memories.add(NewMemory("tea", subject="ada", metadata={"a": 1}))
    after = memories.update(before.id, importance=1, expires_at=JANUARY)
    assert (after.importance, after.expires_at) == (1, JANUARY)
    assert (after.content, after.metadata, after.id) == ("tea", {"a": 1}, before.id)
    assert memories.update(before.id) == after


def test_an_updated_text_is_found_by_its_new_words_and_meaning(memories: MemoryRepository) -> None:
    changed = memories.add("the cat sleeps")
    memories.add("the dog barks")
    memories.update(changed.id, content="a parrot talks", metadata={"b": 2})
    found = memories.search("parrot talks")[0]
    assert (found.memory.id, found.vector_rank, found.keyword_rank) == (changed.id, 1, 1)
    assert memories.search("cat sleeps")[0].keyword_rank is None


def test_an_update_to_what_is_there_already_is_refused_and_the_transaction_goes_on(
    memories: MemoryRepository, session: Session
) -> None:
    memories.add("tea")
    other = memories.add("milk")
    with pytest.raises(BadInput, match="remembered already"):
        memories.update(other.id, content="tea")
    assert memories.get(other.id).content == "milk"
    assert rows(session) == 2


def test_what_is_not_there_cannot_be_read_or_changed(memories: MemoryRepository) -> None:
    for number in (4711, -1, 2**63 - 1, 2**63, -(2**70)):
        for do in (memories.get, lambda number: memories.update(number, importance=1)):
            with pytest.raises(NotFound, match=str(number)):
                do(number)
        assert memories.forget(number) == 0


def test_forgetting_says_how_many(memories: MemoryRepository) -> None:
    one = memories.add("tea")
    memories.add_many([NewMemory(t, subject="ada") for t in ("a", "b")])
    memories.update(memories.add("old").id, expires_at=JANUARY)
    assert memories.forget(one.id) == 1
    assert memories.forget(one.id) == 0
    assert memories.forget(subject="ada") == 2
    assert memories.forget(expired=True) == 1
    with pytest.raises(BadInput, match="what to forget"):
        memories.forget()


def test_what_expires_while_a_transaction_goes_on_can_be_forgotten_in_it(
    memories: MemoryRepository,
) -> None:
    memories.add(NewMemory("tea", ttl=timedelta(milliseconds=1)))
    sleep(0.01)
    assert memories.search("tea") == ()
    assert memories.forget(expired=True) == 1


def test_forgetting_a_subject_takes_the_old_values_too(
    memories: MemoryRepository, session: Session
) -> None:
    memories.add_many([city("Berlin"), city("Paris")])
    assert memories.forget(subject="ada") == 2
    assert rows(session) == 0


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("others", [0, 20])
@pytest.mark.parametrize("order", [1, -1])
def test_what_is_said_now_holds_now_also_if_it_was_to_begin_later(
    memories: MemoryRepository, order: int, others: int, together: bool
) -> None:
    later = NewMemory("the shop is open", valid_from=datetime.now(UTC) + timedelta(days=3))
    given = [later, NewMemory("the shop is open")][::order]
    parts = [given] if together else [[each] for each in given]
    for part in parts:
        memories.add_many([*part, *(f"other {n}" for n in range(others))])
    [found] = memories.search("shop", 1)
    assert (found.memory.content, found.memory.times) == ("the shop is open", 2)


# Facts --------------------------------------------------------------------------------------------


def test_a_new_value_ends_the_one_before_where_it_begins(memories: MemoryRepository) -> None:
    memories.add_many([city("Berlin", JANUARY), city("Paris", FEBRUARY), city("Rome", MARCH)])
    values = memories.history("ada", "city")
    assert texts(values) == ["Berlin", "Paris", "Rome"]
    assert [v.valid_from for v in values] == [JANUARY, FEBRUARY, MARCH]
    assert [v.valid_to for v in values] == [FEBRUARY, MARCH, None]


def test_a_value_that_comes_back_is_a_third_row(memories: MemoryRepository) -> None:
    for name in ("Berlin", "Paris", "Berlin"):
        memories.add(city(name))
    values = memories.history("ada", "city")
    assert texts(values) == ["Berlin", "Paris", "Berlin"]
    assert [v.valid_to for v in values] == [values[1].valid_from, values[2].valid_from, None]
    assert [v.times for v in values] == [1, 1, 1]


def test_the_same_value_again_is_only_counted(memories: MemoryRepository) -> None:
    first = memories.add(city("Berlin"))
    again = memories.add(city("Berlin"))
    assert (again.id, again.times, again.valid_from) == (first.id, 2, first.valid_from)
    assert len(memories.history("ada", "city")) == 1


def test_a_value_that_begins_later_holds_from_now_on_if_it_is_said_now(
    memories: MemoryRepository,
) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    first = memories.add(city("Berlin", later))
    assert holding(memories) == []
    again = memories.add(city("Berlin"))
    assert (again.id, again.times) == (first.id, 2)
    assert holding(memories) == ["Berlin"]


def test_a_value_that_begins_later_is_not_put_before_the_one_until_then(
    memories: MemoryRepository,
) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    memories.add_many([city("Berlin"), city("Paris", later)])
    with pytest.raises(BadInput, match="later valid_from"):
        memories.add(city("Paris"))
    assert holding(memories) == ["Berlin"]
    assert [v.valid_from for v in memories.history("ada", "city")][1] == later


def test_a_value_that_held_before_too_is_a_row_of_its_own(memories: MemoryRepository) -> None:
    memories.add_many([city("Berlin", MARCH), city("Berlin", JANUARY, FEBRUARY)])
    values = memories.history("ada", "city")
    assert [(v.valid_from, v.valid_to) for v in values] == [(JANUARY, FEBRUARY), (MARCH, None)]
    assert memories.add(city("Berlin", MARCH, APRIL)).valid_to is None  # within what holds


def test_a_value_that_is_said_again_with_a_vector_is_found_by_it(session: Session) -> None:
    MemoryRepository(session).add(city("Berlin"))
    memories = MemoryRepository(session, HashingEmbedder())
    memories.add(city("Berlin"))
    vector = HashingEmbedder().embed(["Berlin"])[0]
    assert [f.memory.content for f in memories.search(None, vector=vector)] == ["Berlin"]
    MemoryRepository(session).add(city("Berlin"))  # which takes no vector away
    assert len(memories.search(None, vector=vector)) == 1


def test_facts_and_subjects_do_not_end_each_other(memories: MemoryRepository) -> None:
    memories.add(city("Berlin"))
    memories.add(NewMemory("Engineer", subject="ada", key="job"))
    memories.add(NewMemory("Paris", subject="bob", key="city"))
    assert current(memories) == ["Berlin"]


@pytest.mark.parametrize(
    "late",
    [
        city("Rome", JANUARY),  # before the current value, without an end
        city("Rome", FEBRUARY),  # at the same moment
        city("Rome", JANUARY, MARCH),  # into the current value
    ],
)
def test_a_period_that_is_taken_is_refused_in_one_line_and_the_transaction_goes_on(
    memories: MemoryRepository, late: NewMemory
) -> None:
    memories.add(city("Berlin", FEBRUARY))
    with pytest.raises(BadInput, match="later valid_from") as refused:
        memories.add_many(["beside it", late])
    assert "\n" not in str(refused.value)
    assert texts(memories.history("ada", "city")) == ["Berlin"]
    assert memories.search("beside it")[0].memory.content == "Berlin"


def test_a_period_before_the_first_value_may_be_filled_in(memories: MemoryRepository) -> None:
    memories.add(city("Paris", FEBRUARY))
    memories.add(city("Berlin", JANUARY, FEBRUARY))
    assert texts(memories.history("ada", "city")) == ["Berlin", "Paris"]
    assert current(memories) == ["Paris"]


def test_the_database_itself_keeps_two_values_apart(
    memories: MemoryRepository, session: Session
) -> None:
    memories.add(city("Berlin", JANUARY))
    copied = text(
        "INSERT INTO agentdb.entries (tenant, kind, subject, fact_key, content, content_hash, "
        "valid_from) SELECT tenant, kind, subject, fact_key, 'Rome', 'x', valid_from + '1 day' "
        "FROM agentdb.entries"
    )
    with pytest.raises(Exception, match="entries_one_value_excl"):
        session.execute(copied)


def test_a_search_finds_what_holds_and_not_what_held(memories: MemoryRepository) -> None:
    memories.add_many([city("lives in Berlin"), city("lives in Paris")])
    assert [f.memory.content for f in memories.search("lives in Berlin")] == ["lives in Paris"]


def test_a_search_as_of_a_moment_finds_what_held_then(memories: MemoryRepository) -> None:
    memories.add_many([city("lives in Berlin", JANUARY), city("lives in Paris", FEBRUARY)])

    def then(moment: datetime) -> list[str]:
        return [f.memory.content for f in memories.search("lives in", as_of=moment)]

    assert then(JANUARY - timedelta(days=1)) == []
    assert then(JANUARY) == ["lives in Berlin"]
    assert then(FEBRUARY - timedelta(microseconds=1)) == ["lives in Berlin"]
    assert then(FEBRUARY) == ["lives in Paris"]


def test_a_value_from_next_year_is_not_found_before(memories: MemoryRepository) -> None:
    next_year = datetime.now(UTC) + timedelta(days=365)
    memories.add_many([city("lives in Berlin", JANUARY), city("lives in Paris", next_year)])
    assert [f.memory.content for f in memories.search("lives in")] == ["lives in Berlin"]
    later = memories.search("lives in", as_of=next_year + timedelta(days=1))
    assert [f.memory.content for f in later] == ["lives in Paris"]


# Several writers ----------------------------------------------------------------------------------


def together(count: int, do: Callable[[int], object]) -> None:
    """Do something in several threads that begin at the same moment."""
    ready = Barrier(count)

    def one(number: int) -> None:
        ready.wait(timeout=20)
        do(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(one, range(count)))


def test_however_many_write_a_fact_one_value_is_current(engine: Engine) -> None:
    def write(number: int) -> None:
        for turn in range(4):
            with transaction(engine) as session:
                repository(session).add(city(f"city {number} {turn}"))

    together(4, write)
    with transaction(engine) as session:
        values = repository(session).history("ada", "city")
    assert len(values) == 16
    assert [v.valid_to for v in values] == [*[v.valid_from for v in values[1:]], None]


def test_the_second_writer_of_a_fact_waits_and_supersedes(engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool:

        def second() -> Memory:
            with transaction(engine) as session:
                return repository(session).add(city("Paris"))

        with transaction(engine) as session:
            first = repository(session).add(city("Berlin"))
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        kept = waiting.result(timeout=20)
    with transaction(engine) as session:
        values = repository(session).history("ada", "city")
    assert [(v.id, v.valid_to) for v in values] == [(first.id, kept.valid_from), (kept.id, None)]


def test_two_who_write_the_same_facts_in_another_order_do_not_deadlock(engine: Engine) -> None:
    facts = [NewMemory("new", subject=f"s{number}", key="state") for number in range(60)]

    def write(number: int) -> None:
        with transaction(engine) as session:
            repository(session).add_many(facts if number else facts[::-1])

    together(2, write)
    with transaction(engine) as session:
        assert rows(session) == 60


def test_a_storm_of_the_same_text_leaves_one_row_that_counted_all(engine: Engine) -> None:
    def write(_: int) -> None:
        for _turn in range(5):
            with transaction(engine) as session:
                repository(session).add_many(["tea", "milk", "tea"])

    together(4, write)
    with transaction(engine) as session:
        assert rows(session) == 2
        assert repository(session).add("tea").times == 41


# The caller's transaction -------------------------------------------------------------------------


def test_nothing_is_committed_here(engine: Engine, database_url: str) -> None:
    with Session(engine) as session:
        kept = repository(session).add_many(["tea", "milk", city("Berlin"), city("Paris")])
        repository(session).update(kept[0].id, importance=1)
        repository(session).forget(kept[1].id)
        assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0
        session.rollback()
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0


@pytest.mark.parametrize("fails", [False, True])
def test_an_order_and_its_memory_are_kept_or_lost_together(
    engine: Engine, database_url: str, fails: bool
) -> None:
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY)")

    def order() -> None:
        with transaction(engine) as session:
            session.execute(text("INSERT INTO orders VALUES (1)"))
            repository(session).add("Ada ordered tea")
            session.execute(text("INSERT INTO orders VALUES (:id)"), {"id": 1 if fails else 2})

    if fails:
        with pytest.raises(Exception, match="orders_pkey"):
            order()
    else:
        order()
    kept = 0 if fails else 2
    assert value(database_url, "SELECT count(*) FROM orders") == kept
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == kept / 2


def test_an_error_keeps_none_of_the_call_and_all_of_the_caller(
    engine: Engine, database_url: str
) -> None:
    with transaction(engine) as session:
        memories = repository(session)
        memories.add("before")
        memories.add(city("Berlin", FEBRUARY))
        with pytest.raises(BadInput):
            memories.add_many(["half", city("Rome", JANUARY), "done"])
        memories.add("after")
    kept = value(database_url, "SELECT string_agg(content, ',' ORDER BY id) FROM agentdb.entries")
    assert kept == "before,Berlin,after"


def test_a_bad_text_among_many_is_refused_before_anything_is_sent(
    memories: MemoryRepository, session: Session
) -> None:
    with pytest.raises(BadText):
        memories.add_many(["tea", " ", "milk"])
    assert not session.in_transaction()


def wait_for_lock(url: str, pid: int) -> None:
    """Return once that session waits for another's lock; 20 s at the most."""
    waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
    with connect(url) as watching:
        for _ in range(400):
            if watching.execute(waits, (pid,)).fetchone() == (True,):
                return
            watching.execute("SELECT pg_sleep(0.05)")
    pytest.fail("it never came to the row that another session holds")


def test_a_connection_killed_in_the_middle_leaves_nothing_half_done(
    engine: Engine, database_url: str
) -> None:
    held = (
        "INSERT INTO agentdb.entries (tenant, kind, content, content_hash) "
        "VALUES ('acme', 'fact', 'row 700', sha256('row 700'))"
    )
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(database_url) as holder,
        Session(engine) as session,
    ):
        holder.execute(held)
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        assert isinstance(pid, int)
        memories = repository(session)
        memories.add_many(["one", city("Berlin")])
        doomed = pool.submit(memories.add_many, [f"row {number}" for number in range(1500)])
        wait_for_lock(database_url, pid)
        assert value(database_url, f"SELECT pg_terminate_backend({pid})") is True
        with pytest.raises(DatabaseUnreachable):
            doomed.result(timeout=20)
        holder.rollback()
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0
    with transaction(engine) as after:
        assert repository(after).add("row 7").times == 1


def test_every_refusal_is_an_error_of_ours_in_one_line(memories: MemoryRepository) -> None:
    for do in (memories.add, memories.search):
        with pytest.raises(AgentDBError) as refused:
            do(" ")
        assert "\n" not in str(refused.value)


# Said again, and for a time -----------------------------------------------------------------------


def test_a_fact_that_had_expired_holds_again_when_it_is_said_again(
    memories: MemoryRepository, session: Session
) -> None:
    short = NewMemory("Berlin", subject="ada", key="city", ttl=timedelta(days=1))
    memories.add(short)
    session.execute(text("UPDATE agentdb.entries SET expires_at = now() - interval '1 hour'"))
    assert memories.search("Berlin") == ()
    again = memories.add(NewMemory("Berlin", subject="ada", key="city", metadata={"sure": True}))
    assert (again.times, again.expires_at, again.metadata) == (2, None, {"sure": True})
    assert [found.memory.id for found in memories.search("Berlin")] == [again.id]


@pytest.mark.parametrize("several", [False, True], ids=["add", "add_many"])
def test_the_same_of_two_agents_is_two_memories(
    memories: MemoryRepository, *, several: bool
) -> None:
    said = [NewMemory("the gate is shut", agent=agent) for agent in ("anna", "ben", "anna", None)]
    kept = memories.add_many(said) if several else [memories.add(each) for each in said]

    found = {agent: memories.search("gate", agent=agent) for agent in ("anna", "ben")}
    told = {agent: [(f.memory.agent, f.memory.times) for f in of] for agent, of in found.items()}
    assert told == {"anna": [("anna", 2)], "ben": [("ben", 1)]}
    assert len({memory.id for memory in kept}) == 3


def test_what_an_agents_memory_is_updated_to_is_known_again(memories: MemoryRepository) -> None:
    kept = memories.add(NewMemory("the gate is shut", agent="anna"))
    memories.update(kept.id, content="the gate is öpen")

    again = memories.add(NewMemory("the gate is öpen", agent="anna"))
    other = memories.add(NewMemory("the gate is öpen"))

    assert (again.id, again.times) == (kept.id, 2)
    assert other.id != kept.id


def test_a_value_of_a_fact_is_the_same_whoever_says_it(memories: MemoryRepository) -> None:
    said = [
        memories.add(NewMemory("Paris", subject="ada", key="city", agent=agent))
        for agent in ("anna", "ben")
    ]

    assert [memory.times for memory in said] == [1, 2]
    assert len(memories.history("ada", "city")) == 1


def test_the_same_for_two_times_is_two_memories(memories: MemoryRepository) -> None:
    holidays = [
        NewMemory("Ada is on holiday", subject="ada", valid_from=since, valid_to=until)
        for since, until in ((JANUARY, FEBRUARY), (FEBRUARY, MARCH))
    ]
    open_ended = NewMemory("Ada is on holiday", subject="ada")
    kept = memories.add_many([*holidays, open_ended])
    assert [memory.valid_to for memory in kept] == [FEBRUARY, MARCH, None]
    assert len({memory.id for memory in kept}) == 3


def test_what_is_forgotten_meets_all_that_is_said(memories: MemoryRepository) -> None:
    tea, coffee = memories.add_many(
        [NewMemory("tea", subject="ada"), NewMemory("coffee", subject="ada")]
    )
    assert memories.forget(tea.id, subject="bob") == 0
    assert memories.forget(subject="ada", expired=True) == 0
    assert memories.forget(tea.id, subject="ada") == 1
    assert memories.get(coffee.id).content == "coffee"
