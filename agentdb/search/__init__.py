"""Vector and words in, ranked rows out: statements, not execution."""

from __future__ import annotations
