"""`init`, `doctor`, `recommendations` and `similar` from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.running import AGENTDB, agentdb, environment, places, printed
from tests.isolation import app_role, logged_in_as
from tests.servers import database_name, run, value

Settings = Mapping[str, str]

WITHOUT_MODEL = """
import sys
sys.modules["tokenizers"] = None  # as if it were not installed
from agentdb.cli.app import main
main()
"""

SLOW_TO_IMPORT = {"alembic", "numpy", "onnxruntime", "postgast", "sqlalchemy", "torch"}


# Start ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        (("--help",), set()),
        (("audit", "--help"), set()),
        (("demo", "--help"), set()),
        (("recommendations", "list"), {"numpy", "sqlalchemy"}),
        (("init",), {"alembic", "numpy", "sqlalchemy"}),
        (("similar", "slow look-up of orders"), {"numpy", "sqlalchemy"}),
    ],
    ids=lambda part: " ".join(sorted(part) if isinstance(part, set) else part),
)
def test_a_command_imports_what_it_needs_and_no_more(
    database_url: str, line: tuple[str, ...], needed: set[str]
) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-X", "importtime", *AGENTDB[1:], *line],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(database_url=database_url),
        timeout=60,
    )
    imported = {told.rpartition("|")[2].strip() for told in done.stderr.splitlines()}
    assert imported & SLOW_TO_IMPORT <= needed


# init -------------------------------------------------------------------------------------------


def test_init_makes_the_schema_once(empty_database: str) -> None:
    settings = {"database_url": empty_database}
    first = agentdb("init", **settings)
    assert first.returncode == 0, first.stderr
    assert "applied 0001_audits_and_advice" in first.stdout
    again = agentdb("init", **settings)
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == "the schema agentdb is up to date\n"


def test_init_can_print_what_it_would_do_for_psql(empty_database: str) -> None:
    settings = {"database_url": empty_database}
    printed_sql = agentdb("init", "--sql", **settings)
    assert value(empty_database, "SELECT to_regnamespace('agentdb')") is None
    run(empty_database, printed_sql.stdout)
    assert printed("recommendations", "list", **settings) == []


# doctor -----------------------------------------------------------------------------------------


@pytest.fixture
def reader(server: str, target_url: str) -> Iterator[str]:
    """A role of its own that may enter the target and nothing more; its URL."""
    role = f"reader_{uuid4().hex[:8]}"
    run(server, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    yield target_url.replace(target_url.split("//")[1].split("@", maxsplit=1)[0], f"{role}:x")
    run(target_url, f"DROP OWNED BY {role}")
    run(server, f"DROP ROLE {role}")


def examined(settings: Settings, code: int) -> dict[str, Any]:
    """What doctor found, by name, where it ends with that exit code."""
    done = agentdb("doctor", "--format", "json", **settings)
    assert done.returncode == code, done.stderr
    diagnosis = json.loads(done.stdout)
    assert diagnosis["ready"] == (code == 0)
    return {check["name"]: check for check in diagnosis["checks"]}


def test_doctor_finds_all_in_place(shop: Settings) -> None:
    checks = examined(shop, 0)
    warned = {name for name, check in checks.items() if check["state"] != "ok"}
    # The server is all tests' own: that it had to forget statements is possible, and no matter.
    assert warned - {"pg_stat_statements.max"} == {"role", "tenants"}
    assert "can only read" in checks["role"]["mend"]
    assert "agentdb_app" in checks["tenants"]["mend"]
    assert checks["index over vectors"]["found"] == "not needed: there are few rows"


def test_doctor_sees_that_the_application_is_held_to_its_tenant(database_url: str) -> None:
    with app_role(database_url) as role:
        done = agentdb("doctor", "--format", "json", database_url=logged_in_as(database_url, role))
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        assert checks["tenants"]["state"] == "ok"
        assert "one tenant's rows" in checks["tenants"]["found"]


def test_the_index_over_vectors_is_built_by_a_command(database_url: str) -> None:
    settings = {"database_url": database_url}
    assert "compared one by one" in agentdb("reindex", **settings).stdout
    with app_role(database_url) as role:
        run(database_url, FILL)
        checks = examined_of(settings)
        assert (checks["state"], checks["mend"]) == ("warning", "run `agentdb reindex`")
        refused = agentdb("reindex", database_url=logged_in_as(database_url, role))
        assert refused.returncode == 1
        assert "let the role that runs `agentdb init` run `agentdb reindex`" in refused.stderr
    assert agentdb("reindex", **settings).stdout == "the index over vectors is built\n"
    assert examined_of(settings)["found"] == "can be used"


def examined_of(settings: Settings) -> dict[str, str]:
    done = agentdb("doctor", "--format", "json", **settings)
    checks = json.loads(done.stdout)["checks"]
    (index,) = (check for check in checks if check["name"] == "index over vectors")
    return {name: str(said) for name, said in index.items()}


FILL = """
    INSERT INTO agentdb.entries (tenant, kind, content, content_hash, embedding)
    SELECT 'acme', 'fact', 'row' || n, sha256(n::text::bytea),
        (SELECT array_agg(sin(i * (n % 97))) FROM generate_series(1, 384) AS i)::halfvec
    FROM generate_series(1, 20000) AS n; ANALYZE agentdb.entries
"""


def test_every_trouble_that_doctor_finds_comes_with_a_remedy(shop: Settings, reader: str) -> None:
    database = database_name(shop["target_url"])
    run(shop["target_url"], f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    checks = examined({**shop, "target_url": reader}, 1)
    states = {name: check["state"] for name, check in checks.items()}
    assert states["temporary tables"] == "failed"
    assert states["tables"] == "failed"
    assert states["statistics"] == "warning"
    assert all(check["mend"] for check in checks.values() if check["state"] != "ok")


def test_what_doctor_advises_mends_it(shop: Settings, reader: str) -> None:
    role = reader.split("//")[1].split(":", maxsplit=1)[0]
    settings = {**shop, "target_url": reader}
    checks = examined(settings, 1)
    assert checks["statistics"]["mend"] == f'GRANT pg_read_all_stats TO "{role}"'
    run(shop["target_url"], checks["statistics"]["mend"])
    run(
        shop["target_url"],
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    )
    examined(settings, 0)
    assert len(printed("audit", **settings)["recommendations"]) == 2


def test_doctor_goes_on_where_one_side_is_missing(empty_database: str) -> None:
    checks = examined(places(empty_database, empty_database), 1)
    assert checks["agentdb's schema"]["mend"] == "run `agentdb init`"
    assert "CREATE EXTENSION" in checks["pg_stat_statements"]["mend"]
    assert checks["server"]["state"] == "ok"


# recommendations ----------------------------------------------------------------------------------


def test_advice_goes_its_way_from_proposed_to_applied(shop: Settings) -> None:
    first, second = (each["id"] for each in printed("audit", **shop)["recommendations"])
    assert printed("recommendations", "accept", first[:8], **shop)["status"] == "accepted"
    rejected = printed("recommendations", "reject", second, "--why", "table goes soon", **shop)
    assert (rejected["status"], rejected["status_reason"]) == ("rejected", "table goes soon")
    assert printed("recommendations", "applied", first, **shop)["status"] == "applied"
    listed = printed("recommendations", "list", "--status", "applied", **shop)
    assert [each["id"] for each in listed] == [first]
    shown = agentdb("recommendations", "show", second, **shop).stdout
    assert "table goes soon" in shown
    assert "Measured on a copy" in shown


def test_what_was_rejected_is_named_and_not_proposed_until_it_gains_twice_as_much(
    shop: Settings,
) -> None:
    first, _ = printed("audit", **shop)["recommendations"]
    agentdb("recommendations", "reject", first["id"], "--why", "table goes soon", **shop)
    again = printed("audit", **shop)
    assert first["sql"] not in [each["sql"] for each in again["recommendations"]]
    (left_out,) = again["not_again"]
    assert left_out["title"] == first["title"]
    assert left_out["reason"].startswith("rejected on ")
    assert left_out["reason"].endswith(" because: table goes soon")
    told = agentdb("audit", **shop).stdout
    assert f"left out: {first['title']}: rejected on" in told
    run(
        shop["database_url"],
        "UPDATE agentdb.optimizations SET evidence_detail = jsonb_set(evidence_detail, "
        "'{saved_share}', '0.0001') WHERE status = 'rejected'",
    )
    gained = printed("audit", **shop)
    assert first["sql"] in [each["sql"] for each in gained["recommendations"]]
    assert gained["not_again"] == []


def test_outcomes_say_what_is_missing_and_a_life_is_shown(shop: Settings) -> None:
    first, _ = printed("audit", **shop)["recommendations"]
    agentdb("recommendations", "accept", first["id"], **shop)
    shown = printed("recommendations", "show", first["id"], **shop)
    assert [event["to_status"] for event in shown["events"]] == ["proposed", "accepted"]
    assert "what became of it" in agentdb("recommendations", "show", first["id"], **shop).stdout
    done = agentdb("outcomes", "--format", "json", **shop)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_the_sql_alone_is_printed_ready_for_psql(shop: Settings) -> None:
    advised = printed("audit", **shop)["recommendations"]
    script = agentdb("recommendations", "sql", **shop)
    assert script.stderr == ""
    for statement in script.stdout.strip().split(";\n"):
        run(shop["target_url"], statement.removesuffix(";"))
    one = agentdb("recommendations", "sql", advised[0]["id"], **shop).stdout
    assert one.splitlines()[-1] == f"{advised[0]['sql']};"


def test_only_the_last_audits_advice_is_to_be_run(shop: Settings) -> None:
    printed("audit", **shop)
    run(
        shop["target_url"],
        "CREATE INDEX ON orders (customer_id)",
        "SELECT pg_stat_statements_reset()",
        *[f"SELECT id FROM customers WHERE lower(email) = 'person{n}'" for n in range(9)],
    )
    assert len(printed("audit", **shop)["recommendations"]) == 1
    script = agentdb("recommendations", "sql", **shop).stdout
    assert script.count("CREATE INDEX") == 1
    assert len(printed("recommendations", "list", **shop)) == 2


# similar ----------------------------------------------------------------------------------------


def test_a_statement_finds_the_fix_of_another_like_it(shop: Settings) -> None:
    printed("audit", **shop)
    query = "SELECT total FROM orders WHERE customer_id = 4711"
    found = printed("similar", query, "-k", "1", **shop)
    assert [fix["title"] for fix in found] == ["Index on orders (customer_id)"]
    assert found[0]["similarity"] > 0.7


def test_a_statement_is_looked_up_by_its_words_when_no_target_answers(shop: Settings) -> None:
    printed("audit", **shop)
    query = "SELECT total FROM orders WHERE customer_id = 4711"
    own = {"database_url": shop["database_url"]}
    found = printed("similar", query, "--target", "postgresql://nobody@127.0.0.1:1/x", **own)
    assert found[0]["title"] == "Index on orders (customer_id)"


def test_a_description_finds_the_fix_that_speaks_of_the_same(shop: Settings) -> None:
    printed("audit", **shop)
    found = printed("similar", "customers looked up by lower(email)", **shop)
    assert "lower(email)" in found[0]["title"]


def test_without_a_model_words_are_hashed_and_that_is_said(shop: Settings) -> None:
    settings = environment(**shop)
    del settings["AGENTDB_EMBEDDING_MODEL"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WITHOUT_MODEL, "audit", "--format", "json"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=settings,
        timeout=120,
    )
    assert "pip install 'agentdb[local]'" in done.stderr
    models = "SELECT string_agg(DISTINCT embedding_model, ' ') FROM agentdb.optimizations"
    assert value(shop["database_url"], models) == "hashing"
