"""What agentdb's advice is worth, measured next to what others would have advised."""

from __future__ import annotations
