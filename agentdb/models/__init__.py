"""Our own tables: columns only, no behaviour."""

from __future__ import annotations
