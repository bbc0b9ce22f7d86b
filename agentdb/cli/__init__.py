"""The terminal door: parse, one call, print."""

from __future__ import annotations
