"""`agentdb server`: the PostgreSQL that agentdb brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.embedded import server
from agentdb.embedded.place import default_folder
from agentdb.settings import read_settings

app = typer.Typer(
    name="server", help="Start and stop the PostgreSQL that agentdb brings.", no_args_is_help=True
)

FolderOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Its folder, instead of AGENTDB_DATA_DIR.", file_okay=False),
]
PortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Listen on this TCP port of 127.0.0.1, too."),
]


@app.command(epilog="Example: agentdb server start --port 5433")
def start(
    data_dir: FolderOption = None,
    port: PortOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Start the server, unless it runs already."""
    folder = _folder(data_dir)
    server.start(folder, port=port)
    _print(server.status(folder), format_)


@app.command(epilog="Example: agentdb server stop")
def stop(data_dir: FolderOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Stop the server; its data stay."""
    folder = _folder(data_dir)
    say("stopped" if server.stop(folder) else "it was not running")
    _print(server.status(folder), format_)


@app.command(epilog="Example: agentdb server status --format json")
def status(data_dir: FolderOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Tell whether the server runs, where, and how large it is."""
    _print(server.status(_folder(data_dir)), format_)


@app.command(epilog='Example: psql "$(agentdb server url)"')
def url(data_dir: FolderOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Print the URL of the running server, with its password."""
    address = server.url(_folder(data_dir))
    if format_ == Format.JSON:
        print_json({"url": address})
    else:
        print_text(address)


def _folder(data_dir: Path | None) -> Path:
    return read_settings(data_dir=data_dir).data_dir or default_folder()


def _print(found: server.ServerStatus, format_: Format) -> None:
    if format_ == Format.JSON:
        print_json(found)
        return
    rows = [
        ("running", "yes" if found.running else "no"),
        ("folder", found.folder),
        ("user", found.user),
        ("process", found.pid and str(found.pid)),
        ("PostgreSQL", found.version),
        ("URL", found.url),
        ("size", f"{found.size_bytes / 1_000_000:.1f} MB"),
    ]
    print_table(("server", ""), rows)
