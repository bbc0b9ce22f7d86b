"""A role as an application has it: subject to row-level security, owning nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.servers import database_name, run

PASSWORD = "for-tests-only"  # noqa: S105  of a role that lives as long as a test

GRANTS = (
    "GRANT USAGE ON SCHEMA agentdb TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA agentdb TO {role}",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentdb TO {role}",
)
"""As in `sql/setup/roles.sql`, for a role of a test's own."""


@contextmanager
def app_role(url: str) -> Iterator[str]:
    """Make such a role in a database; give its name."""
    role = f"app_{database_name(url)}"
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    run(url, *(grant.format(role=role) for grant in GRANTS))
    try:
        yield role
    finally:
        run(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def logged_in_as(url: str, role: str) -> str:
    """Return the way in for a role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{place}"))
