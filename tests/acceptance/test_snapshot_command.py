"""`agentdb snapshot`, as a shell sees it, and what an audit adds to it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.acceptance.running import agentdb, complaint, printed, serve
from tests.servers import run, value


def test_a_snapshot_says_what_was_done_since_the_last(shop: Mapping[str, str]) -> None:
    first = printed("snapshot", **shop)
    assert (first["gap"], first["calls"]) == ("the first reading", 0)
    serve(shop["target_url"])
    run(shop["target_url"], "CREATE INDEX by_customer ON orders (customer_id)")
    second = printed("snapshot", **shop)
    assert (second["gap"], second["calls"], second["statements"]) == (None, 60, 3)
    (event,) = second["events"]
    assert (event["kind"], event["table"]) == ("index_created", "orders")
    assert event["definition"] == "USING btree (customer_id)"
    run(shop["target_url"], "DROP INDEX by_customer")
    shown = agentdb("snapshot", **shop)
    assert shown.returncode == 0
    assert "index dropped" in shown.stdout
    assert "public.orders" in shown.stdout
    assert "0 calls of 0 statements" in shown.stdout


def test_a_target_that_does_not_answer_is_one_line(database_url: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    line = complaint(agentdb("snapshot", "--target", nowhere, database_url=database_url))
    assert line.startswith("cannot connect to 127.0.0.1:1/none")


def test_an_audit_takes_a_snapshot_and_a_dry_run_none(shop: Mapping[str, str]) -> None:
    taken = "SELECT count(*) FROM agentdb.snapshots"
    line = ("audit", "--trial", "none")
    printed(*line, "--dry-run", **shop)
    assert value(shop["database_url"], taken) == 0
    printed(*line, **shop)
    assert value(shop["database_url"], taken) == 1


def test_schedule_prints_lines_for_snapshots_too() -> None:
    line = ("schedule", "--snapshots", "15", "--", "--target", "postgresql://db.example/shop")
    cron = agentdb(*line[:3], "--print", "cron", *line[3:]).stdout.splitlines()
    assert cron[-1].startswith("*/15 * * * * cd ")
    assert cron[-1].endswith("agentdb snapshot --target postgresql://db.example/shop")
    assert "agentdb weekly --target" in cron[-2]
    units = agentdb(*line[:3], "--print", "systemd", *line[3:]).stdout
    assert "OnCalendar=*:0/15" in units
    assert units.count("[Timer]") == 2
