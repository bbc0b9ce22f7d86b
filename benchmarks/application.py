"""The shop's application, still at work while it is audited. It only reads: no variant changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from threading import Event, Thread

import psycopg

from agentdb import demo

_PAUSE = 0.01  # seconds between two statements: it shall not be what is measured


@contextmanager
def at_work(url: str) -> Iterator[None]:
    """Let it send what it sends, for as long as the context lasts."""
    stopped = Event()
    thread = Thread(target=_work, args=(url, stopped))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _work(url: str, stopped: Event) -> None:
    reads = tuple(template for template in demo.templates() if not template.writes)
    with psycopg.connect(url, autocommit=True) as connection:
        for template, bind in cycle(demo.traffic(reads, rounds=2)):
            if stopped.wait(_PAUSE):
                return
            demo.send(connection, template, bind)
