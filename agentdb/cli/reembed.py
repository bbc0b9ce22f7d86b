"""`agentdb reembed`: another embedding model, while everybody goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, progress, say
from agentdb.errors import BadInput
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.wiring.reembedding import Change

EXAMPLE = "Example: agentdb reembed --model all-MiniLM-L6-v2"


def reembed(
    model: Annotated[
        str | None, typer.Option(help="As AGENTDB_EMBEDDING_MODEL; of any dimension.")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the model of before.")
    ] = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Forget the vectors of all models but this one.")
    ] = False,
    switch: Annotated[
        bool, typer.Option(help="Let the new vectors be searched when all are there.")
    ] = True,
    sample: Annotated[
        int, typer.Option(min=0, max=10_000, help="So many entries are compared in both.")
    ] = 200,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Change over to another embedding model while everybody goes on reading and writing.

    The new vectors are filled in beside those of now, compared with them, and take over in one
    transaction. Run it again after an interrupt: what is embedded is kept. From the switch on,
    programs need AGENTDB_EMBEDDING_MODEL set to the new model: others are refused.
    """
    if [model is not None, rollback, drop_old].count(True) != 1:
        raise BadInput("say one of --model NAME, --rollback and --drop-old")
    from agentdb.wiring import reembedding  # noqa: PLC0415 - --help does without numpy

    settings = read_settings()
    if drop_old:
        gone = reembedding.drop_others(settings)
        say(f"forgotten: the vectors of {', '.join(gone) or 'nobody'}")
        return
    with progress() as tell:
        if rollback:
            done = reembedding.roll_back(settings, tell)
        else:
            done = reembedding.reembed(
                settings, model or "", sample=sample, switch=switch, tell=tell
            )
    if format_ == Format.JSON:
        print_json(done)
        return
    _print(done)


def _print(done: Change) -> None:
    overlap = None if done.overlap is None else f"{done.overlap:.0%} of {done.sample}"
    columns = ("before", "now", "embedded", "same among 10 nearest", "searched")
    now = done.now if done.switched else done.before
    print_table(columns, [(done.before, done.now, done.embedded, overlap, now)])
    if done.switched:
        say(f"from now on: AGENTDB_EMBEDDING_MODEL={done.now}")
        say("when you are sure: agentdb reembed --drop-old")
    else:
        say(f"to let it be searched: agentdb reembed --model {done.now}")
