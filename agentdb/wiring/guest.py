"""How the audited database is visited: read only, in nobody's way, as the settings bound it."""

from __future__ import annotations

from agentdb.settings import Settings
from agentdb.target.connection import Connection, connect


def guest(url: str, settings: Settings) -> Connection:
    """Return a connection to a target; raise TargetError where there is none to be had."""
    return connect(
        url,
        statement_timeout_ms=settings.statement_timeout_ms,
        lock_timeout_ms=settings.lock_timeout_ms,
    )
