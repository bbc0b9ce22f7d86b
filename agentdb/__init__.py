"""agentdb: business tables, agent memory and a DB architect in one Postgres."""

from __future__ import annotations
