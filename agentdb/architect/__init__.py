"""The audit, one stage a file."""

from __future__ import annotations
