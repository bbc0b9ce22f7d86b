"""The audited database, through plain psycopg."""

from __future__ import annotations
