"""Text in, vector out."""

from __future__ import annotations
