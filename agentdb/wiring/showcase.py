"""The demo's stage: each business in a database of its own on the embedded server."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import Identifier

from agentdb import demo
from agentdb.embedded import server
from agentdb.settings import Settings
from agentdb.sql import query
from agentdb.wiring.storage import server_folder


def perform(settings: Settings, business: demo.Business) -> str:
    """Load a business anew, send its workload, and return the URL of its database."""
    own = server.start(server_folder(settings))
    name = f"agentdb_demo_{business}"
    with psycopg.connect(own, autocommit=True) as connection:
        if not connection.execute(query("demo/database_exists"), {"name": name}).fetchone():
            connection.execute(query("demo/create_database").format(name=Identifier(name)))
    url = urlunsplit(urlsplit(own)._replace(path=f"/{name}"))
    with psycopg.connect(url, autocommit=True) as connection:
        demo.load(connection, business)
        demo.drive(connection, business=business)
    return url
