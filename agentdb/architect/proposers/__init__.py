"""One way of having ideas per file."""

from __future__ import annotations
