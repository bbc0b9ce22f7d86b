"""Files in, documents and chunks out; no database."""

from __future__ import annotations
