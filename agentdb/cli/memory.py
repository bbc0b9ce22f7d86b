"""`agentdb remember`, `recall` and `forget`: an agent's memory from the shell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, say
from agentdb.errors import BadFilter, BadMetadata
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.repositories.attachment import FoundRow
    from agentdb.repositories.memory import Found

REMEMBER_EXAMPLE = "Example: agentdb remember 'Ada prefers tea' --subject ada"
RECALL_EXAMPLE = "Example: agentdb recall 'what does Ada drink?' --subject ada -k 3"
FORGET_EXAMPLE = "Example: agentdb forget --subject ada"

WHY = ["similarity", "rank", "words", "rank", "path"]


class MemoryKind(StrEnum):
    """What sort of thing is remembered."""

    FACT = "fact"
    EPISODE = "episode"
    PREFERENCE = "preference"
    PROCEDURE = "procedure"


NamespaceOption = Annotated[str, typer.Option(help="Whose memory: any name, '' by default.")]
SubjectOption = Annotated[str | None, typer.Option(help="Whom or what it is about.")]


def remember(
    text: Annotated[str, typer.Argument(help="What to remember.")],
    subject: SubjectOption = None,
    key: Annotated[
        str | None, typer.Option(help="The fact of which this is the value from now on.")
    ] = None,
    kind: Annotated[MemoryKind, typer.Option(help="What sort of thing it is.")] = MemoryKind.FACT,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="More about it.")] = None,
    importance: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    days: Annotated[
        float | None, typer.Option(min=0, max=365_000, help="Keep it for so long.")
    ] = None,
    namespace: NamespaceOption = "",
    format_: FormatOption = Format.TABLE,
) -> None:
    """Remember something; the same thing twice is one memory, counted."""
    from agentdb.repositories.memory import NewMemory  # noqa: PLC0415 - --help does without
    from agentdb.wiring import remembering  # noqa: PLC0415

    new = NewMemory(
        text,
        kind=kind.value,
        subject=subject,
        key=key,
        metadata=_document(metadata, BadMetadata),
        importance=importance,
        ttl=None if days is None else timedelta(days=days),
    )
    kept = remembering.remember(read_settings(), new, namespace)
    if format_ == Format.JSON:
        print_json(kept)
        return
    say(f"remembered as {kept.id}" + (f", {kept.times} times by now" if kept.times > 1 else ""))


def recall(
    text: Annotated[str, typer.Argument(help="What you want to know.")],
    count: Annotated[int, typer.Option("-k", min=1, max=1000, help="So many at the most.")] = 10,
    subject: SubjectOption = None,
    kind: Annotated[list[MemoryKind] | None, typer.Option(help="Only of this sort.")] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", metavar="JSON", help="By metadata: '{\"cups\": 3}'.")
    ] = None,
    as_of: Annotated[datetime | None, typer.Option(help="What held at that moment.")] = None,
    half_life_days: Annotated[
        float | None,
        typer.Option(min=0.001, max=365_000, help="Let what is older count a little less."),
    ] = None,
    namespace: NamespaceOption = "",
    explain: Annotated[bool, typer.Option("--explain", help="Say why each was found.")] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show what is remembered about something, by meaning and by words."""
    from agentdb.wiring import remembering  # noqa: PLC0415 - --help does without numpy

    found = remembering.recall(
        read_settings(),
        text,
        count,
        namespace=namespace,
        kinds=[each.value for each in kind or MemoryKind],
        subject=subject,
        filter=_document(filter_, BadFilter),
        as_of=None if as_of is None else as_of.astimezone(),
        half_life=None if half_life_days is None else timedelta(days=half_life_days),
    )
    if format_ == Format.JSON:
        print_json(found)
        return
    print_found(found, explain=explain)
    if not found:
        say("nothing is remembered that fits: agentdb remember '…'")


def forget(
    identifier: Annotated[int | None, typer.Argument(metavar="[ID]", help="One memory.")] = None,
    subject: Annotated[str | None, typer.Option(help="All about it.")] = None,
    expired: Annotated[bool, typer.Option("--expired", help="All whose time is up.")] = False,
    namespace: NamespaceOption = "",
) -> None:
    """Delete the memories that meet all that is given, and say how many.

    The cache of vectors keeps the text's hash and vector, of whomever it was.
    """
    from agentdb.wiring import remembering  # noqa: PLC0415 - --help does without sqlalchemy

    gone = remembering.forget(
        read_settings(), identifier, subject, expired=expired, namespace=namespace
    )
    say(f"forgotten: {gone}")


def print_found(found: tuple[Found, ...], *, explain: bool) -> None:
    """Print what a search found, the best first; `explain` adds how each arm ranked it."""
    columns = ["score", "what", "about", "since", "id"]
    if explain:
        columns += WHY
    print_table(columns, [_row(each, explain=explain) for each in found])


def _row(found: Found, *, explain: bool) -> list[object]:
    memory = found.memory
    since = memory.valid_from.date()
    row: list[object] = [f"{found.score:.2f}", memory.content, memory.subject, since, memory.id]
    return [*row, *why(found)] if explain else row


def why(found: Found | FoundRow) -> list[object]:
    """Return why it was found, under the columns `WHY`."""
    by_vector = (_share(found.similarity), found.vector_rank)
    return [*by_vector, _share(found.coverage), found.keyword_rank, found.path]


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _document(text: str | None, error: type[BadFilter | BadMetadata]) -> dict[str, Any]:
    try:
        found = {} if text is None else json.loads(text)
    except json.JSONDecodeError as trouble:
        raise error(f"not JSON ({trouble}): write it like '{{\"cups\": 3}}'") from trouble
    if not isinstance(found, dict):
        raise error(f"{text} is no JSON object: write it like '{{\"cups\": 3}}'")
    return found
