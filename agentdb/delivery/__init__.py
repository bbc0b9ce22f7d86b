"""An audit's result on its way out: as JSON, Markdown, HTML."""

from __future__ import annotations
