"""Advice on record to be delivered, and a process that delivers it and can be killed at it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from agentdb import database
from agentdb.delivery.desk import Desk, Door
from agentdb.delivery.repository import Repository
from agentdb.errors import AgentDBError
from agentdb.repositories.advice import NewOptimization, Optimization, StatementEffect
from agentdb.repositories.deliveries import Delivery, DeliveryRepository
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import read_settings
from agentdb.wiring.recording import find_advice
from agentdb.wiring.requesting import deliver_requests
from tests.forges import TOKEN, Loopback

ADVICE = NewOptimization(
    target="db.example/shop",
    kind="create_index",
    title="Index on orders (customer_id)",
    schema_name="public",
    table_name="orders",
    sql="CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id)",
    rollback_sql="DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer_id_idx",
    definition="public.orders USING btree (customer_id)",
    reasoning="Looked up by customer_id.",
    confidence=0.9,
    evidence="measured",
    gain_percent=99.2,
    size_bytes=25_690_112,
    statements=(
        StatementEffect("1f", "SELECT * FROM orders WHERE customer_id = $1", 41, 0.3, 11005, 23, 9),
    ),
)


@dataclass(frozen=True)
class File:
    path: Path
    text: str


def files(advice: Optimization, repository: Path) -> Sequence[File]:
    """A migration as plain SQL: one that is there already, or else the next number."""
    text = f"{advice.sql};\n"
    there = sorted((repository / "migrations").glob("*.sql"))
    known = [path.relative_to(repository) for path in there if path.read_text() == text]
    return [File(known[0] if known else Path(NAME.format(len(there) + 1)), text)]


NAME = "migrations/{:04}_index.sql"


def keep(engine: Engine, new: NewOptimization = ADVICE, **changes: object) -> Optimization:
    """Keep advice."""
    with database.session(engine) as session:
        return OptimizationRepository(session).add(replace(new, **changes))  # type: ignore[arg-type]


def advice(engine: Engine, kept: Optimization) -> Optimization:
    """Advice as it is on record now."""
    with database.session(engine) as session:
        return OptimizationRepository(session).get(kept.id)


def deliveries(engine: Engine) -> Sequence[Delivery]:
    with database.session(engine) as session:
        return DeliveryRepository(session).list()


def desk(engine: Engine, served: Loopback, folder: Path) -> Desk:
    """Return a desk that works as one run does, with a clone of its own."""

    def checkout() -> Repository:
        clone = folder / f"clone-{len(list(folder.iterdir()))}"
        repository = Repository(served.address, "main", clone, served.credentials)
        repository.clone()
        return repository

    return Desk(engine, Door(served.forge(), "main", checkout), files, 0.8)


@dataclass
class Run:
    """A process that delivers."""

    process: ForkServerProcess
    told: Connection

    def end(self) -> tuple[int | None, str]:
        """Wait for it; return its exit code, and what it did or which error ended it."""
        self.process.join(60)
        with suppress(EOFError):
            return self.process.exitcode, str(self.told.recv())
        return self.process.exitcode, ""


def start(served: Loopback, database_url: str, kept: Optimization, step: int = 0) -> Run:
    """Deliver in a process of its own, which kills itself after its `step`th step; 0: never."""
    given = {"database_url": database_url, "deliver_to": served.kind}
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(
        target=_run, args=(sender, given | {"deliver_repository": served.address}, kept.id, step)
    )
    process.start()
    sender.close()
    return Run(process, receiver)


def _run(told: Connection, given: Mapping[str, str], identifier: UUID, step: int) -> None:
    os.environ |= {"GITHUB_TOKEN": TOKEN, "GITLAB_TOKEN": TOKEN}
    settings = read_settings(**given)
    steps: list[str] = []

    def tell(done: str) -> None:
        steps.append(done)
        if len(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        kept = find_advice(settings, str(identifier))
        (requested,) = deliver_requests(settings, [kept], files, tell)
        told.send(requested.action)
    except AgentDBError as error:
        told.send(type(error).__name__)
        sys.exit(1)


# From a process that has imported all this and has no threads.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
