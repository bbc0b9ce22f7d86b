"""Our own tables: columns only, no behaviour. All of them together: `agentdb.models.every`."""

from __future__ import annotations
