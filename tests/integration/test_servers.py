"""The databases that the other tests are given."""

from __future__ import annotations

from tests.servers import value


def test_a_target_has_what_an_audit_needs(target_url: str) -> None:
    assert value(target_url, "SELECT count(*) >= 0 FROM pg_stat_statements") is True
    assert str(value(target_url, "SHOW server_version")).startswith("18")


def test_a_target_on_15_has_what_an_audit_needs(target_url_15: str) -> None:
    assert value(target_url_15, "SELECT count(*) >= 0 FROM pg_stat_statements") is True
    assert str(value(target_url_15, "SHOW server_version")).startswith("15")
    assert value(target_url_15, "SELECT count(*) FROM hypopg()") == 0


def test_a_new_database_is_empty(empty_database: str) -> None:
    assert value(empty_database, "SELECT count(*) FROM pg_stat_user_tables") == 0
