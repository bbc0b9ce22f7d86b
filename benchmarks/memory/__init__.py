"""What agentdb's memory costs, measured next to the SQL beneath it and to other stores."""

from __future__ import annotations
