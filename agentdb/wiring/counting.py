"""`agentdb analytics`: one reader in one transaction of its own."""

from __future__ import annotations

from datetime import datetime

from agentdb import database
from agentdb.repositories.analytics import Activity, AnalyticsRepository, Period
from agentdb.settings import Settings
from agentdb.wiring.storage import storage


def activity(
    settings: Settings,
    by: Period,
    *,
    agent: str | None,
    since: datetime | None,
    namespace: str | None,
    zone: str,
) -> tuple[Activity, ...]:
    """Return what each agent did in each period."""
    with storage(settings) as engine, database.session(engine) as session:
        reader = AnalyticsRepository(session, namespace=namespace)
        return reader.activity(by, agent=agent, since=since, zone=zone)
