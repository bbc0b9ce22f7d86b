"""`python -m agentdb` is `agentdb`."""

from __future__ import annotations

from agentdb.cli.app import main

main()
