"""What can be wrong before an audit: one line that names the next step, and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from agentdb.database import downgrade
from tests.acceptance.running import agentdb, complaint, open_shop, places, printed
from tests.servers import add_extensions, database_name, free_port, new_database, run, value

Settings = Mapping[str, str]


def refused(settings: Settings, *arguments: str) -> str:
    """What a command says that must fail."""
    return complaint(agentdb(*(arguments or ("audit",)), **settings))


@pytest.fixture
def reader(server: str, target_url: str) -> Iterator[str]:
    """A role of its own that may enter the target and nothing more; its URL."""
    role = f"reader_{uuid4().hex[:8]}"
    run(server, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    yield target_url.replace(target_url.split("//")[1].split("@", maxsplit=1)[0], f"{role}:x")
    run(target_url, f"DROP OWNED BY {role}")
    run(server, f"DROP ROLE {role}")


# The way to the database --------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["not a url", "postgresql://user:p@ss@host/db", "mysql://host/db"])
def test_a_url_that_is_none(database_url: str, flag: str) -> None:
    said = refused({"database_url": database_url}, "audit", "--target", flag)
    assert "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in said or "%40" in said
    assert "p@ss" not in said


def test_nobody_answers(database_url: str) -> None:
    url = f"postgresql://reader:secret@127.0.0.1:{free_port()}/shop"
    said = refused(places(database_url, url))
    assert "check the host and the port in the URL, and that the server runs" in said
    assert "secret" not in said


def test_the_database_is_not_there(database_url: str, target_url: str) -> None:
    said = refused(places(database_url, f"{target_url}&dbname=nowhere"))
    assert "check the name of the database in the URL" in said


def test_the_password_is_wrong(database_url: str, reader: str) -> None:
    said = refused(places(database_url, reader.replace(":x@", ":wrong@")))
    assert "check the user and the password in the URL" in said


def test_our_own_database_does_not_answer(target_url: str) -> None:
    url = f"postgresql://app:secret@127.0.0.1:{free_port()}/agentdb"
    said = refused(places(url, target_url))
    assert "secret" not in said
    assert "AGENTDB_DATABASE_URL" in said or "check" in said


# pg_stat_statements -------------------------------------------------------------------------------


def test_pg_stat_statements_is_not_there(database_url: str, empty_database: str) -> None:
    said = refused(places(database_url, empty_database))
    assert "run CREATE EXTENSION pg_stat_statements there" in said


@pytest.mark.parametrize("version", ["1.4", "1.7"])
def test_pg_stat_statements_is_too_old(
    database_url: str, empty_database: str, version: str
) -> None:
    run(empty_database, f"CREATE EXTENSION pg_stat_statements VERSION '{version}'")
    said = refused(places(database_url, empty_database))
    assert said.endswith("run ALTER EXTENSION pg_stat_statements UPDATE")


def test_the_role_may_not_read_other_users_statements(database_url: str, reader: str) -> None:
    said = refused(places(database_url, reader))
    assert "GRANT pg_read_all_stats TO" in said


def test_the_role_may_not_read_pg_stat_statements_at_all(
    database_url: str, target_url: str, reader: str
) -> None:
    run(target_url, "REVOKE SELECT ON pg_stat_statements FROM PUBLIC")
    assert "may not read pg_stat_statements: run GRANT" in refused(places(database_url, reader))


def test_the_role_may_not_make_temporary_tables(shop: Settings, reader: str) -> None:
    role = reader.split("//")[1].split(":", maxsplit=1)[0]
    run(
        shop["target_url"],
        f"GRANT pg_read_all_stats, pg_read_all_data TO {role}",
        f"REVOKE TEMPORARY ON DATABASE {database_name(shop['target_url'])} FROM PUBLIC",
    )
    said = refused({**shop, "target_url": reader})
    assert "may not make the temporary tables" in said
    run(shop["target_url"], said.partition("run ")[2])
    assert printed("audit", **{**shop, "target_url": reader})["recommendations"]


def test_a_table_that_the_role_may_not_read_is_left_out(shop: Settings, reader: str) -> None:
    role = reader.split("//")[1].split(":", maxsplit=1)[0]
    run(
        shop["target_url"],
        f"GRANT pg_read_all_stats TO {role}",
        f"GRANT SELECT ON customers TO {role}",
    )
    report = printed("audit", **{**shop, "target_url": reader})
    assert [each["title"] for each in report["recommendations"]] == [
        "Index on customers ((lower(email)))"
    ]
    reasons = [skipped["reason"] for skipped in report["coverage"]["skipped"]]
    assert any("permission denied for table orders" in reason for reason in reasons)


def test_an_empty_workload_is_no_failure(server: str, database_url: str, target_url: str) -> None:
    run(
        server,
        f"""SELECT pg_stat_statements_reset(0, oid, 0)
            FROM pg_database WHERE datname = '{database_name(target_url)}'""",
    )
    done = agentdb("audit", "--exit-code", **places(database_url, target_url))
    assert done.returncode == 0
    assert "no statement could be analysed, so there is no advice" in done.stdout
    assert "let the application run for a while" in done.stderr


# Our own tables -----------------------------------------------------------------------------------


def test_the_schema_is_not_there_yet(empty_database: str, target_url: str) -> None:
    said = refused(places(empty_database, target_url))
    assert said.endswith("run `agentdb init`")


@pytest.mark.parametrize("command", [("audit",), ("recommendations", "list"), ("init",)])
def test_the_schema_is_newer_than_the_program(
    database_url: str, target_url: str, command: tuple[str, ...]
) -> None:
    run(database_url, "UPDATE agentdb.alembic_version SET version_num = '9999_from_the_future'")
    said = refused(places(database_url, target_url), *command)
    assert "newer than this program: upgrade it" in said


def test_an_older_schema_is_named_and_mended(database_url: str, target_url: str) -> None:
    downgrade(database_url, "0001_audits_and_advice")
    settings = places(database_url, target_url)
    assert "run `agentdb init`" in refused(settings)
    assert agentdb("init", **settings).returncode == 0
    assert agentdb("audit", **settings).returncode == 0


def test_a_model_of_another_dimension(shop: Settings) -> None:
    printed("audit", **shop)
    run(shop["database_url"], "ALTER TABLE agentdb.optimizations ALTER embedding TYPE vector(3) "
        "USING subvector(embedding, 1, 3)")  # fmt: skip
    said = refused(shop, "similar", "SELECT 1 FROM orders WHERE customer_id = 7")
    assert "dimension" in said.lower()


def test_a_model_that_is_not_installed(shop: Settings) -> None:
    said = refused({**shop, "embedding_model": "/nowhere/at/all"})
    assert "AGENTDB_EMBEDDING_MODEL" in said


@pytest.mark.parametrize("identifier", ["ffffff", "12", "nonsense", str(UUID(int=1))])
@pytest.mark.parametrize("command", ["show", "sql", "accept", "applied"])
def test_an_id_that_nobody_knows(database_url: str, identifier: str, command: str) -> None:
    said = refused({"database_url": database_url}, "recommendations", command, identifier)
    assert said.endswith("see `agentdb recommendations list`")


def test_advice_that_was_applied_cannot_be_applied_again(shop: Settings) -> None:
    advised = printed("audit", **shop)["recommendations"][0]["id"]
    assert printed("recommendations", "applied", advised, **shop)["status"] == "applied"
    assert "applied already" in refused(shop, "recommendations", "applied", advised)


def test_open_advice_for_two_databases_is_not_printed_as_one_script(
    shop: Settings, server: str
) -> None:
    with new_database(server) as other:
        add_extensions(other, "pg_stat_statements")
        open_shop(other)
        printed("audit", **shop)
        printed("audit", **places(shop["database_url"], other))
        own = {"database_url": shop["database_url"]}
        assert "--target" in refused(own, "recommendations", "sql")
        one = agentdb("recommendations", "sql", "--target", other, **own)
        assert one.stdout.count("CREATE INDEX CONCURRENTLY") == 2
        run(other, *one.stdout.split(";\n")[:-1])


@pytest.mark.parametrize(
    "line",
    [
        ("audit", "--trial", "guess"),
        ("audit", "--top", "many"),
        ("recommendations", "reject", "ffffff"),
        ("similar",),
    ],
)
def test_wrong_usage_ends_with_2(line: tuple[str, ...]) -> None:
    done = agentdb(*line)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("line", [("--top", "0"), ("--budget-mb", "-1"), ("--min-calls", "0")])
def test_a_number_out_of_range_is_named(database_url: str, line: tuple[str, ...]) -> None:
    said = refused({"database_url": database_url}, "audit", *line)
    assert line[0].removeprefix("--").replace("-", "_").upper() in said


def test_a_password_with_odd_letters_is_never_printed(database_url: str) -> None:
    secret = "s3cr3t/with@signs"  # noqa: S105 - nobody's
    url = f"postgresql://u:{quote(secret, safe='')}@127.0.0.1:{free_port()}/x"
    done = agentdb("audit", "--verbose", **places(database_url, url))
    assert done.returncode == 1
    assert secret not in done.stderr
    assert quote(secret, safe="") not in done.stderr


def test_nothing_is_kept_of_an_audit_that_did_not_begin(
    database_url: str, empty_database: str
) -> None:
    refused(places(database_url, empty_database))
    assert value(database_url, "SELECT status FROM agentdb.audits") == "failed"
    assert "CREATE EXTENSION" in str(value(database_url, "SELECT error FROM agentdb.audits"))
