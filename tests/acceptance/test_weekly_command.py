"""`agentdb weekly` and `agentdb status`, as a shell sees them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentdb.database import make_engine
from agentdb.target.connection import describe
from agentdb.wiring.alone import week_alone
from tests.acceptance.running import AGENTDB, agentdb, complaint, environment, printed
from tests.servers import run, value

GONE = "postgresql://nobody@127.0.0.1:1/none"


def test_a_week_and_how_it_stands_before_and_after(shop: Mapping[str, str], tmp_path: Path) -> None:
    before = agentdb("status", **shop).stdout
    assert "last run  none yet: `agentdb weekly`" in before
    assert "next run  no clock known: `agentdb schedule` is one" in before
    files = ("--digest", str(tmp_path / "week.html"), "--report", str(tmp_path / "audit.md"))
    shown = agentdb("weekly", *files, **shop)
    assert shown.returncode == 0, shown.stderr
    assert "2 recommendations" in shown.stdout
    assert "<h2>New recommendations</h2>" in (tmp_path / "week.html").read_text()
    assert (tmp_path / "audit.md").exists()
    after = agentdb("status", **shop).stdout
    assert "finished after" in after
    assert "open      2 proposed" in after
    assert "slower    too few weeks are kept to compare" in after
    assert "gained    nothing is measured yet" in after
    assert after.count("\n") == 7
    idle = agentdb("weekly", "--if-due", **shop)
    assert (idle.returncode, idle.stdout) == (0, "")
    assert idle.stderr.startswith("nothing to do: the last run of ")


def test_what_fails_is_one_line_and_the_rest_is_done(shop: Mapping[str, str]) -> None:
    line = ("weekly", "--target", GONE, "--format", "json")
    done = agentdb(*line, database_url=shop["database_url"])
    assert done.returncode == 1
    steps = {step["name"]: step["status"] for step in json.loads(done.stdout)["steps"]}
    assert steps["outcomes"] == "finished"
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1:1/none failed at snapshot, audit: cannot connect to" in done.stderr
    status = agentdb("status", "--target", GONE, database_url=shop["database_url"])
    assert "audit failed: cannot connect to 127.0.0.1:1/none" in status.stdout


def test_while_another_machine_does_it_there_is_nothing_to_do(shop: Mapping[str, str]) -> None:
    engine, target = make_engine(shop["database_url"]), describe(shop["target_url"])
    with week_alone(engine, target):
        done = agentdb("weekly", **shop)
        assert (done.returncode, done.stdout) == (0, "")
        said = f"nothing to do: another weekly run of {target} is under way\n"
        assert done.stderr == said
    engine.dispose()
    assert value(shop["database_url"], "SELECT count(*) FROM agentdb.runs") == 0


def test_a_week_that_is_asked_to_end_is_gone_on_with(shop: Mapping[str, str]) -> None:
    begun = "SELECT count(*) FROM agentdb.run_steps WHERE name = 'audit'"
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "weekly"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**shop),
    ) as week:
        while value(shop["database_url"], begun) == 0:
            assert week.poll() is None
        week.send_signal(signal.SIGTERM)
        out, err = week.communicate(timeout=60)
    assert (week.returncode, out, err) == (130, "", "agentdb: interrupted\n")
    shown = agentdb("status", **shop).stdout
    assert "audit has not ended" in shown
    assert "`agentdb weekly` goes on with it within 24 hours" in shown
    steps = {step["name"]: step["attempts"] for step in printed("weekly", **shop)["steps"]}
    assert (steps["snapshot"], steps["audit"], steps["digest"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--digest", "week.pdf"), "--digest week.pdf: name a file that ends in .md, .html"),
        (("--digest", "/nowhere/week.md"), "--digest /nowhere/week.md: there is no folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_at_once(
    shop: Mapping[str, str], option: tuple[str, str], said: str
) -> None:
    assert complaint(agentdb("weekly", *option, **shop)).startswith(said)
    assert value(shop["database_url"], "SELECT count(*) FROM agentdb.runs") == 0


def test_a_script_for_nobody_is_wrong_usage(shop: Mapping[str, str]) -> None:
    assert agentdb("weekly", "--deliver", "file", **shop).returncode == 2


def test_what_an_unfinished_build_left_is_told(shop: Mapping[str, str]) -> None:
    run(
        shop["target_url"],
        "CREATE INDEX broken ON orders (total)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    )
    agentdb("snapshot", **shop)
    assert "the index public.broken is INVALID" in agentdb("status", **shop).stdout
