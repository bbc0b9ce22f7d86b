"""Numbers over time: what counters did, what changed, what helped. Pure."""

from __future__ import annotations
