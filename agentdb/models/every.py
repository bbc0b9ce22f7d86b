"""All of our tables, for who needs them together: migrations, and who tells ours from others'.

A command brings those alone that it uses: to map all of them takes a seventh of its start.
"""

from __future__ import annotations

from agentdb.models import (
    attachment,
    audit,
    conversation,
    delivery,
    document,
    embedding,
    entry,
    optimization,
    prompt,
    run,
    snapshot,
    state,
)
from agentdb.models.base import Base

__all__ = [
    "Base",
    "attachment",
    "audit",
    "conversation",
    "delivery",
    "document",
    "embedding",
    "entry",
    "optimization",
    "prompt",
    "run",
    "snapshot",
    "state",
]
