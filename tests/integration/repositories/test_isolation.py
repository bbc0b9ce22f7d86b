"""Nobody sees, writes or finds what is another tenant's; nobody does anything without a tenant."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, NullValueNotAllowed
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import NotFound, TenantRefused
from agentdb.repositories.knowledge import KnowledgeRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory
from tests.isolation import app_role, logged_in_as
from tests.servers import connect, value

TENANTS = ("alfa", "bolt", "crux")
EACH = 40
SECRET = re.compile("secret-of-(\\w+)")
EVERYTHING = """
    SELECT md5(string_agg(e::text, '' ORDER BY id)) FROM agentdb.entries AS e
"""


@pytest.fixture
def app(database_url: str) -> Iterator[str]:
    """The way in for an application, to a database with rows of three tenants."""
    with app_role(database_url) as role:
        url = logged_in_as(database_url, role)
        engine = make_engine(url)
        with Session(engine) as session, session.begin():
            for tenant in TENANTS:
                memories = MemoryRepository(session, HashingEmbedder(), tenant=tenant)
                memories.add_many(
                    NewMemory(
                        f"tea {n} and the secret-of-{tenant}",
                        subject=f"s{n % 5}",
                        metadata={"n": n, "who": f"secret-of-{tenant}"},
                    )
                    for n in range(EACH)
                )
        engine.dispose()
        yield url


# Without a tenant ---------------------------------------------------------------------------------

WAYS = {
    "select": "SELECT * FROM agentdb.entries",
    "select by id": "SELECT * FROM agentdb.entries WHERE id = 1",
    "select what is not there": "SELECT * FROM agentdb.entries WHERE id = -1",
    "select a tenant": "SELECT * FROM agentdb.entries WHERE tenant = 'alfa'",
    "count": "SELECT count(*) FROM agentdb.entries",
    "sample": "SELECT * FROM agentdb.entries TABLESAMPLE SYSTEM (100)",
    "search": "SELECT * FROM agentdb.search('alfa', 'tea')",
    "search for nothing": "SELECT * FROM agentdb.search('', 'tea')",
    "copy": "COPY agentdb.entries TO STDOUT",
    "copy a query": "COPY (SELECT * FROM agentdb.entries) TO STDOUT",
    "explain": "EXPLAIN SELECT * FROM agentdb.entries WHERE content LIKE '%secret%'",
    "insert": "INSERT INTO agentdb.entries (tenant, kind, content, content_hash) "
    "VALUES ('alfa', 'fact', 'x', '')",
    "update": "UPDATE agentdb.entries SET importance = 1",
    "delete": "DELETE FROM agentdb.entries",
}


@pytest.mark.parametrize("announced", ["", "SET agentdb.tenant = ''", "RESET agentdb.tenant"])
@pytest.mark.parametrize("statement", WAYS.values(), ids=WAYS)
def test_without_a_tenant_every_way_is_an_error(app: str, statement: str, announced: str) -> None:
    refused = (InsufficientPrivilege, NullValueNotAllowed)
    with connect(app) as connection:
        connection.execute(announced.encode())
        with pytest.raises(refused, match=r"no tenant is announced|needs a tenant"):
            rows_of(connection, statement)


def test_an_empty_table_is_no_reason_not_to_say_so(app: str, database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute("TRUNCATE agentdb.entries CASCADE")
    with connect(app) as connection, pytest.raises(InsufficientPrivilege, match="no tenant"):
        connection.execute("SELECT * FROM agentdb.entries")


def test_a_tenant_is_announced_for_a_transaction_only(app: str) -> None:
    with connect(app) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('agentdb.tenant', 'alfa', true)")
            assert connection.execute("SELECT count(*) FROM agentdb.entries").fetchone() == (EACH,)
        with pytest.raises(InsufficientPrivilege, match="no tenant is announced"):
            connection.execute("SELECT count(*) FROM agentdb.entries")


@pytest.mark.parametrize("tenant", ["NULL", "''", "NULL::text"])
def test_a_search_for_no_tenant_is_an_error_for_everybody(
    app: str, database_url: str, tenant: str
) -> None:
    for url in (app, database_url):
        with pytest.raises(NullValueNotAllowed, match="a search needs a tenant"):
            value(url, f"SELECT id FROM agentdb.search({tenant}, 'tea')")


# Another tenant's ---------------------------------------------------------------------------------

# {own} has been announced, {other} has not; {n} is any number.
ATTEMPTS = (
    "SELECT * FROM agentdb.entries",
    "SELECT * FROM agentdb.entries WHERE tenant = '{other}' OR true",
    "SELECT * FROM agentdb.entries WHERE id = {n}",
    "SELECT * FROM agentdb.entries WHERE id BETWEEN {n} AND {n} + 50 FOR UPDATE",
    "SELECT tenant, count(*), string_agg(content, ' ') FROM agentdb.entries GROUP BY tenant",
    "SELECT max(content), min(content), max(metadata::text) FROM agentdb.entries",
    "SELECT (SELECT string_agg(content, '') FROM agentdb.entries WHERE tenant <> '{own}')",
    "SELECT a.content, b.content FROM agentdb.entries a JOIN agentdb.entries b ON a.id <> b.id",
    "WITH all_of AS MATERIALIZED (SELECT * FROM agentdb.entries) SELECT content FROM all_of",
    "SELECT content FROM agentdb.entries UNION ALL SELECT metadata::text FROM agentdb.entries",
    "SELECT content, lag(content) OVER (ORDER BY id) FROM agentdb.entries",
    "SELECT ts_headline(content, 'secret'::tsquery) FROM agentdb.entries",
    "SELECT content FROM agentdb.entries WHERE words @@ 'secret'::tsquery",
    'SELECT content FROM agentdb.entries WHERE metadata @> \'{{"who": "secret-of-{other}"}}\'',
    "SELECT content FROM agentdb.entries TABLESAMPLE BERNOULLI (100)",
    "SELECT content FROM agentdb.entries WHERE ctid = '(0,{n})'::tid",
    "SELECT content::integer FROM agentdb.entries WHERE tenant <> '{own}'",
    "SELECT 1 FROM agentdb.entries WHERE content::integer = {n} AND tenant = '{other}'",
    "SELECT 1 FROM agentdb.entries WHERE 1 / (id - {n}) > 0 AND tenant <> '{own}'",
    "SELECT content FROM agentdb.entries WHERE pg_temp.leak(content)",
    (
        "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats "
        "WHERE tablename = 'entries'"
    ),
    "SELECT content FROM agentdb.search('{other}', 'tea secret')",
    "SELECT content FROM agentdb.search('{own}', 'tea secret', k => 10000)",
    "SELECT content FROM agentdb.search('{own}', 'secret-of-{other}')",
    "SELECT f.content FROM (VALUES ('{own}'), ('{other}')) AS t (t), agentdb.search(t, 'tea') AS f",
    (
        "SELECT content FROM agentdb.search_within('{other}', 'tea', NULL, 9, NULL, NULL, NULL, "
        "NULL, NULL, NULL, NULL)"
    ),
    "SELECT content FROM agentdb.search('{own}', 'tea', filter => '$.n >= 0', subject => 's1')",
    "COPY agentdb.entries TO STDOUT",
    "COPY (SELECT content FROM agentdb.entries) TO STDOUT",
    "COPY (SELECT content FROM agentdb.search('{other}', 'tea')) TO STDOUT",
    "COPY agentdb.entries (tenant, kind, content, content_hash) FROM STDIN",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM agentdb.entries WHERE content LIKE '%secret%'",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM agentdb.search('{other}', 'tea')",
    "EXPLAIN (ANALYZE, VERBOSE) UPDATE agentdb.entries SET agent = 'me' WHERE tenant = '{other}'",
    (
        "INSERT INTO agentdb.entries (tenant, kind, content, content_hash) "
        "VALUES ('{other}', 'fact', 'planted', '')"
    ),
    (
        "INSERT INTO agentdb.entries (tenant, kind, content, content_hash) "
        "SELECT '{other}', kind, content, content_hash FROM agentdb.entries RETURNING *"
    ),
    (
        "INSERT INTO agentdb.entries (id, tenant, kind, content, content_hash) "
        "VALUES ({n}, '{own}', 'fact', 'planted', '') ON CONFLICT (id) DO UPDATE "
        "SET content = agentdb.entries.content || ' planted' RETURNING content"
    ),
    (
        "INSERT INTO agentdb.entries (id, tenant, kind, content, content_hash) "
        "VALUES ({n}, '{other}', 'fact', 'planted', '') ON CONFLICT DO NOTHING"
    ),
    "UPDATE agentdb.entries SET agent = 'planted' WHERE tenant <> '{own}' RETURNING *",
    "UPDATE agentdb.entries SET tenant = '{other}' RETURNING *",
    "UPDATE agentdb.entries SET agent = 'planted' FROM agentdb.entries AS o WHERE o.id <> {n}",
    "DELETE FROM agentdb.entries WHERE tenant <> '{own}' RETURNING *",
    "DELETE FROM agentdb.entries USING agentdb.entries AS o RETURNING o.content",
    (
        "MERGE INTO agentdb.entries AS e USING (SELECT {n} AS id) AS s ON e.id = s.id "
        "WHEN MATCHED THEN UPDATE SET agent = 'planted' WHEN NOT MATCHED THEN DO NOTHING"
    ),
    "TRUNCATE agentdb.entries CASCADE",
    "LOCK TABLE agentdb.entries; SET LOCAL row_security = off; SELECT * FROM agentdb.entries",
    "ALTER TABLE agentdb.entries DISABLE ROW LEVEL SECURITY",
    "DROP POLICY one_tenant ON agentdb.entries",
    "SELECT agentdb.isolate('agentdb.entries', false)",
    "CREATE TEMP TABLE mine AS SELECT * FROM agentdb.entries; SELECT content FROM mine",
    "CREATE TEMP VIEW seen AS SELECT * FROM agentdb.entries; SELECT content FROM seen",
    "DECLARE c CURSOR FOR SELECT content FROM agentdb.entries; FETCH ALL FROM c",
    "EXECUTE planned",
    "EXECUTE planned_search('{other}')",
    "EXECUTE planned_search('{own}')",
)

WRITES = [each for each in ATTEMPTS if each.startswith(("INSERT", "UPDATE", "DELETE", "MERGE"))]

PREPARED = """
    CREATE FUNCTION pg_temp.leak(told text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
    AS $$ BEGIN RAISE NOTICE '%', told; RETURN true; END $$;
    PREPARE planned AS SELECT content FROM agentdb.entries;
    PREPARE planned_search (text) AS SELECT content FROM agentdb.search($1, 'tea secret');
"""


@dataclass(slots=True)
class Attacker:
    """An application's connection, and all that the server ever said on it."""

    connection: psycopg.Connection
    heard: list[str] = field(default_factory=list)

    def announce(self, tenant: str) -> None:
        self.connection.execute("SELECT set_config('agentdb.tenant', %s, true)", [tenant])

    def attempt(self, statement: str) -> str:
        """Try a statement and take it back; return what was said, rows, notices or error."""
        self.heard.clear()
        try:
            with self.connection.transaction(force_rollback=True):
                self.heard += map(str, rows_of(self.connection, statement))
        except psycopg.Error as error:
            self.heard += [str(error), str(error.diag.message_detail), str(error.diag.context)]
        return "\n".join(self.heard)


@pytest.fixture
def attacker(app: str) -> Iterator[Attacker]:
    with psycopg.connect(app) as connection:
        attacker = Attacker(connection)
        connection.add_notice_handler(lambda said: attacker.heard.append(str(said.message_primary)))
        with connection.transaction():
            attacker.announce("alfa")
            connection.execute(PREPARED.encode())
        yield attacker


def rows_of(connection: psycopg.Connection, statement: str) -> Sequence[object]:
    """Run one statement or several; return the rows of the last one, lines of a COPY."""
    cursor = connection.cursor()
    if statement.startswith("COPY"):
        with cursor.copy(statement.encode()) as copy:
            return [] if "FROM STDIN" in statement else [bytes(line).decode() for line in copy]
    cursor.execute(statement.encode())
    while cursor.nextset():
        pass
    return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("seed", range(3))
def test_no_statement_tells_or_changes_what_is_anothers(
    attacker: Attacker, database_url: str, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311 - not for a secret
    before = value(database_url, EVERYTHING)
    told = 0
    for attempt in chosen.sample(ATTEMPTS, len(ATTEMPTS)):
        own, other = chosen.sample(TENANTS, 2)
        number = chosen.randrange(1, EACH * len(TENANTS))
        with attacker.connection.transaction():
            attacker.announce(own)
            said = attacker.attempt(attempt.format(own=own, other=other, n=number))
        leaked = set(SECRET.findall(said)) - {own}
        if f"secret-of-{other}" in attempt.format(own=own, other=other, n=number):
            leaked -= {other}  # the attempt said it itself: an EXPLAIN or an error repeats that
        assert not leaked, (attempt, own, said[:500])
        told += own in SECRET.findall(said)
    assert told > 15  # what is one's own is told
    assert value(database_url, EVERYTHING) == before


@pytest.mark.parametrize("attempt", WRITES)
def test_what_is_anothers_stays_as_it_is_when_an_attempt_is_not_taken_back(
    app: str, database_url: str, attempt: str
) -> None:
    others = EVERYTHING + " WHERE tenant <> 'alfa'"
    before = value(database_url, others)
    with psycopg.connect(app, autocommit=True) as connection:
        connection.execute("SET agentdb.tenant = 'alfa'")
        with contextlib.suppress(psycopg.Error):
            rows_of(connection, attempt.format(own="alfa", other="bolt", n=EACH + 3))
    assert value(database_url, others) == before


def test_who_is_not_subject_to_it_needs_no_announcement(database_url: str, app: str) -> None:
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == EACH * len(TENANTS)
    assert value(database_url, "SELECT content FROM agentdb.search('bolt', 'tea 7', k => 1)") == (
        "tea 7 and the secret-of-bolt"
    )
    role = re.search("//(.*?):", app)
    assert role
    with connect(database_url) as connection:
        connection.execute(f"ALTER ROLE {role[1]} BYPASSRLS")
    assert value(app, "SELECT count(*) FROM agentdb.search('bolt', 'tea', k => 99)") == EACH


def test_a_superuser_who_acts_as_the_application_is_held_to_it(database_url: str, app: str) -> None:
    role = re.search("//(.*?):", app)
    assert role
    with connect(database_url) as connection:
        connection.execute(f"SET ROLE {role[1]}")
        with pytest.raises(InsufficientPrivilege, match="no tenant"):
            connection.execute("SELECT * FROM agentdb.search('alfa', 'tea')")


# The repositories ---------------------------------------------------------------------------------


@pytest.fixture
def session(app: str) -> Iterator[Session]:
    engine = make_engine(app)
    with Session(engine) as session:
        yield session
        session.rollback()
    engine.dispose()


def of(session: Session, tenant: str) -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder(), tenant=tenant)


def mine(session: Session, tenant: str) -> int:
    return len(of(session, tenant).search("tea", 1000))


def counted(session: Session) -> int:
    """How many rows the connection sees as it is."""
    return int(session.execute(text("SELECT count(*) FROM agentdb.entries")).scalar_one())


def test_repositories_of_two_tenants_work_in_one_transaction(session: Session) -> None:
    for _ in range(2):
        for tenant in TENANTS:
            memories = of(session, tenant)
            kept = memories.add("tea of today")
            assert memories.get(kept.id).content == "tea of today"
            assert mine(session, tenant) == EACH + 1
            assert counted(session) == EACH + 1
    for tenant in TENANTS:
        assert of(session, tenant).forget(subject="s1") == EACH // 5


def test_a_rollback_to_a_savepoint_takes_no_tenant_by_surprise(session: Session) -> None:
    alfa, bolt = of(session, "alfa"), of(session, "bolt")
    alfa.add("one")
    savepoint = session.begin_nested()
    bolt.add("two")
    savepoint.rollback()
    assert alfa.add("three").tenant == "alfa"
    assert bolt.add("four").tenant == "bolt"
    with session.begin_nested():
        alfa.add("five")
    assert bolt.history("s1", "none") == ()
    assert [m.content for m in (bolt.add("six"), alfa.add("seven"))] == ["six", "seven"]
    session.rollback()
    assert alfa.add("eight").times == 1
    session.commit()
    assert alfa.forget(subject="s2") == EACH // 5


@pytest.mark.parametrize(
    "do",
    [
        lambda m, n: m.get(n),
        lambda m, n: m.update(n, importance=1),
        lambda m, n: m.update(n, content="planted"),
    ],
)
def test_what_is_anothers_is_not_there(
    session: Session, do: Callable[[MemoryRepository, int], object]
) -> None:
    theirs = of(session, "bolt").search("tea", 1)[0].memory.id
    with pytest.raises(NotFound):
        do(of(session, "alfa"), theirs)
    assert of(session, "alfa").forget(theirs) == 0
    assert of(session, "bolt").get(theirs).importance == 0.5


def test_an_announcement_is_made_once_for_a_transaction(session: Session) -> None:
    memories = of(session, "alfa")
    memories.get(1)
    statements: list[str] = []

    def seen(*said: object) -> None:
        statements.append(str(said[2]))

    event.listen(session.get_bind(), "before_cursor_execute", seen)
    for _ in range(3):
        memories.get(1)
    of(session, "alfa").get(2)
    assert [each for each in statements if "set_config" in each] == []
    session.rollback()
    memories.get(1)
    memories.get(1)
    assert len([each for each in statements if "set_config" in each]) == 1


def test_who_is_not_subject_pays_once_for_a_connection(database_url: str, app: str) -> None:
    engine = make_engine(database_url)
    statements: list[str] = []

    event.listen(engine, "before_cursor_execute", lambda *said: statements.append(str(said[2])))
    with Session(engine) as session:
        for _ in range(4):
            with pytest.raises(NotFound):
                of(session, "alfa").get(-1)
            session.rollback()
    engine.dispose()
    assert len([each for each in statements if "set_config" in each]) == 1
    assert app


def test_documents_are_a_tenants_own(session: Session) -> None:
    for tenant in ("alfa", "bolt"):
        knowledge = KnowledgeRepository(session, HashingEmbedder(), tenant=tenant)
        assert knowledge.put("a.md", "A", [], text_hash=tenant).status == "new"
    assert KnowledgeRepository(session, tenant="crux").sources() == ()


def test_a_session_that_announced_nothing_is_told_in_one_line(session: Session) -> None:
    with pytest.raises(TenantRefused, match="no tenant is announced") as refused:
        counted(session)
    assert "\n" not in str(refused.value)
    session.rollback()
    of(session, "alfa").add("tea")
    planted = "INSERT INTO agentdb.entries (tenant, kind, content, content_hash) VALUES "
    with pytest.raises(TenantRefused, match="row-level security policy"):
        session.execute(text(planted + "('bolt', 'fact', 'x', '')"))
