"""Rows in, frozen values out; the caller's session, never committed here."""

from __future__ import annotations
