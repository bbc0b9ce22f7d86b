"""`agentdb demo` from nothing: a server of its own, two businesses, and a memory between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentdb.embedded.server import start, stop
from tests.acceptance.running import agentdb, printed
from tests.servers import FASTER, connect, reachable_folder, value, with_database

Reports = Mapping[str, Any]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for the demo's server, started so that it does not wait for the disk."""
    with reachable_folder() as place:
        start(place / "server", settings=FASTER)
        yield place / "server"
        stop(place / "server")


@pytest.fixture(scope="module")
def reports(folder: Path) -> Reports:
    """What the first run of the demo found, by business."""
    told: Reports = printed("demo", data_dir=str(folder))
    return told


def test_the_shop_gets_much_faster(reports: Reports) -> None:
    workload = reports["shop"]["workload"]
    assert workload["time_after_ms"] < workload["time_before_ms"] / 3
    assert reports["shop"]["coverage"]["share_of_time"] > 0.95


def test_it_is_said_which_statements_no_index_helps(reports: Reports) -> None:
    unhelped = [each for each in reports["shop"]["workload"]["statements"] if not each["helped"]]
    assert any("count(*)" in each["query"] for each in unhelped)
    assert all(each["note"] for each in unhelped)


def test_the_clinic_is_told_what_helped_the_shop(reports: Reports) -> None:
    shop = {each["id"] for each in reports["shop"]["recommendations"]}
    recalled = [
        past
        for each in reports["clinic"]["recommendations"]
        for past in each["similar"]
        if past["id"] in shop and past["similarity"] > 0.8
    ]
    assert len(recalled) >= len(reports["clinic"]["recommendations"]) / 2


def test_agentdbs_own_tables_are_beside_the_businesses(folder: Path, reports: Reports) -> None:
    own = start(folder)
    for report in reports.values():
        state = f"SELECT status FROM agentdb.audits WHERE id = '{report['audit_id']}'"
        assert value(own, state) == "finished"
        ids = ", ".join(f"'{each['id']}'" for each in report["recommendations"])
        # By id: what is open keeps it when the demo runs again, and belongs to the newer audit.
        kept = value(own, f"SELECT count(*) FROM agentdb.optimizations WHERE id IN ({ids})")
        assert kept == len(report["recommendations"]) > 0
    for business in reports:
        with connect(with_database(own, f"agentdb_demo_{business}")) as connection:
            found = connection.execute("SELECT to_regnamespace('agentdb')").fetchone()
        assert found == (None,)


def test_run_again_it_recalls_its_own_advice(folder: Path, reports: Reports) -> None:
    done = agentdb("demo", data_dir=str(folder), trial_seconds="25")  # the best ideas are enough
    assert done.returncode == 0, done.stderr
    assert "open since" in done.stdout
    assert "The shop's worst statements, before and after" in done.stdout
    assert "agentdb recommendations sql" in done.stderr
    assert reports["shop"]["kept"]
