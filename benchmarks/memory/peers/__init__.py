"""Other stores, asked the same; they live in an environment of their own."""

from __future__ import annotations
