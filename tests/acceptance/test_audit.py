"""`agentdb audit` from outside: what it prints, keeps, writes and leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.running import agentdb, complaint, open_shop, places, printed, serve
from tests.servers import add_extensions, new_database, run, value

Settings = Mapping[str, str]

TOP_LEVEL = {
    "audit_id", "target", "server_version", "started_at", "finished_at",
    "coverage", "recommendations", "workload",
}  # fmt: skip
RECOMMENDATION = {
    "id", "kind", "sql", "rollback_sql", "title", "reasoning", "confidence", "evidence",
    "statements", "gain_percent", "size_bytes", "similar",
}  # fmt: skip
STATEMENT = {
    "fingerprint", "query", "before_ms", "after_ms", "before_blocks", "after_blocks", "calls",
}  # fmt: skip


def test_the_json_has_the_shape_that_scripts_rely_on(shop: Settings) -> None:
    report = printed("audit", **shop)
    assert set(report) >= TOP_LEVEL
    assert set(report["coverage"]) >= {"statements", "analysed", "share_of_time", "skipped"}
    assert all(
        set(skipped) == {"fingerprint", "query", "share_of_time", "reason"}
        for skipped in report["coverage"]["skipped"]
    )
    assert set(report["workload"]) >= {"time_before_ms", "time_after_ms"}
    assert len(report["recommendations"]) == 2
    for advised in report["recommendations"]:
        assert set(advised) >= RECOMMENDATION
        assert advised["evidence"] == "measured"
        assert 0 < advised["confidence"] < 1
        assert all(set(statement) == STATEMENT for statement in advised["statements"])
    assert "secret" not in json.dumps(report)


def test_the_advice_saves_what_it_promises_to(shop: Settings) -> None:
    report = printed("audit", **shop)
    workload = report["workload"]
    assert workload["time_after_ms"] < workload["time_before_ms"] / 2
    for advised in report["recommendations"]:
        best = advised["statements"][0]
        assert best["after_blocks"] < best["before_blocks"] / 10


def test_the_sql_of_all_recommendations_can_be_run_in_order_and_taken_back(shop: Settings) -> None:
    report = printed("audit", **shop)
    indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"
    before = value(shop["target_url"], indexes)
    run(shop["target_url"], *(advised["sql"] for advised in report["recommendations"]))
    assert value(shop["target_url"], indexes) == 4
    run(shop["target_url"], *(advised["rollback_sql"] for advised in report["recommendations"]))
    assert value(shop["target_url"], indexes) == before


def test_an_audit_leaves_nothing_on_the_target(shop: Settings) -> None:
    things = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class WHERE relkind <> 't'"
    before = value(shop["target_url"], things)
    printed("audit", **shop)
    assert value(shop["target_url"], things) == before


def test_the_same_advice_is_kept_once_and_keeps_its_id(shop: Settings) -> None:
    first = printed("audit", **shop)
    second = printed("audit", **shop)
    ids = {advised["id"] for advised in first["recommendations"]}
    assert {advised["id"] for advised in second["recommendations"]} == ids
    assert {kept["id"] for kept in printed("recommendations", "list", **shop)} == ids
    assert second["audit_id"] != first["audit_id"]
    for advised in second["recommendations"]:
        assert advised["first_advised_at"] < second["started_at"]
        assert advised["id"] not in {past["id"] for past in advised["similar"]}


def test_advice_for_the_same_trouble_elsewhere_is_recalled(shop: Settings) -> None:
    first = printed("audit", **shop)
    run(
        shop["target_url"],
        "ALTER TABLE orders RENAME TO visits",
        "ALTER TABLE visits RENAME customer_id TO patient",
        "SELECT pg_stat_statements_reset()",
        *[f"SELECT id, total FROM visits WHERE patient = {n}" for n in range(30)],
    )
    (advised,) = printed("audit", **shop)["recommendations"]
    ids = {past["title"]: past["id"] for past in first["recommendations"]}
    recalled = advised["similar"][0]
    assert recalled["id"] == ids["Index on orders (customer_id)"]
    assert recalled["similarity"] > 0.9
    assert recalled["verdict"] == "pending"


def test_a_dry_run_keeps_nothing(shop: Settings) -> None:
    assert printed("audit", "--dry-run", **shop)["recommendations"]
    assert printed("recommendations", "list", **shop) == []
    assert value(shop["database_url"], "SELECT count(*) FROM agentdb.audits") == 0


def test_exit_code_10_says_that_there_is_advice_and_0_that_there_is_none(shop: Settings) -> None:
    found = agentdb("audit", "--exit-code", "--format", "json", **shop)
    assert found.returncode == 10
    run(shop["target_url"], *(each["sql"] for each in json.loads(found.stdout)["recommendations"]))
    run(shop["target_url"], "SELECT pg_stat_statements_reset()")
    serve(shop["target_url"])
    after = agentdb("audit", "--exit-code", **shop)
    assert (after.returncode, "nothing worth doing" in after.stdout) == (0, True)


def test_the_table_says_what_to_do_and_stderr_what_comes_next(shop: Settings) -> None:
    done = agentdb("audit", **shop)
    assert done.returncode == 0
    assert "2 things to do" in done.stdout
    assert "Index on orders (customer_id)" in done.stdout
    assert "statements analysed" in done.stdout
    assert "agentdb recommendations sql" in done.stderr


@pytest.mark.parametrize(
    ("name", "opening"), [("a.md", "# Audit of"), ("a.html", "<!doctype html>"), ("a.json", "{")]
)
def test_a_report_is_written_in_the_form_its_name_asks_for(
    shop: Settings, tmp_path: Path, name: str, opening: str
) -> None:
    assert agentdb("audit", "--report", str(tmp_path / name), **shop).returncode == 0
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(opening)
    assert "CREATE INDEX CONCURRENTLY" in text


@pytest.mark.parametrize("name", ["report.pdf", "missing/report.md"])
def test_a_report_that_cannot_be_written_is_refused_before_the_audit(
    shop: Settings, tmp_path: Path, name: str
) -> None:
    said = complaint(agentdb("audit", "--report", str(tmp_path / name), **shop))
    assert "--report" in said
    assert value(shop["database_url"], "SELECT count(*) FROM agentdb.audits") == 0


def test_the_classic_preset_leaves_quick_statements_alone(shop: Settings) -> None:
    report = printed("audit", "--preset", "classic", **shop)
    assert report["recommendations"] == []
    assert report["coverage"]["analysed"] == 0


def test_a_budget_is_kept(shop: Settings) -> None:
    report = printed("audit", "--budget-mb", "0.6", **shop)
    assert sum(advised["size_bytes"] for advised in report["recommendations"]) <= 0.6 * 1024**2


def test_an_audit_is_kept_with_what_it_saw(shop: Settings) -> None:
    report = printed("audit", **shop)
    kept = "SELECT status || ' ' || server_version FROM agentdb.audits WHERE id = '{}'"
    version = report["server_version"]
    assert value(shop["database_url"], kept.format(report["audit_id"])) == f"finished {version}"
    snapshots = "SELECT count(*) FROM agentdb.statement_snapshots WHERE analysed"
    assert value(shop["database_url"], snapshots) == report["coverage"]["analysed"]


def test_an_older_server_without_pgvector_is_audited_as_well(
    database_url: str, older_server: str
) -> None:
    with new_database(older_server) as url:
        add_extensions(url, "pg_stat_statements")
        open_shop(url)
        report = printed("audit", **places(database_url, url))
        assert report["server_version"] == str(value(url, "SHOW server_version")).split()[0]
    assert len(report["recommendations"]) == 2


@pytest.mark.parametrize("trial", ["shadow", "live"])
def test_both_kinds_of_trial_come_to_the_same_advice(shop: Settings, trial: str) -> None:
    report = printed("audit", "--trial", trial, **shop)
    titles = {advised["title"] for advised in report["recommendations"]}
    assert titles == {"Index on orders (customer_id)", "Index on customers ((lower(email)))"}
    where = "on a copy in pg_temp" if trial == "shadow" else "on the table itself, rolled back"
    assert all(where in advised["reasoning"] for advised in report["recommendations"])


def test_without_trials_nothing_is_run_and_nothing_advised(shop: Settings) -> None:
    report = printed("audit", "--trial", "none", **shop)
    assert report["recommendations"] == []
    reasons = {skipped["reason"] for skipped in report["coverage"]["skipped"]}
    assert any("--trial none" in reason for reason in reasons)
