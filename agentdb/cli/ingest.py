"""`agentdb ingest` and `search`: what agents can look up, from files, from the shell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.attach import filter_of, print_rows
from agentdb.cli.memory import WHY, why
from agentdb.cli.output import (
    Format,
    FormatOption,
    Tell,
    print_json,
    print_table,
    progress,
    say,
)
from agentdb.errors import BadInput
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.documents.document import Unreadable
    from agentdb.repositories.knowledge import Highlight
    from agentdb.repositories.memory import Found
    from agentdb.wiring.ingesting import Summary

INGEST_EXAMPLE = "Example: agentdb ingest docs faq.csv --tag handbook"
SEARCH_EXAMPLE = "Example: agentdb search 'how long is the warranty?' --tag handbook -k 3"

_NAMED = 10  # of the files that cannot be read, where there is nothing else

NamespaceOption = Annotated[str, typer.Option(help="Whose knowledge: any name, '' by default.")]


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
    namespace: NamespaceOption = "",
    tag: Annotated[list[str] | None, typer.Option(help="To search by; may be repeated.")] = None,
    text_from: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Of JSONL and CSV: where the text is.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="To search by; else that of a row, if it has one.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget documents of these paths that are gone.")
    ] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Keep documents to search in: text, Markdown, HTML, PDF, and rows of JSONL and CSV.

    Run it again when files have changed, or when it was interrupted: what is kept and unchanged
    is passed over. A document is known by its path as given, a row by its number behind it
    (faq.csv#2). What is gone from the files stays, unless you say --prune, or until
    `agentdb forget --subject faq.csv#2`.
    """
    from agentdb.wiring import ingesting  # noqa: PLC0415 - --help does without numpy

    with progress() as tell:
        done = ingesting.ingest(
            read_settings(),
            paths,
            namespace=namespace,
            tags=tag or (),
            text_from=text_from,
            category=category,
            prune=prune,
            tell=_with_time_left(tell),
        )
    _require_documents(done, paths)
    if format_ == Format.JSON:
        print_json(done)
        return
    columns = ["new", "replaced", "unchanged", "chunks", "unreadable"]
    counts = [done.new, done.replaced, done.unchanged, done.chunks, len(done.unreadable)]
    if prune:
        columns, counts = [*columns, "pruned"], [*counts, done.pruned]
    print_table(columns, [counts])
    for each in done.unreadable:
        say(_reason(each))


def search(
    text: Annotated[str, typer.Argument(help="What you want to know.")],
    count: Annotated[int, typer.Option("-k", min=1, max=1000, help="So many at the most.")] = 10,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only with it, and with the others.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="Only of it.")] = None,
    namespace: NamespaceOption = "",
    in_: Annotated[
        str | None, typer.Option("--in", metavar="NAME", help="The rows of an attached table.")
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option("--filter", metavar="JSON", help='By its columns: \'{"price": {"lt": 50}}\'.'),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each was found.")] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Search what was ingested, or the rows of an attached table, by meaning and by words."""
    if in_ is not None:
        _search_rows(text, count, in_, filter_, explain=explain, format_=format_)
        return
    if filter_ is not None:
        raise BadInput("--filter is about the columns of a table: name it with --in")
    from agentdb.wiring import ingesting  # noqa: PLC0415 - --help does without numpy

    found, marked = ingesting.search(
        read_settings(), text, count, namespace=namespace, tags=tag or (), category=category
    )
    if format_ == Format.JSON:
        print_json(found)
        return
    columns = ["score", "source", "under", "passage"]
    if explain:
        columns += WHY
    rows = [
        _row(each, passage, explain=explain) for each, passage in zip(found, marked, strict=True)
    ]
    print_table(columns, rows)
    if not found:
        say("nothing was ingested that fits: agentdb ingest PATH")


def _search_rows(
    text: str, count: int, name: str, where: str | None, *, explain: bool, format_: Format
) -> None:
    from agentdb.wiring import attaching  # noqa: PLC0415 - --help does without numpy

    found = attaching.search_in(
        read_settings(), name, text, count, where=filter_of(where), columns="all"
    )
    print_rows(found, explain=explain, format_=format_)


def _row(found: Found, passage: Highlight, *, explain: bool) -> list[object]:
    memory = found.memory
    headings = memory.metadata.get("headings")
    under = " > ".join(map(str, headings)) if isinstance(headings, list) else ""
    row: list[object] = [
        f"{found.score:.2f}",
        memory.subject,
        under,
        " ".join(str(passage).split()),
    ]
    return [*row, *why(found)] if explain else row


def _require_documents(done: Summary, paths: list[Path]) -> None:
    if done.new or done.replaced or done.unchanged:
        return
    if not done.unreadable:
        raise BadInput(f"there is no file to read in {', '.join(map(str, paths))}")
    named = "; ".join(map(_reason, done.unreadable[:_NAMED]))
    more = len(done.unreadable) - _NAMED
    raise BadInput(f"nothing could be read: {named}" + (f"; and {more} more" if more > 0 else ""))


def _reason(unreadable: Unreadable) -> str:
    return f"{unreadable.source}: {unreadable.reason}"


def _with_time_left(tell: Tell) -> Tell:
    """Return what tells also how long it will take, by how long it took so far."""
    begun = monotonic()

    def told(stage: str, done: int, total: int) -> None:
        seconds = (monotonic() - begun) * (total - done) / done if done else 0
        left = f", {timedelta(seconds=round(seconds))} left" if done else ""
        tell(f"{stage}{left}", done, total)

    return told
