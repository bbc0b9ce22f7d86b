"""Which tables can be attached, under which names, and what is left when they are detached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.orm import Session

from agentdb import database
from agentdb.database import make_engine
from agentdb.errors import AttachmentBroken, BadInput, NotAttachable, NotFound, TableBusy
from agentdb.repositories.attachments import AttachmentRepository
from tests.business import (
    Shop,
    add_products,
    attach,
    catalog,
    catch_up,
    kept,
    queued,
    status,
    wanted,
)
from tests.servers import connect, database_name, run, value, with_database


def found(shop: Shop, query: str, name: str = "products") -> list[tuple[object, ...]]:
    """The keys of the rows that have a word, the best first."""
    with Session(shop.engine) as session:
        return [each.key for each in AttachmentRepository(session).search(name, query)]


# What can be attached -----------------------------------------------------------------------------


def test_rows_that_were_there_and_rows_that_come_are_found(shop: Shop) -> None:
    add_products(shop.url, 3)
    attach(shop.engine)
    assert catch_up(shop.engine).embedded == 3
    shop.do("INSERT INTO public.products VALUES (9, 'a kettle')")
    assert catch_up(shop.engine).embedded == 1
    assert found(shop, "kettle") == [(9,)]
    assert found(shop, "word2") == [(2,)]
    assert status(shop.engine).state == "in step"


@pytest.mark.parametrize(
    ("made", "asked", "text"),
    [
        (
            'CREATE TABLE public."Weird Table" (id int PRIMARY KEY, "Some; Text" text)',
            'public."Weird Table"',
            '"Some; Text"',
        ),
        ('CREATE TABLE public."a""b" (id int PRIMARY KEY, "c""d" text)', 'public."a""b"', '"c""d"'),
        (
            'CREATE TABLE public."100%" (id int PRIMARY KEY, "50% :of" text)',
            "public.100%",
            "50% :of",
        ),
        (
            'CREATE TABLE public."order" (id int PRIMARY KEY, "select" text)',
            "public.order",
            "select",
        ),
        ("CREATE TABLE public.plain (id int PRIMARY KEY, name text)", "public.PLAIN", "NAME"),
    ],
)
def test_whatever_a_table_and_its_columns_are_called(
    shop: Shop, made: str, asked: str, text: str
) -> None:
    shop.do(made)
    attach(shop.engine, asked, text)
    table = made.removeprefix("CREATE TABLE ").partition(" (id")[0]
    shop.do(f"INSERT INTO {table} VALUES (1, 'kettle'), (2, 'teapot')")
    shop.do(f"DELETE FROM {table} WHERE id = 2", f"UPDATE {table} SET id = 3")
    catch_up(shop.engine)
    assert kept(shop.url) == {"3": "kettle"}
    assert found(shop, "kettle") == [(3,)]


def test_a_table_of_another_schema(shop: Shop) -> None:
    shop.do(
        'CREATE SCHEMA "My Shop" CREATE TABLE goods (id int PRIMARY KEY, name text)',
        """INSERT INTO "My Shop".goods VALUES (1, 'kettle')""",
    )
    with database.session(shop.engine) as session:
        made = AttachmentRepository(session).attach('"My Shop".goods', "name")
    assert (made.name, made.table) == ("My Shop.goods", "My Shop.goods")
    catch_up(shop.engine)
    assert found(shop, "kettle", "My Shop.goods") == [(1,)]


def test_a_table_of_sqlalchemy(shop: Shop) -> None:
    columns = Column("id", Integer, primary_key=True), Column("name", Text)
    attach(shop.engine, Table("products", MetaData(schema="public"), *columns), ["name"])
    add_products(shop.url, 1)
    catch_up(shop.engine)
    assert kept(shop.url) == {"1": "product word1"}


@pytest.mark.parametrize(
    ("type_", "first", "second"),
    [
        ("uuid", "0190c7a0-0000-7000-8000-000000000001", "0190c7a0-0000-7000-8000-000000000002"),
        ("text", 'it\'s; "1", {a}', " "),
        ("char(5)", "ab", "c"),
        ("varchar(10)", "ab ", "ab"),
        ("numeric(20, 10)", "1.5", "-3"),
        ("timestamptz", "2024-05-01 12:00:00.123456+02", "2024-05-01 12:00:00.123457+02"),
        ("date", "2024-05-01", "infinity"),
        ("double precision", "0.1", "0.30000000000000004"),
        ("bytea", "\\x00ff", "\\x"),
        ("interval", "1 year -2 days", "00:00:01"),
        ("boolean", "true", "false"),
        ("int[]", "{1,2}", "{}"),
    ],
)
def test_a_key_of_any_type(shop: Shop, type_: str, first: str, second: str) -> None:
    shop.do(f"CREATE TABLE public.t (id {type_} PRIMARY KEY, name text)")
    attach(shop.engine, "public.t")
    with psycopg.connect(shop.url, autocommit=True) as connection:
        # What an application has set is no concern of ours.
        for setting in ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "bytea_output = escape"):
            connection.execute(f"SET {setting}".encode())
        connection.execute("SET extra_float_digits = -5")
        for key, name in ((first, "kettle"), (second, "teapot")):
            connection.execute("INSERT INTO public.t VALUES (%s, %s)", (key, name))
        catch_up(shop.engine)
        connection.execute("DELETE FROM public.t WHERE name = 'teapot'")
        connection.execute("UPDATE public.t SET name = 'red kettle'")
    done = catch_up(shop.engine)
    assert (done.embedded, done.removed, done.failed) == (1, 1, 0)
    assert [*kept(shop.url).values()] == ["red kettle"]
    assert len(found(shop, "kettle")) == 1


def test_a_key_of_several_columns_and_of_our_own_types(shop: Shop) -> None:
    shop.do(
        "CREATE TYPE public.mood AS ENUM ('glad', 'sad')",
        "CREATE DOMAIN public.code AS text CHECK (VALUE <> '')",
        'CREATE TABLE public.t ("The Day" timestamptz, mood public.mood, code public.code,'
        ' name text, note text, PRIMARY KEY (mood, code, "The Day"))',
        """INSERT INTO public.t SELECT now(), 'glad', 'c' || n, 'kettle' || n
           FROM generate_series(1, 30) AS n""",
    )
    attach(shop.engine, "public.t")
    catch_up(shop.engine)
    shop.do("UPDATE public.t SET note = 'x'", "UPDATE public.t SET mood = 'sad' WHERE code = 'c1'")
    done = catch_up(shop.engine)
    assert (done.embedded, done.removed) == (1, 1)
    ((mood, code, _),) = found(shop, "kettle1")
    assert (mood, code) == ("sad", "c1")


# What cannot --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE public.t (id int, name text)", "has no primary key .* ADD PRIMARY KEY"),
        ("CREATE VIEW public.t AS SELECT id, name FROM public.products", "is a view"),
        ("CREATE MATERIALIZED VIEW public.t AS SELECT 1 AS id", "is a materialized view"),
        (
            (
                "CREATE TABLE public.t (id int PRIMARY KEY, name text);"
                "CREATE TABLE public.u () INHERITS (public.t)"
            ),
            "has children by inheritance",
        ),
        ("CREATE SEQUENCE public.t", "is a sequence"),
        ("SELECT 1", r"there is no table public\.t .* run `agentdb init`"),
    ],
)
def test_what_cannot_be_followed_is_refused_and_leaves_nothing(
    shop: Shop, made: str, said: str
) -> None:
    shop.do(made)
    before = catalog(shop.url)
    with pytest.raises(NotAttachable, match=said):
        attach(shop.engine, "public.t")
    assert catalog(shop.url) == before


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("public.product", "name", "did you mean products?"),
        ("public.products", "nam", "there is no column nam: did you mean name?"),
        ("public.products", "  ", "say which columns"),
        ("public.products", "{", "a template"),
        ("public.products", "nothing {{}}", "names no column"),
        ("public.products", "{name!r}", "as they are"),
        ("a.b.c", "name", "is no name of a table"),
        ("", "name", "is no name of a table"),
        (7, "name", "is no table"),
        ("a\0b", "name", "the name of a table holds a NUL"),
        ("half \ud83d", "name", "the name of a table holds a NUL character or half"),
        ("agentdb.entries", "content", "of the system or of agentdb"),
        ("pg_catalog.pg_class", "relname", "of the system"),
    ],
)
def test_bad_input_says_what_is_meant(shop: Shop, table: object, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        attach(shop.engine, table, text)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "half \ud83d", "x" * 201])
def test_a_name_that_is_none_is_refused(shop: Shop, name: str) -> None:
    with database.session(shop.engine) as session:
        attachments = AttachmentRepository(session)
        with pytest.raises(BadInput, match="the name of an attachment"):
            attachments.attach("public.products", "name", name=name)
        for do in (attachments.get, attachments.detach, lambda n: attachments.search(n, "tea")):
            with pytest.raises((BadInput, NotFound)):
                do(name)


def test_a_table_that_no_search_path_leads_to_is_named_with_its_schema(shop: Shop) -> None:
    shop.do("CREATE SCHEMA store", "CREATE TABLE store.shelves (id int PRIMARY KEY, name text)")
    with pytest.raises(NotAttachable, match=r"did you mean store\.shelves\?"):
        attach(shop.engine, "shelves")


def test_a_temporary_table_is_refused(shop: Shop) -> None:
    with database.session(shop.engine) as session:
        session.connection().exec_driver_sql("CREATE TEMP TABLE t (id int PRIMARY KEY)")
        with pytest.raises(NotAttachable, match="is a temporary table"):
            AttachmentRepository(session).attach("t", "id")


def test_a_virtual_column_is_refused_as_no_trigger_sees_it(shop: Shop) -> None:
    shop.do("ALTER TABLE public.products ADD v text GENERATED ALWAYS AS (name || '!') VIRTUAL")
    with pytest.raises(BadInput, match="name the columns it is computed of"):
        attach(shop.engine, text="v")


def test_a_name_is_given_once(shop: Shop) -> None:
    attach(shop.engine)
    with pytest.raises(BadInput, match="products is attached already: agentdb detach products"):
        attach(shop.engine)
    with database.session(shop.engine) as session:
        again = AttachmentRepository(session).attach("public.products", "description", name="more")
    add_products(shop.url, 2)
    assert catch_up(shop.engine).embedded == 4
    assert again.name == "more"


def test_two_who_attach_the_same_at_once_attach_it_once(shop: Shop) -> None:
    def attempt(_: int) -> str:
        try:
            return attach(shop.engine)
        except (BadInput, TableBusy) as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        done = sorted(pool.map(attempt, range(4)))
    assert done.count("products") == 1
    assert value(shop.url, "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^agentdb'") == 4


def test_a_table_that_somebody_writes_to_for_long_is_not_waited_for(shop: Shop) -> None:
    with connect(shop.url) as writer, writer.transaction():
        writer.execute("INSERT INTO public.products VALUES (1)")
        with pytest.raises(TableBusy, match="try again"):
            attach(shop.engine)
    attach(shop.engine)


# Whose rights -------------------------------------------------------------------------------------


def as_role(url: str, role: str) -> str:
    return url + ("&" if "?" in url else "?") + f"options=-csession_authorization%3D{role}"


@pytest.fixture
def role(shop: Shop) -> str:
    """An application that knows nothing of agentdb."""
    name = f"app_{database_name(shop.url)}"
    shop.do(
        f"CREATE ROLE {name} LOGIN",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT ALL ON public.products TO {name}",
    )
    return name


def test_an_application_needs_no_right_on_our_schema(shop: Shop, role: str) -> None:
    attach(shop.engine)
    with connect(shop.url) as connection:
        connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM agentdb.row_queue")
        connection.execute("SET search_path = ''")
        connection.execute("INSERT INTO public.products VALUES (1, 'kettle'), (2, 'teapot')")
        connection.execute("UPDATE public.products SET name = 'pan' WHERE id = 1")
        connection.execute("DELETE FROM public.products WHERE id = 2")
        connection.execute("TRUNCATE public.products")
        connection.execute("INSERT INTO public.products VALUES (3, 'kettle')")
    catch_up(shop.engine)
    assert kept(shop.url) == {"3": "kettle"}
    shop.do(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_what_the_role_of_agentdb_lacks_is_named(shop: Shop, role: str) -> None:
    shop.do(
        f"REVOKE ALL ON public.products FROM {role}",
        f"GRANT ALL ON SCHEMA agentdb TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA agentdb TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentdb TO {role}",
    )
    engine = make_engine(shop.url)
    with Session(engine) as session:
        session.connection().exec_driver_sql(f"SET SESSION AUTHORIZATION {role}")
        attachments = AttachmentRepository(session)
        with pytest.raises(NotAttachable, match="GRANT SELECT ON products TO app_"):
            attachments.attach("public.products", "name")
        session.rollback()
        shop.do(
            f"GRANT SELECT ON public.products TO {role}",
            "ALTER TABLE public.products ENABLE ROW LEVEL SECURITY",
        )
        session.connection().exec_driver_sql(f"SET SESSION AUTHORIZATION {role}")
        with pytest.raises(NotAttachable, match="row-level security of products hides rows"):
            attachments.attach("public.products", "name")
        session.rollback()
        # It neither owns the table nor our schema: it attaches and detaches.
        shop.do("ALTER TABLE public.products DISABLE ROW LEVEL SECURITY")
        session.connection().exec_driver_sql(f"SET SESSION AUTHORIZATION {role}")
        attachments.attach("public.products", "name", name="products")
        attachments.detach("products")
        session.rollback()
    engine.dispose()
    shop.do(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


OF_ATTACHMENTS = ("attachments", "attached_rows", "row_queue")


def test_the_owner_of_our_schema_needs_to_be_allowed_triggers(shop: Shop, role: str) -> None:
    shop.do(
        f"REVOKE ALL ON public.products FROM {role}",
        f"GRANT ALL ON SCHEMA agentdb TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA agentdb TO {role}",
        *(f"ALTER TABLE agentdb.{table} OWNER TO {role}" for table in OF_ATTACHMENTS),
        f"ALTER FUNCTION agentdb.watch_rows OWNER TO {role}",
        f"ALTER FUNCTION agentdb.unwatch_rows OWNER TO {role}",
    )
    with pytest.raises(NotAttachable, match="GRANT TRIGGER ON products TO app_"):
        attach(shop.engine)
    shop.do(f"GRANT TRIGGER ON public.products TO {role}")
    attach(shop.engine)
    owned = "SELECT proowner::regrole::text FROM pg_proc WHERE proname ~ '^attached_'"
    assert value(shop.url, owned) == role
    shop.do("INSERT INTO public.products VALUES (1, 'kettle')")
    assert catch_up(shop.engine).embedded == 1
    with database.session(shop.engine) as session:
        AttachmentRepository(session).detach("products")
    shop.do(f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}")
    shop.do(f"DROP ROLE {role}")


# What is left -------------------------------------------------------------------------------------


def test_detaching_leaves_nothing_behind(shop: Shop) -> None:
    add_products(shop.url, 250)
    before = catalog(shop.url)
    attach(shop.engine, text="{name}: {description}")
    catch_up(shop.engine)
    add_products(shop.url, 250, first=251)
    assert len(catalog(shop.url)) > len(before)
    with database.session(shop.engine) as session:
        gone = AttachmentRepository(session).detach("products")
    assert gone.entries == 250
    assert catalog(shop.url) == before
    shop.do("DELETE FROM public.products", "INSERT INTO public.products VALUES (1, 'x')")
    assert catalog(shop.url) == before
    attach(shop.engine)
    assert catch_up(shop.engine).embedded == 1


def test_detaching_waits_for_who_writes_and_forgets_what_they_queued(shop: Shop) -> None:
    attach(shop.engine)

    def detach() -> None:
        with database.session(shop.engine) as session:
            AttachmentRepository(session).detach("products")

    with ThreadPoolExecutor(1) as pool, connect(shop.url) as writer:
        with writer.transaction():
            writer.execute("INSERT INTO public.products VALUES (1, 'kettle')")
            detaching = pool.submit(detach)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            while value(shop.url, waiting) == 0:
                assert not detaching.done()
        detaching.result()
    assert queued(shop.url) == 0


def test_what_is_not_attached_is_named(shop: Shop) -> None:
    with database.session(shop.engine) as session:
        attachments = AttachmentRepository(session)
        with pytest.raises(NotFound, match="agentdb attach TABLE"):
            attachments.detach("nothing")
        attachments.attach("public.products", "name", name="goods")
        with pytest.raises(NotFound, match="as products; there is goods"):
            attachments.search("products", "kettle")


def test_tenants_do_not_see_each_others_attachments(shop: Shop) -> None:
    add_products(shop.url, 1)
    attach(shop.engine)
    with database.session(shop.engine) as session:
        other = AttachmentRepository(session, tenant="other")
        assert other.names() == ()
        other.attach("public.products", "description", name="products")
        assert other.status()[0].embedded == 0
    catch_up(shop.engine)
    with database.session(shop.engine) as session:
        assert AttachmentRepository(session, tenant="other").status()[0].state == "back-filling"
        AttachmentRepository(session, tenant="other").detach("products")
    assert kept(shop.url) == wanted(shop.url)


def test_without_our_schema_the_application_goes_on(shop: Shop) -> None:
    attach(shop.engine)
    database.downgrade(shop.url, "0003_memory")
    shop.do("INSERT INTO public.products VALUES (1, 'kettle')")
    database.upgrade(shop.url)
    attach(shop.engine)
    shop.do("DROP SCHEMA agentdb CASCADE", "INSERT INTO public.products VALUES (2, 'kettle')")
    assert value(shop.url, "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^agentdb'") == 0


def test_without_the_queue_the_application_goes_on(shop: Shop) -> None:
    attach(shop.engine)
    shop.do(
        "INSERT INTO public.products VALUES (1, 'kettle')",
        "DROP TABLE agentdb.row_queue",
        "INSERT INTO public.products VALUES (2, 'kettle')",
        "TRUNCATE public.products",
    )


def test_a_table_that_was_dropped_is_told_and_can_be_detached(shop: Shop) -> None:
    before = [line for line in catalog(shop.url) if "products" not in line]
    add_products(shop.url, 2)
    attach(shop.engine)
    catch_up(shop.engine)
    shop.do("DROP TABLE public.products")
    assert status(shop.engine).state == "broken"
    assert "has been dropped" in str(status(shop.engine).error)
    assert "agentdb detach products" in catch_up(shop.engine).troubles[0]
    with database.session(shop.engine) as session:
        with pytest.raises(AttachmentBroken):
            AttachmentRepository(session).search("products", "kettle")
        AttachmentRepository(session).detach("products")
    assert catalog(shop.url) == before


def test_elsewhere_there_is_no_such_table(shop: Shop) -> None:
    engine = make_engine(shop.url)
    run(with_database(shop.url, "postgres"), "SELECT 1")
    with (
        database.session(engine) as session,
        pytest.raises(NotAttachable, match="AGENTDB_DATABASE_URL"),
    ):
        AttachmentRepository(session).attach("elsewhere", "name")
    engine.dispose()
