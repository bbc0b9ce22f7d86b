"""How good is a search? Questions with known answers in, figures with intervals out; pure."""

from __future__ import annotations
