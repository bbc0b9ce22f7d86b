"""From an audit to migrations in a repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import postgast
import pytest

from tests.acceptance.running import agentdb, complaint, printed
from tests.forges import TOKEN, Kind, loopback
from tests.servers import run, value

COUNT = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text ~ '_idx$'"


def test_what_is_accepted_becomes_migrations_once(shop: Mapping[str, str], tmp_path: Path) -> None:
    advised = printed("audit", **shop)["recommendations"]
    assert len(advised) == 2
    here = ("--repository", str(tmp_path))

    nothing = agentdb("deliver", *here, **shop)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "nothing is accepted" in nothing.stderr

    for each in advised:
        agentdb("recommendations", "accept", each["id"], **shop)
    shown = agentdb("deliver", *here, "--dry-run", **shop)
    assert shown.stdout.count("==> migrations/") == 4
    assert list(tmp_path.iterdir()) == []

    told = agentdb("deliver", *here, **shop)
    written = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.sql"))
    assert sorted(told.stdout.splitlines()) == written
    assert len(written) == 4
    assert "next: psql" in told.stderr

    again = agentdb("deliver", *here, **shop)
    assert again.stdout.count("(there already)") == 4
    assert "next:" not in again.stderr


def test_one_script_is_printed_that_psql_can_run(shop: Mapping[str, str]) -> None:
    first, second = (each["id"] for each in printed("audit", **shop)["recommendations"])
    script = agentdb("deliver", first, second[:8], "--to", "file", **shop)
    assert script.returncode == 0
    run(shop["target_url"], *postgast.split(script.stdout))
    assert value(shop["target_url"], COUNT) == 2


def test_what_cannot_be_delivered_is_said(shop: Mapping[str, str], tmp_path: Path) -> None:
    one = printed("audit", **shop)["recommendations"][0]["id"]
    here = ("deliver", one, "--repository", str(tmp_path))
    assert "has no migrations of django" in complaint(agentdb(*here, "--to", "django", **shop))
    found = printed(*here, "--dry-run", **shop)
    assert (found["dialect"], len(found["files"]), found["written"]) == ("sql", 2, [])

    agentdb("recommendations", "reject", one, "--why", "the table goes", **shop)
    assert "was rejected (the table goes)" in complaint(agentdb(*here, **shop))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_accepted_becomes_pull_requests_once(
    shop: Mapping[str, str], tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised = printed("audit", **shop)["recommendations"]
    for each in advised:
        agentdb("recommendations", "accept", each["id"], **shop)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    with loopback(kind, tmp_path) as served:
        here = ("deliver", "--to", kind, "--repository", served.address, "--base", "main")
        sure = {"deliver_confidence": "0.5", **shop}
        first = agentdb(*here, "--verbose", **sure)
        assert first.returncode == 0, first.stderr
        assert [line.split(": ")[0] for line in first.stdout.splitlines()] == ["opened", "opened"]
        assert len(served.requests) == 2
        for request in served.requests:
            assert served.file(request["branch"], "migrations") != ""
            assert "## What it does to which statements" in request["body"]
        assert {each["action"] for each in printed(*here, **sure)} == {"unchanged"}
        assert len(served.requests) == 2
        assert TOKEN not in first.stdout + first.stderr

        unsure = printed(*here, **{"deliver_confidence": "1", **shop})
        assert {each["action"] for each in unsure} == {"skipped"}


def test_a_token_that_is_missing_or_refused_is_said(
    shop: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = printed("audit", **shop)["recommendations"][0]["id"]
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with loopback("github", tmp_path) as served:
        here = ("deliver", one, "--to", "github", "--repository", served.address)
        assert "need a token: set GITHUB_TOKEN" in complaint(agentdb(*here, **shop))
        monkeypatch.setenv("GITHUB_TOKEN", "ghp_wrong")
        refused = complaint(agentdb(*here, **shop))
    assert "does not accept the token" in refused
    assert "ghp_wrong" not in refused
    assert agentdb(*here, "--dry-run", **shop).returncode == 2
