"""The `--target` of every command that is about one audited database."""

from __future__ import annotations

from typing import Annotated

import typer

TargetOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The audited database, instead of AGENTDB_TARGET_URL."),
]
